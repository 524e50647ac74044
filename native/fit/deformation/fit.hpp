// The deformation fit on any backend.
#pragma once
#include <vector>

#include "fit/deformation/deformation.hpp"
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

/// Writes the data term of one iteration behind those of the iterations before.
struct EnergyLogArgs {
  const double* sums;       // in, see DeformationLoop::energy_of
  const float* photo_gain;  // in, [1]
  double* count;            // in and out, [1]
  double* energy;           // out, [iterations]
};
template <class B>
struct EnergyLog {
  HRN_HD static void run(const EnergyLogArgs& a, long) {
    a.energy[static_cast<long>(*a.count)] = DeformationLoop<B>::energy_of(a.sums, static_cast<double>(*a.photo_gain));
    *a.count += 1;
  }
};

/// `Covariance`: the map prior for this backend, made from (size, scales, mirror, vectors, backend). A checked problem.
template <class Covariance, class B>
DeformationResult run_deformation(const Model& model, const ModelArrays& arrays, const DeformationProblem& problem,
                                  B& backend, const Cancel& cancel, const Progress& progress) {
  HeadSurface<B> surface(model, arrays, backend);
  DeformationLoop<B> loop(model, arrays, problem, surface.update_albedo(problem.albedo), backend);
  const int iterations = problem.level.iterations;
  const long size = problem.map_size;
  MapDescent<B, Covariance> shape(size, Covariance(size, problem.shape, problem.mirror, true, backend), kShapeStepMm,
                                  iterations, backend);
  MapDescent<B, Covariance> colour(size, Covariance(size, problem.colour, 0, false, backend), kColourStep, iterations,
                                   backend);
  auto energy = backend.template alloc<double>(static_cast<std::size_t>(iterations) + 1);
  auto count = backend.template alloc<double>(1);
  const EnergyLogArgs log{loop.sums().data(), loop.photo_gain().data(), count.data(), energy.data()};
  const auto forward = [&] { loop.forward(shape.map().data(), colour.map().data()); };

  forward();
  if (iterations > 0) {
    auto iterate = backend.record([&] {
      loop.sum_energy();
      backend.template for_each<EnergyLog<B>>(1, log);
      loop.backward(shape.gradient().data(), colour.gradient().data());
      backend.concurrently([&] { shape.step(backend); }, [&] { colour.step(backend); });
      forward();
    });
    for (int i = 0; i < iterations; ++i) {
      cancel.check();
      progress.report(i, iterations);
      if (i % kSigmaInterval == 0) loop.update_sigma();
      iterate();
    }
  }
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
