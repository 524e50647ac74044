// How far the hair stands out.
#pragma once
#include <vector>

#include "fit/hair/shell.hpp"
#include "fit/hair/sight.hpp"

namespace hrn::fit {

/// At each node of the shell, mm above the skin; negative where there is no hair. Empty where the head is bald or
/// shaven.
std::vector<double> hair_thickness(const HairShell& shell, const HairSight& sight);

}  // namespace hrn::fit
