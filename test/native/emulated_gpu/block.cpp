// Threads of a grid, one at a time on the thread of the host that runs it.
//
// A fiber runs thread after thread of a block and is left behind only when one must wait, so kernels without barriers
// never switch stacks.
#include <array>
#include <bit>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "cuda_runtime.h"
#include "device.hpp"
#include "fiber.hpp"
#include "races.hpp"

namespace emulated_gpu {
namespace {

constexpr unsigned kWarp = 32;

/// Threads that wait for all of a group to come.
struct Barrier {
  unsigned members = 0;           // that have not ended
  std::vector<unsigned> waiting;  // threads of the block
  unsigned passed = 0;            // how often all were there
};

struct Warp {
  Barrier barrier;
  // Two, in turns: a lane that goes ahead must not overwrite what another has yet to read.
  std::array<std::array<std::uint64_t, kWarp>, 2> values;
  std::array<unsigned, kWarp> shuffles;  // of each lane so far
};

class Block {
 public:
  void run(unsigned threads, bool backwards, const std::function<void()>& body) {
    body_ = &body;
    threads_ = threads;
    backwards_ = backwards;
    started_ = ended_ = 0;
    failure_.clear();
    ready_.clear();
    all_ = {threads, {}, 0};
    warps_.resize((threads + kWarp - 1) / kWarp);
    for (unsigned w = 0; w < warps_.size(); ++w) {
      warps_[w].barrier = {std::min(kWarp, threads - w * kWarp), {}, 0};
      warps_[w].shuffles.fill(0);
    }
    fiber_of_.assign(threads, kNone);
    while (ended_ < threads && failure_.empty()) {
      unsigned fiber = kNone;
      if (!ready_.empty()) {
        const unsigned thread = backwards ? ready_.back() : ready_.front();
        if (backwards) {
          ready_.pop_back();
        } else {
          ready_.pop_front();
        }
        enter(thread);
        fiber = fiber_of_[thread];
      } else if (started_ < threads) {
        fiber = idle_fiber();
      } else {
        fail("threads wait for others that have ended or wait elsewhere");
        break;
      }
      current_ = fiber;
      stack_begin = fibers_[fiber]->stack_begin();
      stack_end = fibers_[fiber]->stack_end();
      host_->switch_to(*fibers_[fiber]);
    }
    if (!failure_.empty()) {
      // The threads that still wait never go on, and nor do their fibers.
      fibers_.clear();
      idle_.clear();
    }
  }

  const std::string& failure() const { return failure_; }

  void sync() { wait_for(all_); }

  std::uint64_t shuffle_down(std::uint32_t mask, std::uint64_t value, unsigned delta, int width) {
    const unsigned thread = threadIdx.x, lane = thread % kWarp;
    Warp& warp = warps_[thread / kWarp];
    if (static_cast<unsigned>(std::popcount(mask)) != warp.barrier.members) {
      fail("a warp exchanges values with lanes that have ended");
      leave();
    }
    const unsigned turn = warp.shuffles[lane]++ % 2;
    warp.values[turn][lane] = value;
    wait_for(warp.barrier);
    const unsigned segment = static_cast<unsigned>(width);
    return lane % segment + delta < segment ? warp.values[turn][lane + delta] : value;
  }

 private:
  static constexpr unsigned kNone = ~0u;

  void fail(const char* what) { failure_ = what; }

  // `thread` runs from here on.
  void enter(unsigned thread) {
    threadIdx = dim3(thread, 0, 0);
    moment.thread = thread;
    moment.barrier = all_.passed;
    moment.shuffle = warps_[thread / kWarp].barrier.passed;
  }

  unsigned idle_fiber() {
    if (!host_) host_ = std::make_unique<Fiber>();
    if (idle_.empty()) {
      fibers_.push_back(std::make_unique<Fiber>(&Block::work));
      return static_cast<unsigned>(fibers_.size() - 1);
    }
    const unsigned fiber = idle_.back();
    idle_.pop_back();
    return fiber;
  }

  void leave() { fibers_[current_]->switch_to(*host_); }

  // The body of every fiber: threads, until there is none left to start.
  static void work();
  void start_threads() {
    while (started_ < threads_) {
      const unsigned thread = backwards_ ? threads_ - 1 - started_ : started_;
      ++started_;
      enter(thread);
      (*body_)();
      ++ended_;
      leave_group(all_);
      leave_group(warps_[threadIdx.x / kWarp].barrier);
    }
    idle_.push_back(current_);
    leave();
  }

  void wait_for(Barrier& barrier) {
    if (barrier.waiting.size() + 1 == barrier.members) {
      release(barrier);
      enter(threadIdx.x);
      return;
    }
    const unsigned thread = threadIdx.x;
    barrier.waiting.push_back(thread);
    fiber_of_[thread] = current_;
    leave();
  }
  void leave_group(Barrier& barrier) {
    --barrier.members;
    if (barrier.members > 0 && barrier.waiting.size() == barrier.members) release(barrier);
  }
  void release(Barrier& barrier) {
    ready_.insert(ready_.end(), barrier.waiting.begin(), barrier.waiting.end());
    barrier.waiting.clear();
    ++barrier.passed;
  }

  const std::function<void()>* body_ = nullptr;
  unsigned threads_ = 0, started_ = 0, ended_ = 0, current_ = 0;
  bool backwards_ = false;
  std::string failure_;
  Barrier all_;
  std::vector<Warp> warps_;
  std::deque<unsigned> ready_;      // threads that may go on
  std::vector<unsigned> fiber_of_;  // of threads that wait
  std::unique_ptr<Fiber> host_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<unsigned> idle_;
};

// Of the thread of the host.
constinit thread_local Block* block_in_work = nullptr;

void Block::work() {
  for (;;) block_in_work->start_threads();
}

}  // namespace

void run_grid(dim3 grid, dim3 block, const std::function<void()>& thread) {
  static thread_local Block own;
  static thread_local bool backwards = false;
  block_in_work = &own;
  backwards = !backwards;
  gridDim = grid;
  blockDim = block;
  static thread_local std::uint32_t launches = 0;
  const std::uint32_t launch = ++launches;
  const unsigned blocks = grid.x * grid.y;
  for (unsigned i = 0; i < blocks; ++i) {
    const unsigned b = backwards ? blocks - 1 - i : i;
    blockIdx = dim3(b % grid.x, b / grid.x, 0);
    moment.launch = launch;
    moment.block = b;
    own.run(block.x, backwards, thread);
    moment.launch = 0;
    if (!own.failure().empty()) fail_device(cudaErrorLaunchFailure, own.failure());
    if (device_error() != cudaSuccess) return;
  }
}

void sync_block() { block_in_work->sync(); }
std::uint64_t shuffle_down(std::uint32_t mask, std::uint64_t value, unsigned delta, int width) {
  return block_in_work->shuffle_down(mask, value, delta, width);
}

}  // namespace emulated_gpu

// Out of line, and so unseen by races.cpp: they are there for accesses without another order.
template <class T>
T atomicAdd(T* place, std::type_identity_t<T> value) {
  return __atomic_fetch_add(place, value, __ATOMIC_RELAXED);
}
template int atomicAdd(int*, int);
template unsigned atomicAdd(unsigned*, unsigned);
template <class T>
T atomicMin(T* place, std::type_identity_t<T> value) {
  T old = __atomic_load_n(place, __ATOMIC_RELAXED);
  while (value < old && !__atomic_compare_exchange_n(place, &old, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}
template unsigned long long atomicMin(unsigned long long*, unsigned long long);
template <class T>
T __ldcg(const T* place) {
  return *place;
}
template double __ldcg(const double*);
