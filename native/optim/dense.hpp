// Dense linear algebra for systems of a few hundred unknowns. The inner loops are compiled per instruction set.
#pragma once
#include <cstddef>

#include "core/isa.hpp"

namespace hrn::optim {

/** Edge of the square tiles that the products sum, and columns of the panels that they read: row r of a panel is at
 * 16 r. */
inline constexpr int kGramTile = 16;

/** Systems to factorise have a multiple of this many unknowns: rows of the identity fill them up. */
inline constexpr int kFactorBlock = 8;

struct DenseKernels {
  /** `out[i][j] += sum_r a[r][i] * b[r][j]` for 16 x 16 outputs, `stride` elements between rows of `out`. */
  void (*add_gram_tile_single)(const float* a, const float* b, int rows, float* out, int stride);
  /** The same for outputs in double: products and sums of one call are in single precision. */
  void (*add_gram_tile)(const float* a, const float* b, int rows, double* out, int stride);
  /** `out[i] += sum_r a[r][i] * factors[r]` for 16 outputs. */
  void (*add_weighted_rows)(const float* a, const double* factors, int rows, double* out);
  /** `out[i] += a[i]`. */
  void (*add_row)(const float* a, long count, double* out);
  /**
   * Overwrites the upper triangle of the row-major matrix `a` (`n` rows, `stride` elements apart) with U, where
   * A = U^T U; what is below becomes undefined. Returns false, leaving `a` undefined, when the matrix is not positive
   * definite (or not finite).
   */
  bool (*cholesky)(double* a, int n, int stride);
  /** Solves U^T y = b in place, with U from `cholesky`; `b` must be zero before `first`. */
  void (*solve_transposed)(const double* u, int n, int stride, double* b, int first);
  /** Solves U x = b in place. */
  void (*solve_upper)(const double* u, int n, int stride, double* b);
};

/** The variant for this machine, or that of `isa`, which it must have. */
const DenseKernels& dense_kernels();
const DenseKernels& dense_kernels(Isa isa);

/** Solves A x = b in place, with U from `cholesky`. */
inline void cholesky_solve(const DenseKernels& kernels, const double* u, int n, int stride, double* b) {
  kernels.solve_transposed(u, n, stride, b, 0);
  kernels.solve_upper(u, n, stride, b);
}

}  // namespace hrn::optim
