// Spherical-harmonics light, 9 coefficients per channel (Ramamoorthi and Hanrahan 2001): colour = albedo * irradiance.
// View frame for light: x right, y up, z towards the camera; n_view = diag(1, -1, -1) rotation * n.
#pragma once
#include "core/vec.hpp"
#include "ops/pose_project.hpp"

namespace hrn::ops {

template <class Real>
struct ShadeArgs {
  const Real* albedo = nullptr;        // in, [n][3]
  const Real* normals = nullptr;       // in, [n][3], head frame; unit length is not enforced
  Real rotation[9] = {};               // in, row-major, head to camera frame
  Real lighting[27] = {};              // in, [3 channels][9]
  Real* colours = nullptr;             // out, [n][3]
  const Real* grad_colours = nullptr;  // in, [n][3]
  Real* grad_albedo = nullptr;         // out, [n][3]
  Real* grad_normals = nullptr;        // out, [n][3]
};

struct Shade {
  /// Values of the reduction: 27 lighting, then 3 axis-angle of rotation' = exp(w) * rotation.
  static constexpr int kReduced = 30;

  template <class Real>
  HRN_HD static void basis(Vec3<Real> n, Real h[9]) {
    h[0] = Real(0.886227);
    h[1] = Real(-1.023327) * n.y;
    h[2] = Real(1.023327) * n.z;
    h[3] = Real(-1.023327) * n.x;
    h[4] = Real(0.858086) * n.x * n.y;
    h[5] = Real(-0.858086) * n.y * n.z;
    h[6] = Real(0.247708) * (Real(3) * n.z * n.z - Real(1));
    h[7] = Real(-0.858086) * n.x * n.z;
    h[8] = Real(0.429043) * (n.x * n.x - n.y * n.y);
  }

  /// Gradient of sum_k weight[k] h[k] with respect to the normal.
  template <class Real>
  HRN_HD static Vec3<Real> basis_gradient(Vec3<Real> n, const Real weight[9]) {
    return {Real(-1.023327) * weight[3] + Real(0.858086) * (weight[4] * n.y - weight[7] * n.z + weight[8] * n.x),
            Real(-1.023327) * weight[1] + Real(0.858086) * (weight[4] * n.x - weight[5] * n.z - weight[8] * n.y),
            Real(1.023327) * weight[2] - Real(0.858086) * (weight[5] * n.y + weight[7] * n.x) +
                Real(1.486248) * weight[6] * n.z};
  }

  template <class Real>
  HRN_HD static Vec3<Real> view_normal(const ShadeArgs<Real>& a, long i) {
    const Vec3<Real> n = PoseProject::rotate(a.rotation, load3(a.normals, i));
    return {n.x, -n.y, -n.z};
  }

  template <class Real>
  HRN_HD static void forward(const ShadeArgs<Real>& a, long i) {
    Real h[9];
    basis(view_normal(a, i), h);
    for (int channel = 0; channel < 3; ++channel) {
      Real irradiance = 0;
      for (int k = 0; k < 9; ++k) irradiance += a.lighting[9 * channel + k] * h[k];
      a.colours[3 * i + channel] = a.albedo[3 * i + channel] * irradiance;
    }
  }

  /// Gradient with respect to the normal in the view frame.
  template <class Real>
  HRN_HD static Vec3<Real> grad_view_normal(const ShadeArgs<Real>& a, long i, Vec3<Real> n) {
    Real weight[9] = {};
    for (int channel = 0; channel < 3; ++channel) {
      const Real g = a.grad_colours[3 * i + channel] * a.albedo[3 * i + channel];
      for (int k = 0; k < 9; ++k) weight[k] += g * a.lighting[9 * channel + k];
    }
    return basis_gradient(n, weight);
  }

  template <class Real>
  HRN_HD static void backward_albedo(const ShadeArgs<Real>& a, long i) {
    Real h[9];
    basis(view_normal(a, i), h);
    for (int channel = 0; channel < 3; ++channel) {
      Real irradiance = 0;
      for (int k = 0; k < 9; ++k) irradiance += a.lighting[9 * channel + k] * h[k];
      a.grad_albedo[3 * i + channel] = a.grad_colours[3 * i + channel] * irradiance;
    }
  }

  template <class Real>
  HRN_HD static void backward_normals(const ShadeArgs<Real>& a, long i) {
    const Vec3<Real> g = grad_view_normal(a, i, view_normal(a, i));
    store3(a.grad_normals, i, PoseProject::rotate_back(a.rotation, Vec3<Real>{g.x, -g.y, -g.z}));
  }

  template <class Real, class Sum>
  HRN_HD static void backward_light(const ShadeArgs<Real>& a, long i, Sum grad) {
    const Vec3<Real> n = view_normal(a, i);
    Real h[9];
    basis(n, h);
    double terms[9];
    for (int k = 0; k < 9; ++k) terms[k] = static_cast<double>(h[k]);
    for (int channel = 0; channel < 3; ++channel) {
      const double g = static_cast<double>(a.grad_colours[3 * i + channel] * a.albedo[3 * i + channel]);
      for (int k = 0; k < 9; ++k) grad[9 * channel + k] += g * terms[k];
    }
    const Vec3<Real> g = grad_view_normal(a, i, n);
    // Both vectors back in the camera frame, where the axis-angle lives.
    const Vec3<Real> w = cross(Vec3<Real>{n.x, -n.y, -n.z}, Vec3<Real>{g.x, -g.y, -g.z});
    grad[27] += static_cast<double>(w.x);
    grad[28] += static_cast<double>(w.y);
    grad[29] += static_cast<double>(w.z);
  }

  struct Forward {
    template <class Args>
    HRN_HD static void run(const Args& a, long i) {
      forward(a, i);
    }
  };
  struct BackwardAlbedo {
    template <class Args>
    HRN_HD static void run(const Args& a, long i) {
      backward_albedo(a, i);
    }
  };
  struct BackwardNormals {
    template <class Args>
    HRN_HD static void run(const Args& a, long i) {
      backward_normals(a, i);
    }
  };
  /// Both.
  struct Backward {
    template <class Args>
    HRN_HD static void run(const Args& a, long i) {
      backward_albedo(a, i);
      backward_normals(a, i);
    }
  };
  /// Reduction to kReduced values.
  struct BackwardLight {
    template <class Args, class Sum>
    HRN_HD static void run(const Args& a, long i, Sum grad) {
      backward_light(a, i, grad);
    }
  };
};

}  // namespace hrn::ops
