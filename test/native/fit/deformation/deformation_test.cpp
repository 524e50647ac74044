// The deformation loop's gradient against central differences, and the fit around it.
#include "fit/deformation/deformation.hpp"

#include <cmath>
#include <limits>

#include "backends/cpu/cpu_backend.hpp"
#include "fit/deformation/loop.hpp"
#include "fit/head/surface.hpp"
#include "fit_scene.hpp"
#include "framework.hpp"
#include "random.hpp"
#include "synthetic_head.hpp"

namespace hrn::test {
namespace {

using Map = std::vector<float>;
const Progress kSilent([](long, long) {});

fit::DeformationResult run(const fit::DeformationProblem& problem, int threads = 1) {
  ThreadPool pool(threads);
  return fit::fit_deformation(small_head(), problem, pool, Cancel(), kSilent);
}

// The head in the photo pushed out around the middle of the map, which the start does not know.
fit::DeformationProblem dented_problem() {
  fit::DeformationProblem problem = deformation_problem();
  const fit::Model& model = small_head();
  for (long v = 0; v < model.vertex_count; ++v) {
    const double u = static_cast<double>(model.uvs[static_cast<std::size_t>(2 * v)]) - 0.5,
                 w = static_cast<double>(model.uvs[static_cast<std::size_t>(2 * v + 1)]) - 0.5;
    problem.positions[static_cast<std::size_t>(3 * v + 2)] -= static_cast<float>(4 * std::exp(-40 * (u * u + w * w)));
  }
  return problem;
}

Map noise(const fit::DeformationProblem& problem, std::uint64_t seed, double size) {
  Random random(seed);
  Map map(static_cast<std::size_t>(3 * problem.map_size * problem.map_size));
  for (float& v : map) v = static_cast<float>(size * normal(random));
  return map;
}

// Slopes of the data term by random directions of both maps.
void check_slopes(Report& report, const std::string& what, const fit::DeformationProblem& problem, bool colours) {
  ThreadPool pool(1);
  CpuBackend backend(pool);
  fit::HeadSurface surface(small_head(), fit::host_arrays(small_head()), backend);
  fit::DeformationLoop<CpuBackend> loop(small_head(), fit::host_arrays(small_head()), problem,
                                        surface.update_albedo(problem.albedo), backend);
  const Map shape = noise(problem, 1, 0.2), colour = noise(problem, 2, 0.02);
  loop.forward(shape.data(), colour.data());
  loop.update_sigma();
  Map by_shape(shape.size()), by_colour(colour.size());
  loop.backward(by_shape.data(), by_colour.data());
  const auto check = [&](const std::string& name, const Map& gradient, double step, bool moves_shape) {
    double norm = 0;
    for (const float g : gradient) norm += static_cast<double>(g) * static_cast<double>(g);
    norm = std::sqrt(norm);
    CHECK(norm > 0);
    for (std::uint64_t seed = 10; seed < 16; ++seed) {
      const Map direction = noise(problem, seed, 1);
      double slope = 0;
      for (std::size_t i = 0; i < direction.size(); ++i) {
        slope += static_cast<double>(gradient[i]) * static_cast<double>(direction[i]);
      }
      const auto energy_at = [&](double distance) {
        Map moved = moves_shape ? shape : colour;
        for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += static_cast<float>(distance) * direction[i];
        loop.forward(moves_shape ? moved.data() : shape.data(), moves_shape ? colour.data() : moved.data());
        return loop.energy();
      };
      report.near(slope, (energy_at(step) - energy_at(-step)) / (2 * step), 0.02 * norm, what + " by " + name);
    }
  };
  // Large against the raster's grid of 1/256 px, to which it moves the corners.
  check("shape", by_shape, 0.15, true);
  if (colours)
    check("colour", by_colour, 0.001, false);
  else {
    for (const float g : by_colour) report.equal(g, 0.f, "landmarks do not pull at colours");
  }
}

HRN_TEST("fit/deformation-loop/the gradient of the photometric term is its slope") {
  fit::DeformationProblem problem = dented_problem();
  problem.weights.assign(static_cast<std::size_t>(small_head().dense.count), 0.0);
  check_slopes(report, "photo", problem, true);
}

HRN_TEST("fit/deformation-loop/the gradient of the landmark term is its slope") {
  fit::DeformationProblem problem = dented_problem();
  problem.photo.effective_samples = 0;
  check_slopes(report, "landmarks", problem, false);
}

HRN_TEST("fit/deformation-loop/the gradient of both terms is their slope") {
  check_slopes(report, "both", dented_problem(), true);
}

HRN_TEST("fit/deformation/explains photo and landmarks better than its start") {
  fit::DeformationProblem problem = dented_problem();
  problem.level.iterations = 24;
  long reports = 0;
  ThreadPool pool(1);
  const auto fitted = fit::fit_deformation(small_head(), problem, pool, Cancel(), Progress([&](long done, long total) {
                                             CHECK(done >= 0 && done <= total);
                                             ++reports;
                                           }));
  CHECK(reports >= 24);
  report.equal(fitted.energy.size(), std::size_t{24}, "energies");
  // The last iterations, which weigh everything alike.
  CHECK(fitted.energy[23] < fitted.energy[17]);
  problem.level.iterations = 0;
  CHECK(fitted.photometric_error < run(problem).photometric_error);
}

HRN_TEST("fit/deformation/the map moves deformable vertices by what it says, and no others") {
  const fit::DeformationProblem problem = dented_problem();
  const auto fitted = run(problem);
  const fit::Model& model = small_head();
  const long n = problem.map_size;
  double moved = 0;
  for (long v = 0; v < model.vertex_count; ++v) {
    const double x = std::clamp(
                     static_cast<double>(model.uvs[static_cast<std::size_t>(2 * v)]) * static_cast<double>(n) - 0.5,
                     0.0, static_cast<double>(n - 1)),
                 y = std::clamp(
                     static_cast<double>(model.uvs[static_cast<std::size_t>(2 * v + 1)]) * static_cast<double>(n) - 0.5,
                     0.0, static_cast<double>(n - 1));
    const long x0 = std::min(static_cast<long>(x), n - 2), y0 = std::min(static_cast<long>(y), n - 2);
    const double tx = x - static_cast<double>(x0), ty = y - static_cast<double>(y0);
    for (long c = 0; c < 3; ++c) {
      const auto at = [&](long yy, long xx) {
        return static_cast<double>(fitted.map[static_cast<std::size_t>(3 * (yy * n + xx) + c)]);
      };
      const double offset = (1 - ty) * ((1 - tx) * at(y0, x0) + tx * at(y0, x0 + 1)) +
                            ty * ((1 - tx) * at(y0 + 1, x0) + tx * at(y0 + 1, x0 + 1));
      const std::size_t k = static_cast<std::size_t>(3 * v + c);
      const double expected = static_cast<double>(model.deformable[static_cast<std::size_t>(v)]) * offset;
      report.near(static_cast<double>(fitted.positions[k]) - static_cast<double>(problem.positions[k]), expected, 1e-4,
                  "displacement");
      moved = std::max(moved, std::abs(expected));
    }
  }
  CHECK(moved > 0.05);
}

HRN_TEST("fit/deformation/the same bits for any number of threads") {
  const fit::DeformationProblem problem = dented_problem();
  const auto expected = run(problem, 1);
  for (const int threads : {2, 3, 5}) {
    const auto got = run(problem, threads);
    CHECK(got.map == expected.map && got.positions == expected.positions);
    CHECK(got.energy == expected.energy && got.photometric_error == expected.photometric_error);
  }
}

HRN_TEST("fit/deformation/ends when cancelled") {
  const fit::DeformationProblem problem = dented_problem();
  ThreadPool pool(1);
  Cancel cancel;
  const Progress impatient([&](long done, long) {
    if (done >= 2) cancel.request();
  });
  report.equal(error_of([&] { fit::fit_deformation(small_head(), problem, pool, cancel, impatient); }),
               std::string("CANCELLED"), "cancelled on the way");
}

HRN_TEST("fit/deformation/refuses what is no problem") {
  const auto refuses = [&](const char* what, const auto& spoil) {
    fit::DeformationProblem problem = deformation_problem();
    spoil(problem);
    report.equal(error_of([&] { run(problem); }), std::string("INVALID_ARGUMENT"), what);
  };
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  using Problem = fit::DeformationProblem;
  refuses("positions short", [](Problem& p) { p.positions.pop_back(); });
  refuses("position NaN", [&](Problem& p) { p.positions[0] = static_cast<float>(kNan); });
  refuses("albedo short", [](Problem& p) { p.albedo.clear(); });
  refuses("pixels short", [](Problem& p) { p.pixels.pop_back(); });
  refuses("pixel NaN", [&](Problem& p) { p.pixels[3] = kNan; });
  refuses("weights short", [](Problem& p) { p.weights = {1, 2}; });
  refuses("bias short", [](Problem& p) { p.bias_mm = {1, 2}; });
  refuses("sigma short", [](Problem& p) { p.sigma_mm = {1, 2}; });
  refuses("light NaN", [&](Problem& p) { p.lighting[9] = kNan; });
  refuses("camera NaN", [&](Problem& p) { p.camera.translation[0] = kNan; });
  refuses("mask short", [](Problem& p) { p.level.mask.pop_back(); });
  refuses("map of 0", [](Problem& p) { p.map_size = 0; });
  refuses("map of 100000", [](Problem& p) { p.map_size = 100000; });
  refuses("no scales", [](Problem& p) { p.shape.clear(); });
  refuses("scale sigma NaN", [&](Problem& p) { p.colour[0].sigma = kNan; });
  refuses("mirror of 2", [](Problem& p) { p.mirror = 2; });
  refuses("landmark depth sigma -1", [](Problem& p) { p.landmark_depth_sigma_mm = -1; });
}

}  // namespace
}  // namespace hrn::test
