// How the GPU is timed.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "backends/cuda/device.hpp"
#include "fit/cuda_fits.hpp"
#include "harness.hpp"

namespace hrn::bench {
namespace {

using Setup = void (*)(CudaBackend&, const Recorder&);
std::vector<Setup>& setups() {
  static std::vector<Setup> list;
  return list;
}

class Event {
 public:
  Event() { cuda::check(cudaEventCreate(&event_), "making an event"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { (void)cudaEventDestroy(event_); }
  void record(cudaStream_t stream) { cuda::check(cudaEventRecord(event_, stream), "recording an event"); }
  float ms_since(const Event& start) {
    float ms = 0;
    cuda::check(cudaEventSynchronize(event_), "waiting for an event");
    cuda::check(cudaEventElapsedTime(&ms, start.event_, event_), "reading an event");
    return ms;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace

int add(void (*setup)(CudaBackend&, const Recorder&)) {
  setups().push_back(setup);
  return 0;
}

// Twenty runs in one recorded graph, so that starting them costs nothing; the median graph of fifty, or of as many as
// five seconds allow (an emulated GPU).
Timing time_runs(CudaBackend& backend, const std::function<void()>& run) {
  constexpr int kRuns = 20, kGraphs = 50;
  constexpr double kSeconds = 5;
  run();
  backend.wait();
  auto graph = backend.record([&] {
    for (int i = 0; i < kRuns; ++i) run();
  });
  Event start, end;
  std::vector<double> times;
  const auto started = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  };
  for (int i = 0; i < kGraphs + 3 && (times.empty() || seconds() < kSeconds); ++i) {
    start.record(backend.stream());
    graph();
    end.record(backend.stream());
    const double ms = static_cast<double>(end.ms_since(start)) / kRuns;
    if (i >= 3) times.push_back(ms);
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[0], 0, kRuns * times.size()};
}

void run_on_gpu(const Recorder& recorder) {
  const CudaStatus status = probe_cuda(fit::cuda_bytes_needed());
  const std::string reason = status.unusable();
  if (!reason.empty()) {
    std::printf("{\"gpu\":\"\",\"reason\":\"%s\"}\n", reason.c_str());
    return;
  }
  CudaBackend backend(0);
  std::printf("{\"gpu\":\"%s\"}\n", status.devices[0].name.c_str());
  constexpr std::size_t kFloats = std::size_t{1} << 27;
  {
    auto from = backend.alloc<float>(kFloats), to = backend.alloc<float>(kFloats);
    recorder.measure(backend, "copy", "512 MiB", 2.0 * kFloats * sizeof(float), [&] {
      cuda::check(
          cudaMemcpyAsync(to.data(), from.data(), kFloats * sizeof(float), cudaMemcpyDeviceToDevice, backend.stream()),
          "copy");
    });
  }
  // One file's failure does not keep the others from being measured, unless it broke the device.
  for (const Setup setup : setups()) {
    try {
      setup(backend, recorder);
    } catch (const Error& error) {
      std::printf("{\"failure\":\"%s\"}\n", error.what());
    }
  }
}

}  // namespace hrn::bench
