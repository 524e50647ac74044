// What one `hrn.create()` owns in native code: shared by its jobs, so it outlives the JavaScript object while one runs.
#pragma once
#include <chrono>
#include <mutex>
#include <optional>

#include "core/cancel.hpp"
#include "core/thread_pool.hpp"

namespace hrn {

class Context {
 public:
  // cuda_device: where jobs with a CUDA version run, as CUDA counts; without it they run on the threads.
  explicit Context(int threads, std::optional<int> cuda_device = {}) : pool_(threads), cuda_device_(cuda_device) {}

  int threads() const { return pool_.threads(); }
  std::optional<int> cuda_device() const { return cuda_device_; }

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
  ThreadPool pool_;
  std::optional<int> cuda_device_;
  std::timed_mutex busy_;
};

}  // namespace hrn
