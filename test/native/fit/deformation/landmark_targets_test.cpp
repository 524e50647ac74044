// Which surface points the deformation stage pulls to which pixels.
#include "fit/deformation/landmark_targets.hpp"

#include <cmath>

#include "fit_scene.hpp"
#include "framework.hpp"

namespace hrn::test {
namespace {

std::size_t at(long i) { return static_cast<std::size_t>(i); }

fit::DeformationProblem crop_problem() {
  fit::DeformationProblem problem = deformation_problem();
  problem.level.scale = 2;
  problem.level.x0 = 10;
  problem.level.y0 = -4;
  return problem;
}

HRN_TEST("fit/landmark-targets/observations become crop pixels without the network's bias") {
  fit::DeformationProblem problem = crop_problem();
  const fit::Model& model = small_head();
  problem.bias_mm.assign(at(2 * model.dense.count), 0.0);
  problem.bias_mm[0] = 2;
  problem.bias_mm[1] = -3;
  const fit::LandmarkTargets targets = fit::landmark_targets(model, problem);
  const double px_per_mm = problem.camera.focal_px / problem.camera.translation[2];
  const Vec3<double> bias = problem.camera.rotate({2, -3, 0});
  report.near(static_cast<double>(targets.target[0]), 2 * (problem.pixels[0] - px_per_mm * bias.x - 10), 1e-3, "x");
  report.near(static_cast<double>(targets.target[1]), 2 * (problem.pixels[1] - px_per_mm * bias.y + 4), 1e-3, "y");
  report.near(static_cast<double>(targets.target[2]), 2 * (problem.pixels[2] - 10), 1e-3, "x without bias");
}

HRN_TEST("fit/landmark-targets/points that are seen follow, by their own information in crop pixels") {
  fit::DeformationProblem problem = crop_problem();
  const fit::Model& model = small_head();
  problem.points = {{7, 9}, {30, 40, 50, 60}, {1, 0.2, 2, 0, 0, 0}};
  const fit::LandmarkTargets targets = fit::landmark_targets(model, problem);
  const std::size_t n = at(model.dense.count);
  report.equal(targets.vertices.size(), 3 * (n + 2), "corners");
  report.equal(targets.vertices[3 * n], 7, "vertex");
  report.equal(targets.weights[3 * n], 1.f, "its weight");
  report.near(static_cast<double>(targets.target[2 * n]), 2 * (30.0 - 10), 1e-3, "x");
  report.near(static_cast<double>(targets.target[2 * n + 1]), 2 * (40.0 + 4), 1e-3, "y");
  const double information[] = {1, 0.2, 2};
  for (std::size_t k = 0; k < 3; ++k) {
    report.near(static_cast<double>(targets.precision[3 * n + k]), information[k] / 4, 1e-6, "precision");
    report.equal(targets.precision[3 * (n + 1) + k], 0.f, "nothing known");
  }
}

HRN_TEST("fit/landmark-targets/fixed points weigh by their deviation, alike in every direction") {
  fit::DeformationProblem problem = crop_problem();
  const fit::Model& model = small_head();
  const std::size_t n = at(model.dense.count);
  problem.landmark_floor_px = 1.5;
  problem.landmark_depth_sigma_mm = 0;
  problem.sigma_mm.assign(n, 2.0);
  problem.weights.assign(n, 1.0);
  problem.weights[1] = 3;
  problem.weights[2] = 0;
  problem.sigma_mm[3] = 4;
  const fit::LandmarkTargets targets = fit::landmark_targets(model, problem);
  const double px_per_mm = problem.camera.focal_px / problem.camera.translation[2];
  const auto precision = [&](double sigma_mm) {
    const double crop_px = 2 * std::hypot(sigma_mm * px_per_mm, 1.5);
    return 1 / (crop_px * crop_px);
  };
  const double expected[] = {precision(2), 3 * precision(2), 0, precision(4)};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(model.dense.dynamic[i] == 0);
    report.near(static_cast<double>(targets.precision[3 * i]), expected[i], 1e-6, "precision");
    report.equal(targets.precision[3 * i + 1], 0.f, "across");
    report.equal(targets.precision[3 * i + 2], targets.precision[3 * i], "yy as xx");
  }
  for (std::size_t i = 0; i < 3 * n; ++i) {
    report.equal(targets.vertices[i], static_cast<std::int32_t>(model.dense.vertices[i]), "vertex");
  }
}

HRN_TEST("fit/landmark-targets/along the projected axis of the head a landmark is as uncertain as its depth") {
  fit::DeformationProblem problem = crop_problem();
  const fit::Model& model = small_head();
  problem.camera.rotation = {1, 0, 0, 0, -1, 0, 0, 0, -1};
  problem.camera.turn({0.0, 0.6, 0.0});
  problem.sigma_mm.assign(at(model.dense.count), 2.0);
  problem.landmark_floor_px = 0;
  problem.landmark_depth_sigma_mm = 5;
  const fit::LandmarkTargets targets = fit::landmark_targets(model, problem);
  const double px_per_mm = 2 * problem.camera.focal_px / problem.camera.translation[2];
  const auto precision = [&](double sigma_mm) { return 1 / (sigma_mm * px_per_mm * sigma_mm * px_per_mm); };
  report.near(static_cast<double>(targets.precision[0]), precision(std::hypot(2, 5 * std::sin(0.6))), 1e-6, "across");
  report.near(static_cast<double>(targets.precision[1]), 0, 1e-6, "mixed");
  report.near(static_cast<double>(targets.precision[2]), precision(2), 1e-6, "down");
}

HRN_TEST("fit/landmark-targets/points that follow the silhouette do not pull") {
  const fit::Model& model = small_head();
  const fit::LandmarkTargets targets = fit::landmark_targets(model, crop_problem());
  long dynamic = 0;
  for (long i = 0; i < model.dense.count; ++i) {
    if (model.dense.dynamic[at(i)] == 0) continue;
    ++dynamic;
    for (std::size_t k = 0; k < 3; ++k) report.equal(targets.precision[at(3 * i) + k], 0.f, "precision");
  }
  CHECK(dynamic > 0);
}

HRN_TEST("fit/landmark-targets/every slot is listed at its vertex, once") {
  const fit::DeformationProblem problem = deformation_problem();
  const fit::Model& model = small_head();
  const fit::LandmarkTargets targets = fit::landmark_targets(model, problem);
  report.equal(targets.slot_offsets.size(), at(model.vertex_count + 1), "offsets");
  std::vector<int> seen(targets.vertices.size());
  for (long v = 0; v < model.vertex_count; ++v) {
    for (long s = targets.slot_offsets[at(v)]; s < targets.slot_offsets[at(v + 1)]; ++s) {
      const std::size_t slot = at(targets.slots[at(s)]);
      report.equal(static_cast<long>(targets.vertices[slot]), v, "vertex of the slot");
      ++seen[slot];
    }
  }
  for (const int count : seen) report.equal(count, 1, "times listed");
}

}  // namespace
}  // namespace hrn::test
