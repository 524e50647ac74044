// Cooperative cancellation: set by the JavaScript thread, polled between iterations by the thread that works.
#pragma once
#include <atomic>

#include "core/error.hpp"

namespace hrn {

class Cancel {
 public:
  void request() { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const { return requested_.load(std::memory_order_relaxed); }
  // Throws Error(cancelled) once a request was made.
  void check() const {
    if (requested()) throw Error(ErrorCode::cancelled, "the job was cancelled");
  }

 private:
  std::atomic<bool> requested_{false};
};

}  // namespace hrn
