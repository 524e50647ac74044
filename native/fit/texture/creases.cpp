#include "fit/texture/creases.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "core/smoothstep.hpp"
#include "core/vec.hpp"

namespace hrn::fit {
namespace {

/// Skin that is compressed by less has no folds of its own; by more, all of its lines are the expression's.
constexpr double kLeast = 0.02, kFull = 0.15;
/// Over so many rings of neighbours: folds lie beside what is compressed.
constexpr int kSmoothings = 3;

/// A triangle laid flat: (0, 0), (x1, 0), (x2, y2).
struct Flat {
  double x1, x2, y2;
};

Flat lay(const float* p, const std::array<std::size_t, 3>& v) {
  const auto at = [&](std::size_t i) { return Vec3<double>{p[3 * v[i]], p[3 * v[i] + 1], p[3 * v[i] + 2]}; };
  const Vec3<double> x = at(1) - at(0), y = at(2) - at(0);
  const double x1 = length(x), x2 = x1 > 0 ? dot(x, y) / x1 : 0;
  return {x1, x2, std::sqrt(std::max(0.0, dot(y, y) - x2 * x2))};
}

/// The smaller of the two factors by which `to` is as long as `from`.
double least_stretch(const Flat& from, const Flat& to) {
  if (!(from.x1 > 1e-6 && from.y2 > 1e-6)) return 1;
  const double f00 = to.x1 / from.x1, f01 = (to.x2 - f00 * from.x2) / from.y2, f11 = to.y2 / from.y2;
  const double xx = f00 * f00 + f01 * f01, xy = f01 * f11, yy = f11 * f11;
  return std::sqrt(std::max(0.0, (xx + yy) / 2 - std::hypot((xx - yy) / 2, xy)));
}

}  // namespace

std::vector<float> creases(const Model& model, std::span<const float> positions, std::span<const double> worn) {
  const auto count = static_cast<std::size_t>(model.vertex_count);
  const auto is_cheek = [&](std::size_t v) { return static_cast<Region>(model.regions[v]) == Region::cheeks; };
  const Topology& topology = model.topology;
  std::vector<float> resting(positions.begin(), positions.end());
  for (std::size_t v = 0; v < count; ++v) {
    bool is_near = is_cheek(v);
    for (auto n = topology.neighbour_offsets[v]; n < topology.neighbour_offsets[v + 1] && !is_near; ++n)
      is_near = is_cheek(static_cast<std::size_t>(topology.neighbours[static_cast<std::size_t>(n)]));
    if (!is_near) continue;
    for (std::size_t row = 3 * v; row < 3 * v + 3; ++row)
      for (std::size_t k = 0; k < worn.size(); ++k)
        if (worn[k] != 0)
          resting[row] -= static_cast<float>(worn[k]) *
                          model.shape_value(model.identity_count + static_cast<long>(k), static_cast<long>(row));
  }
  std::vector<double> sums(count), areas(count);
  for (std::size_t t = 0; t < static_cast<std::size_t>(model.triangle_count); ++t) {
    const std::array<std::size_t, 3> v = {static_cast<std::size_t>(topology.triangles[3 * t]),
                                          static_cast<std::size_t>(topology.triangles[3 * t + 1]),
                                          static_cast<std::size_t>(topology.triangles[3 * t + 2])};
    if (!(is_cheek(v[0]) || is_cheek(v[1]) || is_cheek(v[2]))) continue;
    const Flat to = lay(positions.data(), v);
    const double area = to.x1 * to.y2;
    const double share = smoothstep(kLeast, kFull, 1 - least_stretch(lay(resting.data(), v), to));
    for (const std::size_t corner : v) {
      sums[corner] += area * share;
      areas[corner] += area;
    }
  }
  std::vector<float> out(count);
  for (std::size_t v = 0; v < count; ++v)
    if (is_cheek(v) && areas[v] > 0) out[v] = static_cast<float>(sums[v] / areas[v]);
  for (int step = 0; step < kSmoothings; ++step) {
    const std::vector<float> before = out;
    for (std::size_t v = 0; v < count; ++v) {
      if (!is_cheek(v)) continue;
      float sum = before[v], total = 1;
      for (auto n = topology.neighbour_offsets[v]; n < topology.neighbour_offsets[v + 1]; ++n, ++total)
        sum += before[static_cast<std::size_t>(topology.neighbours[static_cast<std::size_t>(n)])];
      out[v] = sum / total;
    }
  }
  return out;
}

}  // namespace hrn::fit
