// Sums over elements in double precision: threads over a fixed set of elements, shuffles within warps, blocks in order.
#pragma once
#include "backends/backend.hpp"
#include "backends/cuda/launch.cuh"

namespace hrn::cuda {

/// Most values of one reduction, and most blocks.
constexpr int kMaxReduced = 32, kReduceBlocks = 256, kReduceThreads = 256;

/// `acc` of every thread into that of thread 0. Zero is neutral.
template <class K, int N>
__device__ void reduce_block(double (&acc)[N]) {
  __shared__ double warps[kReduceThreads / 32][N];
  for (int k = 0; k < N; ++k)
    for (int offset = 16; offset > 0; offset /= 2)
      acc[k] = combine_partial<K>(acc[k], __shfl_down_sync(0xffffffffu, acc[k], static_cast<unsigned>(offset)));
  __syncthreads();
  if (threadIdx.x % 32 == 0)
    for (int k = 0; k < N; ++k) warps[threadIdx.x / 32][k] = acc[k];
  __syncthreads();
  if (threadIdx.x == 0)
    for (int w = 1; w < kReduceThreads / 32; ++w)
      for (int k = 0; k < N; ++k) acc[k] = combine_partial<K>(acc[k], warps[w][k]);
}

template <class K, int N, class A>
__global__ void __launch_bounds__(kReduceThreads)
    reduce_kernel(long n, const __grid_constant__ A args, double* partial, unsigned* ticket, double* out) {
  double acc[N] = {};
  for (long i = static_cast<long>(blockIdx.x) * kReduceThreads + threadIdx.x; i < n;
       i += static_cast<long>(gridDim.x) * kReduceThreads)
    K::run(args, i, acc);
  reduce_block<K, N>(acc);
  if (gridDim.x == 1) {
    if (threadIdx.x == 0)
      for (int k = 0; k < N; ++k) out[k] = acc[k];
    return;
  }
  __shared__ bool last;
  if (threadIdx.x == 0) {
    for (int k = 0; k < N; ++k) partial[static_cast<long>(blockIdx.x) * N + k] = acc[k];
    __threadfence();
    last = atomicAdd(ticket, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (!last) return;
  __threadfence();
  for (int k = 0; k < N; ++k) acc[k] = 0;
  for (unsigned b = threadIdx.x; b < gridDim.x; b += kReduceThreads)
    for (int k = 0; k < N; ++k) acc[k] = combine_partial<K>(acc[k], __ldcg(partial + static_cast<long>(b) * N + k));
  reduce_block<K, N>(acc);
  if (threadIdx.x == 0) {
    for (int k = 0; k < N; ++k) out[k] = acc[k];
    *ticket = 0;
  }
}

/// `partial` has room for kReduceBlocks * N; `*ticket` is zero before and after.
template <class K, int N, class A>
void reduce(long n, const A& args, double* partial, unsigned* ticket, double* out, cudaStream_t stream) {
  const long wanted = (n + kReduceThreads - 1) / kReduceThreads;
  const unsigned blocks = static_cast<unsigned>(wanted < 1 ? 1 : wanted > kReduceBlocks ? kReduceBlocks : wanted);
  launch("starting a reduction", stream, blocks, kReduceThreads, reduce_kernel<K, N, A>, n, args, partial, ticket, out);
}

}  // namespace hrn::cuda
