// Distance between projected surface points and observed landmarks.
#pragma once
#include <cstdint>

#include "core/host_device.hpp"
#include "losses/robust.hpp"

namespace hrn::losses {

template <class Real>
struct LandmarkArgs {
  const Real* screen = nullptr;            // in, [V][3], x px, y px, depth
  const std::int32_t* vertices = nullptr;  // in, [n][3]
  const Real* barycentrics = nullptr;      // in, [n][3]; applied in the image, exact to the size of a triangle
  const Real* target = nullptr;            // in, [n][2], px
  /// in, [n][3], xx, xy, yy of the symmetric weight matrix W, 1/px^2: the penalty is rho(d^T W d). A multiple of the
  /// identity weighs all directions alike; w m m^T only the distance along the unit vector m (sliding points).
  const Real* precision = nullptr;
  Robust form = Robust::none;
  Real robust_scale = 2;  // in units of sqrt(d^T W d)
  Real grad_scale = 1;    // of the backward: the loss weight
  Real* slots = nullptr;  // out, [n][3][3], gradient per corner; ops::CornerGather adds them to the vertices
};

struct Landmark {
  template <class Real>
  struct Difference {
    Real d[2];         // px
    Real weighted[2];  // W d
    RobustValue<Real> penalty;
  };

  template <class Real>
  HRN_HD static Difference<Real> difference(const LandmarkArgs<Real>& a, long i) {
    Difference<Real> out;
    for (int k = 0; k < 2; ++k) {
      out.d[k] = -a.target[2 * i + k];
      for (int j = 0; j < 3; ++j)
        out.d[k] += a.barycentrics[3 * i + j] * a.screen[3 * static_cast<long>(a.vertices[3 * i + j]) + k];
    }
    const Real xx = a.precision[3 * i], xy = a.precision[3 * i + 1], yy = a.precision[3 * i + 2];
    out.weighted[0] = xx * out.d[0] + xy * out.d[1];
    out.weighted[1] = xy * out.d[0] + yy * out.d[1];
    const Real s = out.d[0] * out.weighted[0] + out.d[1] * out.weighted[1];
    out.penalty = robust(a.form, s > Real(0) ? s : Real(0), a.robust_scale);
    return out;
  }

  template <class Real>
  HRN_HD static void forward(const LandmarkArgs<Real>& a, long i, double* sum) {
    sum[0] += static_cast<double>(difference(a, i).penalty.rho);
  }

  template <class Real>
  HRN_HD static void backward(const LandmarkArgs<Real>& a, long i) {
    const Difference<Real> d = difference(a, i);
    const Real factor = Real(2) * a.grad_scale * d.penalty.derivative;
    for (int j = 0; j < 3; ++j) {
      const Real share = factor * a.barycentrics[3 * i + j];
      Real* slot = a.slots + (3 * i + j) * 3;
      slot[0] = share * d.weighted[0];
      slot[1] = share * d.weighted[1];
      slot[2] = 0;
    }
  }

  /// Reduction to 1 value, per landmark.
  struct Forward {
    template <class Args>
    HRN_HD static void run(const Args& a, long i, double* sum) {
      forward(a, i, sum);
    }
  };
  /// Per landmark; overwrites its slots.
  struct Backward {
    template <class Args>
    HRN_HD static void run(const Args& a, long i) {
      backward(a, i);
    }
  };
};

}  // namespace hrn::losses
