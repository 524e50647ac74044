// What one `hrn.create()` owns in native code: shared by its jobs, so it outlives the JavaScript object while one runs.
#pragma once
#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "core/cancel.hpp"
#include "core/thread_pool.hpp"
#include "fit/cuda_fits.hpp"

namespace hrn {

class Context {
 public:
  // cuda_device: where jobs with a CUDA version run, as CUDA counts; without it they run on the threads.
  explicit Context(int threads, std::optional<int> cuda_device = {}) : pool_(threads) {
    if (cuda_device) gpu_ = std::make_unique<fit::CudaFits>(*cuda_device, std::min(threads, kGpuJobThreads));
  }

  int threads() const { return pool_.threads(); }
  // The fits of the GPU that was chosen; null where fits run on the threads.
  fit::CudaFits* gpu() const { return gpu_.get(); }

  // The pool serves one caller at a time: a job holds a Turn while it computes, later jobs wait for it.
  class Turn {
   public:
    // Throws Error(cancelled) when `cancel` is requested before the turn comes.
    Turn(Context& context, const Cancel& cancel) : context_(context), lock_(context.busy_, std::defer_lock) {
      do cancel.check();
      while (!lock_.try_lock_for(std::chrono::milliseconds(10)));
    }
    ThreadPool& pool() const { return context_.pool_; }

   private:
    Context& context_;
    std::unique_lock<std::timed_mutex> lock_;
  };

 private:
  // More hardly help a job whose heavy part is elsewhere, and many jobs may run at once.
  static constexpr int kGpuJobThreads = 8;

  ThreadPool pool_;
  std::unique_ptr<fit::CudaFits> gpu_;
  std::timed_mutex busy_;
};

}  // namespace hrn
