// Dense linear algebra for systems of a few hundred unknowns. The inner loops are compiled per
// instruction set and picked once, at first use.
#pragma once
#include <cstddef>

namespace hrn::optim {

/** Edge of the square tiles that `add_gram_tile` sums, and columns of the panels that it reads: row r of a panel is at
 * 8 r. */
inline constexpr int kGramTile = 8;

/** The same for `add_gram_tile_single`. */
inline constexpr int kGramTileSingle = 16;

struct DenseKernels {
  /** `out[i][j] += sum_r a[r][i] * b[r][j]` for 8 x 8 outputs, `stride` elements between rows of `out`. */
  void (*add_gram_tile)(const double* a, const double* b, int rows, double* out, int stride);
  /** The same in single precision for 16 x 16 outputs; row r of a panel is at 16 r. */
  void (*add_gram_tile_single)(const float* a, const float* b, int rows, float* out, int stride);
  /**
   * Overwrites the upper triangle of the row-major matrix `a` (`n` rows, `stride` elements apart) with U, where
   * A = U^T U; what is below becomes undefined. Returns false, leaving `a` undefined, when the matrix is not positive
   * definite (or not finite).
   */
  bool (*cholesky)(double* a, int n, int stride);
};

/** The variant for this machine. */
const DenseKernels& dense_kernels();

/** Solves U^T y = b in place, with U from `cholesky`; rows before `first` must be zero in `b`. */
inline void solve_transposed(const double* u, int n, int stride, double* b, int first = 0) {
  for (int k = first; k < n; ++k) {
    const double* rk = u + static_cast<size_t>(k) * static_cast<size_t>(stride);
    b[k] /= rk[k];
    const double f = b[k];
    for (int j = k + 1; j < n; ++j) b[j] -= f * rk[j];
  }
}

/** Solves A x = b in place, with U from `cholesky`. */
inline void cholesky_solve(const double* u, int n, int stride, double* b) {
  solve_transposed(u, n, stride, b);
  for (int k = n - 1; k >= 0; --k) {
    const double* rk = u + static_cast<size_t>(k) * static_cast<size_t>(stride);
    // In four partial sums: one long chain of additions would wait for itself.
    double sum[4] = {b[k], 0, 0, 0};
    int j = k + 1;
    for (; j + 4 <= n; j += 4)
      for (int lane = 0; lane < 4; ++lane) sum[lane] -= rk[j + lane] * b[j + lane];
    for (; j < n; ++j) sum[0] -= rk[j] * b[j];
    b[k] = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / rk[k];
  }
}

}  // namespace hrn::optim
