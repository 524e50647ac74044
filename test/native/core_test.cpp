// Halves, thread pool, topology.
#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>
#endif

#include <atomic>
#include <fstream>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/cancel.hpp"
#include "core/half.hpp"
#include "core/isa.hpp"
#include "core/thread_pool.hpp"
#include "core/topology.hpp"
#include "framework.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

HRN_TEST("half/all 65536 values survive the round trip") {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const Half h{static_cast<std::uint16_t>(bits)};
    const float value = half_to_float(h);
    if (std::isnan(value))
      CHECK((bits & 0x7c00u) == 0x7c00u && (bits & 0x3ffu) != 0);
    else
      report.equal(static_cast<std::uint32_t>(float_to_half(value).bits), bits, "bits");
  }
}

HRN_TEST("half/known values and rounding") {
  report.equal(half_to_float({0x3c00}), 1.0f, "one");
  report.equal(half_to_float({0xc000}), -2.0f, "minus two");
  report.equal(half_to_float({0x7bff}), 65504.0f, "largest");
  report.equal(half_to_float({0x0001}), 0x1p-24f, "smallest");
  CHECK(std::isinf(half_to_float({0x7c00})));
  // Ties to even, and the nearest of a random value.
  report.equal(float_to_half(1.0f + 0x1p-11f).bits, std::uint16_t{0x3c00}, "tie down");
  report.equal(float_to_half(1.0f + 3 * 0x1p-11f).bits, std::uint16_t{0x3c02}, "tie up");
  report.equal(float_to_half(65520.0f).bits, std::uint16_t{0x7c00}, "overflow");
  report.equal(float_to_half(65519.0f).bits, std::uint16_t{0x7bff}, "largest");
  Random random(4);
  for (int i = 0; i < 20000; ++i) {
    const float x = static_cast<float>(std::ldexp(random.uniform(), static_cast<int>(random.below(30)) - 20));
    const float back = half_to_float(float_to_half(x));
    CHECK(std::abs(back - x) <= std::max(std::abs(x) * 0x1p-11f, 0x1p-25f));
  }
}

HRN_TEST("thread_pool/every chunk runs once, for many jobs in a row") {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    report.equal(pool.threads(), threads, "threads");
    for (long job = 0; job < 3000; ++job) {
      const long count = job % 37;
      std::atomic<long> runs{0}, sum{0};
      pool.parallel_for(count, [&](long chunk) {
        runs.fetch_add(1);
        sum.fetch_add(chunk);
      });
      report.equal(runs.load(), count, "runs");
      report.equal(sum.load(), count * (count - 1) / 2, "sum of chunk numbers");
    }
  }
}

HRN_TEST("thread_pool/workers have numbers of their own") {
  struct Shared {
    std::atomic<int> inside[5] = {};
    std::atomic<bool> clash{false};
  } shared;
  ThreadPool pool(5);
  pool.parallel_for(
      2000,
      [](void* data, long, int worker) {
        auto& s = *static_cast<Shared*>(data);
        if (worker < 0 || worker >= 5 || s.inside[worker].fetch_add(1) != 0) s.clash = true;
        s.inside[worker].fetch_sub(1);
      },
      &shared);
  CHECK(!shared.clash);
}

HRN_TEST("thread_pool/what a chunk throws comes out of the job, on whichever thread, and the pool goes on") {
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (long job = 0; job < 500; ++job) {
      // The first, the last, several or all of them.
      const auto throws = [&](long chunk) { return job % 3 == 0 ? chunk == 15 : job % 3 == 1 ? chunk % 5 == 2 : true; };
      const long lowest = job % 3 == 0 ? 15 : job % 3 == 1 ? 2 : 0;
      std::atomic<int> running{0};
      long told = -1;
      try {
        pool.parallel_for(16, [&](long chunk) {
          ++running;
          std::this_thread::yield();
          --running;
          if (throws(chunk)) throw std::out_of_range(std::to_string(chunk));
        });
      } catch (const std::out_of_range& error) {
        told = std::stol(error.what());
      }
      report.equal(told, lowest, "the lowest chunk that threw");
      report.equal(running.load(), 0, "chunks that still run");
      std::atomic<long> sum{0};
      pool.parallel_for(16, [&](long chunk) { sum += chunk; });
      report.equal(sum.load(), 120L, "the next job");
    }
  }
}

HRN_TEST("thread_pool/jobs share a crew, each with all its chunks run once and never more at a time than threads") {
  for (const int threads : {1, 2, 4}) {
    Crew crew(threads);
    std::atomic<int> inside{0}, most{0};
    std::atomic<long> wrong{0};
    const auto job = [&](long seed) {
      for (int turn = 0; turn < 20; ++turn) {
        ThreadPool pool(crew, Cancel());
        for (long work = 0; work < 60; ++work) {
          const long count = (seed + work) % 23;
          std::atomic<long> sum{0};
          pool.parallel_for(count, [&](long chunk) {
            const int now = inside.fetch_add(1) + 1;
            for (int seen = most.load(); now > seen && !most.compare_exchange_weak(seen, now);) {
            }
            sum.fetch_add(chunk + 1);
            inside.fetch_sub(1);
          });
          if (sum.load() != count * (count + 1) / 2) wrong.fetch_add(1);
        }
      }
    };
    std::vector<std::thread> jobs;
    for (long i = 0; i < 6; ++i) jobs.emplace_back(job, i);
    for (std::thread& thread : jobs) thread.join();
    report.equal(wrong.load(), 0L, "work with chunks left out or run twice");
    // A helper that has claimed a chunk ends it, also when a further job has come meanwhile.
    CHECK(most.load() <= 2 * threads - 1);
  }
}

HRN_TEST("thread_pool/a job that waits for its turn can be cancelled") {
  Crew crew(1);
  ThreadPool first(crew, Cancel());
  Cancel cancel;
  std::atomic<bool> cancelled{false};
  std::thread second([&] {
    try {
      ThreadPool pool(crew, cancel);
    } catch (const Error& error) {
      cancelled = error.code() == ErrorCode::cancelled;
    }
  });
  cancel.request();
  second.join();
  CHECK(cancelled);
}

HRN_TEST("thread_pool/ends while its threads are still starting or about to sleep") {
  long runs = 0;
  for (int i = 0; i < 4000; ++i) {
    ThreadPool pool(5);
    std::atomic<long> run{0};
    if (i % 3 != 0) pool.parallel_for(4, [&](long) { run.fetch_add(1); });
    runs += run.load();
  }
  report.equal(runs, 4L * (4000 - 1334), "runs");
}

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
HRN_TEST("thread_pool/makes do with the threads that the system grants") {
  // Room for the stacks of a few.
  long pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE)) + (rlim_t{40} << 20);
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  {
    ThreadPool pool(256);
    limit.rlim_cur = before;
    setrlimit(RLIMIT_AS, &limit);
    CHECK(pool.threads() >= 1 && pool.threads() < 256);
    std::atomic<long> runs{0};
    pool.parallel_for(1000, [&](long) { runs.fetch_add(1); });
    report.equal(runs.load(), 1000L, "runs");
  }
}
#endif

HRN_TEST("topology/corners, edges and neighbours of two triangles") {
  const std::uint32_t triangles[] = {0, 1, 2, 2, 1, 3};
  const Topology t = build_topology(triangles, 2, 5);
  CHECK((t.corner_offsets == std::vector<std::int32_t>{0, 1, 3, 5, 6, 6}));
  CHECK((t.corners == std::vector<std::int32_t>{0, 1, 4, 2, 3, 5}));
  CHECK((t.edges == std::vector<std::int32_t>{0, 1, 0, 2, 1, 2, 1, 3, 2, 3}));
  CHECK((t.neighbour_offsets == std::vector<std::int32_t>{0, 2, 5, 8, 10, 10}));
  CHECK((t.neighbours == std::vector<std::int32_t>{1, 2, 0, 2, 3, 0, 1, 3, 1, 2}));
}

HRN_TEST("topology/empty, degenerate and broken meshes") {
  report.equal(build_topology(nullptr, 0, 0).corner_offsets.size(), std::size_t{1}, "offsets");
  const std::uint32_t point[] = {1, 1, 1};
  CHECK(build_topology(point, 1, 2).edges.empty());
  const std::uint32_t outside[] = {0, 1, 2};
  bool refused = false;
  try {
    build_topology(outside, 1, 2);
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  CHECK(refused);
}

}  // namespace
}  // namespace hrn::test
