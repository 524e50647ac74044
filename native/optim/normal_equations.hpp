// Dense normal equations of a weighted least-squares problem: rows are stored in panels of sixteen columns so that the
// product of the Jacobian with its own transpose runs over contiguous memory in vector registers.
#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "core/array.hpp"
#include "optim/dense.hpp"

namespace hrn::optim {

/**
 * Collects weighted Jacobian rows and residuals, then forms `hessian = J^T J + diag(prior)` and
 * `gradient = J^T r + prior gradient`. All memory is allocated by the constructor. The result depends on neither the
 * thread count nor the schedule: every tile is summed by one thread over the rows in order.
 *
 * Derivatives are kept in single precision, and so are the products of up to kRows rows; the gradient, which says where
 * the minimum is, is summed in double.
 */
class NormalEquations {
 public:
  static constexpr int kPanel = kGramTile;

  /** `unknowns` columns, of which rows have derivatives by the leading `row_unknowns` only; at most `max_rows` rows
   * at a time. */
  NormalEquations(int unknowns, int row_unknowns, int max_rows)
      : unknowns_(unknowns),
        panels_((row_unknowns + kPanel - 1) / kPanel),
        stride_(stride_for(std::max(unknowns, panels_ * kPanel))),
        max_rows_(max_rows),
        jacobian_(static_cast<size_t>(panels_ * kPanel) * static_cast<size_t>(max_rows)),
        residual_(static_cast<size_t>(max_rows), 0.0),
        hessian_(static_cast<size_t>(stride_) * static_cast<size_t>(stride_)),
        gradient_(static_cast<size_t>(stride_)) {}
  NormalEquations(int unknowns, int max_rows) : NormalEquations(unknowns, unknowns, max_rows) {}

  int unknowns() const { return unknowns_; }
  /** Distance between rows of the Hessian, in elements. */
  int stride() const { return stride_; }

  /** Starts a new linearisation. */
  void clear() {
    rows_ = 0;
    std::fill(hessian_.begin(), hessian_.end(), 0.0);
    std::fill(gradient_.begin(), gradient_.end(), 0.0);
  }

  /**
   * Adds one row: derivatives by the leading unknowns (zero by the others) and the residual, both already multiplied by
   * the root of the weight.
   */
  void add_row(std::span<const double> derivatives, double residual) { store(add_rows(1), derivatives, residual); }

  /** Makes room for `count` rows and returns the first one's number. All of them must be set, from any thread. */
  int add_rows(int count) {
    rows_ += count;
    return rows_ - count;
  }
  void set_row(int row, std::span<const float> derivatives, double residual) { store(row, derivatives, residual); }

  /** Adds the curvature and slope of a one-variable prior. */
  void add_diagonal(int i, double curvature, double slope) {
    add_hessian(i, i, curvature);
    add_gradient(i, slope);
  }

  /** Adds a whole term's share: upper triangle (`i` <= `j`) of the Hessian, and gradient. */
  void add_hessian(int i, int j, double value) {
    hessian_[static_cast<size_t>(i) * static_cast<size_t>(stride_) + static_cast<size_t>(j)] += value;
  }
  /** The same for `values.size()` entries of row `i` from column `j` on. */
  void add_hessian_row(int i, int j, std::span<const double> values) {
    double* row = hessian_.data() + static_cast<size_t>(i) * static_cast<size_t>(stride_) + static_cast<size_t>(j);
    for (const double value : values) *row++ += value;
  }
  void add_gradient(int i, double value) { gradient_[static_cast<size_t>(i)] += value; }

  /** Sums the rows given since the last call into the Hessian and the gradient. */
  template <class Pool>
  void accumulate(Pool& pool) {
    if (rows_ == 0) return;
    const auto panel = [](void* self, long p, int) {
      static_cast<NormalEquations*>(self)->accumulate_panel(static_cast<int>(p));
    };
    pool.parallel_for(panels_, panel, this);
    rows_ = 0;
  }

  /** The upper triangle, row-major; what is below is undefined. */
  const double* hessian() const { return hessian_.data(); }
  const double* gradient() const { return gradient_.data(); }

 private:
  // An odd number of cache lines: rows an even number apart would share few of the first-level cache's sets.
  static int stride_for(int columns) { return (columns + 15) / 16 * 16 + 8; }

  template <class Real>
  void store(int row, std::span<const Real> derivatives, double residual) {
    const size_t given = derivatives.size(), r = static_cast<size_t>(row);
    residual_[r] = residual;
    const size_t panel_size = static_cast<size_t>(max_rows_) * kPanel;
    float* out = jacobian_.data() + r * kPanel;
    size_t c = 0;
    for (; c + kPanel <= given; c += kPanel, out += panel_size)
      for (size_t k = 0; k < kPanel; ++k) out[k] = static_cast<float>(derivatives[c + k]);
    for (; c < static_cast<size_t>(panels_ * kPanel); c += kPanel, out += panel_size)
      for (size_t k = 0; k < kPanel; ++k) out[k] = c + k < given ? static_cast<float>(derivatives[c + k]) : 0.0f;
  }

  // Upper-triangle tiles of one panel's rows, and its share of the gradient.
  void accumulate_panel(int p) {
    const DenseKernels& kernels = dense_kernels();
    const size_t panel_size = static_cast<size_t>(max_rows_) * kPanel;
    const float* a = jacobian_.data() + static_cast<size_t>(p) * panel_size;
    kernels.add_weighted_rows(a, residual_.data(), rows_, gradient_.data() + p * kPanel);
    // Blocks of rows that stay in the first-level cache while the panel meets every other one.
    constexpr int kRows = 256;
    double* out = hessian_.data() + static_cast<size_t>(p * kPanel) * static_cast<size_t>(stride_);
    for (int r = 0; r < rows_; r += kRows) {
      const size_t first = static_cast<size_t>(r) * kPanel;
      for (int q = p; q < panels_; ++q)
        kernels.add_gram_tile(a + first, jacobian_.data() + static_cast<size_t>(q) * panel_size + first,
                              std::min(kRows, rows_ - r), out + q * kPanel, stride_);
    }
  }

  int unknowns_, panels_, stride_, max_rows_, rows_ = 0;
  HostArray<float> jacobian_;     // [panels][max_rows][16]
  std::vector<double> residual_;  // [max_rows]
  HostArray<double> hessian_;     // [stride][stride]
  HostArray<double> gradient_;    // [stride]
};

}  // namespace hrn::optim
