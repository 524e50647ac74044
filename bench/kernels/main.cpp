// hrn_bench [--gpu] [FILTER]: measures what contains FILTER in its name; with --gpu on the GPU alone.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <limits>
#include <vector>

#include "core/array.hpp"
#include "harness.hpp"

namespace hrn::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

using Setup = void (*)(CpuBackend&, const Recorder&);
std::vector<Setup>& setups() {
  static std::vector<Setup> list;
  return list;
}

struct Copy {
  HostArray<float> from, to;
  static constexpr long kChunk = 1L << 16;
  static void run(void* data, long chunk, int) {
    auto& c = *static_cast<Copy*>(data);
    std::copy_n(c.from.data() + chunk * kChunk, kChunk, c.to.data() + chunk * kChunk);
  }
};

/// Bandwidth to compare with: a copy of buffers larger than most caches.
void copy_bandwidth(CpuBackend& cpu, const Recorder& recorder) {
  constexpr long kFloats = 1L << 25;
  Copy copy{HostArray<float>(kFloats), HostArray<float>(kFloats)};
  // Pages that nobody has written are one and the same page, and stay in the cache.
  std::fill(copy.from.begin(), copy.from.end(), 1.f);
  recorder.measure(cpu, "copy", "128 MiB", 2.0 * kFloats * sizeof(float),
                   [&] { cpu.pool().parallel_for(kFloats / Copy::kChunk, Copy::run, &copy); });
}

}  // namespace

int add(void (*setup)(CpuBackend&, const Recorder&)) {
  setups().push_back(setup);
  return 0;
}

Timing time_runs(CpuBackend&, const std::function<void()>& run) { return time_waiting(run); }

Timing time_waiting(const std::function<void()>& run) {
  run();
  std::vector<double> times;
  double least_cpu = std::numeric_limits<double>::infinity();
  const auto start = Clock::now();
  while (times.size() < 5 || (seconds_since(start) < 0.3 && times.size() < 10000)) {
    const auto before = Clock::now();
    const std::clock_t cpu_before = std::clock();
    run();
    least_cpu = std::min(least_cpu, static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC);
    times.push_back(seconds_since(before));
  }
  std::sort(times.begin(), times.end());
  return {1e3 * times[times.size() / 2], 1e3 * times[0], 1e3 * least_cpu, times.size()};
}

void Recorder::report(const std::string& name, const std::string& size, const char* device, int threads, double bytes,
                      const Timing& t) const {
  std::printf(
      "{\"name\":\"%s\",\"size\":\"%s\",\"device\":\"%s\",\"threads\":%d,\"medianMs\":%.5f,\"minMs\":%.5f,"
      "\"cpuMs\":%.5f,\"bytes\":%.0f,\"runs\":%zu}\n",
      name.c_str(), size.c_str(), device, threads, t.median_ms, t.min_ms, t.cpu_ms, bytes, t.runs);
  std::fflush(stdout);
}

#ifndef HRN_CUDA
int add(void (*)(CudaBackend&, const Recorder&)) { return 0; }
void run_on_gpu(const Recorder&) { std::printf("{\"gpu\":\"\",\"reason\":\"built without CUDA\"}\n"); }
#endif

}  // namespace hrn::bench

int main(int argc, char** argv) {
  using namespace hrn::bench;
  const bool gpu_only = argc > 1 && std::strcmp(argv[1], "--gpu") == 0;
  const int first = gpu_only ? 2 : 1;
  const Recorder recorder(argc > first ? argv[first] : "");
  const int all = hrn::ThreadPool(0).threads();
  std::printf("{\"isa\":\"%s\",\"threads\":%d}\n", hrn::isa_name(hrn::detect_isa()), all);
  for (int threads = 1; !gpu_only && threads <= all; threads += std::max(1, all - 1)) {
    hrn::ThreadPool pool(threads);
    hrn::CpuBackend cpu(pool);
    copy_bandwidth(cpu, recorder);
    for (const auto setup : setups()) setup(cpu, recorder);
  }
  run_on_gpu(recorder);
  return 0;
}
