// Sums over rows of a basis that stands row by row, for the dense solvers. Compiled per instruction set.
#pragma once
#include "core/half.hpp"
#include "core/isa.hpp"

namespace hrn::fit {

inline constexpr long kPackedStep = 8;

struct BasisRowKernels {
  /** `offset + sum_k row[k] * coefficients[k]`, summed in double. */
  double (*evaluate)(double offset, const float* row, const double* coefficients, long count);
  /** `out[k] = sum_t weights[t] * rows[t][k]`. */
  void (*combine)(const float* const* rows, const float* weights, int terms, long count, float* out);
  /** `sum_k row[k] * coefficients[k]` in single precision; `count` is a multiple of kPackedStep. */
  float (*evaluate_packed)(const Half* row, const float* coefficients, long count);
  /** `out[k] = row[k]`; `count` is a multiple of kPackedStep. */
  void (*unpack)(const Half* row, long count, float* out);
};

/** The variant for this machine, or that of `isa`, which it must have. */
const BasisRowKernels& basis_row_kernels();
const BasisRowKernels& basis_row_kernels(Isa isa);

}  // namespace hrn::fit
