#include "fit/silhouette_term.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/error.hpp"
#include "core/vec.hpp"
#include "losses/robust.hpp"

namespace hrn::fit {
namespace {

// Spacing of the points along the outline.
constexpr double kSpacingMm = 2.5;
// Pixels around an outline pixel that tell its direction.
constexpr int kNormalReach = 4;
// Cosine between the directions of outline and edge: with less they are not of one thing.
constexpr double kSameDirection = 0.75;
// How far beside its line of sight an edge may lie.
constexpr double kAsideMm = 1.5;

constexpr losses::Robust kForm = losses::Robust::geman_mcclure;

void require(bool condition, const std::string& expected) {
  if (!condition) throw Error(ErrorCode::invalid_argument, "silhouette: expected " + expected);
}

}  // namespace

void check_silhouette(const Model& model, const SilhouetteProblem& p) {
  require(p.edges.size() % 2 == 0 && p.normals.size() == p.edges.size(), "a normal per edge point");
  for (const auto* values : {&p.edges, &p.normals})
    for (const double v : *values) require(std::isfinite(v), "finite edges");
  require(p.edges.empty() || static_cast<long>(p.takes_part.size()) == model.vertex_count, "a flag per vertex");
  for (const double v : {p.sigma_mm, p.reach_mm, p.robust_scale})
    require(v > 0 && std::isfinite(v), "positive deviations");
}

SilhouetteTerm::SilhouetteTerm(const Model& model, const SilhouetteProblem& problem, long identity_count)
    : model_(model), problem_(problem), identity_count_(identity_count) {}

// Pixels that see the head beside pixels that do not, thinned out; in raster pixels.
std::vector<SilhouetteTerm::OutlinePoint> SilhouetteTerm::outline(const std::vector<std::int32_t>& triangle_id,
                                                                  int side, double spacing_px) const {
  const auto sees = [&](int x, int y) {
    return triangle_id[static_cast<std::size_t>(y) * static_cast<std::size_t>(side) + static_cast<std::size_t>(x)] >= 0;
  };
  std::vector<OutlinePoint> points;
  for (int y = kNormalReach; y < side - kNormalReach; ++y)
    for (int x = kNormalReach; x < side - kNormalReach; ++x) {
      if (!sees(x, y) || (sees(x - 1, y) && sees(x + 1, y) && sees(x, y - 1) && sees(x, y + 1))) continue;
      const std::int32_t t =
          triangle_id[static_cast<std::size_t>(y) * static_cast<std::size_t>(side) + static_cast<std::size_t>(x)];
      const std::int32_t v = model_.topology.triangles[3 * static_cast<std::size_t>(t)];
      if (problem_.takes_part[static_cast<std::size_t>(v)] == 0) continue;
      double n[2] = {0, 0};
      for (int dy = -kNormalReach; dy <= kNormalReach; ++dy)
        for (int dx = -kNormalReach; dx <= kNormalReach; ++dx)
          if (!sees(x + dx, y + dy)) n[0] += dx, n[1] += dy;
      const double size = std::hypot(n[0], n[1]);
      if (!(size > 0)) continue;
      n[0] /= size;
      n[1] /= size;
      // The border of the pixel, where the head ends.
      const OutlinePoint point{{x + 0.5 + 0.5 * n[0], y + 0.5 + 0.5 * n[1]}, {n[0], n[1]}, t};
      const bool crowded = std::any_of(points.begin(), points.end(), [&](const OutlinePoint& other) {
        return std::hypot(other.pixel[0] - point.pixel[0], other.pixel[1] - point.pixel[1]) < spacing_px;
      });
      if (!crowded) points.push_back(point);
    }
  return points;
}

// The nearest edge of like direction along the normal, px; false where there is none within reach.
bool SilhouetteTerm::nearest_edge(const OutlinePoint& point, double px_per_mm, double* distance) const {
  double best = problem_.reach_mm * px_per_mm;
  bool found = false;
  for (std::size_t e = 0; e < problem_.edges.size(); e += 2) {
    const double dx = problem_.edges[e] - point.pixel[0], dy = problem_.edges[e + 1] - point.pixel[1];
    const double along = dx * point.normal[0] + dy * point.normal[1];
    if (!(std::abs(along) < best)) continue;
    if (std::abs(dx * point.normal[1] - dy * point.normal[0]) > kAsideMm * px_per_mm) continue;
    if (problem_.normals[e] * point.normal[0] + problem_.normals[e + 1] * point.normal[1] < kSameDirection) continue;
    best = std::abs(along);
    *distance = along;
    found = true;
  }
  return found;
}

void SilhouetteTerm::match(const LandmarkState& state, const std::vector<std::int32_t>& triangle_id,
                           const CameraPose& raster, int side) {
  targets_.clear();
  points_ = {};
  if (problem_.edges.empty()) return;
  const CameraPose& camera = state.camera;
  const double zoom = camera.focal_px / raster.focal_px;
  const double px_per_mm = camera.focal_px / camera.translation[2];
  std::vector<std::uint32_t> vertices;
  std::vector<float> weights;
  for (OutlinePoint& point : outline(triangle_id, side, kSpacingMm * px_per_mm / zoom)) {
    for (std::size_t k = 0; k < 2; ++k)
      point.pixel[k] = (point.pixel[k] - raster.principal_px[k]) * zoom + camera.principal_px[k];
    double distance = 0;
    if (!nearest_edge(point, px_per_mm, &distance)) continue;
    for (std::size_t k = 0; k < 3; ++k) {
      const std::size_t corner = 3 * static_cast<std::size_t>(point.triangle) + k;
      vertices.push_back(static_cast<std::uint32_t>(model_.topology.triangles[corner]));
      weights.push_back(1.f / 3);
    }
    targets_.push_back({{point.normal[0], point.normal[1]}, distance, 1 / (problem_.sigma_mm * px_per_mm)});
    if (static_cast<int>(targets_.size()) == kMaxPoints) break;
  }
  points_ = surface_points(model_, vertices.data(), weights.data(), static_cast<long>(targets_.size()));
  // To first order the outline moves across itself as the surface under it does: the middle of the triangle, though it
  // lies a little inside the outline, is to move as far as the outline is from the edge.
  for (long i = 0; i < points_.count; ++i) {
    double pixel[2];
    camera.project(camera_point(state, i), pixel);
    Target& target = targets_[static_cast<std::size_t>(i)];
    target.along += target.normal[0] * pixel[0] + target.normal[1] * pixel[1];
  }
}

Vec3<double> SilhouetteTerm::camera_point(const LandmarkState& state, long i) const {
  double p[3];
  for (long axis = 0; axis < 3; ++axis) {
    const std::size_t r = static_cast<std::size_t>(3 * i + axis);
    const float* basis = points_.basis.data() + r * static_cast<std::size_t>(model_.shape_count());
    double sum = static_cast<double>(points_.mean[r]);
    for (long k = 0; k < identity_count_; ++k)
      sum += state.coefficients[static_cast<std::size_t>(k)] * static_cast<double>(basis[k]);
    for (long k = 0; k < model_.expression_count; ++k)
      sum += state.coefficients[static_cast<std::size_t>(identity_count_ + k)] *
             static_cast<double>(basis[model_.identity_count + k]);
    p[axis] = sum;
  }
  return state.camera.transform({p[0], p[1], p[2]});
}

// Whitened distance to the edge.
double SilhouetteTerm::residual(const LandmarkState& state, long i) const {
  const Target& target = targets_[static_cast<std::size_t>(i)];
  double pixel[2];
  state.camera.project(camera_point(state, i), pixel);
  return (target.normal[0] * pixel[0] + target.normal[1] * pixel[1] - target.along) * target.inverse_sigma;
}

double SilhouetteTerm::energy(const LandmarkState& state) const {
  double sum = 0;
  for (long i = 0; i < points_.count; ++i) {
    const double r = residual(state, i);
    sum += losses::robust(kForm, r * r, problem_.robust_scale).rho;
  }
  return 0.5 * sum;
}

void SilhouetteTerm::accumulate(const LandmarkState& state, const ParameterLayout& layout,
                                optim::NormalEquations& equations) {
  const CameraPose& camera = state.camera;
  row_.assign(static_cast<std::size_t>(layout.pose + layout.shape), 0.0);
  for (long i = 0; i < points_.count; ++i) {
    const Target& target = targets_[static_cast<std::size_t>(i)];
    const double r = residual(state, i);
    const double root = std::sqrt(losses::robust(kForm, r * r, problem_.robust_scale).derivative);
    const Vec3<double> p = camera_point(state, i), q = p - camera.offset();
    const double f = root * target.inverse_sigma * camera.focal_px / p.z;
    const Vec3<double> g{f * target.normal[0], f * target.normal[1],
                         -f * (target.normal[0] * p.x + target.normal[1] * p.y) / p.z};
    store3(row_.data(), 0, cross(q, g));  // g . (w x q) = w . (q x g)
    store3(row_.data(), 1, g);
    if (layout.pose > 6) row_[6] = g.x * p.x + g.y * p.y + g.z * camera.translation[2];
    const Vec3<double> h = camera.rotate_back(g);
    const std::size_t stride = static_cast<std::size_t>(model_.shape_count());
    const float* x = points_.basis.data() + static_cast<std::size_t>(3 * i) * stride;
    const float *y = x + stride, *z = y + stride;
    for (long k = 0; k < layout.shape; ++k) {
      const long c = k < identity_count_ ? k : k - identity_count_ + model_.identity_count;
      row_[static_cast<std::size_t>(layout.pose + k)] =
          h.x * static_cast<double>(x[c]) + h.y * static_cast<double>(y[c]) + h.z * static_cast<double>(z[c]);
    }
    equations.add_row(row_, root * r);
  }
}

}  // namespace hrn::fit
