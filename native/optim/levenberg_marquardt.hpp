// Levenberg-Marquardt for a few hundred unknowns with bounds. The problem supplies rows and priors; the driver owns
// damping, the active set of bounds and the decision when to stop.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "core/array.hpp"
#include "optim/dense.hpp"
#include "optim/normal_equations.hpp"

namespace hrn::optim {

struct LevenbergMarquardtOptions {
  int max_iterations = 25;
  /** Damping trials within one iteration before giving up. */
  int max_trials = 10;
  /** Initial damping, relative to the Hessian's diagonal. */
  double damping = 1e-3;
  /** Stop when an accepted step lowers the cost by less than this fraction. */
  double tolerance = 1e-5;
};

struct LevenbergMarquardtReport {
  int iterations = 0;
  double initial_cost = 0, final_cost = 0;
  bool converged = false;
};

/**
 * Minimises `cost(x)` over a state that the problem keeps. `Problem` provides
 *   `double linearize(NormalEquations&)`   rows, diagonal priors; returns the cost at the current state
 *   `void step_bounds(double* lower, double* upper)`   bounds of the step from the current state (may be infinite)
 *   `double try_step(const double* step)`  forms a candidate state, returns its cost (infinity or NaN when invalid)
 *   `void accept()`                        makes the candidate the current state
 * The cost is one half of the sum of squared weighted residuals (or their robust loss) plus priors. `iterate(i)` is
 * called before every iteration and may throw to stop.
 */
class LevenbergMarquardt {
 public:
  /** As NormalEquations: rows have derivatives by the leading `row_unknowns` only. */
  LevenbergMarquardt(int unknowns, int row_unknowns, int max_rows)
      : equations_(unknowns, row_unknowns, max_rows),
        factor_(static_cast<size_t>(equations_.stride()) * static_cast<size_t>(equations_.stride())),
        right_(static_cast<size_t>(equations_.stride())),
        step_(static_cast<size_t>(unknowns)),
        lower_(static_cast<size_t>(unknowns)),
        upper_(static_cast<size_t>(unknowns)),
        fixed_(static_cast<size_t>(unknowns)) {
    free_.reserve(static_cast<size_t>(unknowns));
    runs_.reserve(static_cast<size_t>(unknowns));
  }
  LevenbergMarquardt(int unknowns, int max_rows) : LevenbergMarquardt(unknowns, unknowns, max_rows) {}

  template <class Problem, class Pool, class Iterate>
  LevenbergMarquardtReport minimize(Problem& problem, const LevenbergMarquardtOptions& options, Pool& pool,
                                    Iterate&& iterate) {
    LevenbergMarquardtReport report;
    double damping = options.damping, growth = 2;
    for (; report.iterations < options.max_iterations; ++report.iterations) {
      iterate(report.iterations);
      equations_.clear();
      const double cost = problem.linearize(equations_);
      if (report.iterations == 0) report.initial_cost = cost;
      report.final_cost = cost;
      equations_.accumulate(pool);
      problem.step_bounds(lower_.data(), upper_.data());
      double next = std::numeric_limits<double>::infinity();
      bool accepted = false;
      for (int trial = 0; trial < options.max_trials && !accepted; ++trial) {
        if (solve(damping)) {
          const double predicted = predicted_decrease();
          // A stationary point: no step of the model lowers the cost any more.
          if (!(predicted > options.tolerance * 1e-3 * cost) && trial == 0) {
            report.converged = true;
            return report;
          }
          next = problem.try_step(step_.data());
          const double gain = (cost - next) / predicted;
          if (next < cost && gain > 1e-4) {
            problem.accept();
            accepted = true;
            const double t = 2 * gain - 1;
            damping = std::max(damping * std::max(1.0 / 3, 1 - t * t * t), 1e-12);
            growth = 2;
            break;
          }
        }
        damping *= growth;
        growth *= 2;
      }
      if (!accepted) {
        report.converged = true;
        break;
      }
      report.final_cost = next;
      if (cost - next <= options.tolerance * cost) {
        ++report.iterations;
        report.converged = true;
        break;
      }
    }
    return report;
  }

  /**
   * Posterior covariance of the unknowns in [first, first + count) under the Gauss-Newton Hessian at the problem's
   * current state, all others unknown beside them; zero for unknowns held at a bound. Returns false when the Hessian is
   * singular.
   *
   * @param covariance [count][count]
   */
  template <class Problem, class Pool>
  bool posterior_covariance(Problem& problem, Pool& pool, int first, int count, double* covariance) {
    equations_.clear();
    problem.linearize(equations_);
    equations_.accumulate(pool);
    problem.step_bounds(lower_.data(), upper_.data());
    hold_active_bounds();
    load_system(0);
    const DenseKernels& kernels = dense_kernels();
    if (!kernels.cholesky(factor_.data(), system_, equations_.stride())) return false;
    const size_t wanted = static_cast<size_t>(count), system = static_cast<size_t>(system_);
    std::fill_n(covariance, wanted * wanted, 0.0);
    // Columns of the factor's inverse, one a row: products of two of them are the covariance.
    std::vector<double> columns(wanted * system, 0.0);
    std::vector<size_t> place(wanted, system);  // among the free ones; `system`: held
    for (size_t a = 0; a < free_.size(); ++a) {
      if (free_[a] < static_cast<size_t>(first) || free_[a] >= static_cast<size_t>(first) + wanted) continue;
      const size_t k = free_[a] - static_cast<size_t>(first);
      place[k] = a;
      std::fill(right_.begin(), right_.end(), 0.0);
      right_[a] = 1;
      kernels.solve_transposed(factor_.data(), system_, equations_.stride(), right_.data(), static_cast<int>(a));
      std::copy_n(right_.data(), system, columns.data() + k * system);
    }
    for (size_t i = 0; i < wanted; ++i)
      for (size_t j = i; j < wanted; ++j) {
        double sum = 0;
        for (size_t r = std::max(place[i], place[j]); r < system; ++r)
          sum += columns[i * system + r] * columns[j * system + r];
        covariance[i * wanted + j] = covariance[j * wanted + i] = sum;
      }
    return true;
  }

 private:
  // Variables that sit on a bound and would be pushed through it.
  void hold_active_bounds() {
    const double* g = equations_.gradient();
    for (size_t i = 0; i < fixed_.size(); ++i)
      fixed_[i] = (lower_[i] >= 0 && g[i] > 0) || (upper_[i] <= 0 && g[i] < 0) || lower_[i] == upper_[i];
  }

  // factor_ = hessian of the free variables with relative damping, filled up with rows of the identity.
  void load_system(double damping) {
    free_.clear();
    runs_.clear();
    for (size_t i = 0; i < fixed_.size(); ++i) {
      if (fixed_[i]) continue;
      if (free_.empty() || free_.back() + 1 != i) runs_.push_back({i, i});
      runs_.back().end = i + 1;
      free_.push_back(i);
    }
    const size_t n = free_.size(), stride = static_cast<size_t>(equations_.stride());
    system_ = static_cast<int>((n + kFactorBlock - 1) / kFactorBlock * kFactorBlock);
    const size_t padded = static_cast<size_t>(system_);
    double* row = factor_.data();
    for (const Run& own : runs_)
      for (size_t i = own.begin; i < own.end; ++i, row += stride) {
        const double* h = equations_.hessian() + i * stride;
        const size_t a = static_cast<size_t>(row - factor_.data()) / stride;
        double* to = std::copy(h + i, h + own.end, row + a);
        for (const Run* other = &own + 1; other != runs_.data() + runs_.size(); ++other)
          to = std::copy(h + other->begin, h + other->end, to);
        std::fill(to, row + padded, 0.0);
        row[a] = row[a] * (1 + damping) + 1e-12;
      }
    for (size_t a = n; a < padded; ++a, row += stride) {
      std::fill(row + a, row + padded, 0.0);
      row[a] = 1;
    }
  }

  // The damped step with bounds: variables that would leave their range are put on the bound and the others solved
  // again, which keeps the prediction of the cost honest.
  bool solve(double damping) {
    constexpr int kPasses = 4;
    const DenseKernels& kernels = dense_kernels();
    hold_active_bounds();
    std::fill(step_.begin(), step_.end(), 0.0);
    for (int pass = 0;; ++pass) {
      load_system(damping);
      if (!kernels.cholesky(factor_.data(), system_, equations_.stride())) return false;
      right_hand_side();
      cholesky_solve(kernels, factor_.data(), system_, equations_.stride(), right_.data());
      bool violated = false;
      for (size_t a = 0; a < free_.size(); ++a) {
        const size_t i = free_[a];
        if (!std::isfinite(right_[a])) return false;
        step_[i] = std::clamp(right_[a], std::min(lower_[i], 0.0), std::max(upper_[i], 0.0));
        if (step_[i] != right_[a]) {
          fixed_[i] = 1;
          violated = true;
        }
      }
      if (!violated || pass == kPasses) return true;
    }
  }

  // -gradient of the free variables, corrected for the steps of those held.
  void right_hand_side() {
    const size_t stride = static_cast<size_t>(equations_.stride());
    const double* h = equations_.hessian();
    std::fill(right_.begin(), right_.end(), 0.0);
    for (size_t a = 0; a < free_.size(); ++a) right_[a] = -equations_.gradient()[free_[a]];
    for (size_t j = 0; j < fixed_.size(); ++j) {
      if (!fixed_[j] || step_[j] == 0) continue;
      for (size_t a = 0; a < free_.size(); ++a)
        right_[a] -= h[std::min(free_[a], j) * stride + std::max(free_[a], j)] * step_[j];
    }
  }

  double predicted_decrease() const {
    const size_t n = step_.size(), stride = static_cast<size_t>(equations_.stride());
    const double* g = equations_.gradient();
    double decrease = 0;
    for (size_t i = 0; i < n; ++i) {
      if (step_[i] == 0) continue;
      const double* h = equations_.hessian() + i * stride;
      // In four partial sums: one long chain of additions would wait for itself.
      double sum[4] = {g[i] + 0.5 * h[i] * step_[i], 0, 0, 0};
      size_t j = i + 1;
      for (; j + 4 <= n; j += 4)
        for (size_t lane = 0; lane < 4; ++lane) sum[lane] += h[j + lane] * step_[j + lane];
      for (; j < n; ++j) sum[0] += h[j] * step_[j];
      decrease -= step_[i] * ((sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
    return decrease;
  }

  struct Run {
    size_t begin, end;
  };

  NormalEquations equations_;
  HostArray<double> factor_;  // [stride][stride]
  HostArray<double> right_;   // [stride], of the free variables
  std::vector<double> step_, lower_, upper_;
  std::vector<unsigned char> fixed_;
  std::vector<size_t> free_;  // the indices of those that are not fixed
  std::vector<Run> runs_;     // the same as ranges
  int system_ = 0;            // unknowns of the factorised system
};

}  // namespace hrn::optim
