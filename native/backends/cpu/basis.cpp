// Basis products at the speed of memory: one sequential read of the tiles, sums in registers.
#include "backends/cpu/cpu_backend.hpp"
#include "core/eight_floats.hpp"

namespace hrn {
namespace {

using ops::BasisArgs;
using ops::kBasisTile;

constexpr long kForwardTiles = 4;  // per chunk
constexpr long kBackwardTiles = 16;

template <class Stored>
struct Job {
  BasisArgs<float, Stored> args;
  double* partial;  // [chunks][count], backward
  long chunks;

  /// Of the backward, from the end on: what the forward read last is still in the cache, where a basis is larger than
  /// it, and what the backward reads last is there for the next forward.
  long backward_chunk(long turn) const { return chunks - 1 - turn; }
};

template <class Stored>
long last_tile(const BasisArgs<float, Stored>& a, long chunk, long tiles) {
  return std::min((chunk + 1) * tiles, ops::basis_tiles(a.rows));
}

template <class Stored>
void forward_baseline(void* data, long chunk, int) {
  const BasisArgs<float, Stored> a = static_cast<Job<Stored>*>(data)->args;
  for (long tile = chunk * kForwardTiles; tile < last_tile(a, chunk, kForwardTiles); ++tile)
    ops::MorphableModel::forward(a, tile);
}

template <class Stored>
void backward_baseline(void* data, long turn, int) {
  const Job<Stored>& job = *static_cast<Job<Stored>*>(data);
  const long chunk = job.backward_chunk(turn);
  double* sum = job.partial + chunk * job.args.count;
  std::fill_n(sum, job.args.count, 0.0);
  for (long tile = chunk * kBackwardTiles; tile < last_tile(job.args, chunk, kBackwardTiles); ++tile)
    ops::MorphableModel::backward(job.args, tile, sum);
}

#if HRN_X86 || HRN_NEON

constexpr int kLanes = 8;
constexpr int kVectors = kBasisTile / kLanes;

template <class Stored>
HRN_TARGET_AVX2 void forward_vectors(void* data, long chunk, int) {
  const BasisArgs<float, Stored> a = static_cast<Job<Stored>*>(data)->args;
  const long end = last_tile(a, chunk, kForwardTiles);
  for (long tile = chunk * kForwardTiles; tile < end; ++tile) {
    const long first_row = tile * kBasisTile;
    const long rows = std::min(kBasisTile, a.rows - first_row);
    alignas(32) float edge[kBasisTile] = {};
    const float* base = a.base + first_row;
    if (rows < kBasisTile)
      base = static_cast<const float*>(std::memcpy(edge, base, sizeof(float) * static_cast<std::size_t>(rows)));
    EightFloats sum[kVectors];
    for (int j = 0; j < kVectors; ++j) sum[j] = load8(base + kLanes * j);
    const Stored* component = a.basis + (tile * a.components + a.first) * kBasisTile;
    for (long k = 0; k < a.count; ++k, component += kBasisTile) {
      const EightFloats coefficient = broadcast8(a.coefficients[k]);
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) sum[j] = multiply_add(coefficient, load8(component + kLanes * j), sum[j]);
    }
    float* values = rows < kBasisTile ? edge : a.values + first_row;
    for (int j = 0; j < kVectors; ++j) store8(sum[j], values + kLanes * j);
    if (rows < kBasisTile) std::memcpy(a.values + first_row, edge, sizeof(float) * static_cast<std::size_t>(rows));
  }
}

/// Sums of 8 lanes per component stay in memory (they fit the first-level cache), so the tile costs one vector addition
/// per component instead of a horizontal sum.
constexpr long kBlock = 256;  // components at a time

template <class Stored>
HRN_TARGET_AVX2 void backward_vectors(void* data, long turn, int) {
  const Job<Stored>& job = *static_cast<Job<Stored>*>(data);
  const long chunk = job.backward_chunk(turn);
  const BasisArgs<float, Stored> a = job.args;
  const long begin = chunk * kBackwardTiles, end = last_tile(a, chunk, kBackwardTiles);
  for (long block = 0; block < a.count; block += kBlock) {
    const long count = std::min(kBlock, a.count - block);
    alignas(32) float lanes[kBlock * kLanes];
    std::memset(lanes, 0, sizeof(float) * kLanes * static_cast<std::size_t>(count));
    for (long tile = begin; tile < end; ++tile) {
      const long first_row = tile * kBasisTile;
      const long rows = std::min(kBasisTile, a.rows - first_row);
      alignas(32) float edge[kBasisTile] = {};
      const float* grad = a.grad_values + first_row;
      if (rows < kBasisTile)
        grad = static_cast<const float*>(std::memcpy(edge, grad, sizeof(float) * static_cast<std::size_t>(rows)));
      EightFloats g[kVectors];
      for (int j = 0; j < kVectors; ++j) g[j] = load8(grad + kLanes * j);
      const Stored* component = a.basis + (tile * a.components + a.first + block) * kBasisTile;
      for (long k = 0; k < count; ++k, component += kBasisTile) {
        EightFloats even = load8(lanes + kLanes * k), odd = broadcast8(0);
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; j += 2) {
          even = multiply_add(g[j], load8(component + kLanes * j), even);
          odd = multiply_add(g[j + 1], load8(component + kLanes * (j + 1)), odd);
        }
        store8(add(even, odd), lanes + kLanes * k);
      }
    }
    for (long k = 0; k < count; ++k) {
      double sum = 0;
      for (int lane = 0; lane < kLanes; ++lane) sum += static_cast<double>(lanes[kLanes * k + lane]);
      job.partial[chunk * a.count + block + k] = sum;
    }
  }
}

#endif

}  // namespace

template <class Stored>
void CpuBackend::run_basis_forward(const BasisArgs<float, Stored>& a) {
  Job<Stored> job{a, nullptr, 0};
  ThreadPool::Chunk run = forward_baseline<Stored>;
#if HRN_X86 || HRN_NEON
  if (isa_ != Isa::baseline) run = forward_vectors<Stored>;
#endif
  pool_.parallel_for((ops::basis_tiles(a.rows) + kForwardTiles - 1) / kForwardTiles, run, &job);
}

template <class Stored>
void CpuBackend::run_basis_backward(const BasisArgs<float, Stored>& a, double* grad_coefficients) {
  const long chunks = (ops::basis_tiles(a.rows) + kBackwardTiles - 1) / kBackwardTiles;
  Job<Stored> job{a, partial_sums(chunks * a.count), chunks};
  ThreadPool::Chunk run = backward_baseline<Stored>;
#if HRN_X86 || HRN_NEON
  if (isa_ != Isa::baseline) run = backward_vectors<Stored>;
#endif
  pool_.parallel_for(chunks, run, &job);
  std::fill_n(grad_coefficients, a.count, 0.0);
  for (long chunk = 0; chunk < chunks; ++chunk)
    for (long k = 0; k < a.count; ++k) grad_coefficients[k] += job.partial[chunk * a.count + k];
}

void CpuBackend::basis_forward(const BasisArgs<float, Half>& a) { run_basis_forward(a); }
void CpuBackend::basis_forward(const BasisArgs<float, float>& a) { run_basis_forward(a); }
void CpuBackend::basis_backward(const BasisArgs<float, Half>& a, double* grad) { run_basis_backward(a, grad); }
void CpuBackend::basis_backward(const BasisArgs<float, float>& a, double* grad) { run_basis_backward(a, grad); }

}  // namespace hrn
