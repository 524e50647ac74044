// Levenberg-Marquardt for many problems at once that share some of their unknowns: views of one head share its shape
// and have a pose each. The normal equations have the form of an arrow, and every view's own unknowns are eliminated by
// themselves (the Schur complement), so that the work grows with the number of views and not with its cube.
//
// Triggs et al. 1999, "Bundle Adjustment: A Modern Synthesis", section 6.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "core/array.hpp"
#include "optim/dense.hpp"
#include "optim/levenberg_marquardt.hpp"
#include "optim/normal_equations.hpp"

namespace hrn::optim {

/// One view's unknowns: which of the shared ones each is, or -1 for one that is the view's own.
using SharedIndex = std::vector<int>;

/**
 * Minimises the sum of the views' costs. A view is what LevenbergMarquardt minimises ('Problem'); its steps of a shared
 * unknown are those of all views, so that views which start from the same values keep the same values. A prior of a
 * shared unknown that each view brings counts once a view: give each its part.
 */
class ArrowLevenbergMarquardt {
 public:
  /** As NormalEquations: rows of a view have derivatives by its leading `row_unknowns` only. */
  ArrowLevenbergMarquardt(const std::vector<SharedIndex>& views, int shared, int row_unknowns, int max_rows)
      : shared_(static_cast<size_t>(shared)),
        equations_(largest(views), row_unknowns, max_rows),
        hessian_(shared_ * shared_),
        gradient_(shared_),
        factor_(padded(shared_) * padded(shared_)),
        right_(padded(shared_)),
        step_(shared_),
        lower_(shared_),
        upper_(shared_),
        fixed_(shared_) {
    for (const SharedIndex& view : views) views_.emplace_back(view, shared_);
  }

  /** `problems`: one per view, in the constructor's order; they are linearised one after the other. */
  template <class Problem, class Pool, class Iterate>
  LevenbergMarquardtReport minimize(std::span<Problem* const> problems, const LevenbergMarquardtOptions& options,
                                    Pool& pool, Iterate&& iterate) {
    LevenbergMarquardtReport report;
    double damping = options.damping, growth = 2;
    for (; report.iterations < options.max_iterations; ++report.iterations) {
      iterate(report.iterations);
      const double cost = linearize(problems, pool);
      if (report.iterations == 0) report.initial_cost = cost;
      report.final_cost = cost;
      double next = std::numeric_limits<double>::infinity();
      bool accepted = false;
      for (int trial = 0; trial < options.max_trials && !accepted; ++trial) {
        if (solve(damping, pool)) {
          const double predicted = predicted_decrease();
          // A stationary point: no step of the model lowers the cost any more.
          if (!(predicted > options.tolerance * 1e-3 * cost) && trial == 0) {
            report.converged = true;
            return report;
          }
          next = 0;
          for (size_t v = 0; v < views_.size(); ++v) {
            if (!std::isfinite(next)) break;
            next += problems[v]->try_step(views_[v].spread(step_));
          }
          const double gain = (cost - next) / predicted;
          if (next < cost && gain > 1e-4) {
            for (Problem* problem : problems) problem->accept();
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

 private:
  static size_t padded(size_t n) { return (n + kFactorBlock - 1) / kFactorBlock * kFactorBlock; }
  static int largest(const std::vector<SharedIndex>& views) {
    size_t n = 0;
    for (const SharedIndex& view : views) n = std::max(n, view.size());
    return static_cast<int>(n);
  }

  // A view's part of the normal equations and of their solution.
  struct View {
    View(const SharedIndex& index, size_t shared_count) : shared(index), s(shared_count) {
      for (size_t i = 0; i < shared.size(); ++i)
        if (shared[i] < 0) own.push_back(i);
      const size_t n = own.size(), p = padded(n);
      hessian = HostArray<double>(n * n);
      coupling = HostArray<double>(n * s);
      gradient.resize(n);
      factor = HostArray<double>(p * p);
      reduced = HostArray<double>(p * s);
      right.resize(p);
      complement = HostArray<double>(s * s);
      pull.resize(s);
      step.resize(n);
      lower.resize(n);
      upper.resize(n);
      fixed.resize(n);
      whole.resize(shared.size());
    }

    // Takes this view's blocks out of its normal equations, and adds the shared ones.
    void load(const NormalEquations& equations, HostArray<double>& shared_hessian,
              std::vector<double>& shared_gradient) {
      const size_t stride = static_cast<size_t>(equations.stride());
      const double *h = equations.hessian(), *g = equations.gradient();
      const auto at = [&](size_t i, size_t j) { return h[std::min(i, j) * stride + std::max(i, j)]; };
      std::vector<size_t> common;
      for (size_t i = 0; i < shared.size(); ++i)
        if (shared[i] >= 0) common.push_back(i);
      std::fill(coupling.begin(), coupling.end(), 0.0);
      for (size_t a = 0; a < own.size(); ++a) {
        gradient[a] = g[own[a]];
        for (size_t b = 0; b < own.size(); ++b) hessian[a * own.size() + b] = at(own[a], own[b]);
        for (const size_t j : common) coupling[a * s + static_cast<size_t>(shared[j])] = at(own[a], j);
      }
      for (const size_t i : common) {
        const size_t row = static_cast<size_t>(shared[i]);
        shared_gradient[row] += g[i];
        for (const size_t j : common) shared_hessian[row * s + static_cast<size_t>(shared[j])] += at(i, j);
      }
    }

    void hold_active_bounds() {
      for (size_t a = 0; a < fixed.size(); ++a)
        fixed[a] = (lower[a] >= 0 && gradient[a] > 0) || (upper[a] <= 0 && gradient[a] < 0) || lower[a] == upper[a];
      std::fill(step.begin(), step.end(), 0.0);
      stale = true;
    }

    // Eliminates the free unknowns: `complement` and `pull` are what that takes from the shared equations. False where
    // the block is singular.
    bool eliminate(double damping) {
      if (!stale) return true;
      stale = false;
      const size_t n = own.size(), p = padded(n);
      std::fill(factor.begin(), factor.end(), 0.0);
      std::fill(reduced.begin(), reduced.end(), 0.0);
      std::fill(right.begin(), right.end(), 0.0);
      for (size_t a = 0; a < p; ++a) {
        factor[a * p + a] = 1;
        if (a >= n || fixed[a]) continue;
        right[a] = -gradient[a];
        for (size_t b = 0; b < n; ++b) {
          if (fixed[b])
            right[a] -= hessian[a * n + b] * step[b];
          else if (b >= a)
            factor[a * p + b] = hessian[a * n + b];
        }
        factor[a * p + a] = factor[a * p + a] * (1 + damping) + 1e-12;
        std::copy_n(coupling.data() + a * s, s, reduced.data() + a * s);
      }
      if (!dense_kernels().cholesky(factor.data(), static_cast<int>(p), static_cast<int>(p))) return false;
      // U^T W = coupling and U^T r = right, by rows.
      for (size_t a = 0; a < n; ++a) {
        double* row = reduced.data() + a * s;
        for (size_t b = 0; b < a; ++b) {
          const double u = factor[b * p + a];
          if (u == 0) continue;
          const double* above = reduced.data() + b * s;
          for (size_t j = 0; j < s; ++j) row[j] -= u * above[j];
          right[a] -= u * right[b];
        }
        const double inverse = 1 / factor[a * p + a];
        for (size_t j = 0; j < s; ++j) row[j] *= inverse;
        right[a] *= inverse;
      }
      std::fill(complement.begin(), complement.end(), 0.0);
      std::fill(pull.begin(), pull.end(), 0.0);
      for (size_t a = 0; a < n; ++a) {
        const double* row = reduced.data() + a * s;
        // What is fixed moves the shared unknowns by its step.
        if (fixed[a])
          for (size_t j = 0; j < s; ++j) pull[j] += coupling[a * s + j] * step[a];
        for (size_t i = 0; i < s && !fixed[a]; ++i) {
          const double w = row[i];
          double* to = complement.data() + i * s;
          for (size_t j = i; j < s; ++j) to[j] += w * row[j];
          pull[i] += w * right[a];
        }
      }
      return true;
    }

    // The view's own step for a shared one. Returns 0 where it is not finite, 2 where unknowns were put on a bound
    // (they are fixed from then on), else 1.
    int own_step(const std::vector<double>& shared_step) {
      const size_t n = own.size(), p = padded(n);
      std::vector<double> x(right);
      for (size_t a = 0; a < n; ++a) {
        const double* row = reduced.data() + a * s;
        for (size_t j = 0; j < s; ++j) x[a] -= row[j] * shared_step[j];
      }
      dense_kernels().solve_upper(factor.data(), static_cast<int>(p), static_cast<int>(p), x.data());
      int result = 1;
      for (size_t a = 0; a < n; ++a) {
        if (fixed[a]) continue;
        if (!std::isfinite(x[a])) return 0;
        step[a] = std::clamp(x[a], std::min(lower[a], 0.0), std::max(upper[a], 0.0));
        if (step[a] != x[a]) {
          fixed[a] = 1;
          result = 2;
          stale = true;
        }
      }
      return result;
    }

    // Lowered by the view's own unknowns and their coupling, by the quadratic model.
    double predicted_decrease(const std::vector<double>& shared_step) const {
      const size_t n = own.size();
      double decrease = 0;
      for (size_t a = 0; a < n; ++a) {
        if (step[a] == 0) continue;
        double slope = gradient[a];
        for (size_t b = 0; b < n; ++b) slope += 0.5 * hessian[a * n + b] * step[b];
        for (size_t j = 0; j < s; ++j) slope += coupling[a * s + j] * shared_step[j];
        decrease -= step[a] * slope;
      }
      return decrease;
    }

    // All of the view's steps, in its own order.
    const double* spread(const std::vector<double>& shared_step) {
      for (size_t i = 0; i < shared.size(); ++i)
        if (shared[i] >= 0) whole[i] = shared_step[static_cast<size_t>(shared[i])];
      for (size_t a = 0; a < own.size(); ++a) whole[own[a]] = step[a];
      return whole.data();
    }

    SharedIndex shared;
    size_t s;                      // number of shared unknowns
    std::vector<size_t> own;       // the view's own unknowns
    HostArray<double> hessian;     // [own][own]
    HostArray<double> coupling;    // [own][s]
    std::vector<double> gradient;  // [own]
    HostArray<double> factor;      // [own, padded] squared
    HostArray<double> reduced;     // [own, padded][s]
    std::vector<double> right;     // [own, padded]
    HostArray<double> complement;  // [s][s], upper triangle
    std::vector<double> pull;      // [s]
    std::vector<double> step, lower, upper;
    std::vector<unsigned char> fixed;
    std::vector<double> whole;  // [unknowns]
    bool stale = true;          // what eliminate() made is not of the free unknowns
    int outcome = 1;
  };

  template <class Problem, class Pool>
  double linearize(std::span<Problem* const> problems, Pool& pool) {
    constexpr double kFree = std::numeric_limits<double>::infinity();
    std::fill(hessian_.begin(), hessian_.end(), 0.0);
    std::fill(gradient_.begin(), gradient_.end(), 0.0);
    std::fill(lower_.begin(), lower_.end(), -kFree);
    std::fill(upper_.begin(), upper_.end(), kFree);
    double cost = 0;
    for (size_t v = 0; v < views_.size(); ++v) {
      View& view = views_[v];
      equations_.clear();
      cost += problems[v]->linearize(equations_);
      equations_.accumulate(pool);
      view.load(equations_, hessian_, gradient_);
      std::vector<double> low(view.shared.size()), high(view.shared.size());
      problems[v]->step_bounds(low.data(), high.data());
      for (size_t i = 0, a = 0; i < view.shared.size(); ++i) {
        if (view.shared[i] < 0) {
          view.lower[a] = low[i];
          view.upper[a++] = high[i];
          continue;
        }
        const size_t k = static_cast<size_t>(view.shared[i]);
        lower_[k] = std::max(lower_[k], low[i]);
        upper_[k] = std::min(upper_[k], high[i]);
      }
    }
    return cost;
  }

  // The damped step with bounds, as in LevenbergMarquardt.
  template <class Pool>
  bool solve(double damping, Pool& pool) {
    constexpr int kPasses = 4;
    for (size_t k = 0; k < shared_; ++k)
      fixed_[k] =
          (lower_[k] >= 0 && gradient_[k] > 0) || (upper_[k] <= 0 && gradient_[k] < 0) || lower_[k] == upper_[k];
    std::fill(step_.begin(), step_.end(), 0.0);
    for (View& view : views_) view.hold_active_bounds();
    const long count = static_cast<long>(views_.size());
    for (int pass = 0;; ++pass) {
      pool.parallel_for(count, [&](long v) {
        View& view = views_[static_cast<size_t>(v)];
        view.outcome = view.eliminate(damping) ? 1 : 0;
      });
      for (const View& view : views_)
        if (view.outcome == 0) return false;
      if (!solve_shared(damping)) return false;
      bool violated = false;
      for (size_t k = 0; k < shared_; ++k) {
        const double bounded = std::clamp(step_[k], std::min(lower_[k], 0.0), std::max(upper_[k], 0.0));
        if (bounded == step_[k]) continue;
        step_[k] = bounded;
        fixed_[k] = 1;
        violated = true;
      }
      pool.parallel_for(count, [&](long v) {
        View& view = views_[static_cast<size_t>(v)];
        view.outcome = view.own_step(step_);
      });
      for (const View& view : views_) {
        if (view.outcome == 0) return false;
        violated = violated || view.outcome == 2;
      }
      if (!violated || pass == kPasses) return true;
    }
  }

  // The shared unknowns' step, from their equations less what the views' own unknowns take up.
  bool solve_shared(double damping) {
    const size_t p = padded(shared_);
    std::vector<double> held(step_);
    std::fill(factor_.begin(), factor_.end(), 0.0);
    std::fill(right_.begin(), right_.end(), 0.0);
    // A fixed unknown's step moves the others, and the views' own unknowns with them.
    const auto complement = [&](size_t i, size_t j) {
      double value = hessian_[std::min(i, j) * shared_ + std::max(i, j)];
      if (i == j) value = value * (1 + damping) + 1e-12;
      for (const View& view : views_) value -= view.complement[std::min(i, j) * shared_ + std::max(i, j)];
      return value;
    };
    for (size_t i = 0; i < p; ++i) {
      factor_[i * p + i] = 1;
      if (i >= shared_ || fixed_[i]) continue;
      right_[i] = -gradient_[i];
      for (const View& view : views_) right_[i] -= view.pull[i];
      for (size_t j = 0; j < shared_; ++j) {
        if (fixed_[j]) {
          if (held[j] != 0) right_[i] -= complement(i, j) * held[j];
        } else if (j >= i) {
          factor_[i * p + j] = complement(i, j);
        }
      }
    }
    if (!dense_kernels().cholesky(factor_.data(), static_cast<int>(p), static_cast<int>(p))) return false;
    cholesky_solve(dense_kernels(), factor_.data(), static_cast<int>(p), static_cast<int>(p), right_.data());
    for (size_t i = 0; i < shared_; ++i) {
      if (fixed_[i]) continue;
      if (!std::isfinite(right_[i])) return false;
      step_[i] = right_[i];
    }
    return true;
  }

  double predicted_decrease() const {
    double decrease = 0;
    for (size_t i = 0; i < shared_; ++i) {
      if (step_[i] == 0) continue;
      double slope = gradient_[i];
      for (size_t j = 0; j < shared_; ++j) slope += 0.5 * hessian_[i * shared_ + j] * step_[j];
      decrease -= step_[i] * slope;
    }
    for (const View& view : views_) decrease += view.predicted_decrease(step_);
    return decrease;
  }

  size_t shared_;
  NormalEquations equations_;
  std::vector<View> views_;
  HostArray<double> hessian_;     // [shared][shared], of the shared unknowns alone
  std::vector<double> gradient_;  // [shared]
  HostArray<double> factor_;      // [shared, padded] squared
  HostArray<double> right_;       // [shared, padded]
  std::vector<double> step_, lower_, upper_;
  std::vector<unsigned char> fixed_;
};

}  // namespace hrn::optim
