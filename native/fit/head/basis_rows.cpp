#include "fit/head/basis_rows.hpp"

#include <cstring>

#include "core/eight_floats.hpp"
#include "core/host_device.hpp"

namespace hrn::fit {
namespace {

// The compiler converts four floats at a time well, and eight badly.
typedef float Four __attribute__((vector_size(16)));
typedef double FourDoubles __attribute__((vector_size(32)));
typedef float Eight __attribute__((vector_size(32)));

HRN_HD double evaluate(double offset, const float* row, const double* coefficients, long count) {
  // Four sums: one would wait for itself.
  constexpr long kSums = 4, kLanes = 4;
  FourDoubles sums[kSums] = {};
  long k = 0;
  for (; k + kSums * kLanes <= count; k += kSums * kLanes)
    for (long s = 0; s < kSums; ++s) {
      Four values;
      FourDoubles factors;
      std::memcpy(&values, row + k + s * kLanes, sizeof values);
      std::memcpy(&factors, coefficients + k + s * kLanes, sizeof factors);
      sums[s] += __builtin_convertvector(values, FourDoubles) * factors;
    }
  for (; k < count; ++k) offset += static_cast<double>(row[k]) * coefficients[k];
  const FourDoubles sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  return offset + ((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

HRN_HD void combine(const float* const* rows, const float* weights, int terms, long count, float* out) {
  constexpr long kLanes = 8;
  long k = 0;
  for (; k + kLanes <= count; k += kLanes) {
    Eight sum = {};
    for (int t = 0; t < terms; ++t) {
      Eight values;
      std::memcpy(&values, rows[t] + k, sizeof values);
      sum += weights[t] * values;
    }
    std::memcpy(out + k, &sum, sizeof sum);
  }
  for (; k < count; ++k) {
    out[k] = 0;
    for (int t = 0; t < terms; ++t) out[k] += weights[t] * rows[t][k];
  }
}

double evaluate_baseline(double offset, const float* row, const double* coefficients, long count) {
  return evaluate(offset, row, coefficients, count);
}
void combine_baseline(const float* const* rows, const float* weights, int terms, long count, float* out) {
  combine(rows, weights, terms, count, out);
}
float evaluate_packed_baseline(const Half* row, const float* coefficients, long count) {
  float sums[kPackedStep] = {};
  for (long k = 0; k < count; k += kPackedStep)
    for (long lane = 0; lane < kPackedStep; ++lane) sums[lane] += half_to_float(row[k + lane]) * coefficients[k + lane];
  float sum = 0;
  for (const float part : sums) sum += part;
  return sum;
}
void unpack_baseline(const Half* row, long count, float* out) {
  for (long k = 0; k < count; ++k) out[k] = half_to_float(row[k]);
}
constexpr BasisRowKernels baseline_kernels{evaluate_baseline, combine_baseline, evaluate_packed_baseline,
                                           unpack_baseline};

#if HRN_X86 || HRN_NEON

HRN_TARGET_AVX2 double evaluate_vectors(double offset, const float* row, const double* coefficients, long count) {
  return evaluate(offset, row, coefficients, count);
}
HRN_TARGET_AVX2 void combine_vectors(const float* const* rows, const float* weights, int terms, long count,
                                     float* out) {
  combine(rows, weights, terms, count, out);
}
HRN_TARGET_AVX2 float evaluate_packed_vectors(const Half* row, const float* coefficients, long count) {
  EightFloats sums[2] = {broadcast8(0), broadcast8(0)};
  long k = 0;
  for (; k + 2 * kPackedStep <= count; k += 2 * kPackedStep)
    for (long s = 0; s < 2; ++s)
      sums[s] = multiply_add(load8(row + k + s * kPackedStep), load8(coefficients + k + s * kPackedStep), sums[s]);
  if (k < count) sums[0] = multiply_add(load8(row + k), load8(coefficients + k), sums[0]);
  float lanes[kPackedStep];
  store8(add(sums[0], sums[1]), lanes);
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}
HRN_TARGET_AVX2 void unpack_vectors(const Half* row, long count, float* out) {
  for (long k = 0; k < count; k += kPackedStep) store8(load8(row + k), out + k);
}
constexpr BasisRowKernels vector_kernels{evaluate_vectors, combine_vectors, evaluate_packed_vectors, unpack_vectors};

#else
constexpr const BasisRowKernels& vector_kernels = baseline_kernels;
#endif

}  // namespace

const BasisRowKernels& basis_row_kernels(Isa isa) { return isa == Isa::baseline ? baseline_kernels : vector_kernels; }

const BasisRowKernels& basis_row_kernels() {
  static const BasisRowKernels& kernels = basis_row_kernels(detect_isa());
  return kernels;
}

}  // namespace hrn::fit
