// What it takes to hand work to the threads: chunks of a fixed time, asked for at once after each other or so far apart
// that helpers have fallen asleep, as between the parts of a fit's iteration. With as many threads as chunks a call
// takes one chunk's time, and the rest of what is measured is what waking and waiting cost.
#include <chrono>
#include <string>

#include "harness.hpp"

namespace hrn::bench {
namespace {

void work_for(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

void pool_bench(CpuBackend& cpu, const Recorder& recorder) {
  constexpr long kChunks = 16;
  for (const int apart_us : {0, 200})
    for (const int chunk_us : {2, 30}) {
      const std::chrono::microseconds apart{apart_us}, chunk{chunk_us};
      const std::string size =
          "16 chunks of " + std::to_string(chunk_us) + " us, " + std::to_string(apart_us) + " us apart";
      recorder.measure(cpu, "parallel_for", size, 0, [&cpu, apart, chunk] {
        work_for(apart);
        cpu.pool().parallel_for(kChunks, [chunk](long) { work_for(chunk); });
      });
    }
}

const int added = add(pool_bench);

}  // namespace
}  // namespace hrn::bench
