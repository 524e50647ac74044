// Times of native code, one JSON line per measurement on standard output; bench/run.ts makes the table.
//
// The files with the measurements are compiled once for the processor and, through cuda_*.cu, once for the GPU.
#pragma once
#include <functional>
#include <string>

#include "backends/cpu/cpu_backend.hpp"
#ifdef __CUDACC__
#include "backends/cuda/cuda_backend.cuh"
#endif

namespace hrn {
class CudaBackend;
}

namespace hrn::bench {

#ifdef __CUDACC__
using BenchBackend = CudaBackend;
#else
using BenchBackend = CpuBackend;
#endif

struct Timing {
  double median_ms = 0, min_ms = 0;
  double cpu_ms = 0;  // processor time of all threads; 0 on a GPU
  std::size_t runs = 0;
};

/// Repeats `run` for about a third of a second after a warm-up.
Timing time_runs(CpuBackend& backend, const std::function<void()>& run);
/// The same from recorded repetitions, by the device's own clock. `run` must not wait for the device.
Timing time_runs(CudaBackend& backend, const std::function<void()>& run);
/// By the wall clock: `run` waits for the device itself.
Timing time_waiting(const std::function<void()>& run);

class Recorder {
 public:
  explicit Recorder(std::string filter) : filter_(std::move(filter)) {}

  /// Times `run` if `name` ("op/direction") contains the filter. `bytes` is what one run must at least read and write;
  /// 0 where counting makes no sense.
  template <class B>
  void measure(B& backend, const std::string& name, const std::string& size, double bytes,
               const std::function<void()>& run) const {
    if (name.find(filter_) == std::string::npos && name != "copy") return;
    report(name, size, B::name(), threads_of(backend), bytes, time_runs(backend, run));
  }

  /// The same of what waits for the device as it goes.
  template <class B>
  void measure_waiting(B& backend, const std::string& name, const std::string& size,
                       const std::function<void()>& run) const {
    if (name.find(filter_) == std::string::npos) return;
    report(name, size, B::name(), threads_of(backend), 0, time_waiting(run));
  }

 private:
  static int threads_of(const CpuBackend& backend) { return backend.threads(); }
  template <class B>
  static int threads_of(const B&) {
    return 0;
  }
  void report(const std::string& name, const std::string& size, const char* device, int threads, double bytes,
              const Timing& timing) const;

  std::string filter_;
};

/// Called once with one thread and once with all of them.
int add(void (*setup)(CpuBackend& backend, const Recorder& recorder));
/// Called once where there is a GPU.
int add(void (*setup)(CudaBackend& backend, const Recorder& recorder));

/// Runs what was added for the GPU; prints why where there is none.
void run_on_gpu(const Recorder& recorder);

/// Keeps the compiler from dropping a computation whose result nobody reads.
inline void keep(const void* result) { asm volatile("" : : "r"(result) : "memory"); }

}  // namespace hrn::bench
