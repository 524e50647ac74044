#include "optim/dense.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "core/host_device.hpp"
#include "core/isa.hpp"

namespace hrn::optim {
namespace {

constexpr int kBlock = 8;

// Four doubles that the compiler keeps in a register, or in two where registers are narrower. Spelled out because the
// auto-vectoriser shuffles in registers what it could broadcast from memory, at a third of the speed.
typedef double Four __attribute__((vector_size(32)));

// out[0 .. 4)[0 .. 8) += A^T B; the accumulators stay in registers over all rows.
HRN_HD void half_tile(const double* a, const double* b, int rows, double* out, int stride) {
  Four low0{}, low1{}, low2{}, low3{}, high0{}, high1{}, high2{}, high3{};
  for (int r = 0; r < rows; ++r, a += kGramTile, b += kGramTile) {
    Four low, high;
    std::memcpy(&low, b, sizeof low);
    std::memcpy(&high, b + 4, sizeof high);
    low0 += a[0] * low;
    high0 += a[0] * high;
    low1 += a[1] * low;
    high1 += a[1] * high;
    low2 += a[2] * low;
    high2 += a[2] * high;
    low3 += a[3] * low;
    high3 += a[3] * high;
  }
  const Four sums[4][2] = {{low0, high0}, {low1, high1}, {low2, high2}, {low3, high3}};
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < kGramTile; ++j)
      out[static_cast<size_t>(i) * static_cast<size_t>(stride) + static_cast<size_t>(j)] += sums[i][j / 4][j % 4];
}

HRN_HD void gram_tile(const double* a, const double* b, int rows, double* out, int stride) {
  constexpr int kHalf = kGramTile / 2;
  half_tile(a, b, rows, out, stride);
  half_tile(a + kHalf, b, rows, out + static_cast<size_t>(kHalf) * static_cast<size_t>(stride), stride);
}

HRN_HD bool factorise(double* a, int n, int stride) {
  const auto row = [a, stride](int i) { return a + static_cast<size_t>(i) * static_cast<size_t>(stride); };
  for (int k0 = 0; k0 < n; k0 += kBlock) {
    const int k1 = std::min(k0 + kBlock, n);
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
    if (k1 - k0 < kBlock) break;
    // The trailing matrix loses the whole block in one pass over memory.
    for (int i = k1; i < n; ++i) {
      double f[kBlock];
      const double* r[kBlock];
      for (int k = 0; k < kBlock; ++k) {
        r[k] = row(k0 + k);
        f[k] = r[k][i];
      }
      double* ri = row(i);
      for (int j = i; j < n; ++j)
        ri[j] -= f[0] * r[0][j] + f[1] * r[1][j] + f[2] * r[2][j] + f[3] * r[3][j] + f[4] * r[4][j] + f[5] * r[5][j] +
                 f[6] * r[6][j] + f[7] * r[7][j];
    }
  }
  return true;
}

void gram_tile_baseline(const double* a, const double* b, int rows, double* out, int stride) {
  gram_tile(a, b, rows, out, stride);
}
bool cholesky_baseline(double* a, int n, int stride) { return factorise(a, n, stride); }

HRN_TARGET_AVX2 void gram_tile_avx2(const double* a, const double* b, int rows, double* out, int stride) {
  gram_tile(a, b, rows, out, stride);
}
HRN_TARGET_AVX2 bool cholesky_avx2(double* a, int n, int stride) { return factorise(a, n, stride); }

constexpr DenseKernels kBaseline{gram_tile_baseline, cholesky_baseline};
constexpr DenseKernels kAvx2{gram_tile_avx2, cholesky_avx2};

}  // namespace

const DenseKernels& dense_kernels() {
  static const DenseKernels& kernels = detect_isa() == Isa::avx2 ? kAvx2 : kBaseline;
  return kernels;
}

}  // namespace hrn::optim
