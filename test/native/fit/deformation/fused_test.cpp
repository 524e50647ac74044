// The fused iteration is the plain one, op for op: on a CPU without fused multiply-adds, of which a compiler finds
// others in larger pieces, both give the same bits.
#include "fit/deformation/fused.hpp"

#include <algorithm>
#include <cmath>

#include "backends/cpu/cpu_backend.hpp"
#include "fit/deformation/fit.hpp"
#include "fit_scene.hpp"
#include "framework.hpp"
#include "synthetic_head.hpp"

namespace hrn::test {
namespace {

template <class Iteration>
fit::DeformationResult run(const fit::DeformationProblem& problem) {
  ThreadPool pool(2);
  CpuBackend backend(pool, Isa::baseline);
  const Progress silent([](long, long) {});
  return fit::run_deformation<Iteration>(small_head(), fit::host_arrays(small_head()), problem, backend, Cancel(),
                                         silent);
}

HRN_TEST("fit/deformation/fused is op by op") {
  fit::DeformationProblem problem = deformation_problem();
  problem.level.iterations = 20;  // across two new judgements of the colour noise
  for (std::size_t v = 0; 3 * v < problem.positions.size(); ++v) problem.positions[3 * v + 2] -= 1.5f;
  const auto plain = run<fit::PlainIteration<CpuBackend, fit::DenseMapCovariance<CpuBackend>>>(problem),
             fused = run<fit::FusedIteration<CpuBackend>>(problem);
  if constexpr (HRN_NEON) {
    for (std::size_t i = 0; i < plain.positions.size(); ++i)
      report.near(fused.positions[i], plain.positions[i], 0.1, "position " + std::to_string(i));
    return;
  }
  CHECK(plain.map == fused.map);
  CHECK(plain.positions == fused.positions);
  report.near(fused.photometric_error, plain.photometric_error, 0, "photometric error");
  report.equal(fused.energy.size(), plain.energy.size(), "energies");
  // Landmarks are added up behind the pixels, in chunks of other bounds.
  for (std::size_t i = 0; i < plain.energy.size(); ++i)
    report.near(fused.energy[i], plain.energy[i], 1e-12 * plain.energy[i], "energy " + std::to_string(i));
  float farthest = 0;
  for (const float move : fused.map) farthest = std::max(farthest, std::abs(move));
  CHECK(farthest > 0.1f);
}

}  // namespace
}  // namespace hrn::test
