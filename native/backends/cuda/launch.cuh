// Starting kernels.
#pragma once
#include <cuda_runtime.h>

#include <utility>

#include "backends/cuda/check.hpp"

namespace hrn::cuda {

/// Puts `kernel` on the stream. Throws as check() does; `what` is being done.
template <class... Parameters, class... Arguments>
void launch(const char* what, cudaStream_t stream, dim3 blocks, unsigned threads, void (*kernel)(Parameters...),
            Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = dim3(threads);
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), what);
}

/// Blocks of `threads` for `n` elements.
inline unsigned blocks_for(long n, unsigned threads) { return static_cast<unsigned>((n + threads - 1) / threads); }

}  // namespace hrn::cuda
