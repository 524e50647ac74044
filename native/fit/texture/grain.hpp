// The fine detail of what the photo does not show: that of the skin it does show, spread over the surface by its place
// in space, and strands of hair that run down from the crown. The same source for every backend.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"
#include "core/vec.hpp"
#include "fit/texture/confidence.hpp"

namespace hrn::fit::texture {

// Mixes the bits of a whole number (Wellons' lowbias32).
HRN_HD std::uint32_t mixed(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  return x ^ (x >> 16);
}
// -1 to 1, of a place in a lattice of `columns` that closes to a ring.
HRN_HD float lattice(int column, int row, int columns, std::uint32_t seed) {
  const int wrapped = ((column % columns) + columns) % columns;
  const std::uint32_t hash =
      mixed(static_cast<std::uint32_t>(wrapped) + mixed(static_cast<std::uint32_t>(row) + mixed(seed)));
  return static_cast<float>(hash >> 8) * (2.f / 16777216.f) - 1;
}
HRN_HD float smooth(float t) { return t * t * (3 - 2 * t); }
// Value noise of variance a third or less, column and row in cells.
HRN_HD float noise(float column, float row, int columns, std::uint32_t seed) {
  const float c = std::floor(column), r = std::floor(row);
  const float x = smooth(column - c), y = smooth(row - r);
  const int i = static_cast<int>(c), j = static_cast<int>(r);
  const float top = lattice(i, j, columns, seed) * (1 - x) + lattice(i + 1, j, columns, seed) * x,
              low = lattice(i, j + 1, columns, seed) * (1 - x) + lattice(i + 1, j + 1, columns, seed) * x;
  return top * (1 - y) + low * y;
}

// Strands around the head, of which columns close to a ring, from the crown to the opposite end.
constexpr int kStrandColumns = 960, kStrandRows = 64;

// Where a point lies on the head as hair grows.
struct Growth {
  float around;  // 0..1, a ring
  float down;    // 0..1 from the crown to the opposite end
  float ring;    // mm around the head there
};

struct Grain {
  const float* tile = nullptr;     // [side][side], relative deviations of skin, repeats seamlessly
  int side = 0;                    // a power of two
  float per_mm = 0;                // texels of the tile
  float strands = 0;               // standard deviation of the hair's, relative
  const float* pattern = nullptr;  // [kStrandRows][kStrandColumns][2], fine strands and locks, of variance one or so
  const float* growth = nullptr;   // [vertices][3], a Growth each

  // At a point of the head with this normal, where a texel spans so many mm: as three sides show it.
  HRN_HD float skin(Vec3<float> p, Vec3<float> n, float spacing) const {
    // What is finer than the texels would be noise there.
    constexpr float kFine = 2, kCoarse = 5;
    if (side == 0 || !(spacing * per_mm < kCoarse)) return 0;
    // Independent values keep their variance if squared weights add to one.
    constexpr float kAside = 0.4f;
    const float x = larger(std::abs(n.x) - kAside, 0), y = larger(std::abs(n.y) - kAside, 0),
                z = larger(std::abs(n.z) - kAside, 0);
    float sum = 0;
    if (x > 0) sum += x * at(p.z, p.y);
    if (y > 0) sum += y * at(p.x, p.z);
    if (z > 0) sum += z * at(p.x, p.y);
    return (1 - smoothstep(kFine, kCoarse, spacing * per_mm)) * sum / std::sqrt(x * x + y * y + z * z + 1e-12f);
  }

  // Of hair between three vertices.
  HRN_HD float hair(const long* v, const float* b, float spacing) const {
    if (!(strands > 0)) return 0;
    float around = growth[3 * v[0]], down = 0, ring = 0;
    for (int k = 0; k < 3; ++k) {
      const float* g = growth + 3 * v[k];
      const float away = g[0] - growth[3 * v[0]];
      around += b[k] * (away > 0.5f ? away - 1 : away < -0.5f ? away + 1 : away);
      down += b[k] * g[1];
      ring += b[k] * g[2];
    }
    const float u = (around + 1) * kStrandColumns, w = clamp(down * kStrandRows, 0, kStrandRows - 1.001f);
    const int column = static_cast<int>(u), row = static_cast<int>(w);
    const float x = u - static_cast<float>(column), y = w - static_cast<float>(row);
    const int i = column % kStrandColumns, j = i + 1 < kStrandColumns ? i + 1 : 0;
    const float *top = pattern + 2 * row * kStrandColumns, *low = top + 2 * kStrandColumns;
    // Strands that are narrower than texels would be noise.
    const float texels = ring / larger(spacing, 1e-3f);
    float sum = 0;
    for (int k = 0; k < 2; ++k) {
      const float fade = smoothstep(k == 0 ? 400.f : 80.f, k == 0 ? 1000.f : 200.f, texels);
      sum += fade * ((top[2 * i + k] * (1 - x) + top[2 * j + k] * x) * (1 - y) +
                     (low[2 * i + k] * (1 - x) + low[2 * j + k] * x) * y);
    }
    return clamp(strands * sum, -0.6f, 0.6f);
  }

 private:
  HRN_HD float at(float x_mm, float y_mm) const {
    // Heads are nearer than that to the origin.
    constexpr float kFar = 4096;
    const int x = static_cast<int>((x_mm + kFar) * per_mm) & (side - 1),
              y = static_cast<int>((y_mm + kFar) * per_mm) & (side - 1);
    return tile[y * side + x];
  }
};

}  // namespace hrn::fit::texture
