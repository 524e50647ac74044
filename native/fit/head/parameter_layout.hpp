// Where each group of unknowns of the parametric fit stands in the normal equations.
#pragma once
#include <array>
#include <vector>

#include "core/host_device.hpp"

namespace hrn::fit {

// How the surface reflects and how it is lit.
struct Appearance {
  std::vector<double> albedo;         // prior standard deviations
  std::array<double, 27> lighting{};  // [3][9], view frame
};

// The landmark problem's unknowns first (pose, then shape and nuisance coefficients), then appearance.
struct ParameterLayout {
  int pose = 7;   // rotation 3, translation 3, log focal length 1 when it is free (then the distance scales with it)
  int shape = 0;  // identity and expression
  int nuisance = 0;
  int albedo = 0;

  HRN_HD int first_albedo() const { return pose + shape + nuisance; }
  HRN_HD int first_light() const { return first_albedo() + albedo; }
  HRN_HD int total() const { return first_light() + 27; }
};

}  // namespace hrn::fit
