#include "fit/deformation.hpp"

#include <cmath>
#include <string>

#include "backends/cpu/cpu_backend.hpp"
#include "core/error.hpp"
#include "fit/deformation_loop.hpp"
#include "fit/head_surface.hpp"

namespace hrn::fit {
namespace {

// Iterations after which the silhouette is looked for again.
constexpr int kRematch = 8;

// Momentum descent along a natural gradient. The step is normalised by one running maximum for the whole map, and
// shrinks to nothing over the iterations, so that the end does not depend on where in a swing it fell.
class Descent {
 public:
  Descent(long size, const std::vector<MapScale>& scales, double mirror, bool vectors, double first_step, int threads)
      : covariance_(size, scales, mirror, vectors, threads),
        size_(size),
        first_step_(first_step),
        map_(static_cast<std::size_t>(3 * size * size)),
        gradient_(map_.size()),
        momentum_(map_.size()) {}

  HostArray<float>& map() { return map_; }
  HostArray<float>& gradient() { return gradient_; }

  // Takes the gradient of the data term and moves the map; `progress` from 0 to 1 over the iterations.
  void step(double progress, ThreadPool& pool) {
    constexpr double kMomentum = 0.85, kMemory = 0.95;
    covariance_.apply(gradient_, pool);
    const long width = 3 * size_;
    rows_.resize(static_cast<std::size_t>(size_));
    pool.parallel_for(size_, [&](long row) {
      float largest = 0;
      for (long i = row * width; i < (row + 1) * width; ++i) {
        const std::size_t k = static_cast<std::size_t>(i);
        const float direction = gradient_[k] + map_[k];
        momentum_[k] = static_cast<float>(kMomentum) * momentum_[k] + static_cast<float>(1 - kMomentum) * direction;
        largest = std::max(largest, std::fabs(direction));
      }
      rows_[static_cast<std::size_t>(row)] = largest;
    });
    double largest = 0;
    for (const float r : rows_) largest = std::max(largest, static_cast<double>(r));
    second_ = kMemory * second_ + (1 - kMemory) * largest * largest;
    ++steps_;
    const double root = std::sqrt(second_ / (1 - std::pow(kMemory, steps_)));
    const double bias = 1 - std::pow(kMomentum, steps_);
    const double rate = first_step_ * 0.5 * (1 + std::cos(3.141592653589793 * progress));
    const float factor = root > 0 ? static_cast<float>(rate / (bias * root)) : 0.f;
    pool.parallel_for(size_, [&](long row) {
      for (long i = row * width; i < (row + 1) * width; ++i) {
        map_[static_cast<std::size_t>(i)] -= factor * momentum_[static_cast<std::size_t>(i)];
      }
    });
  }

 private:
  MapCovariance covariance_;
  long size_;
  double first_step_, second_ = 0;
  int steps_ = 0;
  HostArray<float> map_, gradient_, momentum_;
  std::vector<float> rows_;
};

void require(bool condition, const std::string& expected) {
  if (!condition) throw Error(ErrorCode::invalid_argument, "deformation: expected " + expected);
}

void check(const Model& model, const DeformationProblem& p) {
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
  for (const std::uint32_t v : p.contour_vertices) {
    require(static_cast<long>(v) < model.vertex_count, "contour vertices of the model");
  }
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
  require(p.landmark_floor_px >= 0 && p.contour_sigma_mm > 0 && p.contour_weight >= 0, "weights of 0 or more");
}

}  // namespace

DeformationResult fit_deformation(const Model& model, const DeformationProblem& problem, ThreadPool& pool,
                                  const Cancel& cancel, const Progress& progress) {
  check(model, problem);
  CpuBackend backend(pool);
  HeadSurface surface(model, pool);
  DeformationLoop<CpuBackend> loop(model, problem, surface.update_albedo(problem.albedo).data(), backend);
  constexpr double kShapeStepMm = 0.25, kColourStep = 0.02;
  Descent shape(problem.map_size, problem.shape, problem.mirror, true, kShapeStepMm, pool.threads());
  Descent colour(problem.map_size, problem.colour, 0, false, kColourStep, pool.threads());
  DeformationResult result;
  const int iterations = problem.level.iterations;
  for (int i = 0; i < iterations; ++i) {
    cancel.check();
    progress.report(i, iterations);
    loop.forward(shape.map().data(), colour.map().data());
    if (i % kRematch == 0) {
      loop.match_landmarks();
      loop.update_sigma();
    }
    result.energy.push_back(loop.energy());
    loop.backward(shape.gradient().data(), colour.gradient().data());
    const double done = static_cast<double>(i) / iterations;
    shape.step(done, pool);
    colour.step(done, pool);
  }
  loop.forward(shape.map().data(), colour.map().data());
  result.photometric_error = loop.photometric_error();
  result.map.assign(shape.map().begin(), shape.map().end());
  result.positions.assign(loop.positions().begin(), loop.positions().end());
  return result;
}

}  // namespace hrn::fit
