// The silhouette residuals: gradient against central differences, and a head that is drawn onto a known outline.
#include "fit/outline/silhouette_term.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/cpu/cpu_backend.hpp"
#include "fit/parameters/least_squares.hpp"
#include "fit_scene.hpp"
#include "framework.hpp"

namespace hrn::test {
namespace {

// Edges around the outline of the head at `state`, in the photo, with their outward normals.
fit::SilhouetteProblem edges_around(const fit::HeadState& state) {
  fit::SilhouetteProblem problem;
  problem.takes_part.assign(static_cast<std::size_t>(small_head().vertex_count), 1);
  const fit::HeadView view = view_of(state);
  const double zoom = state.camera.focal_px / view.camera.focal_px;
  const auto sees = [&](int x, int y) { return view.triangle_id[static_cast<std::size_t>(y * view.side + x)] >= 0; };
  constexpr int kReach = 4;
  for (int y = kReach; y < view.side - kReach; ++y)
    for (int x = kReach; x < view.side - kReach; ++x) {
      if (!sees(x, y) || (sees(x - 1, y) && sees(x + 1, y) && sees(x, y - 1) && sees(x, y + 1))) continue;
      double n[2] = {0, 0};
      for (int dy = -kReach; dy <= kReach; ++dy)
        for (int dx = -kReach; dx <= kReach; ++dx)
          if (!sees(x + dx, y + dy)) n[0] += dx, n[1] += dy;
      const double size = std::hypot(n[0], n[1]);
      const double at[2] = {x + 0.5 + 0.5 * n[0] / size, y + 0.5 + 0.5 * n[1] / size};
      for (std::size_t k = 0; k < 2; ++k) {
        problem.edges.push_back((at[k] - view.camera.principal_px[k]) * zoom + state.camera.principal_px[k]);
        problem.normals.push_back(n[k] / size);
      }
    }
  return problem;
}

fit::ParameterLayout layout_of(const fit::HeadState& state) {
  fit::ParameterLayout layout;
  layout.shape = static_cast<int>(state.coefficients.size());
  return layout;
}

HRN_TEST("fit/silhouette/gradient against central differences in double") {
  const fit::HeadState truth = true_state();
  const fit::SilhouetteProblem problem = edges_around(truth);
  fit::HeadState state = stepped(stepped(truth, 7, 0.8), 3, 3);
  fit::SilhouetteTerm term(small_head(), problem, small_head().identity_count);
  const fit::HeadView view = view_of(state);
  term.match(state, view);
  CHECK(term.matched() > 50);
  const fit::ParameterLayout layout = layout_of(state);
  optim::NormalEquations equations(layout.pose + layout.shape, fit::SilhouetteTerm::kRows);
  equations.clear();
  ThreadPool pool(1);
  term.accumulate(state, layout, pool, equations);
  equations.accumulate(pool);
  for (int k = 0; k < layout.pose + layout.shape; ++k) {
    const double h = 1e-5;
    const double numeric = (term.energy(stepped(state, k, h)) - term.energy(stepped(state, k, -h))) / (2 * h);
    report.near(equations.gradient()[static_cast<std::size_t>(k)], numeric, 1e-4 * (1 + std::abs(numeric)),
                "unknown " + std::to_string(k));
  }
}

HRN_TEST("fit/silhouette/draws a head outward and inward onto the outline") {
  const fit::HeadState truth = true_state();
  const fit::SilhouetteProblem edges = edges_around(truth);
  // How far from the edges the outline of a fitted head lies.
  const auto distance = [&](const fit::HeadState& state) {
    fit::SilhouetteTerm term(small_head(), edges, small_head().identity_count);
    const fit::HeadView view = view_of(state);
    term.match(state, view);
    return std::sqrt(term.energy(state) / term.matched());
  };
  CHECK(distance(truth) < 0.2);
  for (const double nearer : {0.96, 1.04}) {
    fit::PhotometricProblem problem = photometric_problem();
    problem.identity = photo_truth().identity;
    problem.expression = photo_truth().expression;
    problem.camera.translation[2] *= nearer;
    // Neither landmarks nor colours tell: only the outline.
    problem.landmarks.weights.assign(static_cast<std::size_t>(small_head().dense.count), 1e-6);
    problem.photo.effective_samples = 0;
    const auto state_of = [](const fit::PhotometricResult& r) {
      fit::HeadState state;
      state.camera = r.camera;
      state.coefficients = r.identity;
      state.coefficients.insert(state.coefficients.end(), r.expression.begin(), r.expression.end());
      return state;
    };
    ThreadPool pool(1);
    const Progress silent([](long, long) {});
    const double without = distance(state_of(fit::fit_photometric(small_head(), problem, pool, Cancel(), silent)));
    problem.silhouette = edges;
    const double with = distance(state_of(fit::fit_photometric(small_head(), problem, pool, Cancel(), silent)));
    CHECK(with < 0.4 * without);
  }
}

HRN_TEST("fit/silhouette/what is matched changes continuously with the head's state") {
  const fit::HeadState truth = true_state();
  const fit::SilhouetteProblem problem = edges_around(truth);
  // A turn of 1e-5 moves the outline by a thousandth of a pixel. Were points of it exchanged for others, the weight of
  // some would be lost or won as a whole.
  constexpr int kSteps = 60;
  double before = 0, energy_before = 0, most = 0, energy_most = 0;
  for (int i = 0; i <= kSteps; ++i) {
    fit::HeadState state = stepped(stepped(truth, 7, 0.8), 3, 3);
    state.camera.turn({1e-5 * i, -2e-5 * i, 1e-5 * i});
    fit::SilhouetteTerm term(small_head(), problem, small_head().identity_count);
    term.match(state, view_of(state));
    if (i > 0) {
      most = std::max(most, std::abs(term.matched() - before));
      energy_most = std::max(energy_most, std::abs(term.energy(state) - energy_before));
    }
    before = term.matched();
    energy_before = term.energy(state);
  }
  report.near(most, 0, 1e-4 * before, "weight of the matched points");
  report.near(energy_most, 0, 1e-3 * energy_before, "energy");
}

HRN_TEST("fit/silhouette/a start changed in the seventh digit leaves the fit where it was") {
  fit::PhotometricProblem problem = photometric_problem();
  problem.silhouette = edges_around(true_state());
  problem.camera.translation[2] *= 1.02;
  problem.levels.push_back(problem.levels[0]);
  const fit::CameraPose start = problem.camera;
  const auto fitted = [&](double turn, double nearer) {
    problem.camera = start;
    problem.camera.turn({turn, -turn, turn});
    problem.camera.translation[2] *= 1 - nearer;
    ThreadPool pool(1);
    CpuBackend backend(pool);
    const fit::PhotometricResult r =
        fit::fit_photometric(small_head(), problem, pool, Cancel(), Progress([](long, long) {}));
    fit::HeadSurface<CpuBackend> surface(small_head(), fit::host_arrays(small_head()), backend);
    surface.set_shape(r.identity, r.expression);
    return std::vector<float>(surface.positions().begin(), surface.positions().end());
  };
  const std::vector<float> expected = fitted(0, 0);
  for (const double turn : {-1e-6, 0.0, 1e-6})
    for (const double nearer : {-1e-6, 1e-6}) {
      const std::vector<float> got = fitted(turn, nearer);
      double sum = 0;
      for (long v = 0; v < small_head().vertex_count; ++v) {
        const Vec3<float> d = load3(got.data(), v) - load3(expected.data(), v);
        sum += static_cast<double>(length(d));
      }
      report.near(sum / static_cast<double>(small_head().vertex_count), 0, 1e-3, "mean distance, mm");
    }
}

HRN_TEST("fit/silhouette/edges that face another way or lie out of reach do not count") {
  const fit::HeadState truth = true_state();
  fit::SilhouetteProblem problem = edges_around(truth);
  const fit::HeadView view = view_of(truth);
  const auto matched = [&] {
    fit::SilhouetteTerm term(small_head(), problem, small_head().identity_count);
    term.match(truth, view);
    return term.matched();
  };
  CHECK(matched() > 50);
  for (double& n : problem.normals) n = -n;
  report.equal(matched(), 0.0, "turned round");
  for (double& n : problem.normals) n = -n;
  const double px_per_mm = truth.camera.focal_px / truth.camera.translation[2];
  for (std::size_t i = 0; i < problem.edges.size(); ++i)
    problem.edges[i] += 1.5 * problem.reach_mm * px_per_mm * problem.normals[i];
  report.equal(matched(), 0.0, "far away");
}

HRN_TEST("fit/silhouette/refuses what is no problem") {
  const auto refuses = [&](const char* what, const auto& spoil) {
    fit::PhotometricProblem problem = photometric_problem();
    problem.silhouette.edges = {10, 10};
    problem.silhouette.normals = {1, 0};
    problem.silhouette.takes_part.assign(static_cast<std::size_t>(small_head().vertex_count), 1);
    spoil(problem.silhouette);
    report.equal(error_of([&] { fit::check_silhouette(small_head(), problem.silhouette); }),
                 std::string("INVALID_ARGUMENT"), what);
  };
  using Problem = fit::SilhouetteProblem;
  refuses("normals missing", [](Problem& p) { p.normals.clear(); });
  refuses("edge NaN", [](Problem& p) { p.edges[0] = std::numeric_limits<double>::quiet_NaN(); });
  refuses("flags missing", [](Problem& p) { p.takes_part.pop_back(); });
  refuses("deviation 0", [](Problem& p) { p.sigma_mm = 0; });
}

}  // namespace
}  // namespace hrn::test
