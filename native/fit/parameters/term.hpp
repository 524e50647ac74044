// The photometric residuals of the parametric fit: at visible surface points, fitted albedo times irradiance against
// the photo, linearised in every parameter for Gauss-Newton.
//
// Sampling at vertices instead of pixels keeps the Jacobian exact and small (a few thousand points), so that all of
// pose, identity, expression, albedo and light can be solved for together in some ten iterations where a first-order
// method needs hundreds.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/thread_pool.hpp"
#include "core/vec.hpp"
#include "fit/head/model.hpp"
#include "fit/head/parameter_layout.hpp"
#include "fit/landmarks/problem.hpp"
#include "fit/parameters/sample.hpp"
#include "optim/normal_equations.hpp"

namespace hrn::fit {

struct PhotometricOptions {
  // Colour noise, 0..1. It starts at `sigma_start`; then it follows the mean absolute colour difference that is left,
  // steeply: shading tells shape only where albedo and light explain the photo nearly to the last per cent, and
  // elsewhere shape must not be bent to explain it. (Measured on renders of the model's own heads and of others: any
  // fixed noise that serves the first spoils the second.)
  double sigma_start = 0.08;
  double sigma_floor = 0.01, sigma_ceiling = 0.15;
  double sigma_reference = 0.01;  // where the difference is kReferenceError
  static constexpr double kReferenceError = 0.022;
  double robust = 0.07;            // residual norm at which Geman-McClure halves the pull, 0..1
  double effective_samples = 100;  // neighbouring points err alike: all of them count as this many independent ones

  double sigma(double error) const {
    return std::clamp(sigma_reference * std::pow(error / kReferenceError, 4), sigma_floor, sigma_ceiling);
  }
};

/// Which surface points are compared, and what they need of the mesh.
struct PhotometricSamples {
  explicit PhotometricSamples(const Model& model);

  std::vector<std::int32_t> rows;  // model vertex of each row of the compact basis
  std::vector<photometric::Sample> samples;
  std::vector<photometric::Edge> edges;
};

/// The samples' rows of the model, unpacked: what the term reads in every iteration.
struct PhotometricBasis {
  PhotometricBasis(const Model& model, long identity_count, ThreadPool& pool);

  long shape = 0;    // identity + expression
  long columns = 0;  // the same padded to a multiple of 8
  PhotometricSamples mesh;
  std::vector<float> shape_basis;  // [rows][3][columns]
  std::vector<float> albedo;       // [samples][3][albedo count]
};

/// What one pixel of colour difference weighs: `weight` is that of all selected points together.
double photometric_unit(const PhotometricOptions& options, double weight, double sigma);

/// The pose as the kernels take it.
photometric::Camera photometric_camera(const CameraPose& pose, const PhotoCrop& crop);

class PhotometricTerm {
 public:
  // The first `identity_count` identity components and every expression component take part.
  PhotometricTerm(const Model& model, long identity_count, ThreadPool& pool);

  // Which sample points count from here: facing the camera, not hidden, inside the mask. Constant between calls, like
  // the colour noise.
  // `visible` tells of each model vertex how far it is, 0..1.
  void select(const HeadState& state, const PhotoCrop& crop, const std::vector<float>& visible);

  // Robust energy of the selected points at `state`: a device may still be at work when the first returns.
  void start_energy(const HeadState& state, const Appearance& look, const PhotoCrop& crop,
                    const PhotometricOptions& options);
  double energy() const { return energy_; }

  // Forms this term's J^T W J and J^T W r at a state, of the unknowns that `layout` has (without pose and shape, of the
  // appearance alone); a device may still be at work when it returns.
  void start_products(const HeadState& state, const Appearance& look, const PhotoCrop& crop,
                      const PhotometricOptions& options, const ParameterLayout& layout);
  // Adds what was formed last; its first unknown is number `first` there.
  void add_products(optim::NormalEquations& equations, int first);

  // Mean absolute colour difference of the selected points, 0..1; by their weights and those of the channels.
  double mean_error(const HeadState& state, const Appearance& look, const PhotoCrop& crop);

  void set_sigma(double sigma) { sigma_ = sigma; }

  long selected() const { return static_cast<long>(active_.size()); }

  // How a sample's three channels change with the position of a vertex.
  struct Influence {
    std::int32_t row;
    photometric::V3 by_position[3];
  };

 private:
  void evaluate_rows(const HeadState& state);
  photometric::SampleArgs arguments(const HeadState& state, const Appearance& look, const PhotoCrop& crop) const;
  void jacobian_rows(const photometric::SampleArgs& args, const ParameterLayout& layout, long sample,
                     const photometric::Shaded& s, float root, long stride, std::vector<Influence>& influences,
                     float* rows) const;
  ParameterLayout own_layout() const;
  long product_panels() const;
  double scale(const PhotometricOptions& options) const { return photometric_unit(options, total_weight_, sigma_); }

  const Model& model_;
  ThreadPool& pool_;
  std::shared_ptr<const PhotometricBasis> basis_;
  std::vector<std::int32_t> active_;  // indices of the samples that count
  std::vector<float> weight_;         // per active sample
  std::vector<float> positions_;      // [rows][3] at the coefficients last evaluated
  std::vector<float> evaluated_;      // those coefficients
  double total_weight_ = 0, sigma_ = 0.05, energy_ = 0;
  std::vector<float> products_;   // partial sums of start_products()
  std::vector<double> row_sums_;  // their sums, scratch
  ParameterLayout layout_;        // of its unknowns
};

}  // namespace hrn::fit
