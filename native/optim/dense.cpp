#include "optim/dense.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "core/host_device.hpp"
#include "core/isa.hpp"

namespace hrn::optim {
namespace {

// out[0 .. kHeight)[0 .. kVectors of kBytes) += sign * A^T B over `rows` rows of A and B, which are a_step and b_step
// apart; the accumulators stay in registers over all rows. Vectors are spelled out because the auto-vectoriser shuffles
// in registers what it could broadcast from memory, at a third of the speed; where registers are narrower than a
// vector, the compiler takes several.
template <int kBytes, int kHeight, int kVectors, class Real>
HRN_HD void tile(const Real* a, long a_step, const Real* b, long b_step, int rows, Real sign, Real* out, long stride) {
  typedef Real Vector __attribute__((vector_size(kBytes)));
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
      std::memcpy(&sum, out + v * kLanes, sizeof sum);
      sum += sign * sums[i][v];
      std::memcpy(out + v * kLanes, &sum, sizeof sum);
    }
}

// Instruction sets: accumulators of a tile fill their registers, of 32 bytes or of 64.
struct Narrow {
  HRN_HD static void square(const double* a, long a_step, const double* b, long b_step, int rows, double sign,
                            double* out, long stride) {
    tile<32, 4, 2>(a, a_step, b, b_step, rows, sign, out, stride);
    tile<32, 4, 2>(a + 4, a_step, b, b_step, rows, sign, out + 4 * stride, stride);
  }
  HRN_HD static void square(const float* a, long a_step, const float* b, long b_step, int rows, float sign, float* out,
                            long stride) {
    for (int i = 0; i < kGramTileSingle; i += 4)
      tile<32, 4, 2>(a + i, a_step, b, b_step, rows, sign, out + i * stride, stride);
  }
};
struct Wide {
  HRN_HD static void square(const double* a, long a_step, const double* b, long b_step, int rows, double sign,
                            double* out, long stride) {
    tile<64, 8, 1>(a, a_step, b, b_step, rows, sign, out, stride);
  }
  HRN_HD static void square(const float* a, long a_step, const float* b, long b_step, int rows, float sign, float* out,
                            long stride) {
    tile<64, 16, 1>(a, a_step, b, b_step, rows, sign, out, stride);
  }
};

// Row block by row block: each loses the products of all rows above it in one pass, then is factorised itself.
template <class Isa>
HRN_HD bool factorise(double* a, int n, long stride) {
  constexpr int kBlock = kGramTile;
  const auto row = [a, stride](int i) { return a + i * stride; };
  for (int k0 = 0; k0 < n; k0 += kBlock) {
    const int k1 = std::min(k0 + kBlock, n);
    int j0 = k0;
    if (k1 - k0 == kBlock)
      for (; j0 + kBlock <= n; j0 += kBlock)
        Isa::square(a + k0, stride, a + j0, stride, k0, -1.0, row(k0) + j0, stride);
    for (int k = 0; k < k0; ++k)
      for (int i = k0; i < k1; ++i)
        for (int j = j0; j < n; ++j) row(i)[j] -= row(k)[i] * row(k)[j];
    for (int k = k0; k < k1; ++k) {
      double* rk = row(k);
      if (!(rk[k] > 0) || !std::isfinite(rk[k])) return false;
      const double inverse = 1 / std::sqrt(rk[k]);
      for (int j = k; j < n; ++j) rk[j] *= inverse;
      for (int i = k + 1; i < k1; ++i) {
        double* ri = row(i);
        const double f = rk[i];
        for (int j = i; j < n; ++j) ri[j] -= f * rk[j];
      }
    }
  }
  return true;
}

#define HRN_DENSE_KERNELS(NAME, ISA, TARGET)                                                         \
  TARGET void gram_##NAME(const double* a, const double* b, int rows, double* out, int stride) {     \
    ISA::square(a, kGramTile, b, kGramTile, rows, 1.0, out, stride);                                 \
  }                                                                                                  \
  TARGET void gram_single_##NAME(const float* a, const float* b, int rows, float* out, int stride) { \
    ISA::square(a, kGramTileSingle, b, kGramTileSingle, rows, 1.0f, out, stride);                    \
  }                                                                                                  \
  TARGET bool cholesky_##NAME(double* a, int n, int stride) { return factorise<ISA>(a, n, stride); } \
  constexpr DenseKernels NAME##_kernels { gram_##NAME, gram_single_##NAME, cholesky_##NAME }

HRN_DENSE_KERNELS(baseline, Narrow, );
HRN_DENSE_KERNELS(avx2, Narrow, HRN_TARGET_AVX2);
HRN_DENSE_KERNELS(avx512, Wide, HRN_TARGET_AVX512);
#undef HRN_DENSE_KERNELS

}  // namespace

const DenseKernels& dense_kernels() {
  static const DenseKernels& kernels = has_avx512()                ? avx512_kernels
                                       : detect_isa() == Isa::avx2 ? avx2_kernels
                                                                   : baseline_kernels;
  return kernels;
}

}  // namespace hrn::optim
