// The deformation loop at the size of the embedded head: 21,440 vertices, 42,294 triangles, 478 landmarks, a 128 x 128
// map, crops of 224 and 512 px; and the refine iteration, which besides evaluates all coefficients and their gradients.
#include <cmath>
#include <string>
#include <type_traits>

#include "fit/deformation/fit.hpp"
#include "fit/deformation/fused.hpp"
#include "fit/deformation/map_covariance.hpp"
#include "fit/head/resident_model.hpp"
#include "fit/head/surface.hpp"
#include "harness.hpp"
#include "large_head.hpp"
#include "random.hpp"

namespace hrn::bench {
namespace {

#ifdef __CUDACC__
using Iteration = fit::FusedIteration<CudaBackend>;
#else
using Iteration = fit::PlainIteration<CpuBackend, fit::MapCovariance>;
#endif
using Covariance = Iteration::Prior;

fit::DeformationProblem problem_of(const fit::Model& model, int side) {
  test::Random random(4);
  fit::DeformationProblem p;
  p.positions.assign(model.mean.begin(), model.mean.end());
  p.camera.rotation = {1, 0, 0, 0, -1, 0, 0, 0, -1};
  p.camera.turn({0.05, 0.15, 0.02});
  p.camera.translation = {0, 0, 520};
  p.camera.focal_px = 2.2 * side;
  p.camera.principal_px = {0.5 * side, 0.5 * side};
  p.albedo.assign(static_cast<std::size_t>(model.albedo_count), 0.1);
  for (std::size_t c = 0; c < 3; ++c) p.lighting[9 * c] = 1;
  for (long i = 0; i < 2 * model.dense.count; ++i) p.pixels.push_back(random.uniform(0.2, 0.8) * side);
  p.level.size = side;
  p.level.rgb = random.vector<float>(3L * side * side, 0.3, 0.8);
  p.level.mask.assign(static_cast<std::size_t>(side) * static_cast<std::size_t>(side), 1.f);
  return p;
}

template <class B>
void deformation(B& backend, const Recorder& recorder) {
  const fit::Model& model = large_head();
  const fit::ResidentModel<B> resident(model, backend);
  const fit::ModelArrays arrays = resident.arrays();
  for (const int side : {224, 512}) {
    const fit::DeformationProblem problem = problem_of(model, side);
    const std::string size = "21k vertices, " + std::to_string(side) + " px";
    fit::HeadSurface<B> surface(model, arrays, backend);
    fit::DeformationLoop<B> loop(model, arrays, problem, surface.update_albedo(problem.albedo), backend);
    fit::MapDescent<B, Covariance> shape(128, Covariance(128, problem.shape, problem.mirror, true, backend), 0.25, 1000,
                                         backend);
    fit::MapDescent<B, Covariance> colour(128, Covariance(128, problem.colour, 0, false, backend), 0.02, 1000, backend);
    const auto forward = [&] { loop.forward(shape.map().data(), colour.map().data()); };
    const auto backward = [&] { loop.backward(shape.gradient().data(), colour.gradient().data()); };
    constexpr std::size_t kMost = std::size_t{1} << 16;  // iterations
    auto energy = backend.template alloc<double>(kMost);
    auto count = backend.template alloc<double>(1);
    const fit::EnergyLogArgs log{nullptr, loop.photo_gain().data(), count.data(), energy.data()};
    Iteration iteration(loop, shape, colour, log, backend);
    fit::PlainIteration<B, Covariance> plain(loop, shape, colour, log, backend);
    const auto iterate = [&] { iteration.iterate(); };
    forward();
    loop.update_sigma();
    recorder.measure(backend, "deformation/forward", size, 0, forward);
    recorder.measure(backend, "deformation/energy", size, 0, [&] { loop.sum_energy(); });
    recorder.measure(backend, "deformation/backward", size, 0, backward);
    recorder.measure(backend, "deformation/step of one map", size, 0, [&] { shape.step(backend); });
    recorder.measure(backend, "deformation/iteration", size, 0, iterate);
    if constexpr (!std::is_same_v<Iteration, fit::PlainIteration<B, Covariance>>)
      recorder.measure(backend, "deformation/iteration op by op", size, 0, [&] { plain.iterate(); });

    auto coefficients = backend.template alloc<float>(static_cast<std::size_t>(model.shape_count()));
    auto gradient = backend.template alloc<double>(static_cast<std::size_t>(model.shape_count()));
    auto values = backend.template alloc<float>(static_cast<std::size_t>(3 * model.vertex_count));
    ops::BasisArgs<float, Half> basis;
    basis.basis = arrays.shape_basis;
    basis.rows = 3 * model.vertex_count;
    basis.components = basis.count = model.shape_count();
    basis.coefficients = coefficients.data();
    basis.base = arrays.mean;
    basis.values = values.data();
    basis.grad_values = loop.positions().data();
    recorder.measure(backend, "refine_iteration", size + ", all coefficients", 0, [&] {
      backend.basis_forward(basis);
      iterate();
      backend.basis_backward_to(basis, gradient.data());
    });
  }
}

const int added = add(deformation<BenchBackend>);

}  // namespace
}  // namespace hrn::bench
