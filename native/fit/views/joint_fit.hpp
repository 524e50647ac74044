// Several views of one person in one least-squares problem: identity and albedo are shared, every view has a pose, an
// expression, a light and a focal length of its own. The views' terms are those of the single fit.
#pragma once
#include <vector>

#include "core/cancel.hpp"
#include "core/progress.hpp"
#include "core/thread_pool.hpp"
#include "fit/landmarks/coarse.hpp"
#include "fit/head/model.hpp"
#include "fit/parameters/fit.hpp"

namespace hrn::fit {

struct JointProblem {
  /// All with the same identity to start from and as many levels of as many iterations. Priors of identity and albedo
  /// count once a view, so each is to be as much wider as makes them one together.
  std::vector<PhotometricProblem> views;
  /// One focal length for all views, which must start from the same.
  bool one_camera = false;
};

/// The landmarks' terms alone; the views need no photo. Every view's result has the same identity.
/// Throws Error(invalid_argument), Error(fit_failed), Error(cancelled). Bit-identical for any thread count.
std::vector<CoarseResult> fit_joint_landmarks(const Model& model, const JointProblem& problem, ThreadPool& pool,
                                              const Cancel& cancel, const Progress& progress);

/// Every view's result has the same identity and albedo. Throws Error(invalid_argument), Error(cancelled).
/// Bit-identical for any thread count.
std::vector<PhotometricResult> fit_joint_photometric(const Model& model, const JointProblem& problem, ThreadPool& pool,
                                                     const Cancel& cancel, const Progress& progress);

}  // namespace hrn::fit
