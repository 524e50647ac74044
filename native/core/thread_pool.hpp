// Threads that jobs share, and a job's hold on them: numbered chunks of work, run side by side.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/cancel.hpp"

namespace hrn {

/// A fixed number of threads, for as many jobs at a time. Every job works on a thread of its own; the threads that are
/// left help whichever of them has work. One job alone has them all, and as many jobs as threads run on one each, so
/// that no more threads compute than there are.
class Crew {
 public:
  /// `threads` counts those of the jobs themselves, so 1 starts none; 0 means one per core that this process may use.
  /// Where the system grants fewer there are fewer.
  explicit Crew(int threads = 0);
  /// No job may be under way.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  int threads() const { return threads_; }

 private:
  friend class ThreadPool;
  using Chunk = void (*)(void* context, long chunk, int worker);

  // What one job asks for. `state`: a generation, and how many chunks are claimed from the front and from the back. A
  // claim is one compare-and-swap that fails if the work has changed meanwhile, so the caller waits only for helpers
  // that really took a chunk.
  struct alignas(64) Seat {
    std::atomic<std::uint64_t> state;
    std::atomic<Chunk> run{nullptr};
    std::atomic<void*> context{nullptr};
    std::atomic<std::uint32_t> count{0};
    alignas(64) std::atomic<std::uint32_t> finished{0};
    std::exception_ptr thrown;  // by the first of the chunks that threw, under mutex_ while they run
    long thrown_by = 0;
    bool taken = false;  // under mutex_
  };
  struct alignas(64) Helper {
    std::atomic<std::uint32_t> asleep{0};
    std::thread thread;
  };

  Seat& take_seat(const Cancel* cancel);
  void leave(Seat& seat);
  void share(Seat& seat, long count, Chunk chunk, void* context);
  void help(int worker);
  bool run_chunks(Seat& seat, int worker);
  void keep_thrown(Seat& seat, long chunk);
  void wake(int helpers);
  // Helpers are numbered from 1: those beyond the threads that jobs leave free rest.
  bool may_help(int worker) const { return worker + jobs_.load(std::memory_order_relaxed) <= limit_; }

  const int limit_;  // threads asked for
  int threads_ = 1;  // granted
  std::vector<Seat> seats_;
  std::vector<Helper> helpers_;
  alignas(64) std::atomic<std::uint32_t> epoch_{0};  // counts what was asked for
  alignas(64) std::atomic<int> jobs_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable seat_free_;
};

/// What one job runs its chunks on. Results never depend on the thread count as long as a chunk's work depends only on
/// its number.
///
/// Not re-entrant: one caller at a time, and a chunk must not start other work on the same pool.
class ThreadPool {
 public:
  /// With threads of its own; see Crew.
  explicit ThreadPool(int threads = 0);
  /// Shares the crew's threads, which must outlive it. Waits while as many jobs as threads are under way; throws
  /// Error(cancelled) when `cancel` is requested meanwhile.
  ThreadPool(Crew& crew, const Cancel& cancel);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// At most so many chunks run at the same time.
  int threads() const { return crew_.threads(); }

  /// `worker` is below threads() and unique among the chunks running at the same time.
  using Chunk = void (*)(void* context, long chunk, int worker);

  /// Runs chunks 0..count-1 and returns when all are done. Allocates nothing. What chunks throw, on whichever thread,
  /// is thrown from here once none runs any more: what the chunk of the lowest number threw. With one thread those
  /// after it do not run.
  void parallel_for(long count, Chunk run, void* context) { crew_.share(seat_, count, run, context); }

  /// The same with a callable: body(chunk).
  template <class Body>
  void parallel_for(long count, const Body& body) {
    parallel_for(
        count, [](void* context, long chunk, int) { (*static_cast<const Body*>(context))(chunk); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  std::unique_ptr<Crew> own_;
  Crew& crew_;
  Crew::Seat& seat_;
};

}  // namespace hrn
