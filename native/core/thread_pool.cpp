#include "core/thread_pool.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace hrn {
namespace {

// Of a seat's state: chunks taken from the front, from the back, generation.
constexpr int kBits = 21;
constexpr std::uint64_t kMask = (1u << kBits) - 1;
constexpr std::uint64_t kFront = 1, kBack = kFront << kBits, kGeneration = kBack << kBits;
// As many are taken as no work has.
constexpr std::uint64_t kClosed = kMask;
// About 20 microseconds: bridges the gaps between the ops of an iteration without burning a core between jobs.
constexpr int kSpins = 600;
// How long a job that waits for its turn does not look whether it was cancelled.
constexpr std::chrono::milliseconds kPatience{10};

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

Crew::Crew(int threads)
    : limit_(threads > 0 ? std::min(threads, 256) : usable_cores()),
      seats_(static_cast<std::size_t>(limit_)),
      helpers_(static_cast<std::size_t>(limit_ - 1)) {
  for (Seat& seat : seats_) seat.state.store(kClosed);
  try {
    for (; threads_ < limit_; ++threads_)
      helpers_[static_cast<std::size_t>(threads_ - 1)].thread = std::thread([this, i = threads_] { help(i); });
  } catch (const std::system_error&) {
    // The system grants no more of them: those that run do all the work.
  }
}

Crew::~Crew() {
  stopping_.store(true);
  epoch_.fetch_add(1);
  wake(threads_ - 1);
  for (Helper& helper : helpers_)
    if (helper.thread.joinable()) helper.thread.join();
}

Crew::Seat& Crew::take_seat(const Cancel* cancel) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (cancel != nullptr) cancel->check();
    for (int i = 0; i < threads_; ++i) {
      Seat& seat = seats_[static_cast<std::size_t>(i)];
      if (seat.taken) continue;
      seat.taken = true;
      jobs_.fetch_add(1, std::memory_order_relaxed);
      return seat;
    }
    seat_free_.wait_for(lock, kPatience);
  }
}

void Crew::leave(Seat& seat) {
  {
    const std::lock_guard lock(mutex_);
    seat.taken = false;
    jobs_.fetch_sub(1, std::memory_order_relaxed);
  }
  seat_free_.notify_one();
}

void Crew::share(Seat& seat, long count, Chunk chunk, void* context) {
  constexpr long kMost = static_cast<long>(kMask) - 1;
  const long helpers = std::min<long>(count - 1, threads_ - jobs_.load(std::memory_order_relaxed));
  if (helpers <= 0 || count > kMost) {
    for (long i = 0; i < count; ++i) chunk(context, i, 0);
    return;
  }
  // The state is closed here, and a helper that reads a new field also sees it closed: no claim can mix two pieces of
  // work.
  seat.run.store(chunk, std::memory_order_release);
  seat.context.store(context, std::memory_order_release);
  seat.count.store(static_cast<std::uint32_t>(count), std::memory_order_release);
  seat.finished.store(0, std::memory_order_release);
  const std::uint64_t generation = seat.state.load(std::memory_order_relaxed) / kGeneration + 1;
  seat.state.store(generation * kGeneration, std::memory_order_release);
  epoch_.fetch_add(1);
  wake(static_cast<int>(helpers));
  run_chunks(seat, 0);
  int spins = 0;
  while (seat.finished.load(std::memory_order_acquire) != static_cast<std::uint32_t>(count)) {
    if (++spins < kSpins)
      pause();
    else
      std::this_thread::yield();
  }
  seat.state.store(generation * kGeneration + kClosed, std::memory_order_release);
  if (seat.thrown) std::rethrow_exception(std::exchange(seat.thrown, nullptr));
}

void Crew::keep_thrown(Seat& seat, long chunk) {
  const std::lock_guard lock(mutex_);
  if (seat.thrown && seat.thrown_by < chunk) return;
  seat.thrown = std::current_exception();
  seat.thrown_by = chunk;
}

bool Crew::run_chunks(Seat& seat, int worker) {
  bool found = false;
  std::uint64_t state = seat.state.load(std::memory_order_acquire);
  for (;;) {
    const Chunk run = seat.run.load(std::memory_order_acquire);
    void* const context = seat.context.load(std::memory_order_acquire);
    const std::uint64_t count = seat.count.load(std::memory_order_acquire);
    const std::uint64_t front = state & kMask, back = state / kBack & kMask;
    if (front + back >= count) break;
    if (worker > 0 && !may_help(worker)) break;
    // A job's own thread from the front, helpers from the back: what they worked on lies in their caches the next time.
    const std::uint64_t chunk = worker == 0 ? front : count - 1 - back;
    const std::uint64_t taken = state + (worker == 0 ? kFront : kBack);
    if (!seat.state.compare_exchange_weak(state, taken, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    // Unwinding past here would end the process on a helper's thread, and on the job's own leave helpers with a context
    // that is gone.
    try {
      run(context, static_cast<long>(chunk), worker);
    } catch (...) {
      keep_thrown(seat, static_cast<long>(chunk));
    }
    seat.finished.fetch_add(1, std::memory_order_release);
    found = true;
    state = seat.state.load(std::memory_order_acquire);
  }
  return found;
}

void Crew::help(int worker) {
  Helper& self = helpers_[static_cast<std::size_t>(worker - 1)];
  for (;;) {
    // Before stopping_ is asked, which the destructor sets first: an epoch that is already its own is never slept on.
    const std::uint32_t epoch = epoch_.load();
    if (stopping_.load()) return;
    bool found = false;
    for (Seat& seat : seats_) found = run_chunks(seat, worker) || found;
    for (int i = 0; !found && i < kSpins && may_help(worker); ++i) {
      if (epoch_.load(std::memory_order_relaxed) != epoch) found = true;
      pause();
    }
    if (found) continue;
    // Whoever asks for more counts the epoch on and then looks who sleeps; here it is the other way round, so that one
    // of both sees the other.
    self.asleep.store(1);
    if (epoch_.load() == epoch) self.asleep.wait(1);
    self.asleep.store(0);
  }
}

void Crew::wake(int helpers) {
  for (int i = 0; i < helpers; ++i) {
    std::atomic<std::uint32_t>& asleep = helpers_[static_cast<std::size_t>(i)].asleep;
    if (asleep.load() != 0 && asleep.exchange(0) != 0) asleep.notify_one();
  }
}

ThreadPool::ThreadPool(int threads)
    : own_(std::make_unique<Crew>(threads)), crew_(*own_), seat_(crew_.take_seat(nullptr)) {}

ThreadPool::ThreadPool(Crew& crew, const Cancel& cancel) : crew_(crew), seat_(crew.take_seat(&cancel)) {}

ThreadPool::~ThreadPool() { crew_.leave(seat_); }

}  // namespace hrn
