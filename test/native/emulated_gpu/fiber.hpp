// A stack of its own that a thread of the host can leave in the middle of a function and come back to.
#pragma once
#include <cstddef>
#include <cstdint>

namespace emulated_gpu {

/// Never moves between threads of the host.
class Fiber {
 public:
  /// The thread itself, on the stack it has.
  Fiber();
  /// A fiber that calls `body` when it is first switched to; `body` must never return.
  explicit Fiber(void (*body)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  std::uintptr_t stack_begin() const { return reinterpret_cast<std::uintptr_t>(stack_); }
  std::uintptr_t stack_end() const { return stack_begin() + size_; }

  /// Goes on in `to`; returns when somebody switches back to this fiber, which is the one that runs now.
  void switch_to(Fiber& to);

 private:
  static void enter();

  void* pointer_ = nullptr;  // of the stack, while it is left; without assembly, a ucontext_t
  void* stack_ = nullptr;    // its lowest byte
  std::size_t size_ = 0;
  void (*body_)() = nullptr;  // none for the thread itself
};

}  // namespace emulated_gpu
