// Filling the unknown part of a map.
#include "fit/texture/pull_push.hpp"

#include "backends/cpu/cpu_backend.hpp"
#include "framework.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

HRN_TEST("fit/pull-push/known texels stay, the others lie between them, at every size") {
  ThreadPool pool(2);
  CpuBackend backend(pool);
  for (const int side : {1, 2, 3, 5, 8, 17, 33}) {
    Random random(static_cast<std::uint64_t>(side));
    fit::WeightedMaps<CpuBackend> map(side, 2, 1, backend);
    for (float& v : map.values) v = static_cast<float>(random.uniform(0.25, 0.75));
    for (std::size_t i = 0; i < map.weights.size(); ++i) map.weights[i] = i % 3 == 0 ? 1.f : 0.f;
    const std::vector<float> values(map.values.begin(), map.values.end()),
        weights(map.weights.begin(), map.weights.end());
    fit::pull_push(map, backend);
    CHECK(std::equal(weights.begin(), weights.end(), map.weights.begin()));
    for (std::size_t i = 0; i < map.values.size(); ++i) {
      if (weights[i / 2] == 1) report.equal(map.values[i], values[i], "known value");
      CHECK(map.values[i] > 0.2499f && map.values[i] < 0.7501f);
    }
  }
}

HRN_TEST("fit/pull-push/what stands in unknown texels does not matter, and unknown everywhere is zero") {
  ThreadPool pool(1);
  CpuBackend backend(pool);
  for (const int side : {1, 2, 7, 16}) {
    fit::WeightedMaps<CpuBackend> map(side, 3, 1, backend);
    std::fill(map.values.begin(), map.values.end(), 9.f);
    fit::pull_push(map, backend);
    for (const float v : map.values) report.equal(v, 0.f, "value of an unknown map of side " + std::to_string(side));
  }
}

HRN_TEST("fit/pull-push/a constant is reproduced from any part of it") {
  ThreadPool pool(1);
  CpuBackend backend(pool);
  for (const int side : {1, 3, 16, 29}) {
    for (const float weight : {1.f, 0.3f}) {
      fit::WeightedMaps<CpuBackend> map(side, 1, 1, backend);
      map.values[0] = map.values[map.values.size() - 1] = 0.7f;
      map.weights[0] = map.weights[map.weights.size() - 1] = weight;
      fit::pull_push(map, backend);
      for (const float v : map.values) report.near(static_cast<double>(v), 0.7, 1e-6, "value");
    }
  }
}

HRN_TEST("fit/pull-push/one known texel decides, however far") {
  ThreadPool pool(3);
  CpuBackend backend(pool);
  fit::WeightedMaps<CpuBackend> map(65, 1, 1, backend);
  map.values[40] = 2;
  map.weights[40] = 1;
  fit::pull_push(map, backend);
  for (const float v : map.values) report.near(static_cast<double>(v), 2, 1e-5, "value");
}

}  // namespace
}  // namespace hrn::test
