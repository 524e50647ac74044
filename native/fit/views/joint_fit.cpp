#include "fit/views/joint_fit.hpp"

#include <cmath>
#include <memory>
#include <string>

#include "backends/cpu/cpu_backend.hpp"
#include "core/error.hpp"
#include "fit/deformation/map_covariance.hpp"
#include "fit/landmarks/problem.hpp"
#include "fit/views/joint_deformation.hpp"
#include "fit/views/joint_photometric.hpp"
#include "fit/views/joint_unknowns.hpp"
#include "optim/arrow_levenberg_marquardt.hpp"

namespace hrn::fit {
namespace {

constexpr std::size_t kMaxViews = 256;

constexpr Requirement require{"joint fit"};

void check_views(const JointProblem& problem) {
  require(!problem.views.empty() && problem.views.size() <= kMaxViews,
          "1 to " + std::to_string(kMaxViews) + " views, got " + std::to_string(problem.views.size()));
  const PhotometricProblem& first = problem.views.front();
  for (const PhotometricProblem& view : problem.views) {
    require(view.landmarks.identity_count == first.landmarks.identity_count, "views of as many identity components");
    require(view.identity == first.identity, "views that start from one identity");
    require(view.levels.size() == first.levels.size(), "views of as many levels");
    for (std::size_t i = 0; i < view.levels.size(); ++i)
      require(view.levels[i].iterations == first.levels[i].iterations, "levels of as many iterations in every view");
    if (problem.one_camera)
      require(view.camera.focal_px == first.camera.focal_px &&
                  (view.landmarks.log_focal_sigma > 0) == (first.landmarks.log_focal_sigma > 0),
              "views of one camera to start from one focal length");
  }
}

}  // namespace

std::vector<CoarseResult> fit_joint_landmarks(const Model& model, const JointProblem& problem, ThreadPool& pool,
                                              const Cancel& cancel, const Progress& progress) {
  check_views(problem);
  for (const PhotometricProblem& view : problem.views) check_start(model, view);
  std::vector<std::unique_ptr<LandmarkProblem>> views;
  std::vector<LandmarkProblem*> all;
  std::vector<optim::SharedIndex> shared;
  JointUnknowns unknowns;
  for (const PhotometricProblem& one : problem.views) {
    views.push_back(std::make_unique<LandmarkProblem>(model, one.landmarks, pool));
    LandmarkProblem& view = *views.back();
    all.push_back(&view);
    set_start(view.state(), one);
    unknowns.pose = view.pose_unknowns();
    unknowns.identity = static_cast<int>(one.landmarks.identity_count);
    unknowns.own = static_cast<int>(view.coefficient_count()) - unknowns.identity;
    unknowns.one_focal_length = problem.one_camera && one.landmarks.log_focal_sigma > 0;
    shared.push_back(unknowns.index());
  }
  int largest = 0, rows = 0;
  for (const LandmarkProblem* view : all) {
    largest = std::max(largest, view->unknowns());
    rows = std::max(rows, view->max_rows());
  }
  optim::ArrowLevenbergMarquardt solver(shared, unknowns.shared(), largest, rows);
  optim::LevenbergMarquardtOptions options;
  options.max_iterations = problem.views.front().landmarks.max_iterations;
  options.tolerance = problem.views.front().landmarks.tolerance;
  const auto report = solver.minimize(std::span<LandmarkProblem* const>(all), options, pool, [&](int iteration) {
    cancel.check();
    progress.report(iteration, options.max_iterations);
  });
  if (!std::isfinite(report.final_cost))
    throw Error(ErrorCode::fit_failed, "the landmarks of the views do not determine one head");
  std::vector<CoarseResult> results(views.size());
  for (std::size_t v = 0; v < views.size(); ++v) {
    const HeadState& state = views[v]->state();
    CoarseResult& result = results[v];
    result.camera = state.camera;
    split_coefficients(model, problem.views[v].landmarks.identity_count, state, result.identity, result.expression,
                       result.nuisance);
    result.iterations = report.iterations;
    result.converged = report.converged;
    views[v]->predict(result);
    // Its own share, which tells how well it goes with the others.
    result.cost = views[v]->match();
  }
  return results;
}

std::vector<PhotometricResult> fit_joint_photometric(const Model& model, const JointProblem& problem, ThreadPool& pool,
                                                     const Cancel& cancel, const Progress& progress) {
  check_views(problem);
  for (const PhotometricProblem& view : problem.views) check_photometric_problem(model, view);
  CpuBackend backend(pool);
  HeadSurface<CpuBackend> surface(model, host_arrays(model), backend);
  std::vector<PhotometricTerm> terms;
  terms.reserve(problem.views.size());
  for (const PhotometricProblem& view : problem.views) terms.emplace_back(model, view.landmarks.identity_count, pool);
  return run_joint_photometric(model, problem, std::span<PhotometricTerm>(terms), surface, backend, pool, cancel,
                               progress);
}

JointDeformationResult fit_joint_deformation(const Model& model, const std::vector<DeformationProblem>& views,
                                             ThreadPool& pool, const Cancel& cancel, const Progress& progress) {
  require(!views.empty() && views.size() <= kMaxViews, "1 to " + std::to_string(kMaxViews) + " views");
  for (const DeformationProblem& view : views) {
    check_deformation_problem(model, view);
    require(view.level.size == views.front().level.size && view.map_size == views.front().map_size,
            "crops of one size and a map of one size");
    require(view.points.vertices == views.front().points.vertices, "the same points in every view");
  }
  CpuBackend backend(pool);
  return run_joint_deformation<MapCovariance>(model, host_arrays(model), views, backend, cancel, progress);
}

}  // namespace hrn::fit
