// How many launches one iteration of the deformation takes on a GPU: starting one takes longer than most of them run.
#include "backends/cuda/cuda_backend.cuh"
#include "fit/deformation/fit.hpp"
#include "fit/deformation/fused.hpp"
#include "fit/head/resident_model.hpp"
#include "fit_scene.hpp"
#include "framework.hpp"
#include "gpu.hpp"

namespace hrn::test {
namespace {

constexpr std::size_t kMostLaunches = 12;

HRN_TEST("fit/cuda/launches of a deformation iteration") {
  if (skip_without_gpu(report)) return;
  const fit::DeformationProblem problem = deformation_problem();
  const long size = problem.map_size, total = problem.level.iterations;
  CudaBackend backend(0);
  const fit::ResidentModel<CudaBackend> resident(small_head(), backend);
  const fit::ModelArrays arrays = resident.arrays();
  fit::HeadSurface<CudaBackend> surface(small_head(), arrays, backend);
  fit::DeformationLoop<CudaBackend> loop(small_head(), arrays, problem, surface.update_albedo(problem.albedo), backend);
  using Iteration = fit::FusedIteration<CudaBackend>;
  using Prior = Iteration::Prior;
  Iteration::Maps shape(size, Prior(size, problem.shape, problem.mirror, true, backend), fit::kShapeStepMm, total,
                        backend),
      colour(size, Prior(size, problem.colour, 0, false, backend), fit::kColourStep, total, backend);
  auto energy = backend.alloc<double>(1), count = backend.alloc<double>(1);
  Iteration iteration(loop, shape, colour, {nullptr, loop.photo_gain().data(), count.data(), energy.data()}, backend);
  iteration.forward();
  const cuda::Graph recorded = backend.record([&] { iteration.iterate(); });
  backend.wait();
  report.equal(recorded.nodes(), kMostLaunches, "launches");
}

}  // namespace
}  // namespace hrn::test
