#include "fit/landmark_targets.hpp"

#include <cmath>

#include "core/vec.hpp"

namespace hrn::fit {
namespace {

// A vertex counts as silhouette where its normal is within this sine of being seen edge-on.
constexpr double kEdgeOn = 0.2;
// A silhouette farther from the landmark than this is not the one that was observed.
constexpr double kMaxSlideMm = 12;

double at(const std::vector<double>& values, std::size_t i, double otherwise) {
  return values.empty() ? otherwise : values[i];
}

}  // namespace

LandmarkMatcher::LandmarkMatcher(const Model& model, const DeformationProblem& problem)
    : model_(model), problem_(problem) {
  const LandmarkSet& dense = model.dense;
  const std::size_t n = static_cast<std::size_t>(dense.count);
  const PhotometricLevel& crop = problem.level;
  const double scale = static_cast<double>(crop.scale);
  const double px_per_mm = problem.camera.focal_px / problem.camera.translation[2];
  targets_.vertices.assign(dense.vertices.begin(), dense.vertices.end());
  targets_.weights = dense.weights;
  targets_.target.resize(2 * n);
  targets_.precision.resize(3 * n);
  static_precision_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    // The network's own bias is taken off the observation, turned into the image with the head.
    const Vec3<double> bias =
        problem.camera.rotate({at(problem.bias_mm, 2 * i, 0), at(problem.bias_mm, 2 * i + 1, 0), 0.0});
    const double observed[2] = {problem.pixels[2 * i] - px_per_mm * bias.x,
                                problem.pixels[2 * i + 1] - px_per_mm * bias.y};
    targets_.target[2 * i] = static_cast<float>((observed[0] - static_cast<double>(crop.x0)) * scale);
    targets_.target[2 * i + 1] = static_cast<float>((observed[1] - static_cast<double>(crop.y0)) * scale);
    const double sigma_px = at(problem.sigma_mm, i, static_cast<double>(dense.sigma_mm[i])) * px_per_mm;
    const double variance = sigma_px * sigma_px + problem.landmark_floor_px * problem.landmark_floor_px;
    static_precision_[i] = static_cast<float>(at(problem.weights, i, 1) / (variance * scale * scale));
  }
}

const LandmarkTargets& LandmarkMatcher::match(const float* screen, const float* normals, const float* positions) {
  const LandmarkSet& dense = model_.dense;
  const double scale = static_cast<double>(problem_.level.scale);
  const double px_per_mm = scale * problem_.camera.focal_px / problem_.camera.translation[2];
  // Vertices on the silhouette and its outward direction in the image.
  struct Edge {
    std::uint32_t vertex;
    double normal[2];
  };
  std::vector<Edge> edges;
  for (const std::uint32_t v : problem_.contour_vertices) {
    const long i = static_cast<long>(v);
    const auto n32 = load3(normals, i), p32 = load3(positions, i);
    const Vec3<double> n =
        problem_.camera.rotate({static_cast<double>(n32.x), static_cast<double>(n32.y), static_cast<double>(n32.z)});
    const Vec3<double> p =
        problem_.camera.transform({static_cast<double>(p32.x), static_cast<double>(p32.y), static_cast<double>(p32.z)});
    const double facing = dot(n, p) / length(p), across = std::hypot(n.x, n.y);
    if (std::abs(facing) > kEdgeOn || across < 0.5) continue;
    edges.push_back({v, {n.x / across, n.y / across}});
  }
  for (long i = 0; i < dense.count; ++i) {
    const std::size_t k = static_cast<std::size_t>(i);
    float* precision = &targets_.precision[3 * k];
    const float weight = static_precision_[k];
    if (dense.dynamic[k] == 0) {
      precision[0] = precision[2] = weight;
      precision[1] = 0;
      continue;
    }
    precision[0] = precision[1] = precision[2] = 0;
    const double limit = kMaxSlideMm * px_per_mm;
    const Edge* best = nullptr;
    double nearest = limit * limit;
    for (const Edge& edge : edges) {
      const float* s = screen + 3 * static_cast<long>(edge.vertex);
      const double dx = static_cast<double>(s[0] - targets_.target[2 * k]),
                   dy = static_cast<double>(s[1] - targets_.target[2 * k + 1]);
      const double distance = dx * dx + dy * dy;
      if (distance < nearest) {
        nearest = distance;
        best = &edge;
      }
    }
    if (best == nullptr) continue;
    const double sigma = problem_.contour_sigma_mm * px_per_mm, floor = problem_.landmark_floor_px * scale;
    const double w = at(problem_.weights, k, 1) / (sigma * sigma + floor * floor);
    precision[0] = static_cast<float>(w * best->normal[0] * best->normal[0]);
    precision[1] = static_cast<float>(w * best->normal[0] * best->normal[1]);
    precision[2] = static_cast<float>(w * best->normal[1] * best->normal[1]);
    for (std::size_t c = 0; c < 3; ++c) {
      targets_.vertices[3 * k + c] = static_cast<std::int32_t>(best->vertex);
      targets_.weights[3 * k + c] = c == 0 ? 1.f : 0.f;
    }
  }
  index_slots();
  return targets_;
}

void LandmarkMatcher::index_slots() {
  const std::size_t vertices = static_cast<std::size_t>(model_.vertex_count);
  targets_.slot_offsets.assign(vertices + 1, 0);
  for (const std::int32_t v : targets_.vertices) ++targets_.slot_offsets[static_cast<std::size_t>(v) + 1];
  for (std::size_t v = 0; v < vertices; ++v) targets_.slot_offsets[v + 1] += targets_.slot_offsets[v];
  targets_.slots.resize(targets_.vertices.size());
  std::vector<std::int32_t> cursor(targets_.slot_offsets.begin(), targets_.slot_offsets.end() - 1);
  for (std::size_t slot = 0; slot < targets_.vertices.size(); ++slot) {
    targets_.slots[static_cast<std::size_t>(cursor[static_cast<std::size_t>(targets_.vertices[slot])]++)] =
        static_cast<std::int32_t>(slot);
  }
}

}  // namespace hrn::fit
