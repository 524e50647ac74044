// The photometric term (see term.hpp) on the GPU: the same samples and the same per-sample source; a block
// a sample for the rows, and the normal equations as tiles over shares of the rows, added in order.
#pragma once
#include <vector>

#include "backends/cuda/cuda_backend.cuh"
#include "fit/head/model_arrays.hpp"
#include "fit/parameters/term.hpp"

namespace hrn::fit {

/// What every job of a model shares.
class CudaPhotometricMesh {
 public:
  CudaPhotometricMesh(const Model& model, CudaBackend& backend);

  const PhotometricSamples& host() const { return host_; }
  const std::int32_t* rows() const { return rows_.data(); }
  const photometric::Sample* samples() const { return samples_.data(); }
  const photometric::Edge* edges() const { return edges_.data(); }
  const float* albedo() const { return albedo_.data(); }

 private:
  PhotometricSamples host_;
  cuda::DeviceArray<std::int32_t> rows_;
  cuda::DeviceArray<photometric::Sample> samples_;
  cuda::DeviceArray<photometric::Edge> edges_;
  cuda::DeviceArray<float> albedo_;  // [samples][3][albedo count]
};

/// An AnyPhotometricTerm.
class CudaPhotometricTerm {
 public:
  CudaPhotometricTerm(const Model& model, const ModelArrays& arrays, const CudaPhotometricMesh& mesh,
                      long identity_count, CudaBackend& backend);

  void select(const HeadState& state, const PhotoCrop& crop, const std::vector<float>& visible);
  void start_energy(const HeadState& state, const Appearance& look, const PhotoCrop& crop,
                    const PhotometricOptions& options);
  double energy();
  void start_products(const HeadState& state, const Appearance& look, const PhotoCrop& crop,
                      const PhotometricOptions& options, const ParameterLayout& layout);
  void add_products(optim::NormalEquations& equations, int first);
  double mean_error(const HeadState& state, const Appearance& look, const PhotoCrop& crop);
  void set_sigma(double sigma) { sigma_ = sigma; }
  long selected() const { return selected_; }

 private:
  template <class T>
  using Array = cuda::DeviceArray<T>;

  photometric::SampleArgs evaluate(const HeadState& state, const Appearance& look, const PhotoCrop& crop);
  template <class T>
  void grow(Array<T>& array, std::size_t size) {
    if (array.size() < size) array = Array<T>(size, backend_.stream());
  }

  const Model& model_;
  const ModelArrays arrays_;
  const CudaPhotometricMesh& mesh_;
  CudaBackend& backend_;
  long identity_, shape_, columns_;
  Array<float> basis_;         // [rows][3][columns_], zero beyond shape_
  Array<float> positions_;     // [rows][3]
  Array<float> coefficients_;  // [columns_]
  Array<double> look_;         // albedo, then light
  Array<float> rgb_, mask_;    // of the crop selected last
  Array<std::int32_t> active_;
  Array<float> weight_;   // per sample; 0 where it does not count
  Array<float> rows_;     // [3 selected][stride], weighted Jacobian rows, the residual behind the last unknown
  Array<float> shares_;   // [shares][tiles][tile]
  Array<double> sums_;    // [stride][stride]
  Array<double> energy_;  // [1], without its unit
  double energy_unit_ = 0;
  std::vector<float> host_floats_;
  std::vector<double> host_sums_;
  int unknowns_ = 0;  // of the products
  long selected_ = 0;
  double total_weight_ = 0, sigma_ = 0.05;
};

}  // namespace hrn::fit
