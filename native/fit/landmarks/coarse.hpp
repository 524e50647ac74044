// The landmark fit: pose, focal length, identity and expression from the dense landmarks of one photo, by
// Levenberg-Marquardt with Gaussian priors.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "core/cancel.hpp"
#include "core/progress.hpp"
#include "core/thread_pool.hpp"
#include "fit/head/camera_pose.hpp"
#include "fit/head/model.hpp"
#include "losses/robust.hpp"

namespace hrn::fit {

/// What is observed and believed. `n` is the number of dense landmarks of the model; empty vectors mean "none".
struct CoarseProblem {
  std::vector<double> pixels;   // [n][2], px
  std::vector<double> depths;   // [n] or empty, px; larger is farther, only differences count
  std::vector<double> weights;  // [n] or empty (all 1); multiplies the inverse variance, 0 leaves the point out

  double focal_px = 0;         // initial focal length and mean of its prior
  double log_focal_sigma = 0;  // prior deviation of log(focal length); 0 keeps the focal length fixed
  std::array<double, 2> principal_px{};

  std::vector<double> sigma_mm;  // [n] or empty (the model's own), landmark deviation in the face plane
  double sigma_floor_px = 0.5;   // added in quadrature
  double depth_sigma_mm = 10;    // of the relative depths

  /// Where the network puts its points relative to the surface points, mm in the head frame's x and y.
  std::vector<double> bias_mm;  // [n][2] or empty
  // How far each landmark goes astray where the identity departs from the mean, mm per unit; empty: nowhere.
  std::vector<float> response_mm;  // [identity_count][n][2]
  std::vector<float> nuisance_mm;  // [nuisance_count][n][2], correlated landmark errors, one deviation each
  long nuisance_count = 0;

  long identity_count = 0;                                // leading components to fit
  std::vector<double> identity_mean, identity_sigma;      // [identity_count] or empty (0 and 1)
  std::vector<double> expression_mean, expression_sigma;  // [model's count] or empty (the model's own)

  losses::Robust robust = losses::Robust::huber;
  double robust_scale = 2;  // in standard deviations

  /// Vertices whose silhouette the dynamic landmarks may slide along; empty keeps every landmark on its surface point.
  std::vector<std::uint32_t> contour_vertices;
  double contour_sigma_mm = 1.5;     // across the silhouette
  double contour_max_slide_mm = 15;  // a silhouette farther away than this is not the one that was observed

  int max_iterations = 20;
  double tolerance = 1e-5;
};

struct CoarseResult {
  CameraPose camera;
  std::vector<double> identity, expression, nuisance;
  std::vector<double> predicted_px;   // [n][2], where the fitted surface points (with bias and nuisance) project
  std::vector<double> residual_px;    // [n], distance to the observation; across the silhouette for sliding points
  std::vector<std::uint8_t> sliding;  // [n], 1 where the point ended on the silhouette
  int iterations = 0;
  bool converged = false;
  double cost = 0;
  double log_focal_sigma = 0;          // posterior deviation; 0 when fixed
  std::vector<double> identity_sigma;  // posterior deviation
};

/// Throws Error(invalid_argument) for values out of range or sizes that do not match the model.
void check_coarse_problem(const Model& model, const CoarseProblem& problem);

/// Throws Error(invalid_argument) as check_coarse_problem, Error(fit_failed) when
/// the landmarks do not determine a pose, Error(cancelled). Bit-identical for any thread count.
CoarseResult fit_coarse(const Model& model, const CoarseProblem& problem, ThreadPool& pool, const Cancel& cancel,
                        const Progress& progress);

/// Vertices of the deformable face within `radius_mm` of the dynamic dense landmarks of the mean head: the default for
/// CoarseProblem::contour_vertices.
std::vector<std::uint32_t> contour_candidates(const Model& model, double radius_mm);

}  // namespace hrn::fit
