// hrn_bench [FILTER]: measures what contains FILTER in its name.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <limits>
#include <vector>

#include "core/array.hpp"
#include "harness.hpp"

namespace hrn::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

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
  recorder.measure("copy", "128 MiB", 2.0 * kFloats * sizeof(float), cpu.threads(),
                   [&] { cpu.pool().parallel_for(kFloats / Copy::kChunk, Copy::run, &copy); });
}

}  // namespace

int add(Setup setup) {
  setups().push_back(setup);
  return 0;
}

void Recorder::measure(const std::string& name, const std::string& size, double bytes, int threads,
                       const std::function<void()>& run) const {
  if (name.find(filter_) == std::string::npos && name != "copy") return;
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
  std::printf(
      "{\"name\":\"%s\",\"size\":\"%s\",\"threads\":%d,\"medianMs\":%.5f,\"minMs\":%.5f,\"cpuMs\":%.5f,\"bytes\":%.0f,"
      "\"runs\":%zu}\n",
      name.c_str(), size.c_str(), threads, 1e3 * times[times.size() / 2], 1e3 * times[0], 1e3 * least_cpu, bytes,
      times.size());
  std::fflush(stdout);
}

}  // namespace hrn::bench

int main(int argc, char** argv) {
  using namespace hrn::bench;
  const Recorder recorder(argc > 1 ? argv[1] : "");
  const int all = hrn::ThreadPool(0).threads();
  std::printf("{\"isa\":\"%s\",\"threads\":%d}\n", hrn::isa_name(hrn::detect_isa()), all);
  for (int threads = 1; threads <= all; threads += std::max(1, all - 1)) {
    hrn::ThreadPool pool(threads);
    hrn::CpuBackend cpu(pool);
    copy_bandwidth(cpu, recorder);
    for (const Setup setup : setups()) setup(cpu, recorder);
  }
  return 0;
}
