#include "fit/reference/fit.hpp"

#include <algorithm>
#include <string>

#include "backends/cpu/cpu_backend.hpp"
#include "core/error.hpp"
#include "fit/reference/iteration.hpp"

namespace hrn::fit::reference {
namespace {

constexpr float kLearningRate = 1e-3f;

void check(const char* what, std::size_t got, long expected) {
  if (got != static_cast<std::size_t>(expected))
    throw Error(ErrorCode::invalid_argument, std::string("expected ") + std::to_string(expected) + " numbers as " +
                                                 what + ", got " + std::to_string(got));
}

void check(const Problem& p) {
  const long rows = 3 * p.vertices, shapes = p.identity + p.expression;
  check("mean", p.mean.size(), rows);
  check("shapeBasis", p.shape_basis.size(), rows * shapes);
  check("meanAlbedo", p.mean_albedo.size(), rows);
  check("albedoBasis", p.albedo_basis.size(), rows * p.albedo);
  check("triangles", p.indices.size(), 3 * p.triangles);
  check("uvs", p.uvs.size(), 2 * p.vertices);
  check("landmarks", p.landmarks.size(), static_cast<long>(2 * p.keypoints.size()));
  check("picture", p.picture.size(), 3 * p.side * p.side);
  check("rows", p.rows.size(), p.side);
  check("coefficients", p.coefficients.size(), shapes + p.albedo + 33);
  const auto inside = [&](std::uint32_t v) { return v < static_cast<std::uint32_t>(p.vertices); };
  if (!std::all_of(p.indices.begin(), p.indices.end(), inside) ||
      !std::all_of(p.keypoints.begin(), p.keypoints.end(), inside))
    throw Error(ErrorCode::invalid_argument, "expected triangles and keypoints of vertices of the model");
  if (p.map < 2 || p.map > 4096) throw Error(ErrorCode::invalid_argument, "expected a map of 2 to 4096 texels a side");
}

}  // namespace

Result fit(const Problem& problem, ThreadPool& pool, const Cancel& cancel, const Progress& progress) {
  check(problem);
  CpuBackend cpu(pool);
  Iteration<CpuBackend> iteration(cpu, problem);
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
