// Robust penalties of a squared residual norm, shared by the losses and by iteratively reweighted least squares.
#pragma once
#include <cmath>

#include "core/host_device.hpp"

namespace hrn::losses {

enum class Robust {
  /// rho(s) = s
  none,
  /// rho(s) = s up to scale^2, then 2 scale sqrt(s) - scale^2
  huber,
  /// rho(s) = s scale^2 / (s + scale^2); bounded, so outliers lose all influence
  geman_mcclure,
};

template <class Real>
struct RobustValue {
  Real rho;         // penalty, unit of s
  Real derivative;  // d rho / d s, also the weight of iteratively reweighted least squares
};

/// The penalty of the squared norm `s` >= 0; every form behaves like s near zero. `scale` > 0, unit of sqrt(s).
template <class Real>
HRN_HD RobustValue<Real> robust(Robust form, Real s, Real scale) {
  const Real c = scale * scale;
  switch (form) {
    case Robust::huber: {
      if (s <= c) return {s, Real(1)};
      const Real norm = std::sqrt(s);
      return {2 * scale * norm - c, scale / norm};
    }
    case Robust::geman_mcclure: {
      const Real inverse = c / (s + c);
      return {s * inverse, inverse * inverse};
    }
    case Robust::none:
      break;
  }
  return {s, Real(1)};
}

}  // namespace hrn::losses
