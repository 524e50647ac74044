// Soft limits for per-element code, templated on the real type.
#pragma once
#include <type_traits>

#include "core/host_device.hpp"

namespace hrn {

template <class Real>
HRN_HD Real clamp(Real x, std::type_identity_t<Real> low, std::type_identity_t<Real> high) {
  return x > low ? (x < high ? x : high) : low;
}

/// 0 to 1 between two values, level at both ends.
template <class Real>
HRN_HD Real smoothstep(std::type_identity_t<Real> low, std::type_identity_t<Real> high, Real x) {
  const Real t = clamp((x - low) / (high - low), 0, 1);
  return t * t * (3 - 2 * t);
}

}  // namespace hrn
