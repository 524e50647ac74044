#include "rig/own_offsets.hpp"

#include <algorithm>

#include "core/half.hpp"

namespace hrn::rig {
namespace {

/// No shape moves a place by more than this many times as far as the model's. On 87 portraits of which half smile
/// (seeds from 13,300,000) neutral faces are off by 2.75 (smiles) and 2.37 mm without it, 2.62 and 2.33 with 2, 2.59
/// and 2.32 with 3; with nothing left of the fit's expression 2.37 and 2.24.
constexpr double kMostTimes = 2;
/// What is worn by less takes less of it: at weight 1 it would have many times what the photo shows.
constexpr double kSurelyWorn = 0.3;
/// Where what is worn moves a place by less, mm, the rest there is no part of it.
constexpr double kLeastMm = 0.2;

double square(const float* v) {
  const double x = v[0], y = v[1], z = v[2];
  return x * x + y * y + z * z;
}

/// target[n][3] += weight * shape at the n-th vertex.
void add(std::span<const std::uint16_t> shape, float weight, std::span<const std::uint32_t> vertices, float* target) {
  for (std::size_t n = 0; n < vertices.size(); ++n) {
    const std::uint16_t* offset = &shape[3 * std::size_t{vertices[n]}];
    for (std::size_t k = 0; k < 3; ++k) target[3 * n + k] += weight * half_to_float({offset[k]});
  }
}

}  // namespace

std::vector<float> own_offsets(const OwnOffsetsArgs& args) {
  const auto& vertices = args.vertices;
  const std::size_t size = 3 * args.vertex_count, count = vertices.size();
  std::vector<float> rest(3 * count);
  for (std::size_t n = 0; n < count; ++n)
    for (std::size_t k = 0; k < 3; ++k) rest[3 * n + k] = args.rest[3 * std::size_t{vertices[n]} + k];
  for (std::size_t i = 0; i < args.missing.size(); ++i)
    if (args.missing[i] != 0) add(args.shapes.subspan(i * size, size), args.missing[i], vertices, rest.data());

  std::vector<float> offsets(3 * count * args.worn.size());
  std::vector<double> moved(count);
  for (std::size_t s = 0; s < args.worn.size(); ++s) {
    float* own = &offsets[3 * count * s];
    add(args.shapes.subspan(args.worn[s] * size, size), 1, vertices, own);
    for (std::size_t n = 0; n < count; ++n) moved[n] += args.weights[s] * args.weights[s] * square(own + 3 * n);
  }
  // Of a shape that moves a place by o at weight w: w o^2 / (w^2 o^2 + (r / most)^2) of the rest r, which is most / 2
  // times o at most.
  const double most = 2 * (kMostTimes - 1);
  std::vector<float> out(size * args.worn.size());
  for (std::size_t s = 0; s < args.worn.size(); ++s) {
    const double weight = args.weights[s], sure = std::min(1.0, weight / kSurelyWorn);
    for (std::size_t n = 0; n < count; ++n) {
      const double moves = square(&offsets[3 * (count * s + n)]);
      if (moves == 0) continue;  // most shapes move a small part of the head
      const double all = moved[n] + square(&rest[3 * n]) / (most * most) + kLeastMm * kLeastMm;
      const double share = sure * weight * moves / all;
      float* to = &out[size * s + 3 * std::size_t{vertices[n]}];
      for (std::size_t k = 0; k < 3; ++k) to[k] = static_cast<float>(share * rest[3 * n + k]);
    }
  }
  return out;
}

}  // namespace hrn::rig
