// The deformation fit on any backend.
#pragma once
#include <vector>

#include "fit/deformation/deformation.hpp"
#include "fit/deformation/energy_log.hpp"
#include "fit/deformation/loop.hpp"
#include "fit/deformation/map_descent.hpp"
#include "fit/head/surface.hpp"

namespace hrn::fit {

/// Iterations after which the colour noise is judged again.
constexpr int kSigmaInterval = 8;
/// First steps of the maps.
constexpr double kShapeStepMm = 0.25, kColourStep = 0.02;

/// Throws Error(invalid_argument).
void check_deformation_problem(const Model& model, const DeformationProblem& problem);

/// One op after the other; `Covariance`: the map prior for this backend.
template <class B, class Covariance>
class PlainIteration {
 public:
  using Prior = Covariance;
  using Maps = MapDescent<B, Covariance>;

  PlainIteration(DeformationLoop<B>& loop, Maps& shape, Maps& colour, const EnergyLogArgs& log, B& backend)
      : loop_(loop), shape_(shape), colour_(colour), log_(log), backend_(backend) {
    log_.sums = loop.sums().data();
  }

  void forward() { loop_.forward(shape_.map().data(), colour_.map().data()); }
  /// After forward(): leaves the loop with the pixels that photometric_error() and update_sigma() look at.
  void show() {}
  /// A step of both maps from where forward() left them, and forward() again.
  void iterate() {
    loop_.sum_energy();
    backend_.template for_each<EnergyLog>(1, log_);
    loop_.backward(shape_.gradient().data(), colour_.gradient().data());
    backend_.concurrently([&] { shape_.step(backend_); }, [&] { colour_.step(backend_); });
    forward();
  }
  /// Once, at the end: leaves both maps as forward() saw them last.
  void finish() {}

 private:
  DeformationLoop<B>& loop_;
  Maps &shape_, &colour_;
  EnergyLogArgs log_;
  B& backend_;
};

/// `Iteration`: PlainIteration or FusedIteration. A checked problem.
template <class Iteration, class B>
DeformationResult run_deformation(const Model& model, const ModelArrays& arrays, const DeformationProblem& problem,
                                  B& backend, const Cancel& cancel, const Progress& progress) {
  using Prior = typename Iteration::Prior;
  HeadSurface<B> surface(model, arrays, backend);
  DeformationLoop<B> loop(model, arrays, problem, surface.update_albedo(problem.albedo), backend);
  const int iterations = problem.level.iterations;
  const long size = problem.map_size;
  typename Iteration::Maps shape(size, Prior(size, problem.shape, problem.mirror, true, backend), kShapeStepMm,
                                 iterations, backend);
  typename Iteration::Maps colour(size, Prior(size, problem.colour, 0, false, backend), kColourStep, iterations,
                                  backend);
  auto energy = backend.template alloc<double>(static_cast<std::size_t>(iterations) + 1);
  auto count = backend.template alloc<double>(1);
  const EnergyLogArgs log{nullptr, loop.photo_gain().data(), count.data(), energy.data()};
  Iteration iteration(loop, shape, colour, log, backend);

  iteration.forward();
  if (iterations > 0) {
    auto iterate = backend.record([&] { iteration.iterate(); });
    for (int i = 0; i < iterations; ++i) {
      cancel.check();
      progress.report(i, iterations);
      if (i % kSigmaInterval == 0) {
        iteration.show();
        loop.update_sigma();
      }
      iterate();
    }
  }
  iteration.show();
  iteration.finish();
  DeformationResult result;
  result.photometric_error = loop.photometric_error();
  result.map.resize(shape.map().size());
  backend.download(result.map.data(), shape.map(), result.map.size());
  result.positions.resize(loop.positions().size());
  backend.download(result.positions.data(), loop.positions(), result.positions.size());
  result.energy.resize(static_cast<std::size_t>(iterations));
  backend.download(result.energy.data(), energy, result.energy.size());
  return result;
}

}  // namespace hrn::fit
