// Rigid pose and perspective projection. Camera frame: x right, y down, z away from the camera.
#pragma once
#include "core/vec.hpp"

namespace hrn::ops {

template <class Real>
struct PoseProjectArgs {
  const Real* positions = nullptr;    // in, [V][3], mm, head frame
  Real rotation[9] = {};              // in, row-major; camera point = rotation * position + translation
  Real translation[3] = {};           // in, mm
  Real focal_px = 1;                  // in, px
  Real centre_px[2] = {};             // in, principal point, px
  Real near_mm = 1;                   // in, depths below it are projected as if they were at it
  Real* screen = nullptr;             // out, [V][3], x px, y px, depth (camera z) mm
  const Real* grad_screen = nullptr;  // in, [V][3]
  Real* grad_positions = nullptr;     // out, [V][3]
};

struct PoseProject {
  template <class Real>
  HRN_HD static Vec3<Real> rotate(const Real* r, Vec3<Real> p) {
    return {r[0] * p.x + r[1] * p.y + r[2] * p.z, r[3] * p.x + r[4] * p.y + r[5] * p.z,
            r[6] * p.x + r[7] * p.y + r[8] * p.z};
  }
  template <class Real>
  HRN_HD static Vec3<Real> rotate_back(const Real* r, Vec3<Real> p) {
    return {r[0] * p.x + r[3] * p.y + r[6] * p.z, r[1] * p.x + r[4] * p.y + r[7] * p.z,
            r[2] * p.x + r[5] * p.y + r[8] * p.z};
  }

  template <class Real>
  HRN_HD static void forward(const PoseProjectArgs<Real>& a, long i) {
    const Vec3<Real> c =
        rotate(a.rotation, load3(a.positions, i)) + Vec3<Real>{a.translation[0], a.translation[1], a.translation[2]};
    const Real scale = a.focal_px / (c.z > a.near_mm ? c.z : a.near_mm);
    store3(a.screen, i, {scale * c.x + a.centre_px[0], scale * c.y + a.centre_px[1], c.z});
  }

  /// Gradient with respect to the camera point; `rotated` receives rotation * position.
  template <class Real>
  HRN_HD static Vec3<Real> grad_camera(const PoseProjectArgs<Real>& a, long i, Vec3<Real>& rotated,
                                       Real& grad_log_focal) {
    rotated = rotate(a.rotation, load3(a.positions, i));
    const Vec3<Real> c = rotated + Vec3<Real>{a.translation[0], a.translation[1], a.translation[2]};
    const Vec3<Real> g = load3(a.grad_screen, i);
    const bool in_front = c.z > a.near_mm;
    const Real inverse_z = Real(1) / (in_front ? c.z : a.near_mm);
    const Real scale = a.focal_px * inverse_z;
    const Real along = scale * (g.x * c.x + g.y * c.y);
    grad_log_focal = along;
    return {scale * g.x, scale * g.y, g.z - (in_front ? along * inverse_z : Real(0))};
  }

  template <class Real>
  HRN_HD static void backward(const PoseProjectArgs<Real>& a, long i) {
    Vec3<Real> rotated;
    Real grad_log_focal;
    store3(a.grad_positions, i, rotate_back(a.rotation, grad_camera(a, i, rotated, grad_log_focal)));
  }

  /// Adds the gradient of one vertex to [0..2] the axis-angle w of rotation' = exp(w) * rotation, [3..5] the
  /// translation, [6] the logarithm of the focal length.
  template <class Real, class Sum>
  HRN_HD static void backward_pose(const PoseProjectArgs<Real>& a, long i, Sum grad) {
    Vec3<Real> rotated;
    Real grad_log_focal;
    const Vec3<Real> g = grad_camera(a, i, rotated, grad_log_focal);
    const Vec3<Real> w = cross(rotated, g);
    grad[0] += static_cast<double>(w.x);
    grad[1] += static_cast<double>(w.y);
    grad[2] += static_cast<double>(w.z);
    grad[3] += static_cast<double>(g.x);
    grad[4] += static_cast<double>(g.y);
    grad[5] += static_cast<double>(g.z);
    grad[6] += static_cast<double>(grad_log_focal);
  }

  struct Forward {
    template <class Args>
    HRN_HD static void run(const Args& a, long i) {
      forward(a, i);
    }
  };
  struct Backward {
    template <class Args>
    HRN_HD static void run(const Args& a, long i) {
      backward(a, i);
    }
  };
  /// Reduction to 7 values.
  struct BackwardPose {
    template <class Args, class Sum>
    HRN_HD static void run(const Args& a, long i, Sum grad) {
      backward_pose(a, i, grad);
    }
  };
};

}  // namespace hrn::ops
