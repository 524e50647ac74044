// The joint photometric refinement of several views, for the photometric term of any backend.
#pragma once
#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "fit/parameters/least_squares.hpp"
#include "fit/views/joint_fit.hpp"
#include "fit/views/joint_unknowns.hpp"

namespace hrn::fit {

/// `terms`: a photometric term of this backend per view, `surface`: the head on it. A checked problem.
template <AnyPhotometricTerm Term, class B>
std::vector<PhotometricResult> run_joint_photometric(const Model& model, const JointProblem& problem,
                                                     std::span<Term> terms, HeadSurface<B>& surface, B& backend,
                                                     ThreadPool& pool, const Cancel& cancel, const Progress& progress) {
  using View = PhotometricLeastSquares<Term>;
  const std::size_t count = problem.views.size();
  std::vector<std::unique_ptr<View>> views;
  std::vector<View*> all;
  std::vector<optim::SharedIndex> shared;
  JointUnknowns unknowns;
  int row_unknowns = 0, max_rows = 0;
  for (std::size_t v = 0; v < count; ++v) {
    const PhotometricProblem& one = problem.views[v];
    views.push_back(std::make_unique<View>(model, one, terms[v], pool));
    all.push_back(views.back().get());
    const bool focal_free = one.landmarks.log_focal_sigma > 0;
    unknowns.pose = focal_free ? 7 : 6;
    unknowns.identity = static_cast<int>(one.landmarks.identity_count);
    unknowns.own = static_cast<int>(model.expression_count + one.landmarks.nuisance_count);
    unknowns.albedo = static_cast<int>(model.albedo_count);
    unknowns.light = 27;
    unknowns.one_focal_length = problem.one_camera && focal_free;
    shared.push_back(unknowns.index());
    row_unknowns = std::max(row_unknowns, views.back()->row_unknowns());
    max_rows = std::max(max_rows, views.back()->max_rows());
  }
  optim::ArrowLevenbergMarquardt solver(shared, unknowns.shared(), row_unknowns, max_rows);

  constexpr int kLightIterations = 4;
  const std::size_t levels = problem.views.front().levels.size();
  long total = kLightIterations, done = 0;
  for (const PhotometricLevel& level : problem.views.front().levels) total += level.iterations;
  std::vector<PhotometricResult> results(count);
  const auto run = [&](int iterations, double tolerance) {
    if (iterations == 0) return;
    optim::LevenbergMarquardtOptions options;
    options.max_iterations = iterations;
    options.tolerance = tolerance;
    options.damping = 1e-4;
    const auto report = solver.minimize(std::span<View* const>(all), options, pool, [&](int iteration) {
      cancel.check();
      progress.report(done + iteration, total);
    });
    done += iterations;
    for (PhotometricResult& result : results) {
      result.iterations += report.iterations;
      result.cost = report.final_cost;
    }
  };
  for (std::size_t i = 0; i < levels; ++i) {
    std::vector<HeadView> sights(count);
    const auto look = [&](std::size_t v) {
      cancel.check();
      sights[v] = look_at_head(model, surface, backend, views[v]->state(), problem.views[v].landmarks.identity_count);
    };
    for (std::size_t v = 0; v < count; ++v) {
      const PhotometricLevel& level = problem.views[v].levels[i];
      look(v);
      views[v]->set_level({level.rgb.data(), level.mask.data(), level.size, level.scale, level.x0, level.y0},
                          visible_vertices(model, sights[v]));
    }
    if (i == 0) {
      for (View* view : all) {
        view->set_appearance_only(true);
        view->start_sigma();
      }
      run(kLightIterations, 1e-3);
      for (View* view : all) view->set_appearance_only(false);
    }
    // In halves, as the single fit.
    const int iterations = problem.views.front().levels[i].iterations, half = iterations / 2;
    const int parts[2] = {half, iterations - half};
    for (int k = 0; k < 2; ++k) {
      for (std::size_t v = 0; v < count; ++v) {
        if (i > 0) views[v]->update_sigma();
        if (parts[k] == 0) continue;
        if (k > 0) look(v);
        views[v]->match_outline_and_normals(sights[v], visible_vertices(model, sights[v]));
      }
      run(parts[k], 1e-4);
    }
  }
  for (std::size_t v = 0; v < count; ++v) views[v]->take_result(model, results[v]);
  return results;
}

}  // namespace hrn::fit
