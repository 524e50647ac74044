#include "fit/landmarks/initial_pose.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace hrn::fit {
namespace {

constexpr int kRounds = 12;

// Solves the symmetric 3x3 system S x = b by its adjugate; false when S is singular to working precision.
bool solve3(const double s[6], const double b[3], double x[3]) {
  const double xx = s[0], xy = s[1], xz = s[2], yy = s[3], yz = s[4], zz = s[5];
  const double a00 = yy * zz - yz * yz, a01 = xz * yz - xy * zz, a02 = xy * yz - xz * yy;
  const double a11 = xx * zz - xz * xz, a12 = xy * xz - xx * yz, a22 = xx * yy - xy * xy;
  const double det = xx * a00 + xy * a01 + xz * a02;
  const double trace = xx + yy + zz;
  if (!(det > 1e-9 * trace * trace * trace)) return false;
  x[0] = (a00 * b[0] + a01 * b[1] + a02 * b[2]) / det;
  x[1] = (a01 * b[0] + a11 * b[1] + a12 * b[2]) / det;
  x[2] = (a02 * b[0] + a12 * b[1] + a22 * b[2]) / det;
  return true;
}

// The scaled rotation rows nearest to the 2x3 matrix m: (m m^T)^(-1/2) m. False when m has rank below two.
bool nearest_rotation(const double m[2][3], double rotation[9], double& scale) {
  double a = 0, b = 0, d = 0;  // m m^T = [a b; b d]
  for (int k = 0; k < 3; ++k) {
    a += m[0][k] * m[0][k];
    b += m[0][k] * m[1][k];
    d += m[1][k] * m[1][k];
  }
  const double determinant = a * d - b * b;
  if (!(determinant > 1e-6 * (a + d) * (a + d))) return false;
  // The root of a 2x2 matrix: (M + sqrt(det) I) / sqrt(trace + 2 sqrt(det)).
  const double root = std::sqrt(determinant), norm = std::sqrt(a + d + 2 * root);
  const double ra = (a + root) / norm, rb = b / norm, rd = (d + root) / norm;
  const double inverse = 1 / (ra * rd - rb * rb);
  for (int k = 0; k < 3; ++k) {
    rotation[k] = inverse * (rd * m[0][k] - rb * m[1][k]);
    rotation[3 + k] = inverse * (ra * m[1][k] - rb * m[0][k]);
  }
  for (int k = 0; k < 3; ++k)
    rotation[6 + k] =
        rotation[(k + 1) % 3] * rotation[3 + (k + 2) % 3] - rotation[(k + 2) % 3] * rotation[3 + (k + 1) % 3];
  scale = (ra + rd) / 2;
  return true;
}

}  // namespace

std::optional<CameraPose> initial_pose(const double* points, const double* pixels, const double* weights, long count,
                                       double focal_px, const double principal_px[2]) {
  std::vector<double> w(weights, weights + count), depth(static_cast<size_t>(count), 1.0), error(w.size());
  CameraPose pose;
  pose.focal_px = focal_px;
  pose.principal_px = {principal_px[0], principal_px[1]};
  for (int round = 0; round < kRounds; ++round) {
    // Scaled-orthographic image points: perspective ones times their depth relative to the centroid.
    double total = 0, centre[3] = {}, image[2] = {};
    const auto scaled = [&](long i, int k) {
      return (pixels[2 * i + k] - principal_px[k]) * depth[static_cast<size_t>(i)];
    };
    for (long i = 0; i < count; ++i) {
      const double wi = w[static_cast<size_t>(i)];
      total += wi;
      for (int k = 0; k < 3; ++k) centre[k] += wi * points[3 * i + k];
      for (int k = 0; k < 2; ++k) image[k] += wi * scaled(i, k);
    }
    if (!(total > 0)) return std::nullopt;
    for (double& c : centre) c /= total;
    for (double& c : image) c /= total;
    double s[6] = {}, b[2][3] = {}, m[2][3];
    for (long i = 0; i < count; ++i) {
      const double wi = w[static_cast<size_t>(i)];
      const double d[3] = {points[3 * i] - centre[0], points[3 * i + 1] - centre[1], points[3 * i + 2] - centre[2]};
      const int pairs[6][2] = {{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {2, 2}};
      for (int k = 0; k < 6; ++k) s[k] += wi * d[pairs[k][0]] * d[pairs[k][1]];
      for (int k = 0; k < 2; ++k)
        for (int j = 0; j < 3; ++j) b[k][j] += wi * (scaled(i, k) - image[k]) * d[j];
    }
    double scale = 0;
    if (!solve3(s, b[0], m[0]) || !solve3(s, b[1], m[1]) || !nearest_rotation(m, pose.rotation.data(), scale))
      return std::nullopt;
    const double z = focal_px / scale;
    if (!std::isfinite(z)) return std::nullopt;
    const double origin[3] = {image[0] / scale, image[1] / scale, z};
    for (int k = 0; k < 3; ++k) {
      double rotated = 0;
      for (int j = 0; j < 3; ++j) rotated += pose.rotation[static_cast<size_t>(3 * k + j)] * centre[j];
      pose.translation[static_cast<size_t>(k)] = origin[k] - rotated;
    }
    // Depths for the next round, and robust weights against the typical error of this one.
    double mean_error = 0;
    for (long i = 0; i < count; ++i) {
      double c[3];
      for (int k = 0; k < 3; ++k) {
        c[k] = pose.translation[static_cast<size_t>(k)];
        for (int j = 0; j < 3; ++j) c[k] += pose.rotation[static_cast<size_t>(3 * k + j)] * points[3 * i + j];
      }
      // A wild estimate must not move points behind the camera.
      const double relative = std::clamp(c[2] / z, 0.2, 5.0);
      depth[static_cast<size_t>(i)] = relative;
      const double du = focal_px * c[0] / (z * relative) + principal_px[0] - pixels[2 * i];
      const double dv = focal_px * c[1] / (z * relative) + principal_px[1] - pixels[2 * i + 1];
      error[static_cast<size_t>(i)] = std::hypot(du, dv);
      mean_error += weights[i] * error[static_cast<size_t>(i)];
    }
    double weight_sum = 0;
    for (long i = 0; i < count; ++i) weight_sum += weights[i];
    const double limit = 1.5 * mean_error / weight_sum + 1e-9;
    for (long i = 0; i < count; ++i)
      w[static_cast<size_t>(i)] = weights[i] * std::min(1.0, limit / std::max(error[static_cast<size_t>(i)], 1e-12));
  }
  return pose;
}

}  // namespace hrn::fit
