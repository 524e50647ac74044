// Which surface points the deformation stage pulls to which pixels.
#include "fit/landmark_targets.hpp"

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

// The mesh as it stands: flat on the camera's axis, every normal towards the camera.
struct Mesh {
  std::vector<float> screen, normals, positions;
  explicit Mesh(const fit::DeformationProblem& problem)
      : screen(3 * at(small_head().vertex_count), -1e6f), normals(screen.size()), positions(screen.size()) {
    // In front of the camera, whose rotation takes head z towards it.
    for (long v = 0; v < small_head().vertex_count; ++v) set_normal(problem, v, {0, 0, -1});
  }
  // The normal in the camera frame.
  void set_normal(const fit::DeformationProblem& problem, long v, Vec3<double> normal) {
    const Vec3<double> n = problem.camera.rotate_back(normal);
    normals[at(3 * v)] = static_cast<float>(n.x);
    normals[at(3 * v + 1)] = static_cast<float>(n.y);
    normals[at(3 * v + 2)] = static_cast<float>(n.z);
  }
  void set_screen(long v, double x, double y) {
    screen[at(3 * v)] = static_cast<float>(x);
    screen[at(3 * v + 1)] = static_cast<float>(y);
  }
};

HRN_TEST("fit/landmark-targets/observations become crop pixels without the network's bias") {
  fit::DeformationProblem problem = crop_problem();
  const fit::Model& model = small_head();
  problem.bias_mm.assign(at(2 * model.dense.count), 0.0);
  problem.bias_mm[0] = 2;
  problem.bias_mm[1] = -3;
  const Mesh mesh(problem);
  fit::LandmarkMatcher matcher(model, problem);
  const auto& targets = matcher.match(mesh.screen.data(), mesh.normals.data(), mesh.positions.data());
  const double px_per_mm = problem.camera.focal_px / problem.camera.translation[2];
  const Vec3<double> bias = problem.camera.rotate({2, -3, 0});
  report.near(static_cast<double>(targets.target[0]), 2 * (problem.pixels[0] - px_per_mm * bias.x - 10), 1e-3, "x");
  report.near(static_cast<double>(targets.target[1]), 2 * (problem.pixels[1] - px_per_mm * bias.y + 4), 1e-3, "y");
  report.near(static_cast<double>(targets.target[2]), 2 * (problem.pixels[2] - 10), 1e-3, "x without bias");
}

HRN_TEST("fit/landmark-targets/fixed points weigh by their deviation, alike in every direction") {
  fit::DeformationProblem problem = crop_problem();
  const fit::Model& model = small_head();
  const std::size_t n = at(model.dense.count);
  problem.landmark_floor_px = 1.5;
  problem.sigma_mm.assign(n, 2.0);
  problem.weights.assign(n, 1.0);
  problem.weights[1] = 3;
  problem.weights[2] = 0;
  problem.sigma_mm[3] = 4;
  const Mesh mesh(problem);
  fit::LandmarkMatcher matcher(model, problem);
  const auto& targets = matcher.match(mesh.screen.data(), mesh.normals.data(), mesh.positions.data());
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

HRN_TEST("fit/landmark-targets/dynamic points follow the nearest silhouette, across it only") {
  fit::DeformationProblem problem = crop_problem();
  const fit::Model& model = small_head();
  problem.contour_vertices = {10, 20, 30, 40};
  problem.contour_sigma_mm = 0.8;
  problem.landmark_floor_px = 0;
  long dynamic = 0;
  while (model.dense.dynamic[at(dynamic)] == 0) ++dynamic;
  Mesh mesh(problem);
  fit::LandmarkMatcher matcher(model, problem);
  // A first match tells where the observation lies; without any silhouette near, nothing pulls.
  const auto& targets = matcher.match(mesh.screen.data(), mesh.normals.data(), mesh.positions.data());
  const double x = static_cast<double>(targets.target[at(2 * dynamic)]),
               y = static_cast<double>(targets.target[at(2 * dynamic + 1)]);
  for (std::size_t k = 0; k < 3; ++k) report.equal(targets.precision[at(3 * dynamic) + k], 0.f, "no silhouette");

  mesh.set_screen(10, x + 0.5, y);  // nearest, but faces the camera
  mesh.set_screen(20, x + 2, y);    // nearest silhouette
  mesh.set_screen(30, x - 4, y);    // farther
  mesh.set_screen(50, x, y);        // edge-on, but not of the contour
  // Edge-on: across the ray to the vertex.
  const Vec3<double> ray = problem.camera.transform({0, 0, 0});
  const Vec3<double> across{-0.6, 0.8, (0.6 * ray.x - 0.8 * ray.y) / ray.z};
  for (const long v : {20L, 30L, 50L}) mesh.set_normal(problem, v, (1 / length(across)) * across);
  matcher.match(mesh.screen.data(), mesh.normals.data(), mesh.positions.data());
  report.equal(targets.vertices[at(3 * dynamic)], 20, "vertex");
  report.equal(targets.weights[at(3 * dynamic)], 1.f, "weight of the vertex");
  report.equal(targets.weights[at(3 * dynamic + 1)] + targets.weights[at(3 * dynamic + 2)], 0.f, "other weights");
  const double sigma_px = 0.8 * 2 * problem.camera.focal_px / problem.camera.translation[2];
  const double w = 1 / (sigma_px * sigma_px);
  const double expected[3] = {w * 0.36, w * -0.48, w * 0.64};
  for (std::size_t k = 0; k < 3; ++k) {
    report.near(static_cast<double>(targets.precision[at(3 * dynamic) + k]), expected[k], 1e-3 * w, "precision");
  }

  // Farther than any landmark slides: nothing pulls again.
  for (const long v : {20L, 30L}) mesh.set_screen(v, x + 1e4, y);
  matcher.match(mesh.screen.data(), mesh.normals.data(), mesh.positions.data());
  for (std::size_t k = 0; k < 3; ++k) report.equal(targets.precision[at(3 * dynamic) + k], 0.f, "too far");
}

HRN_TEST("fit/landmark-targets/every slot is listed at its vertex, once") {
  fit::DeformationProblem problem = deformation_problem();
  const fit::Model& model = small_head();
  for (long v = 0; v < model.vertex_count; ++v) problem.contour_vertices.push_back(static_cast<std::uint32_t>(v));
  const Mesh mesh(problem);
  fit::LandmarkMatcher matcher(model, problem);
  const auto& targets = matcher.match(mesh.screen.data(), mesh.normals.data(), mesh.positions.data());
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
