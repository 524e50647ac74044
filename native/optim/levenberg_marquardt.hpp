// Levenberg-Marquardt for a few hundred unknowns with bounds. The problem supplies rows and priors; the driver owns
// damping, the active set of bounds and the decision when to stop.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

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
  LevenbergMarquardt(int unknowns, int max_rows)
      : equations_(unknowns, max_rows),
        factor_(static_cast<size_t>(equations_.stride()) * static_cast<size_t>(equations_.stride())),
        step_(static_cast<size_t>(unknowns)),
        right_(static_cast<size_t>(unknowns)),
        lower_(static_cast<size_t>(unknowns)),
        upper_(static_cast<size_t>(unknowns)),
        fixed_(static_cast<size_t>(unknowns)) {
    held_.reserve(static_cast<size_t>(unknowns));
  }

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
   * Posterior standard deviation of each unknown in [first, first + count) under the Gauss-Newton Hessian at the
   * problem's current state; zero for unknowns held at a bound. Returns false when the Hessian is singular.
   */
  template <class Problem, class Pool>
  bool posterior_sigma(Problem& problem, Pool& pool, int first, int count, double* sigma) {
    equations_.clear();
    problem.linearize(equations_);
    equations_.accumulate(pool);
    problem.step_bounds(lower_.data(), upper_.data());
    hold_active_bounds();
    load_system(0);
    const int n = equations_.unknowns(), stride = equations_.stride();
    if (!dense_kernels().cholesky(factor_.data(), n, stride)) return false;
    for (int i = 0; i < count; ++i) {
      const int k = first + i;
      std::fill(step_.begin(), step_.end(), 0.0);
      step_[static_cast<size_t>(k)] = 1;
      solve_transposed(factor_.data(), n, stride, step_.data(), k);
      double variance = 0;
      for (const double v : step_) variance += v * v;
      sigma[i] = fixed_[static_cast<size_t>(k)] ? 0 : std::sqrt(variance);
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

  // factor_ = hessian with relative damping; fixed variables become identity rows.
  void load_system(double damping) {
    const int n = equations_.unknowns();
    const size_t stride = static_cast<size_t>(equations_.stride());
    held_.clear();
    for (int i = 0; i < n; ++i)
      if (fixed_[static_cast<size_t>(i)]) held_.push_back(static_cast<size_t>(i));
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      double* row = factor_.data() + i * stride;
      if (fixed_[i]) {
        std::fill(row + i, row + n, 0.0);
        row[i] = 1;
        continue;
      }
      std::copy(equations_.hessian() + i * stride + i, equations_.hessian() + i * stride + n, row + i);
      for (const size_t j : held_)
        if (j > i) row[j] = 0;
      row[i] = row[i] * (1 + damping) + 1e-12;
    }
  }

  // The damped step with bounds: variables that would leave their range are put on the bound and the others solved
  // again, which keeps the prediction of the cost honest.
  bool solve(double damping) {
    constexpr int kPasses = 4;
    const int n = equations_.unknowns(), stride = equations_.stride();
    hold_active_bounds();
    std::fill(step_.begin(), step_.end(), 0.0);
    for (int pass = 0;; ++pass) {
      load_system(damping);
      if (!dense_kernels().cholesky(factor_.data(), n, stride)) return false;
      right_hand_side();
      cholesky_solve(factor_.data(), n, stride, step_.data());
      bool violated = false;
      for (size_t i = 0; i < step_.size(); ++i) {
        if (!std::isfinite(step_[i])) return false;
        const double clamped = std::clamp(step_[i], std::min(lower_[i], 0.0), std::max(upper_[i], 0.0));
        if (clamped != step_[i]) {
          step_[i] = clamped;
          fixed_[i] = 1;
          violated = true;
        }
      }
      if (!violated || pass == kPasses) return true;
    }
  }

  // -gradient for free variables, corrected for the given steps of the held ones, whose own steps stay as they are.
  void right_hand_side() {
    const size_t n = step_.size(), stride = static_cast<size_t>(equations_.stride());
    const double* h = equations_.hessian();
    const double* g = equations_.gradient();
    for (size_t i = 0; i < n; ++i) {
      if (fixed_[i]) continue;
      double b = -g[i];
      for (const size_t j : held_) b -= h[i * stride + j] * step_[j];
      right_[i] = b;
    }
    for (size_t i = 0; i < n; ++i)
      if (!fixed_[i]) step_[i] = right_[i];
  }

  double predicted_decrease() {
    const size_t n = step_.size(), stride = static_cast<size_t>(equations_.stride());
    const double* g = equations_.gradient();
    // The symmetric Hessian times the step, a row at a time: sums that do not wait for each other.
    std::fill(right_.begin(), right_.end(), 0.0);
    for (size_t j = 0; j < n; ++j) {
      const double* h = equations_.hessian() + j * stride;
      const double step = step_[j];
      for (size_t i = 0; i < n; ++i) right_[i] += step * h[i];
    }
    double decrease = 0;
    for (size_t i = 0; i < n; ++i) decrease -= step_[i] * (g[i] + 0.5 * right_[i]);
    return decrease;
  }

  NormalEquations equations_;
  std::vector<double> factor_, step_, right_, lower_, upper_;
  std::vector<unsigned char> fixed_;
  std::vector<size_t> held_;  // the indices of those that are
};

}  // namespace hrn::optim
