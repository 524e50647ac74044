// Basis products at the speed of memory: 16-byte loads, one sequential read of the tiles, sums in registers.
#include <cuda_fp16.h>

#include "backends/cuda/cuda_backend.cuh"

namespace hrn {
namespace {

using ops::BasisArgs;
using ops::kBasisTile;

constexpr int kThreads = 256;

// How a tile's row of 64 stored values is spread over threads: each loads 16 bytes.
template <class Stored>
struct Load;
template <>
struct Load<Half> {
  static constexpr int kValues = 8;
  __device__ static void read(const Half* p, float (&v)[kValues]) {
    const uint4 raw = __ldg(reinterpret_cast<const uint4*>(p));
    const unsigned word[4] = {raw.x, raw.y, raw.z, raw.w};
    for (int i = 0; i < 4; ++i) {
      const float2 pair = __half22float2(*reinterpret_cast<const __half2*>(&word[i]));
      v[2 * i] = pair.x;
      v[2 * i + 1] = pair.y;
    }
  }
};
template <>
struct Load<float> {
  static constexpr int kValues = 4;
  __device__ static void read(const float* p, float (&v)[kValues]) {
    const float4 raw = __ldg(reinterpret_cast<const float4*>(p));
    v[0] = raw.x;
    v[1] = raw.y;
    v[2] = raw.z;
    v[3] = raw.w;
  }
};

template <class Stored>
struct Shape {
  static constexpr int kValues = Load<Stored>::kValues;
  static constexpr int kLanes = static_cast<int>(kBasisTile) / kValues;  // threads of one component's row
  static constexpr int kGroups = kThreads / kLanes;                      // components in flight
};

// One tile of rows a block; groups of threads share out the components, and their sums are added in order.
template <class Stored>
__global__ void __launch_bounds__(kThreads) forward_kernel(const __grid_constant__ BasisArgs<float, Stored> a) {
  using S = Shape<Stored>;
  const long tile = blockIdx.x;
  const int lane = static_cast<int>(threadIdx.x) % S::kLanes, group = static_cast<int>(threadIdx.x) / S::kLanes;
  const Stored* component = a.basis + (tile * a.components + a.first) * kBasisTile + lane * S::kValues;
  float sum[S::kValues] = {};
#pragma unroll 4
  for (long k = group; k < a.count; k += S::kGroups) {
    float value[S::kValues];
    Load<Stored>::read(component + k * kBasisTile, value);
    const float c = a.coefficients[k];
    for (int i = 0; i < S::kValues; ++i) sum[i] += c * value[i];
  }
  __shared__ float sums[S::kGroups][kBasisTile];
  for (int i = 0; i < S::kValues; ++i) sums[group][lane * S::kValues + i] = sum[i];
  __syncthreads();
  // Four threads a row, a quarter of the groups each.
  constexpr int kParts = kThreads / static_cast<int>(kBasisTile);
  const int row = static_cast<int>(threadIdx.x) / kParts, part = static_cast<int>(threadIdx.x) % kParts;
  float total = 0;
  for (int g = part; g < S::kGroups; g += kParts) total += sums[g][row];
  for (int offset = kParts / 2; offset > 0; offset /= 2)
    total += __shfl_down_sync(0xffffffffu, total, static_cast<unsigned>(offset));
  const long r = tile * kBasisTile + row;
  if (part == 0 && r < a.rows) a.values[r] = a.base[r] + total;
}

constexpr int kBackwardBlocks = 264;
constexpr int kRegisters = 8;  // components a thread keeps sums of at a time

// Partial gradients [blocks][count]: a block takes every kBackwardBlocks-th tile.
template <class Stored>
__global__ void __launch_bounds__(kThreads)
    backward_kernel(const __grid_constant__ BasisArgs<float, Stored> a, double* partial) {
  using S = Shape<Stored>;
  const int lane = static_cast<int>(threadIdx.x) % S::kLanes, group = static_cast<int>(threadIdx.x) / S::kLanes;
  const long tiles = ops::basis_tiles(a.rows);
  for (long first = 0; first < a.count; first += S::kGroups * kRegisters) {
    float sum[kRegisters] = {};
    for (long tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
      float g[S::kValues];
      for (int i = 0; i < S::kValues; ++i) {
        const long r = tile * kBasisTile + lane * S::kValues + i;
        g[i] = r < a.rows ? a.grad_values[r] : 0.f;
      }
      const Stored* component = a.basis + (tile * a.components + a.first) * kBasisTile + lane * S::kValues;
#pragma unroll
      for (int j = 0; j < kRegisters; ++j) {
        const long k = first + group + static_cast<long>(j) * S::kGroups;
        if (k >= a.count) continue;
        float value[S::kValues];
        Load<Stored>::read(component + k * kBasisTile, value);
        for (int i = 0; i < S::kValues; ++i) sum[j] += g[i] * value[i];
      }
    }
    for (int j = 0; j < kRegisters; ++j) {
      const long k = first + group + static_cast<long>(j) * S::kGroups;
      for (int offset = S::kLanes / 2; offset > 0; offset /= 2)
        sum[j] += __shfl_down_sync(0xffffffffu, sum[j], static_cast<unsigned>(offset), S::kLanes);
      if (lane == 0 && k < a.count) partial[static_cast<long>(blockIdx.x) * a.count + k] = static_cast<double>(sum[j]);
    }
  }
}

// One warp a component.
__global__ void sum_partials(const double* partial, long blocks, long count, double* grad) {
  const long k = (static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
  if (k >= count) return;
  double sum = 0;
  for (long b = threadIdx.x % 32; b < blocks; b += 32) sum += partial[b * count + k];
  for (int offset = 16; offset > 0; offset /= 2)
    sum += __shfl_down_sync(0xffffffffu, sum, static_cast<unsigned>(offset));
  if (threadIdx.x % 32 == 0) grad[k] = sum;
}

}  // namespace

template <class Stored>
void CudaBackend::run_basis_forward(const BasisArgs<float, Stored>& a) {
  const long tiles = ops::basis_tiles(a.rows);
  if (tiles == 0) return;
  cuda::launch("evaluating a basis", stream(), static_cast<unsigned>(tiles), kThreads, forward_kernel<Stored>, a);
}

double* CudaBackend::basis_scratch(std::size_t n) {
  if (basis_partial_.size() < n) basis_partial_ = Array<double>(n, stream());
  return basis_partial_.data();
}

template <class Stored>
void CudaBackend::run_basis_backward(const BasisArgs<float, Stored>& a, double* grad) {
  if (a.count == 0) return;
  const long blocks = std::clamp(ops::basis_tiles(a.rows), 1L, static_cast<long>(kBackwardBlocks));
  // The last `count` are where basis_backward() leaves the result.
  double* partial = basis_scratch(static_cast<std::size_t>((kBackwardBlocks + 1) * a.count));
  if (grad == nullptr) grad = partial + kBackwardBlocks * a.count;
  constexpr const char* kWhat = "the gradient of a basis";
  cuda::launch(kWhat, stream(), static_cast<unsigned>(blocks), kThreads, backward_kernel<Stored>, a, partial);
  cuda::launch(kWhat, stream(), cuda::blocks_for(32 * a.count, kThreads), kThreads, sum_partials, partial, blocks,
               a.count, grad);
}

void CudaBackend::basis_forward(const BasisArgs<float, Half>& a) { run_basis_forward(a); }
void CudaBackend::basis_forward(const BasisArgs<float, float>& a) { run_basis_forward(a); }
void CudaBackend::basis_backward_to(const BasisArgs<float, Half>& a, double* grad) { run_basis_backward(a, grad); }
void CudaBackend::basis_backward_to(const BasisArgs<float, float>& a, double* grad) { run_basis_backward(a, grad); }
void CudaBackend::basis_backward(const BasisArgs<float, Half>& a, double* grad) {
  if (a.count == 0) return;
  run_basis_backward(a, nullptr);
  fetch(grad, basis_partial_.data() + kBackwardBlocks * a.count, static_cast<std::size_t>(a.count));
}
void CudaBackend::basis_backward(const BasisArgs<float, float>& a, double* grad) {
  if (a.count == 0) return;
  run_basis_backward(a, nullptr);
  fetch(grad, basis_partial_.data() + kBackwardBlocks * a.count, static_cast<std::size_t>(a.count));
}

}  // namespace hrn
