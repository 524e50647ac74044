// Looks for accesses to the same memory by threads of a kernel between which nothing sets an order, at least one of
// them a write. Every access is seen where the kernels are compiled with -fsanitize=thread (HRN_RACES), whose calls go
// to races.cpp instead of ThreadSanitizer's library: that one knows threads of the host, not of a grid.
#pragma once
#include <cstdint>

namespace emulated_gpu {

/// Where in a launch an access takes place.
struct Moment {
  std::uint32_t launch = 0;   // 0: in none
  std::uint32_t block = 0;    // of the grid
  std::uint32_t thread = 0;   // of the block
  std::uint32_t barrier = 0;  // how many barriers of the block came before
  std::uint32_t shuffle = 0;  // how many of the thread's warp
};
/// Of the thread of the grid that runs at the moment.
inline constinit thread_local Moment moment;
/// Its stack, which no other thread has to do with.
inline constinit thread_local std::uintptr_t stack_begin = 0, stack_end = 0;

}  // namespace emulated_gpu
