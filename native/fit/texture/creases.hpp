// Where a worn expression draws the skin of the cheeks together, so that lines there are folds and not colours.
#pragma once
#include <span>
#include <vector>

#include "fit/head/model.hpp"

namespace hrn::fit {

/// [V], 0..1: the share of the dark lines about a vertex that is the expression's. positions: [V][3], mm, as worn;
/// worn: [expression_count], the weights that are taken away.
std::vector<float> creases(const Model& model, std::span<const float> positions, std::span<const double> worn);

}  // namespace hrn::fit
