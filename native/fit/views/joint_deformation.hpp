// One deformation map for several views of one person, on any backend.
#pragma once
#include <memory>
#include <vector>

#include "fit/deformation/fit.hpp"
#include "fit/views/joint_fit.hpp"

namespace hrn::fit {

struct AddGradientArgs {
  const float* view;  // in
  float* sum;         // in and out
};
struct AddGradient {
  HRN_HD static void run(const AddGradientArgs& a, long i) { a.sum[i] += a.view[i]; }
};

/// As run_deformation(), the data term being the sum of the views'. Checked views, of crops of one size.
template <class Covariance, class B>
JointDeformationResult run_joint_deformation(const Model& model, const ModelArrays& arrays,
                                             const std::vector<DeformationProblem>& views, B& backend,
                                             const Cancel& cancel, const Progress& progress) {
  const DeformationProblem& first = views.front();
  HeadSurface<B> surface(model, arrays, backend);
  DeformationLoop<B> loop(model, arrays, first, surface.update_albedo(first.albedo), backend);
  std::vector<std::unique_ptr<DeformationSight<B>>> sights;
  for (const DeformationProblem& view : views)
    sights.push_back(std::make_unique<DeformationSight<B>>(model, view, backend));
  const int iterations = first.level.iterations;
  const long size = first.map_size, entries = 3 * size * size;
  MapDescent<B, Covariance> shape(size, Covariance(size, first.shape, first.mirror, true, backend), kShapeStepMm,
                                  iterations, backend);
  MapDescent<B, Covariance> colour(size, Covariance(size, first.colour, 0, false, backend), kColourStep, iterations,
                                   backend);
  auto shape_part = backend.template alloc<float>(static_cast<std::size_t>(entries));
  auto colour_part = backend.template alloc<float>(static_cast<std::size_t>(entries));
  const auto look = [&](std::size_t v) {
    loop.look_at(*sights[v]);
    loop.forward(shape.map().data(), colour.map().data());
  };
  for (int i = 0; i < iterations; ++i) {
    progress.report(i, iterations);
    for (std::size_t v = 0; v < sights.size(); ++v) {
      cancel.check();
      look(v);
      if (i % kSigmaInterval == 0) loop.update_sigma();
      if (v == 0) {
        loop.backward(shape.gradient().data(), colour.gradient().data());
        continue;
      }
      loop.backward(shape_part.data(), colour_part.data());
      backend.template for_each<AddGradient>(entries, AddGradientArgs{shape_part.data(), shape.gradient().data()});
      backend.template for_each<AddGradient>(entries, AddGradientArgs{colour_part.data(), colour.gradient().data()});
    }
    backend.concurrently([&] { shape.step(backend); }, [&] { colour.step(backend); });
  }
  JointDeformationResult result;
  result.map.resize(static_cast<std::size_t>(entries));
  backend.download(result.map.data(), shape.map(), result.map.size());
  for (std::size_t v = 0; v < sights.size(); ++v) {
    look(v);
    result.photometric_errors.push_back(loop.photometric_error());
    std::vector<float>& positions = result.positions.emplace_back(loop.positions().size());
    backend.download(positions.data(), loop.positions(), positions.size());
  }
  return result;
}

}  // namespace hrn::fit
