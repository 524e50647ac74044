// What CUDA adds to C++ in kernels, and how they are started (see cuda_runtime_api.h).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>

#include "cuda_runtime_api.h"
#include "stream.hpp"

// __host__, __device__, __global__ and __forceinline__ come from the command line, for headers that ask first.
#define __shared__ static thread_local
#define __grid_constant__
#define __launch_bounds__(threads)

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct __attribute__((may_alias, aligned(8))) float2 {
  float x, y;
};
struct __attribute__((may_alias, aligned(16))) float4 {
  float x, y, z, w;
};
struct __attribute__((may_alias, aligned(16))) uint4 {
  unsigned x, y, z, w;
};

// Of the thread of the grid that runs at the moment.
inline constinit thread_local dim3 threadIdx{0, 0, 0}, blockIdx{0, 0, 0}, blockDim, gridDim;

namespace emulated_gpu {
/// Runs `thread` for every thread of every block. What goes wrong is a sticky error of the device.
void run_grid(dim3 grid, dim3 block, const std::function<void()>& thread);
/// Waits for all threads of the block that have not ended.
void sync_block();
/// Leaves `value` for the other lanes, waits for all of the warp, and returns that of the lane `delta` above within the
/// segment of `width` lanes: the own value where there is none.
std::uint64_t shuffle_down(std::uint32_t mask, std::uint64_t value, unsigned delta, int width);
}  // namespace emulated_gpu

inline void __syncthreads() { emulated_gpu::sync_block(); }
inline void __threadfence() {}

template <class T>
T __shfl_down_sync(std::uint32_t mask, T value, unsigned delta, int width = 32) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = emulated_gpu::shuffle_down(mask, bits, delta, width);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Kernels of several streams may run at a time, from several threads of the host.
template <class T>
T atomicAdd(T* place, std::type_identity_t<T> value);
template <class T>
T atomicMin(T* place, std::type_identity_t<T> value);
/// As kernels use it: a read of what other blocks wrote before a fence.
template <class T>
T __ldcg(const T* place);
template <class T>
T __ldg(const T* place) {
  return *place;
}
template <class T>
T min(T a, T b) {
  return std::min(a, b);
}

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes;
  cudaStream_t stream;
};
template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  const dim3 grid = config->gridDim, block = config->blockDim;
  if (grid.x == 0 || grid.y == 0 || grid.y > 65535 || grid.z != 1 || block.y != 1 || block.z != 1 || block.x == 0 ||
      block.x > 1024)
    return cudaErrorInvalidConfiguration;
  return emulated_gpu::enqueue(
      config->stream, [=, values = std::tuple<std::remove_cv_t<Parameters>...>(std::forward<Arguments>(arguments)...)] {
        emulated_gpu::run_grid(grid, block, [&] { std::apply(kernel, values); });
      });
}
