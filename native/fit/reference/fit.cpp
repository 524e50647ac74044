#include "fit/reference/fit.hpp"

#include "backends/cpu/cpu_backend.hpp"
#include "fit/reference/check.hpp"
#include "fit/reference/iteration.hpp"

namespace hrn::fit::reference {
namespace {

constexpr float kLearningRate = 1e-3f;

void check_problem(const Model& m, const Problem& p) {
  check("landmarks", p.landmarks.size(), static_cast<long>(2 * m.keypoints.size()));
  check("picture", p.picture.size(), 3 * p.side * p.side);
  check("rows", p.rows.size(), p.side);
  check("coefficients", p.coefficients.size(), m.identity + m.expression + m.albedo + 33);
  if (p.map < 2 || p.map > 4096) throw Error(ErrorCode::invalid_argument, "expected a map of 2 to 4096 texels a side");
}

}  // namespace

Result fit(const Model& model, const Problem& problem, ThreadPool& pool, const Cancel& cancel,
           const Progress& progress) {
  check_problem(model, problem);
  CpuBackend cpu(pool);
  Iteration<CpuBackend> iteration(cpu, model, host_arrays(model), problem);
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
