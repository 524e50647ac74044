// A pinhole camera in front of a rotated and translated head, in double precision, for the dense solvers.
#pragma once
#include <array>
#include <cmath>
#include <cstddef>

#include "core/vec.hpp"
#include "ops/pose_project.hpp"

namespace hrn::fit {

/// p_cam = R p + t (x right, y down, z away from the camera), u = f x / z + cx, v = f y / z + cy.
struct CameraPose {
  std::array<double, 9> rotation{};     // row-major
  std::array<double, 3> translation{};  // mm
  double focal_px = 0;
  std::array<double, 2> principal_px{};

  Vec3<double> offset() const { return {translation[0], translation[1], translation[2]}; }
  Vec3<double> rotate(Vec3<double> p) const {
    const std::array<double, 9>& r = rotation;
    return {r[0] * p.x + r[1] * p.y + r[2] * p.z, r[3] * p.x + r[4] * p.y + r[5] * p.z,
            r[6] * p.x + r[7] * p.y + r[8] * p.z};
  }
  /// The transposed rotation.
  Vec3<double> rotate_back(Vec3<double> p) const {
    const std::array<double, 9>& r = rotation;
    return {r[0] * p.x + r[3] * p.y + r[6] * p.z, r[1] * p.x + r[4] * p.y + r[7] * p.z,
            r[2] * p.x + r[5] * p.y + r[8] * p.z};
  }
  Vec3<double> transform(Vec3<double> p) const { return rotate(p) + offset(); }
  void project(Vec3<double> camera_point, double pixel[2]) const {
    pixel[0] = focal_px * camera_point.x / camera_point.z + principal_px[0];
    pixel[1] = focal_px * camera_point.y / camera_point.z + principal_px[1];
  }

  /// The camera of a crop: pixel = scale * (this camera's pixel - (x0, y0)).
  CameraPose cropped(double scale, double x0, double y0) const {
    CameraPose crop = *this;
    crop.focal_px *= scale;
    crop.principal_px = {(principal_px[0] - x0) * scale, (principal_px[1] - y0) * scale};
    return crop;
  }
  /// What projects vertices; positions and results are left to the caller.
  ops::PoseProjectArgs<float> projection() const {
    ops::PoseProjectArgs<float> args;
    for (std::size_t i = 0; i < 9; ++i) args.rotation[i] = static_cast<float>(rotation[i]);
    for (std::size_t i = 0; i < 3; ++i) args.translation[i] = static_cast<float>(translation[i]);
    args.focal_px = static_cast<float>(focal_px);
    for (std::size_t i = 0; i < 2; ++i) args.centre_px[i] = static_cast<float>(principal_px[i]);
    return args;
  }

  /// rotation = exp(w) rotation, by Rodrigues' formula.
  void turn(Vec3<double> w) {
    const double angle2 = dot(w, w), angle = std::sqrt(angle2);
    // sin(a)/a and (1 - cos(a))/a^2, by series where the quotients lose their digits.
    const double s = angle > 1e-4 ? std::sin(angle) / angle : 1 - angle2 / 6;
    const double c = angle > 1e-4 ? (1 - std::cos(angle)) / angle2 : 0.5 - angle2 / 24;
    for (std::size_t j = 0; j < 3; ++j) {
      const Vec3<double> column{rotation[j], rotation[3 + j], rotation[6 + j]};
      const Vec3<double> once = cross(w, column), turned = column + s * once + c * cross(w, once);
      rotation[j] = turned.x;
      rotation[3 + j] = turned.y;
      rotation[6 + j] = turned.z;
    }
  }
};

}  // namespace hrn::fit
