// Analytic gradients against central differences, in double.
#pragma once
#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "framework.hpp"
#include "random.hpp"

namespace hrn::test {

struct GradientCheck {
  double step = 1e-5;       // of the differences, in units of the values
  double tolerance = 1e-6;  // relative to the largest gradient
  long samples = 60;        // elements looked at; all if there are no more
};

/// `loss` reads `values`, which are changed one at a time and restored. `gradient` is the analytic one, same length.
inline void check_gradient(Report& report, const std::string& what, std::vector<double>& values,
                           const std::vector<double>& gradient, const std::function<double()>& loss,
                           GradientCheck options = {}) {
  if (values.size() != gradient.size()) return report.fail(what + ": gradient of another length");
  double scale = 0;
  for (const double g : gradient) scale = std::max(scale, std::abs(g));
  // A gradient that is zero everywhere would compare well with nothing.
  if (!(scale > 0)) return report.fail(what + ": gradient is zero or not a number");
  Random random(1);
  const long n = static_cast<long>(values.size()), samples = std::min(n, options.samples);
  for (long k = 0; k < samples; ++k) {
    const auto i = static_cast<std::size_t>(samples == n ? k : random.below(n));
    const double value = values[i];
    values[i] = value + options.step;
    const double above = loss();
    values[i] = value - options.step;
    const double below = loss();
    values[i] = value;
    report.near(gradient[i], (above - below) / (2 * options.step), options.tolerance * scale,
                what + "[" + std::to_string(i) + "]");
  }
}

/// A loss with random weights, so that no two errors cancel: sum of weights times outputs.
inline double weighted_sum(const std::vector<double>& weights, const std::vector<double>& outputs) {
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) sum += weights[i] * outputs[i];
  return sum;
}

}  // namespace hrn::test
