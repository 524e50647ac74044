// The residuals of dense normals: gradient against central differences, a head that turns to normals that are known,
// and what a common error of all normals must not change.
#include "fit/dense/normal_term.hpp"

#include <cmath>

#include "backends/cpu/cpu_backend.hpp"
#include "fit/parameters/least_squares.hpp"
#include "fit_scene.hpp"
#include "framework.hpp"

namespace hrn::test {
namespace {

// The normals of the head at `state` over a square of the photo, all turned by `tilt` about the line of sight's x axis.
fit::NormalProblem normals_of(const fit::HeadState& state, double tilt) {
  const fit::Model& model = small_head();
  const fit::HeadView view = view_of(state);
  fit::NormalProblem problem;
  problem.size = view.side;
  const std::size_t plane = static_cast<std::size_t>(view.side) * static_cast<std::size_t>(view.side);
  problem.normals.assign(3 * plane, 0);
  problem.sigma.assign(plane, 0.1f);
  problem.skin.assign(plane, 0);
  const double scale = state.camera.focal_px / view.camera.focal_px;
  problem.to_photo = {scale, 0,     state.camera.principal_px[0] - scale * view.camera.principal_px[0],
                      0,     scale, state.camera.principal_px[1] - scale * view.camera.principal_px[1]};
  const fit::NormalPatches patches(model);
  std::vector<Vec3<double>> vertex_normals(static_cast<std::size_t>(model.vertex_count), Vec3<double>{0, 0, 0});
  const auto at = [&](std::int32_t v) {
    const Vec3<float> p = load3(view.positions.data(), v);
    return Vec3<double>{p.x, p.y, p.z};
  };
  const auto& corner = model.topology.triangles;
  for (std::size_t t = 0; t < corner.size(); t += 3) {
    const Vec3<double> n = cross(at(corner[t + 1]) - at(corner[t]), at(corner[t + 2]) - at(corner[t]));
    for (std::size_t k = 0; k < 3; ++k) {
      Vec3<double>& sum = vertex_normals[static_cast<std::size_t>(corner[t + k])];
      sum = sum + n;
    }
  }
  for (std::size_t i = 0; i < plane; ++i) {
    const std::int32_t t = view.triangle_id[i];
    if (t < 0) continue;
    Vec3<double> n{0, 0, 0};
    for (std::size_t k = 0; k < 3; ++k)
      n = n + vertex_normals[static_cast<std::size_t>(corner[3 * static_cast<std::size_t>(t) + k])];
    n = state.camera.rotate((1 / std::sqrt(dot(n, n))) * n);
    const double up = -n.y, towards = -n.z;
    problem.normals[i] = static_cast<float>(n.x);
    problem.normals[plane + i] = static_cast<float>(std::cos(tilt) * up - std::sin(tilt) * towards);
    problem.normals[2 * plane + i] = static_cast<float>(std::sin(tilt) * up + std::cos(tilt) * towards);
    problem.skin[i] = 1;
  }
  return problem;
}

fit::HeadState moved(fit::HeadState state, std::size_t coefficient, double step) {
  state.coefficients[coefficient] += step;
  return state;
}

struct Matched {
  Matched(const fit::NormalProblem& problem, const fit::HeadState& state)
      : term(small_head(), problem, small_head().identity_count) {
    const fit::HeadView view = view_of(state);
    term.match(state, view.positions, fit::visible_vertices(small_head(), view), pool);
  }
  double energy(const fit::HeadState& state) { return term.energy(state, pool); }

  ThreadPool pool{2};
  fit::NormalTerm term;
};

HRN_TEST("fit/dense/normals: gradient against central differences in double") {
  const fit::HeadState truth = true_state();
  const fit::NormalProblem problem = normals_of(truth, 0);
  const fit::HeadState state = moved(moved(truth, 0, 0.8), 3, -0.6);
  Matched matched(problem, state);
  CHECK(matched.term.matched() > 20);
  fit::ParameterLayout layout;
  layout.shape = static_cast<int>(state.coefficients.size());
  optim::NormalEquations equations(layout.pose + layout.shape, fit::NormalTerm::kRows);
  equations.clear();
  matched.term.accumulate(state, layout, matched.pool, equations);
  equations.accumulate(matched.pool);
  for (std::size_t k = 0; k < state.coefficients.size(); ++k) {
    constexpr double kStep = 1e-5;
    const double difference =
        (matched.energy(moved(state, k, kStep)) - matched.energy(moved(state, k, -kStep))) / (2 * kStep);
    const double gradient = equations.gradient()[static_cast<std::size_t>(layout.pose) + k];
    CHECK(std::abs(gradient - difference) < 1e-4 * std::abs(difference) + 1e-4);
  }
}

HRN_TEST("fit/dense/normals: area vectors move as they were linearised") {
  const fit::HeadState truth = true_state();
  const fit::NormalProblem problem = normals_of(truth, 0);
  Matched from_truth(problem, truth);
  const double here = from_truth.energy(truth), aside = from_truth.energy(moved(truth, 1, 1));
  CHECK(here < 0.25 * aside);
  // Matched where it is, the same head has nearly the same energy.
  Matched from_aside(problem, moved(truth, 1, 1));
  CHECK(std::abs(from_aside.energy(moved(truth, 1, 1)) - aside) < 0.25 * aside);
}

HRN_TEST("fit/dense/normals: a common turn of all normals changes nothing") {
  const fit::HeadState truth = true_state(), state = moved(truth, 1, 0.7);
  const fit::NormalProblem straight = normals_of(truth, 0), tilted = normals_of(truth, 0.1);
  const double a = Matched(straight, state).energy(state), b = Matched(tilted, state).energy(state);
  CHECK(a > 0);
  CHECK(std::abs(a - b) < 0.02 * a + 1e-6);
}

HRN_TEST("fit/dense/normals: refuses maps that are none") {
  fit::NormalProblem problem = normals_of(true_state(), 0);
  problem.sigma[7] = 0;
  report.equal(error_of([&] { fit::check_normals(problem); }), std::string("INVALID_ARGUMENT"), "error");
  problem.sigma[7] = 0.1f;
  problem.skin[7] = 2;
  report.equal(error_of([&] { fit::check_normals(problem); }), std::string("INVALID_ARGUMENT"), "error");
}

}  // namespace
}  // namespace hrn::test
