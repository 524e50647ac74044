#include "optim/dense.hpp"

#include <cmath>
#include <cstddef>
#include <cstring>

#include "core/host_device.hpp"

namespace hrn::optim {
namespace {

constexpr int kBlock = kFactorBlock;

// Vectors are spelled out because the auto-vectoriser shuffles in registers what it could broadcast from memory, at a
// third of the speed; where registers are narrower than a vector, the compiler takes several.
template <class Real, int kBytes>
struct VectorOf {
  typedef Real Type __attribute__((vector_size(kBytes)));
};
using Eight = VectorOf<double, 64>::Type;
// The compiler converts four floats at a time well, and eight badly.
using Four = VectorOf<double, 32>::Type;
using FourSingle = VectorOf<float, 16>::Type;

// (Vectors are neither passed nor returned: how that is done depends on the instruction set.)
template <class Vector, class Real>
HRN_HD void load(const Real* from, Vector& to) {
  std::memcpy(&to, from, sizeof to);
}
template <class Vector, class Real>
HRN_HD void store(const Vector& from, Real* to) {
  std::memcpy(to, &from, sizeof from);
}

// out[0 .. kHeight)[0 .. kVectors of kBytes) += sign * A^T B over `rows` rows of A and B, which are a_step and b_step
// apart; the accumulators stay in registers over all rows.
template <int kBytes, int kHeight, int kVectors, class Real>
HRN_HD void tile(const Real* a, long a_step, const Real* b, long b_step, int rows, Real sign, Real* out, long stride) {
  using Vector = typename VectorOf<Real, kBytes>::Type;
  constexpr int kLanes = kBytes / static_cast<int>(sizeof(Real));
  Vector sums[kHeight][kVectors] = {};
  for (int r = 0; r < rows; ++r, a += a_step, b += b_step) {
    Vector values[kVectors];
    std::memcpy(values, b, sizeof values);
    for (int i = 0; i < kHeight; ++i)
      for (int v = 0; v < kVectors; ++v) sums[i][v] += a[i] * values[v];
  }
  for (int i = 0; i < kHeight; ++i, out += stride)
    for (int v = 0; v < kVectors; ++v) {
      Vector sum;
      load(out + v * kLanes, sum);
      sum += sign * sums[i][v];
      store(sum, out + v * kLanes);
    }
}

// Instruction sets: accumulators of a tile fill their registers, of 32 bytes or of 64. `block` loses A^T B of kBlock
// columns of A and kVectors * kBlock columns of B.
struct Narrow {
  HRN_HD static void square(const float* a, const float* b, int rows, float* out, long stride) {
    for (int i = 0; i < kGramTile; i += 4)
      tile<32, 4, 2>(a + i, kGramTile, b, kGramTile, rows, 1.0f, out + i * stride, stride);
  }
  static constexpr int kBlocks = 3;
  template <int kVectors>
  HRN_HD static void block(const double* a, const double* b, long step, int rows, double* out) {
    constexpr int kWidth = kVectors == 3 ? 3 : 2, kLanes = 4;
    for (int j = 0; j < kVectors * kBlock; j += kWidth * kLanes)
      for (int i = 0; i < kBlock; i += 4)
        tile<32, 4, kWidth>(a + i, step, b + j, step, rows, -1.0, out + i * step + j, step);
  }
};
struct Wide {
  HRN_HD static void square(const float* a, const float* b, int rows, float* out, long stride) {
    tile<64, 16, 1>(a, kGramTile, b, kGramTile, rows, 1.0f, out, stride);
  }
  static constexpr int kBlocks = 3;
  template <int kVectors>
  HRN_HD static void block(const double* a, const double* b, long step, int rows, double* out) {
    tile<64, kBlock, kVectors>(a, step, b, step, rows, -1.0, out, step);
  }
};

template <class Isa>
HRN_HD void gram_in_double(const float* a, const float* b, int rows, double* out, long stride) {
  alignas(64) float sums[kGramTile * kGramTile] = {};
  Isa::square(a, b, rows, sums, kGramTile);
  for (int i = 0; i < kGramTile; ++i)
    for (int j = 0; j < kGramTile; j += 4) {
      double* to = out + i * stride + j;
      FourSingle part;
      Four sum;
      load(sums + i * kGramTile + j, part);
      load(to, sum);
      sum += __builtin_convertvector(part, Four);
      store(sum, to);
    }
}

HRN_HD void weighted_rows(const float* a, const double* factors, int rows, double* out) {
  Four sums[kGramTile / 4] = {};
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < kGramTile / 4; ++v) {
      FourSingle values;
      load(a + r * kGramTile + 4 * v, values);
      sums[v] += factors[r] * __builtin_convertvector(values, Four);
    }
  for (int v = 0; v < kGramTile / 4; ++v) {
    Four sum;
    load(out + 4 * v, sum);
    sum += sums[v];
    store(sum, out + 4 * v);
  }
}

HRN_HD void add_converted(const float* a, long count, double* out) {
  long i = 0;
  for (; i + 4 <= count; i += 4) {
    FourSingle values;
    Four sum;
    load(a + i, values);
    load(out + i, sum);
    sum += __builtin_convertvector(values, Four);
    store(sum, out + i);
  }
  for (; i < count; ++i) out[i] += static_cast<double>(a[i]);
}

// Row block by row block: each loses the products of all rows above it in one pass, then is factorised itself.
template <class Isa>
HRN_HD bool factorise(double* a, int n, long stride) {
  constexpr int kStrip = Isa::kBlocks * kBlock;
  for (int k0 = 0; k0 < n; k0 += kBlock) {
    double* rows = a + k0 * stride;
    int j = k0;
    for (; j + kStrip <= n; j += kStrip) Isa::template block<Isa::kBlocks>(a + k0, a + j, stride, k0, rows + j);
    for (; j < n; j += kBlock) Isa::template block<1>(a + k0, a + j, stride, k0, rows + j);

    double corner[kBlock][kBlock], inverse[kBlock];
    for (int i = 0; i < kBlock; ++i) std::memcpy(corner[i], rows + i * stride + k0, sizeof corner[i]);
    for (int k = 0; k < kBlock; ++k) {
      if (!(corner[k][k] > 0) || !std::isfinite(corner[k][k])) return false;
      inverse[k] = 1 / std::sqrt(corner[k][k]);
      for (int i = k; i < kBlock; ++i) corner[k][i] *= inverse[k];
      for (int i = k + 1; i < kBlock; ++i)
        for (int l = i; l < kBlock; ++l) corner[i][l] -= corner[k][i] * corner[k][l];
    }
    for (int i = 0; i < kBlock; ++i) std::memcpy(rows + i * stride + k0, corner[i], sizeof corner[i]);
    for (j = k0 + kBlock; j < n; j += kBlock) {
      Eight x[kBlock];
      for (int i = 0; i < kBlock; ++i) load(rows + i * stride + j, x[i]);
#pragma GCC unroll 8
      for (int i = 0; i < kBlock; ++i) {
        x[i] *= inverse[i];
#pragma GCC unroll 8
        for (int l = i + 1; l < kBlock; ++l) x[l] -= corner[i][l] * x[i];
        store(x[i], rows + i * stride + j);
      }
    }
  }
  return true;
}

HRN_HD void forward_solve(const double* u, int n, long stride, double* b, int first) {
  for (int k0 = first / kBlock * kBlock; k0 < n; k0 += kBlock) {
    const double* rows = u + k0 * stride;
    for (int i = 0; i < kBlock; ++i) {
      b[k0 + i] /= rows[i * stride + k0 + i];
      for (int l = i + 1; l < kBlock; ++l) b[k0 + l] -= b[k0 + i] * rows[i * stride + k0 + l];
    }
    for (int j = k0 + kBlock; j < n; j += kBlock) {
      Eight sum, row;
      load(b + j, sum);
      for (int i = 0; i < kBlock; ++i) {
        load(rows + i * stride + j, row);
        sum -= b[k0 + i] * row;
      }
      store(sum, b + j);
    }
  }
}

HRN_HD void backward_solve(const double* u, int n, long stride, double* b) {
  for (int k0 = n - kBlock; k0 >= 0; k0 -= kBlock) {
    const double* rows = u + k0 * stride;
    Eight sums[kBlock] = {};
    for (int j = k0 + kBlock; j < n; j += kBlock) {
      Eight x, row;
      load(b + j, x);
      for (int i = 0; i < kBlock; ++i) {
        load(rows + i * stride + j, row);
        sums[i] += row * x;
      }
    }
    for (int i = kBlock - 1; i >= 0; --i) {
      double sum = 0;
      for (int lane = 0; lane < kBlock; ++lane) sum += sums[i][lane];
      for (int l = i + 1; l < kBlock; ++l) sum += rows[i * stride + k0 + l] * b[k0 + l];
      b[k0 + i] = (b[k0 + i] - sum) / rows[i * stride + k0 + i];
    }
  }
}

#define HRN_DENSE_KERNELS(NAME, ISA, TARGET)                                                                         \
  TARGET void gram_single_##NAME(const float* a, const float* b, int rows, float* out, int stride) {                 \
    ISA::square(a, b, rows, out, stride);                                                                            \
  }                                                                                                                  \
  TARGET void gram_##NAME(const float* a, const float* b, int rows, double* out, int stride) {                       \
    gram_in_double<ISA>(a, b, rows, out, stride);                                                                    \
  }                                                                                                                  \
  TARGET void weighted_rows_##NAME(const float* a, const double* factors, int rows, double* out) {                   \
    weighted_rows(a, factors, rows, out);                                                                            \
  }                                                                                                                  \
  TARGET void add_row_##NAME(const float* a, long count, double* out) { add_converted(a, count, out); }              \
  TARGET bool cholesky_##NAME(double* a, int n, int stride) { return factorise<ISA>(a, n, stride); }                 \
  TARGET void solve_transposed_##NAME(const double* u, int n, int stride, double* b, int first) {                    \
    forward_solve(u, n, stride, b, first);                                                                           \
  }                                                                                                                  \
  TARGET void solve_upper_##NAME(const double* u, int n, int stride, double* b) { backward_solve(u, n, stride, b); } \
  constexpr DenseKernels NAME##_kernels {                                                                            \
    gram_single_##NAME, gram_##NAME, weighted_rows_##NAME, add_row_##NAME, cholesky_##NAME, solve_transposed_##NAME, \
        solve_upper_##NAME                                                                                           \
  }

HRN_DENSE_KERNELS(baseline, Narrow, );
HRN_DENSE_KERNELS(avx2, Narrow, HRN_TARGET_AVX2);
HRN_DENSE_KERNELS(avx512, Wide, HRN_TARGET_AVX512);
#undef HRN_DENSE_KERNELS

}  // namespace

const DenseKernels& dense_kernels(Isa isa) { return isa == Isa::avx2 ? avx2_kernels : baseline_kernels; }

const DenseKernels& dense_kernels() {
  static const DenseKernels& kernels = has_avx512() ? avx512_kernels : dense_kernels(detect_isa());
  return kernels;
}

}  // namespace hrn::optim
