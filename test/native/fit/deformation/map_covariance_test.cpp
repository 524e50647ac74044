// The prior covariance of the deformation map.
#include "fit/deformation/map_covariance.hpp"

#include <cstring>

#include "backends/cpu/cpu_backend.hpp"
#include "fit/deformation/dense_map_covariance.hpp"
#include "framework.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

using Map = HostArray<float>;

Map random_map(long side, std::uint64_t seed) {
  Map map(static_cast<std::size_t>(3 * side * side));
  Random random(seed);
  for (float& v : map) v = static_cast<float>(random.uniform());
  return map;
}

Map copy(const Map& map) {
  Map out(map.size());
  std::memcpy(out.data(), map.data(), map.size() * sizeof(float));
  return out;
}

double inner(const Map& a, const Map& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

std::size_t texel(long side, long row, long column, long channel) {
  return static_cast<std::size_t>(3 * (row * side + column) + channel);
}

HRN_TEST("fit/map-covariance/is symmetric and positive") {
  ThreadPool pool(2);
  CpuBackend backend(pool);
  for (const long side : {16L, 33L}) {
    for (const double mirror : {0.0, 0.6, 1.0}) {
      fit::MapCovariance covariance(side, {{1.5, 4}, {0.5, 1.2}}, mirror, true, backend);
      for (std::uint64_t seed = 1; seed < 4; ++seed) {
        const Map x = random_map(side, seed), y = random_map(side, seed + 10);
        Map kx = copy(x), ky = copy(y);
        covariance.apply(kx, backend);
        covariance.apply(ky, backend);
        const double size = std::sqrt(inner(kx, kx) * inner(y, y));
        report.near(inner(x, ky), inner(kx, y), 1e-5 * size, "<x, K y> and <K x, y>");
        CHECK(inner(x, kx) > 0);
      }
    }
  }
}

HRN_TEST("fit/map-covariance/a texel's variance is the sum of the scales'") {
  ThreadPool pool(1);
  CpuBackend backend(pool);
  const long side = 64;
  fit::MapCovariance covariance(side, {{2.0, 4}, {0.5, 1.5}}, 0, true, backend);
  for (const auto& [row, column] : {std::pair<long, long>{32, 32}, {28, 37}}) {
    for (long c = 0; c < 3; ++c) {
      Map map(static_cast<std::size_t>(3 * side * side));
      map[texel(side, row, column, c)] = 1;
      covariance.apply(map, backend);
      report.near(static_cast<double>(map[texel(side, row, column, c)]), 2.0 * 2.0 + 0.5 * 0.5, 0.02, "variance");
      // The channels know nothing of each other, and covariance falls with distance.
      for (long other = 0; other < 3; ++other) {
        if (other != c) report.equal(map[texel(side, row, column, other)], 0.f, "another channel");
      }
      const double near = static_cast<double>(map[texel(side, row, column + 2, c)]),
                   far = static_cast<double>(map[texel(side, row, column + 8, c)]);
      CHECK(near < 4.25 && near > 0 && far < near);
    }
  }
}

HRN_TEST("fit/map-covariance/mirrored texels are correlated as told, the first channel of vectors with its sign") {
  ThreadPool pool(1);
  CpuBackend backend(pool);
  const long side = 64, row = 30, column = 8;
  for (const double mirror : {0.0, 0.6, 1.0}) {
    for (const bool vectors : {true, false}) {
      fit::MapCovariance covariance(side, {{1.0, 2}}, mirror, vectors, backend);
      for (long c = 0; c < 3; ++c) {
        Map map(static_cast<std::size_t>(3 * side * side));
        map[texel(side, row, column, c)] = 1;
        covariance.apply(map, backend);
        const double here = static_cast<double>(map[texel(side, row, column, c)]),
                     there = static_cast<double>(map[texel(side, row, side - 1 - column, c)]);
        report.near(there / here, vectors && c == 0 ? -mirror : mirror, 1e-3, "correlation");
      }
    }
  }
}

HRN_TEST("fit/map-covariance/the same bits for any number of threads") {
  Map expected;
  for (const int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    CpuBackend backend(pool);
    fit::MapCovariance covariance(40, {{2.0, 5}, {0.6, 2}}, 0.6, true, backend);
    Map map = random_map(40, 3);
    covariance.apply(map, backend);
    if (threads == 1)
      expected = std::move(map);
    else
      CHECK(std::memcmp(expected.data(), map.data(), map.size() * sizeof(float)) == 0);
  }
}

HRN_TEST("fit/map-covariance/the dense form is the same") {
  ThreadPool pool(2);
  CpuBackend backend(pool);
  for (const long side : {16L, 57L}) {
    for (const bool vectors : {false, true}) {
      const std::vector<fit::MapScale> scales{{1.5, 7}, {0.5, 2}};
      Map eliminated = random_map(side, 5), multiplied = copy(eliminated);
      fit::MapCovariance(side, scales, 0.6, vectors, backend).apply(eliminated, backend);
      fit::DenseMapCovariance<CpuBackend>(side, scales, 0.6, vectors, backend).apply(multiplied, backend);
      double largest = 0;
      for (const float v : eliminated) largest = std::max(largest, std::abs(static_cast<double>(v)));
      for (std::size_t i = 0; i < eliminated.size(); ++i)
        report.near(static_cast<double>(multiplied[i]), static_cast<double>(eliminated[i]), 1e-5 * largest, "entry");
    }
  }
}

}  // namespace
}  // namespace hrn::test
