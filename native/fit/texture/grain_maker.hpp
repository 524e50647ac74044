// Where the photo shows plain skin, and what its grain is: a patch is chosen by the host, freed from its low
// frequencies and laid out without seams. On any backend.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "fit/texture/ratio.hpp"
#include "fit/texture/texel.hpp"

namespace hrn::fit::texture {

struct HairArgs {
  const float* positions;  // [vertices][3]
  float* growth;           // out [vertices][3]
  float* pattern;          // out [kStrandRows][kStrandColumns][2]
};

struct HairLayout {
  static constexpr float kRadiusMm = 95, kPi = 3.14159265f;
  // Per vertex: by the angle from the crown and around it, as the middle of a head sees it.
  struct Grow {
    HRN_HD static void run(const HairArgs& h, long v) {
      constexpr V3 kMiddle{0, 20, -80}, kCrown{0, 0.84f, -0.54f}, kForward{0, 0.54f, 0.84f};
      const V3 out = load3(h.positions, v) - kMiddle;
      const float down = std::acos(clamp(dot(out, kCrown) / (length(out) + 1e-6f), -1, 1));
      const float around = std::atan2(out.x, dot(out, kForward)) / (2 * kPi) + 0.5f;
      store3(h.growth, v, {around, down / kPi, 2 * kPi * kRadiusMm * std::sin(down)});
    }
  };
  // Per place of the pattern.
  struct Strands {
    HRN_HD static void run(const HairArgs& h, long i) {
      constexpr float kLengthMm = 50;
      constexpr int kOctaves = 3, kCount[kOctaves] = {480, 190, 60};
      constexpr float kShare[kOctaves] = {1.1f, 0.9f, 0.6f};
      const float around = static_cast<float>(i % kStrandColumns) / kStrandColumns,
                  along = static_cast<float>(i / kStrandColumns) / kStrandRows * kPi * kRadiusMm / kLengthMm;
      // No strand is straight.
      const float bend = 0.007f * noise(14 * around, 1.3f * along, 14, 3);
      float value[kOctaves];
      for (int k = 0; k < kOctaves; ++k)
        value[k] = kShare[k] * noise(static_cast<float>(kCount[k]) * (around + bend),
                                     along * (1 + 0.4f * static_cast<float>(k)), kCount[k],
                                     static_cast<std::uint32_t>(17 + k));
      h.pattern[2 * i] = value[0];
      h.pattern[2 * i + 1] = value[1] + value[2];
    }
  };
};

// Of each block of the texture.
constexpr int kGrainSums = 6;     // texels of plain skin, their brightness' sum and squares; the same of hair
constexpr long kGrainStride = 2;  // every other texel and row tells enough
struct GrainStatsArgs {
  TexelArgs texels;
  float* sums;  // [side][side][kGrainSums]
};

HRN_HD float grain_light(const TexelArgs& a, long i) {
  const V3 c = shown(a, i).colour;
  return larger(c.x + c.y + c.z, 0.05f);
}

// Per block of the rows.
struct GrainStats {
  static constexpr long kGrain = 64;
  HRN_HD static void run(const GrainStatsArgs& g, long local) {
    constexpr float kSeen = 0.95f;
    constexpr int kPlain = 220, kBare = 30, kHair = 200;
    const TexelArgs& a = g.texels;
    const long i = local + a.first_row / a.block * a.side;
    const long size = a.bake.size, by = i / a.side, bx = i % a.side;
    const long y1 = (by + 1) * a.block < size ? (by + 1) * a.block : size,
               x1 = (bx + 1) * a.block < size ? (bx + 1) * a.block : size;
    float sums[kGrainSums] = {};
    for (long y = by * a.block; y < y1; y += kGrainStride) {
      for (long x = bx * a.block; x < x1; x += kGrainStride) {
        const long texel = y * size + x;
        if (!(trust(a, texel) > kSeen) || a.bake.islands[a.owner[texel]] != 0) continue;
        const bool is_special = (a.facts[a.owner[texel]] & kSpecial) != 0;
        const bool is_plain = !is_special && a.witness[texel] > kPlain && a.strands[texel] < kBare;
        const bool is_hair = a.strands[texel] > kHair;
        if (!is_plain && !is_hair) continue;
        float* own = sums + (is_plain ? 0 : 3);
        const float light = grain_light(a, texel);
        own[0] += 1;
        own[1] += light;
        own[2] += light * light;
      }
    }
    for (int k = 0; k < kGrainSums; ++k) g.sums[kGrainSums * i + k] = sums[k];
  }
};

// A square of the texture, texels.
struct GrainPatch {
  long x, y, side;
};

struct GrainPatchArgs {
  TexelArgs texels;
  GrainPatch patch;
  long last_row;  // beyond the rows that are there
  long radius;    // of the mean that is taken away
  long cell, tile_side;
  float* light;    // [patch.side][patch.side]
  float* rows;     // the same, means along rows
  float* surface;  // [3][3], positions at the patch' corner, to the right of it and below
  float* fine;     // [patch.side][patch.side]
  float* tile;     // [tile_side][tile_side]
};

struct GrainLayout {
  // Per texel of the patch that is in the rows.
  struct Light {
    HRN_HD static void run(const GrainPatchArgs& g, long i) {
      const long x = g.patch.x + i % g.patch.side, y = g.patch.y + i / g.patch.side;
      if (y < g.texels.first_row || y >= g.last_row) return;
      const long texel = y * g.texels.bake.size + x, step = g.patch.side / 2;
      g.light[i] = grain_light(g.texels, texel);
      const int place = i == 0 ? 0 : i == step ? 1 : i == step * g.patch.side ? 2 : -1;
      if (place >= 0) store3(g.surface, place, blend(corners(g.texels, texel), g.texels.bake.positions));
    }
  };
  HRN_HD static float mean(const float* values, long at, long stride, long place, long count, long radius) {
    const long first = place > radius ? place - radius : 0, last = place + radius < count ? place + radius : count - 1;
    float sum = 0;
    for (long k = first; k <= last; ++k) sum += values[at + (k - place) * stride];
    return sum / static_cast<float>(last - first + 1);
  }
  struct Rows {
    HRN_HD static void run(const GrainPatchArgs& g, long i) {
      g.rows[i] = mean(g.light, i, 1, i % g.patch.side, g.patch.side, g.radius);
    }
  };
  struct Fine {
    HRN_HD static void run(const GrainPatchArgs& g, long i) {
      constexpr float kMost = 0.25f;
      const float low = mean(g.rows, i, g.patch.side, i / g.patch.side, g.patch.side, g.radius);
      g.fine[i] = clamp(g.light[i] / low - 1, -kMost, kMost);
    }
  };
  // Per texel of the tile: four parts of the patch, each at home around one corner of a lattice that closes.
  struct Tile {
    HRN_HD static void run(const GrainPatchArgs& g, long i) {
      const long cells = g.tile_side / g.cell, x = i % g.tile_side, y = i / g.tile_side;
      float sum = 0, squares = 0;
      for (long k = 0; k < 4; ++k) {
        const long cx = x / g.cell + k % 2, cy = y / g.cell + k / 2, dx = x - cx * g.cell, dy = y - cy * g.cell;
        const std::uint32_t hash = mixed(static_cast<std::uint32_t>(cy % cells * cells + cx % cells) + 1);
        const long room = g.patch.side - 2 * g.cell;
        const auto part = [&](std::uint32_t bits) { return g.cell + static_cast<long>(bits % 1024) * room / 1024; };
        const long px = (hash & 1 ? dx : -dx) + part(hash >> 2), py = (hash & 2 ? dy : -dy) + part(hash >> 12);
        const auto inside = [&](long at) { return at < 0 ? 0 : at < g.patch.side ? at : g.patch.side - 1; };
        const auto near = [&](long d) {
          return smooth(1 - static_cast<float>(d < 0 ? -d : d) / static_cast<float>(g.cell));
        };
        const float w = near(dx) * near(dy);
        sum += w * g.fine[inside(py) * g.patch.side + inside(px)];
        squares += w * w;
      }
      g.tile[i] = squares > 0 ? sum / std::sqrt(squares) : 0;
    }
  };
};

inline float texels_asked(long block) {
  const long rows = (block + kGrainStride - 1) / kGrainStride;
  return static_cast<float>(rows * rows);
}
// Of count, sum and squares.
inline float relative_variance(const float* s) {
  const float n = std::max(s[0], 1.f), mean = s[1] / n;
  return mean > 0 ? std::max(0.f, s[2] / n / (mean * mean) - 1) : 0.f;
}

// The most usual of the largest patches that are plain skin all over, by how rough they are.
inline std::optional<GrainPatch> choose_patch(const std::vector<float>& sums, long side, long block) {
  constexpr float kPlain = 0.99f;
  const float all = texels_asked(block);
  std::vector<double> rough(static_cast<std::size_t>((side + 1) * (side + 1))), plain(rough.size());
  const auto corner = [side](long y, long x) { return static_cast<std::size_t>(y * (side + 1) + x); };
  for (long y = 0; y < side; ++y) {
    for (long x = 0; x < side; ++x) {
      const float* s = sums.data() + kGrainSums * (y * side + x);
      const float variance = relative_variance(s);
      const auto add = [&](std::vector<double>& table, double value) {
        table[corner(y + 1, x + 1)] = value + table[corner(y, x + 1)] + table[corner(y + 1, x)] - table[corner(y, x)];
      };
      add(rough, static_cast<double>(variance));
      add(plain, s[0] >= kPlain * all ? 1 : 0);
    }
  }
  for (const long blocks : {12L, 10L, 8L, 6L}) {
    std::vector<std::pair<double, long>> fit;
    for (long y = 0; y + blocks <= side; ++y) {
      for (long x = 0; x + blocks <= side; ++x) {
        const auto sum = [&](const std::vector<double>& table) {
          return table[corner(y + blocks, x + blocks)] - table[corner(y, x + blocks)] - table[corner(y + blocks, x)] +
                 table[corner(y, x)];
        };
        if (sum(plain) + 0.5 > static_cast<double>(blocks * blocks)) fit.push_back({sum(rough), y * side + x});
      }
    }
    if (fit.empty()) continue;
    const auto middle = fit.begin() + static_cast<std::ptrdiff_t>(fit.size() / 2);
    std::nth_element(fit.begin(), middle, fit.end());
    return GrainPatch{middle->second % side * block, middle->second / side * block, blocks * block};
  }
  return std::nullopt;
}

// How far seen hair varies within a block, relative; what is usual where there is too little of it.
inline float strands_of(const std::vector<float>& sums, long block) {
  constexpr float kLeastBlocks = 12, kUsual = 0.1f, kMost = 0.3f;
  const float all = texels_asked(block);
  double squares = 0, count = 0;
  for (std::size_t i = 0; i < sums.size(); i += kGrainSums) {
    const float n = sums[i + 3];
    if (n < 0.5f * all) continue;
    squares += static_cast<double>(n * relative_variance(sums.data() + i + 3));
    count += static_cast<double>(n);
  }
  if (count < static_cast<double>(kLeastBlocks * all)) return kUsual;
  return std::min(kMost, static_cast<float>(std::sqrt(squares / count)));
}

}  // namespace hrn::fit::texture
