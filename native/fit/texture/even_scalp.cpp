#include "fit/texture/even_scalp.hpp"

#include <algorithm>

#include "core/vec.hpp"

namespace hrn::fit {
namespace {

// The shadow reaches over the nape by so many neighbours, some four millimetres each; on forehead and temples it is
// faint.
constexpr int kShadowReach = 6;
// Darker than this share of the forehead's mean is the lining of the mouth, which bears the labels of what is near.
constexpr float kLining = 0.35f;
// Squared distance at which skin around counts a quarter of what it counts right beside, mm^2.
constexpr float kBeside = 4;

float brightness(Vec3<float> c) { return c.x + c.y + c.z; }

// What the scalp's shadow lies on: scalp and the nape below it, where there is skin.
std::vector<bool> shadowed(const Model& model, const std::vector<bool>& skin) {
  std::vector<bool> in(skin.size());
  for (std::size_t v = 0; v < in.size(); ++v) in[v] = skin[v] && static_cast<Region>(model.regions[v]) == Region::scalp;
  const Topology& t = model.topology;
  for (int step = 0; step < kShadowReach; ++step) {
    const std::vector<bool> before = in;
    for (std::size_t v = 0; v < in.size(); ++v)
      if (skin[v] && static_cast<Region>(model.regions[v]) == Region::neck)
        for (auto n = t.neighbour_offsets[v]; n < t.neighbour_offsets[v + 1] && !in[v]; ++n)
          in[v] = before[static_cast<std::size_t>(t.neighbours[static_cast<std::size_t>(n)])];
  }
  return in;
}

}  // namespace

std::vector<float> even_scalp_mean(const Model& model, std::span<const double> albedo, std::span<const float> paint) {
  const auto count = static_cast<std::size_t>(model.vertex_count);
  std::vector<float> mean(model.albedo_mean.data(), model.albedo_mean.data() + 3 * count);
  const auto own = [&](std::size_t v) { return load3(model.albedo_mean.data(), static_cast<long>(v)); };
  const auto region = [&](std::size_t v) { return static_cast<Region>(model.regions[v]); };
  for (std::size_t v = 0; 4 * v < paint.size(); ++v)
    if (region(v) == Region::scalp && paint[4 * v + 3] > 0) return mean;
  float forehead = 0;
  long seen = 0;
  for (std::size_t v = 0; v < count; ++v)
    if (region(v) == Region::forehead) {
      forehead += brightness(own(v));
      ++seen;
    }
  if (seen == 0) return mean;
  std::vector<bool> skin(count);
  for (std::size_t v = 0; v < count; ++v) {
    const Region r = region(v);
    skin[v] = (r == Region::scalp || r == Region::forehead || r == Region::cheeks || r == Region::neck) &&
              brightness(own(v)) > kLining * forehead / static_cast<float>(seen);
  }
  const std::vector<bool> shadow = shadowed(model, skin);
  // What the coefficients add to the mean.
  const auto added = [&](std::size_t v) {
    double sum[3] = {0, 0, 0};
    for (long c = 0; c < static_cast<long>(albedo.size()); ++c)
      for (long k = 0; k < 3; ++k)
        sum[k] += albedo[static_cast<std::size_t>(c)] *
                  static_cast<double>(model.albedo_value(c, 3 * static_cast<long>(v) + k));
    return Vec3<float>{static_cast<float>(sum[0]), static_cast<float>(sum[1]), static_cast<float>(sum[2])};
  };
  struct Skin {
    Vec3<float> at, colour;
  };
  std::vector<Skin> around;
  const Topology& t = model.topology;
  for (std::size_t v = 0; v < count; ++v) {
    bool is_rim = false;
    for (auto n = t.neighbour_offsets[v]; n < t.neighbour_offsets[v + 1] && skin[v] && !shadow[v] && !is_rim; ++n)
      is_rim = shadow[static_cast<std::size_t>(t.neighbours[static_cast<std::size_t>(n)])];
    if (is_rim) around.push_back({load3(model.mean.data(), static_cast<long>(v)), own(v) + added(v)});
  }
  if (around.empty()) return mean;
  for (std::size_t v = 0; v < count; ++v) {
    if (!shadow[v]) continue;
    const Vec3<float> at = load3(model.mean.data(), static_cast<long>(v));
    Vec3<float> colour{0, 0, 0};
    float sum = 0;
    for (const Skin& one : around) {
      const Vec3<float> d = one.at - at;
      const float square = dot(d, d) + kBeside, weight = 1 / (square * square);
      colour = colour + weight * one.colour;
      sum += weight;
    }
    colour = (1 / sum) * colour - added(v);
    mean[3 * v] = colour.x;
    mean[3 * v + 1] = colour.y;
    mean[3 * v + 2] = colour.z;
  }
  return mean;
}

}  // namespace hrn::fit
