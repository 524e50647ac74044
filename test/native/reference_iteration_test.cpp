// The composed iteration of the benchmark is a real one: its gradients are those of its loss, and Adam lowers it.
#include "reference_iteration.hpp"

#include "backends/cpu/cpu_backend.hpp"
#include "framework.hpp"
#include "reference_backend.hpp"

namespace hrn::test {
namespace {

// Along the gradient of every group, with the head filling the image: no gradient here accounts for the outline, where
// visibility jumps.
HRN_TEST("reference_iteration/gradients") {
  ThreadPool pool(2);
  CpuBackend cpu(pool);
  ReferenceSizes sizes = small_reference();
  sizes.zoom = 2;
  const auto [model, problem] = reference_scene(sizes);
  ReferenceIteration<CpuBackend> iteration(cpu, model, fit::reference::host_arrays(model), problem);
  Random random(3);
  // All on one side of the absolute value's kink at zero.
  for (auto* group : iteration.groups())
    for (long i = 0; i < group->size; ++i) group->values.data()[i] += static_cast<float>(random.uniform(0.004, 0.02));
  const double steps[] = {2e-2, 2e-2, 1e-4, 5e-3, 1e-4, 2e-4, 2e-3};
  const char* names[] = {"shape", "albedo", "angles", "light", "translation", "shape map", "albedo map"};
  for (std::size_t k = 0; k < 7; ++k) {
    auto* group = iteration.groups()[k];
    std::vector<float> start(group->values.begin(), group->values.end()), direction;
    double largest = 0, slope = 0;
    iteration.evaluate();
    for (const float g : group->grad) largest = std::max(largest, static_cast<double>(std::abs(g)));
    for (const float g : group->grad) {
      direction.push_back(g / static_cast<float>(largest));
      slope += static_cast<double>(direction.back()) * static_cast<double>(g);
    }
    double loss[2];
    for (int side = 0; side < 2; ++side) {
      for (std::size_t i = 0; i < start.size(); ++i)
        group->values.data()[i] = start[i] + static_cast<float>(side == 0 ? steps[k] : -steps[k]) * direction[i];
      loss[side] = iteration.evaluate();
      std::copy(start.begin(), start.end(), group->values.data());
    }
    const double difference = (loss[0] - loss[1]) / (2 * steps[k]);
    report.near(difference, slope, 0.03 * slope, names[k]);
  }
}

HRN_TEST("reference_iteration/descends, the same bits for any number of threads") {
  double first = 0;
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    CpuBackend cpu(pool);
    const auto [model, problem] = reference_scene(small_reference());
    ReferenceIteration<CpuBackend> iteration(cpu, model, fit::reference::host_arrays(model), problem);
    const double start = iteration.evaluate();
    double loss = start;
    for (int k = 0; k < 30; ++k) {
      iteration.update(2e-3f);
      loss = iteration.evaluate();
    }
    CHECK(loss < 0.98 * start);
    if (threads == 1) first = loss;
    report.equal(loss, first, "loss");
  }
}

// Chunks in turn and sums in lanes against one loop after the other; without fused operations, with which a vertex may
// fall on the other side of a pixel's centre.
HRN_TEST("reference_iteration/what the plainest backend gives") {
  ReferenceSizes sizes = small_reference();
  sizes.grid = 60;  // several chunks of vertices
  sizes.map = 70;
  const auto [model, problem] = reference_scene(sizes);
  ThreadPool pool(2);
  CpuBackend cpu(pool, Isa::baseline);
  ReferenceBackend plain;
  const auto arrays = fit::reference::host_arrays(model);
  ReferenceIteration<CpuBackend> ours(cpu, model, arrays, problem);
  ReferenceIteration<ReferenceBackend> theirs(plain, model, arrays, problem);
  for (int step = 0; step < 3; ++step) {
    const double loss = theirs.evaluate();
    report.near(ours.evaluate(), loss, 1e-5 * loss, "loss");
    for (std::size_t k = 0; k < ours.groups().size(); ++k) {
      const auto got = ours.gradient(*ours.groups()[k]), expected = theirs.gradient(*theirs.groups()[k]);
      double largest = 0, apart = 0;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        largest = std::max(largest, static_cast<double>(std::abs(expected[i])));
        apart = std::max(apart, static_cast<double>(std::abs(got[i] - expected[i])));
      }
      report.near(apart, 0, 1e-4 * largest, "gradient of group " + std::to_string(k));
    }
    // The same step for both, so that no difference grows.
    ours.update(2e-3f);
    for (std::size_t k = 0; k < ours.groups().size(); ++k)
      std::copy(ours.groups()[k]->values.begin(), ours.groups()[k]->values.end(), theirs.groups()[k]->values.data());
  }
}

}  // namespace
}  // namespace hrn::test
