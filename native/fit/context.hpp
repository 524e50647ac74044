// What one `hrn.create()` owns in native code: shared by its jobs, so it outlives the JavaScript object while one runs.
#pragma once
#include <memory>
#include <optional>

#include "core/thread_pool.hpp"
#include "fit/cuda_fits.hpp"

namespace hrn {

class Context {
 public:
  // cuda_device: where jobs with a CUDA version run, as CUDA counts; without it they run on the threads.
  explicit Context(int threads, std::optional<int> cuda_device = {}) : crew_(threads) {
    if (cuda_device) gpu_ = std::make_unique<fit::CudaFits>(*cuda_device);
  }

  int threads() const { return crew_.threads(); }
  // A job that computes on the host takes its place in it (ThreadPool) for as long as it does.
  Crew& crew() { return crew_; }
  // The fits of the GPU that was chosen; null where fits run on the threads.
  fit::CudaFits* gpu() const { return gpu_.get(); }

 private:
  Crew crew_;
  std::unique_ptr<fit::CudaFits> gpu_;
};

}  // namespace hrn
