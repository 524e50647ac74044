// The photometric refinement of the parametric fit: pose, focal length, identity, expression, albedo and light
// together, on landmarks and photo, coarse to fine, starting from the landmark fit.
#pragma once
#include <vector>

#include "core/cancel.hpp"
#include "core/progress.hpp"
#include "core/thread_pool.hpp"
#include "fit/dense/normal_term.hpp"
#include "fit/head/model.hpp"
#include "fit/landmarks/coarse.hpp"
#include "fit/landmarks/point_term.hpp"
#include "fit/outline/silhouette_term.hpp"
#include "fit/parameters/term.hpp"

namespace hrn::fit {

struct PhotometricLevel {
  std::vector<float> rgb;   // [size][size][3], sRGB-encoded 0..1
  std::vector<float> mask;  // [size][size], 0..1
  int size = 0;
  float scale = 1, x0 = 0, y0 = 0;  // crop pixel = scale * (photo pixel - (x0, y0))
  int iterations = 6;
};

struct PhotometricProblem {
  CoarseProblem landmarks;  // as for the landmark fit; its start values are ignored
  CameraPose camera;        // start
  std::vector<double> identity, expression, nuisance;
  std::vector<PhotometricLevel> levels;  // coarse to fine
  PhotometricOptions photo;
  SilhouetteProblem silhouette;
  NormalProblem normals;
  PointProblem points;
  double albedo_sigma = 1;          // prior of the albedo coefficients
  double light_sigma = 0.5;         // prior of every light coefficient but the first of each channel
  double light_colour_sigma = 0.1;  // prior of a channel's deviation from the mean of the three
};

struct PhotometricResult {
  CameraPose camera;
  std::vector<double> identity, expression, nuisance, albedo;
  std::array<double, 27> lighting{};
  long samples = 0;  // surface points compared in the last level
  double error = 0;  // their mean absolute colour difference, 0..1
  int iterations = 0;
  double cost = 0;
  std::vector<float> evidence;  // [V], see shape_evidence; empty where only albedo and light were solved for
};

/// Throw Error(invalid_argument).
void check_level(const PhotometricLevel& level);
void check_camera(const CameraPose& camera);
void check_start(const Model& model, const PhotometricProblem& problem);
void check_photometric_problem(const Model& model, const PhotometricProblem& problem);

/// Puts the state where the problem starts.
void set_start(HeadState& state, const PhotometricProblem& problem);

/// Throws Error(invalid_argument), Error(cancelled). Bit-identical for any thread count.
PhotometricResult fit_photometric(const Model& model, const PhotometricProblem& problem, ThreadPool& pool,
                                  const Cancel& cancel, const Progress& progress);

}  // namespace hrn::fit
