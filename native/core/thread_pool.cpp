#include "core/thread_pool.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <system_error>

namespace hrn {
namespace {

constexpr std::uint64_t kClosed = 0xffffffffu;
// About 20 microseconds: bridges the gaps between the ops of an iteration without burning a core between jobs.
constexpr int kSpins = 600;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

int usable_cores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

ThreadPool::ThreadPool(int threads) : state_(kClosed) {
  const int total = threads > 0 ? std::min(threads, 256) : usable_cores();
  workers_.reserve(static_cast<std::size_t>(total - 1));
  try {
    for (int i = 1; i < total; ++i) workers_.emplace_back([this, i] { work(i); });
  } catch (const std::system_error&) {
    // The system grants no more of them: those that run do all the work.
  }
}

ThreadPool::~ThreadPool() {
  stopping_.store(true);
  epoch_.fetch_add(1);
  epoch_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::parallel_for(long count, Chunk run, void* context) {
  // Chunk numbers are 32 bits wide inside; longer jobs run in slices.
  constexpr long kSlice = 1L << 30;
  if (count <= 0) return;
  if (workers_.empty() || count == 1 || count > kSlice) {
    for (long i = 0; i < count; ++i) run(context, i, 0);
    return;
  }
  // The state is closed here, and a worker that reads a new field also sees it closed: no claim can mix two jobs.
  run_.store(run, std::memory_order_release);
  context_.store(context, std::memory_order_release);
  count_.store(static_cast<std::uint32_t>(count), std::memory_order_release);
  finished_.store(0, std::memory_order_release);
  const std::uint64_t generation = (state_.load(std::memory_order_relaxed) >> 32) + 1;
  state_.store(generation << 32, std::memory_order_release);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  run_chunks(0);
  int spins = 0;
  while (finished_.load(std::memory_order_acquire) != static_cast<std::uint32_t>(count)) {
    if (++spins < kSpins)
      pause();
    else
      std::this_thread::yield();
  }
  state_.store((generation << 32) | kClosed, std::memory_order_release);
}

bool ThreadPool::run_chunks(int worker) {
  std::uint32_t done = 0;
  std::uint64_t state = state_.load(std::memory_order_acquire);
  for (;;) {
    const Chunk run = run_.load(std::memory_order_acquire);
    void* const context = context_.load(std::memory_order_acquire);
    const std::uint64_t count = count_.load(std::memory_order_acquire);
    const std::uint64_t chunk = state & kClosed;
    if (chunk >= count || chunk == kClosed) break;
    if (!state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    run(context, static_cast<long>(chunk), worker);
    finished_.fetch_add(1, std::memory_order_release);
    ++done;
    state = state_.load(std::memory_order_acquire);
  }
  return done > 0;
}

void ThreadPool::work(int worker) {
  for (;;) {
    // Before stopping_ is asked, which the destructor sets first: an epoch that is already its own is never waited on.
    const std::uint32_t epoch = epoch_.load(std::memory_order_acquire);
    if (stopping_.load()) return;
    bool found = run_chunks(worker);
    for (int i = 0; !found && i < kSpins && !stopping_.load(std::memory_order_relaxed); ++i) {
      if (epoch_.load(std::memory_order_relaxed) != epoch) found = true;
      pause();
    }
    if (!found) epoch_.wait(epoch);
  }
}

}  // namespace hrn
