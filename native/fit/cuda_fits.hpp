// The fits of one Context on one GPU. Declared in every build; where the build has no CUDA, asking throws.
#pragma once
#include <cstddef>
#include <memory>

#include "core/cancel.hpp"
#include "core/progress.hpp"
#include "core/thread_pool.hpp"
#include "fit/deformation/deformation.hpp"
#include "fit/detail/detail.hpp"
#include "fit/head/model.hpp"
#include "fit/parameters/fit.hpp"
#include "fit/reference/fit.hpp"
#include "fit/texture/texture.hpp"

namespace hrn::fit {

/// Free memory with which a device is worth choosing: what one job on the embedded head takes at the default texture
/// size, and what CUDA takes itself.
std::size_t cuda_bytes_needed();

/// Several threads may ask at once: each job has a stream and scratch memory of its own, and all share one copy of the
/// model. Throws what the CPU's fits throw, Error(device_failed) and Error(out_of_memory).
class CudaFits {
 public:
  /// `device` as CUDA counts; it is left alone until the first job.
  explicit CudaFits(int device);
  ~CudaFits();

  DeformationResult deformation(const std::shared_ptr<const Model>& model, const DeformationProblem& problem,
                                const Cancel& cancel, const Progress& progress);
  /// `pool`: for what stays on the host.
  PhotometricResult photometric(const std::shared_ptr<const Model>& model, const PhotometricProblem& problem,
                                ThreadPool& pool, const Cancel& cancel, const Progress& progress);
  std::vector<float> texture(const std::shared_ptr<const Model>& model, const imaging::Image& photo,
                             const TextureProblem& problem, std::span<std::uint8_t> rgb, const Cancel& cancel);
  /// `pool`: for the photo's levels and the finer mesh, which the host makes.
  DetailResult detail(const std::shared_ptr<const Model>& model, const imaging::Image& photo,
                      const DetailProblem& problem, ThreadPool& pool, const Cancel& cancel, const Progress& progress);
  reference::Result reference(const std::shared_ptr<const reference::Model>& model, const reference::Problem& problem,
                              const Cancel& cancel, const Progress& progress);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hrn::fit
