#include "fit/deformation/landmark_targets.hpp"

#include "core/vec.hpp"

namespace hrn::fit {
namespace {

double at(const std::vector<double>& values, std::size_t i, double otherwise) {
  return values.empty() ? otherwise : values[i];
}

void index_slots(long vertex_count, LandmarkTargets& targets) {
  const std::size_t vertices = static_cast<std::size_t>(vertex_count);
  targets.slot_offsets.assign(vertices + 1, 0);
  for (const std::int32_t v : targets.vertices) ++targets.slot_offsets[static_cast<std::size_t>(v) + 1];
  for (std::size_t v = 0; v < vertices; ++v) targets.slot_offsets[v + 1] += targets.slot_offsets[v];
  targets.slots.resize(targets.vertices.size());
  std::vector<std::int32_t> cursor(targets.slot_offsets.begin(), targets.slot_offsets.end() - 1);
  for (std::size_t slot = 0; slot < targets.vertices.size(); ++slot) {
    targets.slots[static_cast<std::size_t>(cursor[static_cast<std::size_t>(targets.vertices[slot])]++)] =
        static_cast<std::int32_t>(slot);
  }
}

// Points that texture tells stand behind the landmarks.
void add_points(const DeformationProblem& problem, LandmarkTargets& targets) {
  const PointProblem& points = problem.points;
  const PhotometricLevel& crop = problem.level;
  const double scale = static_cast<double>(crop.scale),
               corner[2] = {static_cast<double>(crop.x0), static_cast<double>(crop.y0)};
  for (const std::uint32_t v : points.vertices) {
    targets.vertices.insert(targets.vertices.end(), 3, static_cast<std::int32_t>(v));
    targets.weights.insert(targets.weights.end(), {1, 0, 0});
  }
  for (std::size_t i = 0; i < points.pixels.size(); ++i)
    targets.target.push_back(static_cast<float>((points.pixels[i] - corner[i % 2]) * scale));
  for (const double value : points.information)
    targets.precision.push_back(static_cast<float>(value / (scale * scale)));
}

}  // namespace

LandmarkTargets landmark_targets(const Model& model, const DeformationProblem& problem) {
  const LandmarkSet& dense = model.dense;
  const std::size_t n = static_cast<std::size_t>(dense.count);
  const PhotometricLevel& crop = problem.level;
  const double scale = static_cast<double>(crop.scale);
  const double px_per_mm = problem.camera.focal_px / problem.camera.translation[2];
  // Where a step in depth goes in the crop.
  const Vec3<double> forward = problem.camera.rotate({0.0, 0.0, 1.0});
  const double depth = scale * px_per_mm * problem.landmark_depth_sigma_mm;
  const double dx = depth * forward.x, dy = depth * forward.y;

  LandmarkTargets targets;
  targets.vertices.assign(dense.vertices.begin(), dense.vertices.end());
  targets.weights = dense.weights;
  targets.target.resize(2 * n);
  targets.precision.resize(3 * n);
  for (std::size_t i = 0; i < n; ++i) {
    // The network's own bias is taken off the observation, turned into the image with the head.
    const Vec3<double> bias =
        problem.camera.rotate({at(problem.bias_mm, 2 * i, 0), at(problem.bias_mm, 2 * i + 1, 0), 0.0});
    const double observed[2] = {problem.pixels[2 * i] - px_per_mm * bias.x,
                                problem.pixels[2 * i + 1] - px_per_mm * bias.y};
    targets.target[2 * i] = static_cast<float>((observed[0] - static_cast<double>(crop.x0)) * scale);
    targets.target[2 * i + 1] = static_cast<float>((observed[1] - static_cast<double>(crop.y0)) * scale);
    if (dense.dynamic[i] != 0) continue;
    const double sigma_px = at(problem.sigma_mm, i, static_cast<double>(dense.sigma_mm[i])) * px_per_mm;
    const double variance = sigma_px * sigma_px + problem.landmark_floor_px * problem.landmark_floor_px;
    // Inverse of I / w + d d^T (Sherman and Morrison).
    const double w = at(problem.weights, i, 1) / (variance * scale * scale);
    const double shrink = w * w / (1 + w * (dx * dx + dy * dy));
    targets.precision[3 * i] = static_cast<float>(w - shrink * dx * dx);
    targets.precision[3 * i + 1] = static_cast<float>(-shrink * dx * dy);
    targets.precision[3 * i + 2] = static_cast<float>(w - shrink * dy * dy);
  }
  add_points(problem, targets);
  index_slots(model.vertex_count, targets);
  return targets;
}

}  // namespace hrn::fit
