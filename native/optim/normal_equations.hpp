// Dense normal equations of a weighted least-squares problem: rows are stored in panels of eight columns so that the
// product of the Jacobian with its own transpose runs over contiguous memory in vector registers.
#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "optim/dense.hpp"

namespace hrn::optim {

/**
 * Collects weighted Jacobian rows and residuals, then forms `hessian = J^T J + diag(prior)` and
 * `gradient = J^T r + prior gradient`. All memory is allocated by the constructor. The result depends on neither the
 * thread count nor the schedule: every 8x8 tile is summed by one thread over the rows in order.
 */
class NormalEquations {
 public:
  static constexpr int kPanel = kGramTile;

  /** `unknowns` columns, at most `max_rows` rows per linearisation. */
  NormalEquations(int unknowns, int max_rows)
      : unknowns_(unknowns),
        panels_((unknowns + kPanel - 1) / kPanel),
        stride_(panels_ * kPanel),
        max_rows_(max_rows),
        jacobian_(static_cast<size_t>(stride_) * static_cast<size_t>(max_rows), 0.0),
        residual_(static_cast<size_t>(max_rows), 0.0),
        hessian_(static_cast<size_t>(stride_) * static_cast<size_t>(stride_), 0.0),
        gradient_(static_cast<size_t>(stride_), 0.0) {}

  int unknowns() const { return unknowns_; }
  /** Distance between rows of the Hessian, in elements. */
  int stride() const { return stride_; }
  int max_rows() const { return max_rows_; }

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
  void add_row(std::span<const double> derivatives, double residual) { set_row(add_rows(1), derivatives, residual); }

  /** Makes room for `count` rows and returns the first one's number. All of them must be set, from any thread. */
  int add_rows(int count) {
    rows_ += count;
    return rows_ - count;
  }
  void set_row(int row, std::span<const double> derivatives, double residual) {
    const int given = static_cast<int>(derivatives.size());
    const size_t r = static_cast<size_t>(row);
    residual_[r] = residual;
    const size_t panel_size = static_cast<size_t>(max_rows_) * kPanel;
    int c = 0;
    for (int p = 0; p < panels_; ++p) {
      double* out = jacobian_.data() + static_cast<size_t>(p) * panel_size + r * kPanel;
      const int width = std::clamp(given - c, 0, kPanel);
      for (int k = 0; k < width; ++k) out[k] = derivatives[static_cast<size_t>(c + k)];
      for (int k = width; k < kPanel; ++k) out[k] = 0;
      c += kPanel;
    }
  }

  /** Adds the curvature and slope of a one-variable prior. */
  void add_diagonal(int i, double curvature, double slope) {
    hessian_[static_cast<size_t>(i) * static_cast<size_t>(stride_ + 1)] += curvature;
    gradient_[static_cast<size_t>(i)] += slope;
  }

  /** Adds a whole term's share: lower triangle (`i` >= `j`) of the Hessian, and gradient. */
  void add_hessian(int i, int j, double value) { at(i, j) += value; }
  void add_gradient(int i, double value) { gradient_[static_cast<size_t>(i)] += value; }

  /** Sums the rows into the Hessian (both triangles) and the gradient. */
  template <class Pool>
  void accumulate(Pool& pool) {
    const auto panel = [](void* self, long p, int) {
      static_cast<NormalEquations*>(self)->accumulate_panel(static_cast<int>(p));
    };
    pool.parallel_for(panels_, panel, this);
    for (int i = 0; i < stride_; ++i)
      for (int j = 0; j < i; ++j) at(j, i) = at(i, j);
  }

  const double* hessian() const { return hessian_.data(); }
  const double* gradient() const { return gradient_.data(); }

 private:
  double& at(int i, int j) {
    return hessian_[static_cast<size_t>(i) * static_cast<size_t>(stride_) + static_cast<size_t>(j)];
  }

  // Lower-triangle tiles of one panel row, and its share of the gradient.
  void accumulate_panel(int p) {
    const size_t panel_size = static_cast<size_t>(max_rows_) * kPanel;
    const double* a = jacobian_.data() + static_cast<size_t>(p) * panel_size;
    double slope[kPanel] = {};
    for (int r = 0; r < rows_; ++r)
      for (int i = 0; i < kPanel; ++i) slope[i] += a[r * kPanel + i] * residual_[static_cast<size_t>(r)];
    for (int i = 0; i < kPanel; ++i) gradient_[static_cast<size_t>(p * kPanel + i)] += slope[i];
    // Blocks of rows that stay in the first-level cache while the panel meets every other one.
    constexpr int kRows = 128;
    for (int r = 0; r < rows_; r += kRows) {
      const size_t first = static_cast<size_t>(r) * kPanel;
      for (int q = 0; q <= p; ++q)
        dense_kernels().add_gram_tile(a + first, jacobian_.data() + static_cast<size_t>(q) * panel_size + first,
                                      std::min(kRows, rows_ - r), &at(p * kPanel, q * kPanel), stride_);
    }
  }

  int unknowns_, panels_, stride_, max_rows_, rows_ = 0;
  std::vector<double> jacobian_;  // [panels][max_rows][8]
  std::vector<double> residual_;  // [max_rows]
  std::vector<double> hessian_;   // [stride][stride]
  std::vector<double> gradient_;  // [stride]
};

}  // namespace hrn::optim
