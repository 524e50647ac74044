// The loop on any backend.
#pragma once
#include "core/cancel.hpp"
#include "core/progress.hpp"
#include "fit/reference/iteration.hpp"

namespace hrn::fit::reference {

/// arrays: the model's, in the backend's memory. The problem fits the model (check_problem).
template <Backend B>
Result run(B& backend, const Model& model, const ModelArrays& arrays, const Problem& problem, const Cancel& cancel,
           const Progress& progress) {
  constexpr float kLearningRate = 1e-3f;
  Iteration<B> iteration(backend, model, arrays, problem);
  Result result;
  for (int i = 0; i < problem.iterations; ++i) {
    cancel.check();
    result.losses.push_back(iteration.evaluate());
    iteration.update(kLearningRate);
    progress.report(i + 1, problem.iterations);
  }
  iteration.forward();
  for (auto* group : iteration.groups()) {
    const auto values = iteration.values(*group);
    if (result.coefficients.size() < problem.coefficients.size())
      result.coefficients.insert(result.coefficients.end(), values.begin(), values.end());
    else if (result.shape_map.empty())
      result.shape_map = values;
    else
      result.albedo_map = values;
  }
  result.positions = iteration.positions();
  result.colours = iteration.colours();
  return result;
}

}  // namespace hrn::fit::reference
