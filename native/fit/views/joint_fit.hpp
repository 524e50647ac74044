// Several views of one person in one least-squares problem: identity and albedo are shared, every view has a pose, an
// expression, a light and a focal length of its own. The views' terms are those of the single fit.
#pragma once
#include <vector>

#include "core/cancel.hpp"
#include "core/progress.hpp"
#include "core/thread_pool.hpp"
#include "fit/deformation/deformation.hpp"
#include "fit/head/model.hpp"
#include "fit/landmarks/coarse.hpp"
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

struct JointDeformationResult {
  std::vector<float> map;                     // [map_size][map_size][3], mm, head frame, rows from v = 0
  std::vector<std::vector<float>> positions;  // per view: [V][3], mm
  std::vector<double> photometric_errors;     // per view: mean absolute colour difference inside the mask, 0..1
};

/// One map on the parametric fits of all views, which have the same albedo, priors and sizes; those of the first view
/// count. Throws Error(invalid_argument), Error(cancelled). Bit-identical for any thread count.
JointDeformationResult fit_joint_deformation(const Model& model, const std::vector<DeformationProblem>& views,
                                             ThreadPool& pool, const Cancel& cancel, const Progress& progress);

}  // namespace hrn::fit
