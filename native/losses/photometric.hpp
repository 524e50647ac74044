// Difference between rendered and photographed colours, robust against what the model cannot explain.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"
#include "losses/robust.hpp"

namespace hrn::losses {

enum class PhotometricForm {
  /// sqrt(1e-6 + |d|^2): the reference's; the norm of the colour difference, smooth at zero.
  root,
  /// |d|^2 near zero, then linear; see Robust::huber.
  huber,
  /// |d|^2 near zero, bounded; see Robust::geman_mcclure.
  geman_mcclure,
};

template <class Real>
struct PhotometricArgs {
  const Real* rendered = nullptr;             // in, [n][3], 0..1
  const Real* target = nullptr;               // in, [n][3], 0..1
  const Real* weight = nullptr;               // in, [n], 0..1; null: 1 everywhere
  const std::int32_t* triangle_id = nullptr;  // in, [n], pixels below 0 do not count; null: all count
  PhotometricForm form = PhotometricForm::root;
  Real robust_scale = Real(0.1);  // of huber and geman_mcclure, unit of colour
  bool saturates = false;         // whether what is rendered brighter than 1 is compared as 1: cameras show no more
  Real grad_scale = 1;            // of the backward: loss weight over the sum of the weights
  const Real* gain = nullptr;  // in, [1], another factor of the gradient that may change between runs of recorded work
  Real* grad_rendered = nullptr;  // out, [n][3]
};

struct Photometric {
  /// Values of the reduction: the weighted sum of the penalties, then the sum of the weights.
  static constexpr int kReduced = 2;

  template <class Real>
  HRN_HD static Real pixel_weight(const PhotometricArgs<Real>& a, long i) {
    const Real w = a.weight != nullptr ? a.weight[i] : Real(1);
    return a.triangle_id != nullptr && a.triangle_id[i] < 0 ? Real(0) : w;
  }

  template <class Real>
  HRN_HD static bool is_saturated(const PhotometricArgs<Real>& a, long k) {
    return a.saturates && a.rendered[k] > Real(1);
  }
  template <class Real>
  HRN_HD static Real difference(const PhotometricArgs<Real>& a, long k) {
    return (is_saturated(a, k) ? Real(1) : a.rendered[k]) - a.target[k];
  }

  /// Penalty and its derivative by the squared norm of the difference.
  template <class Real>
  HRN_HD static RobustValue<Real> penalty(const PhotometricArgs<Real>& a, long i) {
    Real s = 0;
    for (int c = 0; c < 3; ++c) {
      const Real d = difference(a, 3 * i + c);
      s += d * d;
    }
    if (a.form == PhotometricForm::root) {
      const Real norm = std::sqrt(Real(1e-6) + s);
      return {norm, Real(0.5) / norm};
    }
    return robust(a.form == PhotometricForm::huber ? Robust::huber : Robust::geman_mcclure, s, a.robust_scale);
  }

  template <class Real, class Sum>
  HRN_HD static void forward(const PhotometricArgs<Real>& a, long i, Sum sum) {
    const Real w = pixel_weight(a, i);
    const bool counts = w > Real(0);
    sum[0] += static_cast<double>(counts ? w * penalty(a, i).rho : Real(0));
    sum[1] += static_cast<double>(counts ? w : Real(0));
  }

  template <class Real>
  HRN_HD static void backward(const PhotometricArgs<Real>& a, long i) {
    const Real scale = a.gain != nullptr ? *a.gain * a.grad_scale : a.grad_scale;
    const Real factor = Real(2) * scale * pixel_weight(a, i) * penalty(a, i).derivative;
    for (long k = 3 * i; k < 3 * i + 3; ++k)
      a.grad_rendered[k] = is_saturated(a, k) ? Real(0) : factor * difference(a, k);
  }

  /// Reduction to kReduced values, per pixel. The mean is the first over the second.
  struct Forward {
    template <class Args, class Sum>
    HRN_HD static void run(const Args& a, long i, Sum sum) {
      forward(a, i, sum);
    }
  };
  /// The same number of values: weighted sum of the mean absolute difference of the channels, then of the weights.
  struct Difference {
    template <class Args>
    HRN_HD static void run(const Args& a, long i, double* sum) {
      const double w = static_cast<double>(pixel_weight(a, i));
      if (!(w > 0)) return;
      for (int c = 0; c < 3; ++c) sum[0] += w * std::abs(static_cast<double>(difference(a, 3 * i + c))) / 3;
      sum[1] += w;
    }
  };
  /// Per pixel; overwrites.
  struct Backward {
    template <class Args>
    HRN_HD static void run(const Args& a, long i) {
      backward(a, i);
    }
  };
};

}  // namespace hrn::losses
