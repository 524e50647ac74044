#include "fit/landmarks/coarse.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.hpp"
#include "fit/landmarks/initial_pose.hpp"
#include "fit/landmarks/problem.hpp"
#include "optim/levenberg_marquardt.hpp"

namespace hrn::fit {
namespace {

constexpr int kPoseIterations = 10;

constexpr Requirement require{"coarse fit"};

void check_values(const std::vector<double>& values, size_t expected, bool optional, const char* name) {
  require(
      (optional && values.empty()) || values.size() == expected,
      std::string(name) + " to have " + std::to_string(expected) + " elements, got " + std::to_string(values.size()));
  for (const double v : values) require(std::isfinite(v), std::string(name) + " to be finite");
}

void check_positive(const std::vector<double>& values, const char* name) {
  for (const double v : values) require(v > 0, std::string(name) + " to be positive");
}

bool in(double value, double low, double high) { return value >= low && value <= high; }

}  // namespace

void check_coarse_problem(const Model& model, const CoarseProblem& p) {
  const size_t n = static_cast<size_t>(model.dense.count);
  check_values(p.pixels, 2 * n, false, "pixels");
  for (const double v : p.pixels) require(std::abs(v) < 1e7, "pixels below 1e7");
  check_values(p.depths, n, true, "depths");
  for (const double v : p.depths) require(std::abs(v) < 1e7, "depths below 1e7");
  check_values(p.weights, n, true, "weights");
  for (const double v : p.weights) require(in(v, 0, 1e6), "weights between 0 and 1e6");
  require(in(p.focal_px, 1, 1e7), "focal length between 1 and 1e7 px");
  require(in(p.log_focal_sigma, 0, 10), "deviation of the log focal length between 0 and 10");
  for (const double v : p.principal_px) require(in(v, -1e6, 1e6), "principal point within 1e6 px");
  check_values(p.sigma_mm, n, true, "landmark deviations");
  check_positive(p.sigma_mm, "landmark deviations");
  require(in(p.sigma_floor_px, 0, 1e4), "deviation floor between 0 and 1e4 px");
  require(in(p.depth_sigma_mm, 1e-3, 1e6), "depth deviation between 0.001 and 1e6 mm");
  check_values(p.bias_mm, 2 * n, true, "landmark bias");
  require(in(static_cast<double>(p.nuisance_count), 0, 512), "at most 512 nuisance components");
  require(p.nuisance_mm.size() == static_cast<size_t>(p.nuisance_count) * 2 * n,
          "nuisance basis of count x points x 2");
  require(p.response_mm.empty() || p.response_mm.size() == static_cast<size_t>(p.identity_count) * 2 * n,
          "a response of identity components x points x 2");
  for (const float v : p.response_mm) require(std::isfinite(v), "a finite response");
  for (const float v : p.nuisance_mm) require(std::isfinite(v), "nuisance basis to be finite");
  require(p.identity_count >= 0 && p.identity_count <= model.identity_count,
          "at most " + std::to_string(model.identity_count) + " identity components");
  check_values(p.identity_mean, static_cast<size_t>(p.identity_count), true, "identity mean");
  check_values(p.identity_sigma, static_cast<size_t>(p.identity_count), true, "identity deviation");
  check_positive(p.identity_sigma, "identity deviation");
  check_values(p.expression_mean, static_cast<size_t>(model.expression_count), true, "expression mean");
  check_values(p.expression_sigma, static_cast<size_t>(model.expression_count), true, "expression deviation");
  check_positive(p.expression_sigma, "expression deviation");
  require(in(p.robust_scale, 1e-3, 1e6), "robust scale between 0.001 and 1e6");
  for (const std::uint32_t v : p.contour_vertices)
    require(v < static_cast<size_t>(model.vertex_count), "contour vertices of the model");
  require(in(p.contour_sigma_mm, 1e-3, 1e3), "contour deviation between 0.001 and 1000 mm");
  require(in(p.contour_max_slide_mm, 0, 1e3), "contour slide between 0 and 1000 mm");
  require(p.max_iterations >= 1 && p.max_iterations <= 1000, "1 to 1000 iterations");
  require(in(p.tolerance, 0, 1), "tolerance between 0 and 1");
}

namespace {

[[noreturn]] void degenerate() {
  throw Error(ErrorCode::fit_failed,
              "the landmarks do not determine a head pose (all in one place or on one line); pass a photo where the "
              "face is larger and turned less");
}

}  // namespace

CoarseResult fit_coarse(const Model& model, const CoarseProblem& problem, ThreadPool& pool, const Cancel& cancel,
                        const Progress& progress) {
  check_coarse_problem(model, problem);
  LandmarkProblem landmarks(model, problem, pool);
  const std::vector<double> weights = landmarks.point_weights(), points = landmarks.prior_points();
  long usable = 0;
  for (long i = 0; i < model.dense.count; ++i) {
    const bool may_slide = !problem.contour_vertices.empty() && model.dense.dynamic[static_cast<size_t>(i)] != 0;
    usable += weights[static_cast<size_t>(i)] > 0 && !may_slide ? 1 : 0;
  }
  require(usable >= 6, "at least 6 landmarks on fixed surface points with a weight above 0");
  const auto start = initial_pose(points.data(), problem.pixels.data(), weights.data(), model.dense.count,
                                  problem.focal_px, problem.principal_px.data());
  if (!start) degenerate();
  landmarks.state().camera = *start;

  landmarks.set_pose_only(true);
  optim::LevenbergMarquardt pose_solver(landmarks.unknowns(), landmarks.max_rows());
  optim::LevenbergMarquardtOptions options;
  options.max_iterations = kPoseIterations;
  options.tolerance = 1e-3;
  const auto iterate = [&](long done) {
    cancel.check();
    progress.report(done, problem.max_iterations);
  };
  const auto posed = pose_solver.minimize(landmarks, options, pool, [&](int) { cancel.check(); });
  if (!std::isfinite(posed.final_cost)) degenerate();

  landmarks.set_pose_only(false);
  optim::LevenbergMarquardt solver(landmarks.unknowns(), landmarks.max_rows());
  options.max_iterations = problem.max_iterations;
  options.tolerance = problem.tolerance;
  const auto report = solver.minimize(landmarks, options, pool, iterate);
  if (!std::isfinite(report.final_cost)) degenerate();

  CoarseResult result;
  result.identity_sigma.resize(static_cast<size_t>(problem.identity_count));
  const int pose = landmarks.pose_unknowns();
  const int first = problem.log_focal_sigma > 0 ? 6 : pose;
  const size_t asked = static_cast<size_t>(pose - first) + result.identity_sigma.size();
  std::vector<double> covariance(asked * asked);
  if (solver.posterior_covariance(landmarks, pool, first, static_cast<int>(asked), covariance.data())) {
    const auto sigma = [&](size_t k) { return std::sqrt(covariance[k * asked + k]); };
    if (first < pose) result.log_focal_sigma = sigma(0);
    for (size_t k = 0; k < result.identity_sigma.size(); ++k)
      result.identity_sigma[k] = sigma(static_cast<size_t>(pose - first) + k);
  }
  const HeadState& state = landmarks.state();
  result.camera = state.camera;
  split_coefficients(model, problem.identity_count, state, result.identity, result.expression, result.nuisance);
  result.iterations = report.iterations;
  result.converged = report.converged;
  result.cost = report.final_cost;
  landmarks.predict(result);
  return result;
}

}  // namespace hrn::fit
