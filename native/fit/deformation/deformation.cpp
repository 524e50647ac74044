#include "fit/deformation/deformation.hpp"

#include <cmath>

#include "backends/cpu/cpu_backend.hpp"
#include "core/error.hpp"
#include "fit/deformation/fit.hpp"
#include "fit/deformation/map_covariance.hpp"

namespace hrn::fit {
namespace {

constexpr Requirement require{"deformation"};

}  // namespace

void check_deformation_problem(const Model& model, const DeformationProblem& p) {
  const std::size_t n = static_cast<std::size_t>(model.dense.count);
  require(p.positions.size() == 3 * static_cast<std::size_t>(model.vertex_count), "three positions per vertex");
  for (const float v : p.positions) require(std::isfinite(v), "finite positions");
  require(static_cast<long>(p.albedo.size()) == model.albedo_count, "one value per albedo component");
  require(p.pixels.size() == 2 * n, "a pixel per dense landmark");
  require(p.weights.empty() || p.weights.size() == n, "a weight per dense landmark");
  require(p.bias_mm.empty() || p.bias_mm.size() == 2 * n, "a bias per dense landmark");
  require(p.sigma_mm.empty() || p.sigma_mm.size() == n, "a deviation per dense landmark");
  for (const auto* values : {&p.albedo, &p.pixels, &p.weights, &p.bias_mm, &p.sigma_mm}) {
    for (const double v : *values) require(std::isfinite(v), "finite values");
  }
  for (const double v : p.lighting) require(std::isfinite(v), "finite light");
  check_points(model, p.points);
  check_camera(p.camera);
  check_level(p.level);
  require(p.map_size >= 16 && p.map_size <= 1024, "a map of 16 to 1024 texels");
  for (const auto* scales : {&p.shape, &p.colour}) {
    require(!scales->empty() && scales->size() <= 8, "1 to 8 scales");
    for (const MapScale& s : *scales) {
      require(s.sigma > 0 && s.sigma < 1e3 && s.length_texels >= 0 && s.length_texels < 1e3, "scales in range");
    }
  }
  require(p.mirror >= 0 && p.mirror <= 1, "a mirror correlation of 0 to 1");
  require(p.photo.sigma_floor > 0 && p.photo.sigma_ceiling >= p.photo.sigma_floor && p.photo.sigma_reference > 0 &&
              p.photo.robust > 0 && p.photo.effective_samples >= 0,
          "photometric options above 0");
  require(p.landmark_floor_px >= 0 && p.landmark_depth_sigma_mm >= 0 &&
              std::isfinite(p.landmark_floor_px + p.landmark_depth_sigma_mm),
          "deviations of 0 or more");
}

DeformationResult fit_deformation(const Model& model, const DeformationProblem& problem, ThreadPool& pool,
                                  const Cancel& cancel, const Progress& progress) {
  check_deformation_problem(model, problem);
  CpuBackend backend(pool);
  return run_deformation<PlainIteration<CpuBackend, MapCovariance>>(model, host_arrays(model), problem, backend, cancel,
                                                                    progress);
}

}  // namespace hrn::fit
