#include "fit/reference/fit.hpp"

#include "backends/cpu/cpu_backend.hpp"
#include "fit/reference/check.hpp"
#include "fit/reference/run.hpp"

namespace hrn::fit::reference {

void check_problem(const Model& m, const Problem& p) {
  check("landmarks", p.landmarks.size(), static_cast<long>(2 * m.keypoints.size()));
  check("picture", p.picture.size(), 3 * p.side * p.side);
  check("rows", p.rows.size(), p.side);
  check("coefficients", p.coefficients.size(), m.identity + m.expression + m.albedo + 33);
  if (p.map < 2 || p.map > 4096) throw Error(ErrorCode::invalid_argument, "expected a map of 2 to 4096 texels a side");
}

Result fit(const Model& model, const Problem& problem, ThreadPool& pool, const Cancel& cancel,
           const Progress& progress) {
  check_problem(model, problem);
  CpuBackend cpu(pool);
  return run(cpu, model, host_arrays(model), problem, cancel, progress);
}

}  // namespace hrn::fit::reference
