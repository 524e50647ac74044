#include "fit/parameters/fit.hpp"

#include <cmath>

#include "backends/cpu/cpu_backend.hpp"
#include "core/error.hpp"
#include "fit/parameters/least_squares.hpp"

namespace hrn::fit {
namespace {

constexpr Requirement require{"photometric fit"};

}  // namespace

void check_level(const PhotometricLevel& level) {
  require(level.size >= 8 && level.size <= 4096, "crops of 8 to 4096 px");
  const std::size_t pixels = static_cast<std::size_t>(level.size) * static_cast<std::size_t>(level.size);
  require(level.rgb.size() == 3 * pixels && level.mask.size() == pixels, "rgb and mask of size x size");
  require(level.scale > 0 && std::isfinite(level.scale) && std::isfinite(level.x0) && std::isfinite(level.y0),
          "a finite crop frame");
  require(level.iterations >= 0 && level.iterations <= 1000, "0 to 1000 iterations");
  for (const float v : level.rgb) require(std::isfinite(v), "finite colours");
  for (const float v : level.mask) require(v >= 0 && v <= 1, "mask values of 0 to 1");
}

void check_camera(const CameraPose& camera) {
  for (const double v : camera.rotation) require(std::abs(v) <= 1.001, "a rotation");
  for (const double v : camera.translation) require(std::isfinite(v), "a finite translation");
  require(camera.translation[2] > 0, "a head in front of the camera");
  require(camera.focal_px >= 1 && camera.focal_px <= 1e7, "a focal length of 1 to 1e7 px");
  for (const double v : camera.principal_px) require(std::abs(v) <= 1e7, "a finite principal point");
}

void check_start(const Model& model, const PhotometricProblem& p) {
  require(static_cast<long>(p.identity.size()) == p.landmarks.identity_count, "a start value per identity component");
  require(static_cast<long>(p.expression.size()) == model.expression_count, "a start value per expression component");
  require(static_cast<long>(p.nuisance.size()) == p.landmarks.nuisance_count, "a start value per nuisance component");
  for (const auto* values : {&p.identity, &p.expression, &p.nuisance}) {
    for (const double v : *values) require(std::isfinite(v), "finite start values");
  }
  check_camera(p.camera);
  check_coarse_problem(model, p.landmarks);
}

void check_photometric_problem(const Model& model, const PhotometricProblem& p) {
  require(!p.levels.empty(), "at least one level");
  for (const PhotometricLevel& level : p.levels) check_level(level);
  check_start(model, p);
  check_silhouette(model, p.silhouette);
  check_normals(p.normals);
  check_points(model, p.points);
  for (const double v : {p.photo.sigma_reference, p.photo.sigma_start, p.photo.sigma_floor, p.photo.robust,
                         p.albedo_sigma, p.light_sigma, p.light_colour_sigma}) {
    require(v > 0 && std::isfinite(v), "positive deviations");
  }
  require(p.photo.sigma_ceiling >= p.photo.sigma_floor, "a noise ceiling above its floor");
  require(p.photo.effective_samples >= 0 && std::isfinite(p.photo.effective_samples), "a sample count of 0 or more");
}

void set_start(HeadState& state, const PhotometricProblem& problem) {
  state.camera = problem.camera;
  state.coefficients = problem.identity;
  state.coefficients.insert(state.coefficients.end(), problem.expression.begin(), problem.expression.end());
  state.coefficients.insert(state.coefficients.end(), problem.nuisance.begin(), problem.nuisance.end());
}

PhotometricResult fit_photometric(const Model& model, const PhotometricProblem& problem, ThreadPool& pool,
                                  const Cancel& cancel, const Progress& progress) {
  check_photometric_problem(model, problem);
  CpuBackend backend(pool);
  HeadSurface<CpuBackend> surface(model, host_arrays(model), backend);
  PhotometricTerm term(model, problem.landmarks.identity_count, pool);
  return run_photometric(model, problem, term, surface, backend, pool, cancel, progress);
}

}  // namespace hrn::fit
