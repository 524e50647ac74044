// The residuals of surface points that are seen at known places: gradient against central differences, and what says
// nothing.
#include "fit/landmarks/point_term.hpp"

#include <cmath>

#include "fit_scene.hpp"
#include "framework.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

// Some vertices, a few pixels from where the head at `state` has them, known better in one direction than in another.
fit::PointProblem points_of(const fit::HeadState& state) {
  const fit::Model& model = small_head();
  fit::PointProblem problem;
  Random random(3);
  const std::vector<float>& positions = photo_truth().positions;
  for (long v = 5; v < model.vertex_count; v += 41) {
    const Vec3<float> p = load3(positions.data(), v);
    double pixel[2];
    state.camera.project(state.camera.transform({double(p.x), double(p.y), double(p.z)}), pixel);
    problem.vertices.push_back(static_cast<std::uint32_t>(v));
    for (const double value : pixel) problem.pixels.push_back(value + random.uniform(-2, 2));
    const double xx = random.uniform(0.2, 2), yy = random.uniform(0.2, 2);
    problem.information.insert(problem.information.end(), {xx, 0.7 * std::sqrt(xx * yy), yy});
  }
  return problem;
}

HRN_TEST("fit/landmarks/points: gradient against central differences in double") {
  const fit::HeadState state = true_state();
  const fit::PointProblem problem = points_of(state);
  const long identity = small_head().identity_count;
  fit::PointTerm term(small_head(), problem, identity);
  ThreadPool pool(2);
  fit::ParameterLayout layout;
  layout.shape = static_cast<int>(identity + small_head().expression_count);
  optim::NormalEquations equations(layout.pose + layout.shape, fit::PointTerm::kRows);
  equations.clear();
  term.accumulate(state, layout, pool, equations);
  equations.accumulate(pool);
  for (int k = 0; k < layout.pose + layout.shape; ++k) {
    constexpr double kStep = 1e-5;
    const double difference =
        (term.energy(stepped(state, k, kStep), pool) - term.energy(stepped(state, k, -kStep), pool)) / (2 * kStep);
    report.near(equations.gradient()[static_cast<std::size_t>(k)], difference, 2e-4 * std::abs(difference) + 2e-3,
                "by unknown " + std::to_string(k));
  }
}

HRN_TEST("fit/landmarks/points: of those that are not seen nothing is said") {
  const fit::HeadState state = true_state();
  fit::PointProblem problem = points_of(state);
  ThreadPool pool(1);
  const double seen = fit::PointTerm(small_head(), problem, small_head().identity_count).energy(state, pool);
  CHECK(seen > 1);
  for (double& value : problem.information) value = 0;
  report.equal(fit::PointTerm(small_head(), problem, small_head().identity_count).energy(state, pool), 0.0, "energy");
}

HRN_TEST("fit/landmarks/points: refuses what is no covariance's inverse") {
  const auto refused = [](const fit::PointProblem& problem) {
    return error_of([&] { fit::check_points(small_head(), problem); });
  };
  fit::PointProblem problem = points_of(true_state());
  report.equal(refused(problem), std::string("no error"), "as it is");
  problem.information[1] = 10;
  report.equal(refused(problem), std::string("INVALID_ARGUMENT"), "information that is not positive");
  problem = points_of(true_state());
  problem.vertices[0] = static_cast<std::uint32_t>(small_head().vertex_count);
  report.equal(refused(problem), std::string("INVALID_ARGUMENT"), "a vertex that is not there");
  problem = points_of(true_state());
  problem.pixels.pop_back();
  report.equal(refused(problem), std::string("INVALID_ARGUMENT"), "half a pixel");
}

}  // namespace
}  // namespace hrn::test
