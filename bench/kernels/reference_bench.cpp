// One whole iteration of the reference's fitting loop at its sizes: 35,721 vertices, 70,688 triangles, 144 shape and 80
// albedo components, 224 px, two 300 x 300 x 3 maps, all its losses, Adam. bench/gpu/peer_loop.py runs the same in
// PyTorch.
#include "harness.hpp"
#include "reference_iteration.hpp"

namespace hrn::bench {
namespace {

void reference(BenchBackend& backend, const Recorder& recorder) {
  const auto [model, problem] = test::reference_scene({});
  const fit::reference::ResidentModel<BenchBackend> resident(model, backend);
  test::ReferenceIteration<BenchBackend> iteration(backend, model, resident.arrays(), problem);
  double loss = 0;
  recorder.measure_waiting(backend, "reference_iteration", "35.7k vertices, 224 px", [&] {
    loss = iteration.evaluate();
    iteration.update(1e-3f);
    keep(&loss);
  });
}

[[maybe_unused]] const int added = add(reference);

}  // namespace
}  // namespace hrn::bench
