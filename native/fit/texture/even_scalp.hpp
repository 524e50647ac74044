// The model's colours without the shadow of short hair that its scalp has.
#pragma once
#include <span>
#include <vector>

#include "fit/head/model.hpp"

namespace hrn::fit {

/// The mean albedo [V][3] with which, for these coefficients, the scalp goes on in the colours of the skin around it.
/// The model's own where hair is painted on it (`paint` as texture_paint returns it): its shadow goes with hair.
std::vector<float> even_scalp_mean(const Model& model, std::span<const double> albedo, std::span<const float> paint);

}  // namespace hrn::fit
