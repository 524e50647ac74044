// The deformation map: what the morphable model cannot express, as a displacement of every vertex read from a map over
// the UV square, fitted by differentiable rendering. Pose, light and the model's own parameters stay as they are.
//
// Lei et al. 2023, "A Hierarchical Representation Network for Accurate and Detailed Face Reconstruction from
// In-The-Wild Images": the middle level of the hierarchy. Instead of their total variation, the map has a
// Gaussian-process prior.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "core/cancel.hpp"
#include "core/progress.hpp"
#include "core/thread_pool.hpp"
#include "fit/deformation/map_covariance.hpp"
#include "fit/head/camera_pose.hpp"
#include "fit/head/model.hpp"
#include "fit/landmarks/point_term.hpp"
#include "fit/parameters/fit.hpp"

namespace hrn::fit {

struct DeformationProblem {
  std::vector<float> positions;  // [V][3], mm, the parametric fit
  CameraPose camera;             // photo pixels
  std::vector<double> albedo;    // [albedo_count]
  std::array<double, 27> lighting{};
  std::vector<double> pixels;    // [n][2], observed dense landmarks, photo pixels
  std::vector<double> weights;   // [n] or empty; multiplies the inverse variance
  std::vector<double> bias_mm;   // [n][2] or empty: where the network puts its points, head frame x and y
  std::vector<double> sigma_mm;  // [n] or empty (the model's own): landmark deviation

  PointProblem points;  // seen at known places of the photo

  PhotometricLevel level;  // crop to compare with; its iterations are those of the loop
  PhotometricOptions photo{.sigma_reference = 0.03, .effective_samples = 400};
  int map_size = 128;                                    // texels a side
  std::vector<MapScale> shape{{1.5, 6}, {0.7, 3}};       // prior of the map, mm
  double mirror = 0.6;                                   // correlation with the mirrored side
  std::vector<MapScale> colour{{0.05, 8}, {0.05, 1.5}};  // prior of what the albedo model misses, sRGB-encoded
  double landmark_floor_px = 0.5;                        // in quadrature
  // Of a landmark along the head's axis, in which a turned head sees errors of the network as depth.
  double landmark_depth_sigma_mm = 20;
};

struct DeformationResult {
  std::vector<float> map;        // [map_size][map_size][3], mm, head frame, rows from v = 0
  std::vector<float> positions;  // [V][3], mm
  double photometric_error = 0;  // mean absolute colour difference inside the mask, 0..1
  std::vector<double> energy;    // data term per iteration
};

/// Throws Error(invalid_argument), Error(cancelled). Bit-identical for any thread count.
DeformationResult fit_deformation(const Model& model, const DeformationProblem& problem, ThreadPool& pool,
                                  const Cancel& cancel, const Progress& progress);

}  // namespace hrn::fit
