// Linear morphable model: values = base + sum_k coefficient[k] * component[k], and its transpose for gradients. The
// same code serves positions (mean + identity + expression) and albedo.
//
// The basis dominates the memory traffic of an iteration, so its layout follows the access: tiles of 64 rows, inside a
// tile all components one after the other. Both directions then read one sequential stream, with 64 running sums
// (forward) or 64 gradients (backward) held in registers.
#pragma once
#include "core/half.hpp"
#include "core/host_device.hpp"

namespace hrn::ops {

/// Rows of a tile; rows of the last tile beyond `rows` are zero.
constexpr long kBasisTile = 64;

HRN_HD constexpr long basis_tiles(long rows) { return (rows + kBasisTile - 1) / kBasisTile; }

template <class Real, class Stored>
struct BasisArgs {
  const Stored* basis = nullptr;       // in, [tiles][components][64], unit of the values per unit of coefficient
  long rows = 0;                       // values per component, 3 x vertices
  long components = 0;                 // components of the packed basis
  long first = 0;                      // first component used
  long count = 0;                      // components used
  const Real* coefficients = nullptr;  // in, [count]; forward
  const Real* base = nullptr;          // in, [rows]; forward; may equal `values`
  Real* values = nullptr;              // out, [rows]; forward
  const Real* grad_values = nullptr;   // in, [rows]; backward
};

struct MorphableModel {
  /// Forward of one tile.
  template <class Real, class Stored>
  HRN_HD static void forward(const BasisArgs<Real, Stored>& a, long tile) {
    const long first_row = tile * kBasisTile;
    const long rows = a.rows - first_row < kBasisTile ? a.rows - first_row : kBasisTile;
    const Stored* component = a.basis + (tile * a.components + a.first) * kBasisTile;
    Real sum[kBasisTile];
    for (long r = 0; r < kBasisTile; ++r) sum[r] = r < rows ? a.base[first_row + r] : Real(0);
    for (long k = 0; k < a.count; ++k, component += kBasisTile)
      for (long r = 0; r < kBasisTile; ++r) sum[r] += a.coefficients[k] * stored_value<Real>(component[r]);
    for (long r = 0; r < rows; ++r) a.values[first_row + r] = sum[r];
  }

  /// Backward of one tile: adds sum_r grad_values[r] * component[k][r] to grad_coefficients[k].
  template <class Real, class Stored>
  HRN_HD static void backward(const BasisArgs<Real, Stored>& a, long tile, double* grad_coefficients) {
    const long first_row = tile * kBasisTile;
    const long rows = a.rows - first_row < kBasisTile ? a.rows - first_row : kBasisTile;
    const Stored* component = a.basis + (tile * a.components + a.first) * kBasisTile;
    for (long k = 0; k < a.count; ++k, component += kBasisTile) {
      double sum = 0;
      for (long r = 0; r < rows; ++r)
        sum += static_cast<double>(a.grad_values[first_row + r] * stored_value<Real>(component[r]));
      grad_coefficients[k] += sum;
    }
  }
};

/// Repacks components stored one after the other ([components][rows]) into tiles; `out` holds
/// basis_tiles(rows) * components * 64 values and is zero on entry.
template <class In, class Stored, class Convert>
void pack_basis(const In* components_by_rows, long rows, long components, Stored* out, Convert convert) {
  for (long tile = 0; tile < basis_tiles(rows); ++tile) {
    const long first_row = tile * kBasisTile;
    const long n = rows - first_row < kBasisTile ? rows - first_row : kBasisTile;
    for (long k = 0; k < components; ++k) {
      const In* in = components_by_rows + k * rows + first_row;
      Stored* to = out + (tile * components + k) * kBasisTile;
      for (long r = 0; r < n; ++r) to[r] = convert(in[r]);
    }
  }
}

}  // namespace hrn::ops
