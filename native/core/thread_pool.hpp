// A fixed set of threads that run numbered chunks of one job at a time.
#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace hrn {

/// Results never depend on the thread count as long as a chunk's work depends only on its number.
///
/// Not re-entrant: one caller at a time, and a chunk must not start another job on the same pool.
class ThreadPool {
 public:
  /// `threads` counts the caller, so 1 starts none; 0 means one per core that this process may use. Where the system
  /// grants fewer there are fewer.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// `worker` is below threads() and unique among the chunks running at the same time.
  using Chunk = void (*)(void* context, long chunk, int worker);

  /// Runs chunks 0..count-1 and returns when all are done. Allocates nothing. Chunks must not throw.
  void parallel_for(long count, Chunk run, void* context);

  /// The same with a callable: body(chunk).
  template <class Body>
  void parallel_for(long count, const Body& body) {
    parallel_for(
        count, [](void* context, long chunk, int) { (*static_cast<const Body*>(context))(chunk); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  void work(int worker);
  bool run_chunks(int worker);

  // Generation in the upper half, next unclaimed chunk in the lower: a claim is one compare-and-swap that fails if the
  // job has changed meanwhile, so the caller waits only for workers that really took a chunk.
  std::atomic<std::uint64_t> state_;
  std::atomic<Chunk> run_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::atomic<std::uint32_t> count_{0};
  alignas(64) std::atomic<std::uint32_t> finished_{0};
  alignas(64) std::atomic<std::uint32_t> epoch_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace hrn
