// A scale of a map's prior.
#pragma once

namespace hrn::fit {

struct MapScale {
  double sigma = 1;          // standard deviation of a texel's value, map units
  double length_texels = 8;  // waves shorter than about six of these are damped
};

/// Exponent of the smoother behind the prior's covariance.
constexpr int kMapPower = 2;

}  // namespace hrn::fit
