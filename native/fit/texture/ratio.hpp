// How the photo differs from the model's colours, and what that makes of those that it does not show: means over blocks
// of the texture, then ratios at the vertices. The same source for every backend.
#pragma once
#include "fit/texture/texel.hpp"

namespace hrn::fit::texture {

// --- blocks of the texture
// -----------------------------------------------------------------------------------------------------------

HRN_HD bool is_scalp(const TexelArgs& a, long i) {
  return a.bake.islands[a.owner[i]] == 0 && sights(a, i, corners(a, i)).scalp >= 0.5f;
}

// Weight of a block that the photo shows: below 1, so that what lies around it takes part and the colours of single
// blocks are not drawn out into stripes.
constexpr float kBlockFirmness = 0.25f;

// Per block of the rows: each island's mean colours where the photo is trusted.
struct BlockMeans {
  static constexpr long kGrain = 64;
  HRN_HD static void run(const TexelArgs& a, long local) {
    const long i = local + a.first_row / a.block * a.side;
    const long size = a.bake.size, blocks = a.side * a.side, by = i / a.side, bx = i % a.side,
               maps = a.bake.island_count + 1;
    const long y1 = (by + 1) * a.block < size ? (by + 1) * a.block : size,
               x1 = (bx + 1) * a.block < size ? (bx + 1) * a.block : size;
    for (long y = by * a.block; y < y1; ++y) {
      for (long x = bx * a.block; x < x1; ++x) {
        const long texel = y * size + x;
        const Shown photo = shown(a, texel);
        if (!(photo.weight > 0) || a.witness[texel] == 0) continue;
        const float w = photo.weight * static_cast<float>(a.witness[texel]) / 255;
        const long map = is_scalp(a, texel) ? maps - 1 : a.bake.islands[a.owner[texel]];
        const V3 base = blend(corners(a, texel), a.bake.shaded);
        float* sum = a.block_means + 6 * (map * blocks + i);
        sum[0] += w * photo.colour.x;
        sum[1] += w * photo.colour.y;
        sum[2] += w * photo.colour.z;
        sum[3] += w * base.x;
        sum[4] += w * base.y;
        sum[5] += w * base.z;
        a.block_weight[map * blocks + i] += w;
      }
    }
    for (long map = 0; map < maps; ++map) {
      const long j = map * blocks + i;
      const float total = a.block_weight[j];
      for (int k = 0; k < 6; ++k) a.block_means[6 * j + k] = total > 0 ? a.block_means[6 * j + k] / total : 0.f;
      const float share = 4 * total / static_cast<float>(a.block * a.block);
      a.block_weight[j] = kBlockFirmness * (share < 1 ? share : 1.f);
    }
  }
};

// Per block of the left half: what is not seen of skin and scalp is like the other side, where that is, and an unseen
// scalp like the skin.
struct Hints {
  HRN_HD static void run(const TexelArgs& a, long i) {
    constexpr float kMirrored = 0.02f, kSkin = 1e-3f;
    const long half = (a.side + 1) / 2, blocks = a.side * a.side, scalp = a.bake.island_count * blocks,
               here = i / half * a.side + i % half, there = i / half * a.side + a.side - 1 - i % half;
    const auto hint = [&](long to, const float* value, float weight) {
      if (!(weight > 0)) return;
      float* own = a.block_means + 6 * to;
      const float w = a.block_weight[to];
      for (int k = 0; k < 6; ++k) own[k] = (w * own[k] + weight * value[k]) / (w + weight);
      a.block_weight[to] = w + weight < 1 ? w + weight : 1.f;
    };
    const long maps[2] = {0, scalp}, pair[2] = {here, there};
    for (const long map : maps) {
      float other[6];
      const float weight = a.block_weight[map + there];
      for (int k = 0; k < 6; ++k) other[k] = a.block_means[6 * (map + there) + k];
      hint(map + there, a.block_means + 6 * (map + here), kMirrored * a.block_weight[map + here] * (1 - weight));
      hint(map + here, other, kMirrored * weight * (1 - a.block_weight[map + here]));
    }
    for (const long block : pair) hint(scalp + block, a.block_means + 6 * block, kSkin * a.block_weight[block]);
  }
};

// --- vertices
// -----------------------------------------------------------------------------------------------------------

struct RatioArgs {
  TexelArgs texels;
  float* start;   // [vertices][4]: ratio of photo to model as the blocks tell it, and how firmly
  float* from;    // [vertices][3], ratios before a step
  float* to;      // [vertices][3], in those before the last step, out after this one
  float pace;     // of the step: 1, then what Chebyshev's polynomials say
  float* evened;  // [vertices][3], see TexelArgs; null: not wanted
};

// How photo and model differ at the vertices: from the blocks of the layout, smoothed over the surface, since the
// layout squeezes what is no face, and what little is seen there would be drawn out into stripes.
struct Ratio {
  // Chebyshev's steps: as many plain ones would not carry colours round to the nape. Modes that a plain step leaves
  // this share of are the slowest that these are made for.
  static constexpr int kSteps = 32;
  static constexpr double kSlowest = 0.99;

  // How far a vertex of the skin has the outline's light.
  HRN_HD static float slant(const TexelArgs& a, long v) {
    const TextureBakeArgs& bake = a.bake;
    const auto sight = bake.sights != nullptr ? static_cast<Sight>(bake.sights[v]) : Sight::plain;
    if (sight != Sight::plain && sight != Sight::bare) return 0;
    if (bake.corner_offsets[v] == bake.corner_offsets[v + 1]) return 0;
    if (bake.islands[bake.corners[bake.corner_offsets[v]] / 3] != 0) return 0;
    return slanted(facing_of(posed(a, v)));
  }

  // Per vertex.
  struct Start {
    HRN_HD static void run(const RatioArgs& r, long v) {
      const TexelArgs& a = r.texels;
      const TextureBakeArgs& bake = a.bake;
      float* out = r.start + 4 * v;
      for (int k = 0; k < 3; ++k) out[k] = r.from[3 * v + k] = 1;
      out[3] = 0;
      if (bake.corner_offsets[v] == bake.corner_offsets[v + 1]) return;
      const long island = bake.islands[bake.corners[bake.corner_offsets[v]] / 3];
      const bool scalp =
          island == 0 && bake.sights != nullptr && bake.sights[v] == static_cast<std::uint8_t>(Sight::scalp);
      const long map = scalp ? bake.island_count : island, blocks = a.side * a.side;
      const int side = static_cast<int>(a.side);
      const float x = bake.uvs[2 * v] * static_cast<float>(bake.size) / static_cast<float>(a.block),
                  y = bake.uvs[2 * v + 1] * static_cast<float>(bake.size) / static_cast<float>(a.block);
      float means[6];
      const Taps taps = taps_at(side, side, x, y);
      for (int k = 0; k < 6; ++k) means[k] = sample(a.block_means + 6 * map * blocks + k, taps, 6);
      out[3] = sample(a.block_weight + map * blocks, taps);
      // What is taken from the outline's light tells little of the face's.
      constexpr float kOutlineTells = 0.1f;
      if (r.evened != nullptr) out[3] *= 1 - (1 - kOutlineTells) * slant(a, v);
      // Ratios of what is nearly black mean nothing.
      constexpr float kLeast = 0.01f;
      for (int k = 0; k < 3; ++k) out[k] = r.from[3 * v + k] = larger(means[k], kLeast) / larger(means[3 + k], kLeast);
    }
  };
  // Per vertex: towards the mean of its neighbours, and of what the blocks told.
  struct Step {
    HRN_HD static void run(const RatioArgs& r, long v) {
      constexpr float kFirmness = 8;
      const TextureBakeArgs& bake = r.texels.bake;
      const float* start = r.start + 4 * v;
      // Hair tells nothing of the skin beside it, and skin nothing of hair.
      const auto is_hair = [&](long vertex) {
        if (bake.paint != nullptr) return bake.paint[4 * vertex + 3] > 0.5f;
        return bake.sights != nullptr && bake.sights[vertex] == static_cast<std::uint8_t>(Sight::scalp);
      };
      const bool hair = is_hair(v);
      float count = 0;
      V3 sum{0, 0, 0};
      for (long c = bake.corner_offsets[v]; c < bake.corner_offsets[v + 1]; ++c) {
        const long corner = bake.corners[c], t = corner / 3;
        for (long j = 1; j < 3; ++j) {
          const long other = bake.indices[3 * t + (corner + j) % 3];
          if (is_hair(other) != hair) continue;
          sum = sum + load3(r.from, other);
          ++count;
        }
      }
      const float known = start[3] / kBlockFirmness, w = kFirmness * known * known * count;
      const V3 mean = (1 / (count + w + 1e-9f)) * (sum + w * V3{start[0], start[1], start[2]});
      const V3 here = count > 0 ? mean : load3(r.from, v);
      // The first step may find anything there.
      if (r.pace == 1) return store3(r.to, v, here);
      const V3 before = load3(r.to, v);
      store3(r.to, v, before + r.pace * (here - before));
    }
  };
  // Per vertex: the model's colour times the ratio.
  struct Apply {
    HRN_HD static void run(const RatioArgs& r, long v) {
      const V3 ratio = load3(r.from, v), base = load3(r.texels.bake.shaded, v);
      const TextureBakeArgs& bake = r.texels.bake;
      if (r.evened != nullptr) {
        constexpr float kLeast = 0.7f, kMost = 1.6f;
        const float* start = r.start + 4 * v;
        const float own[3] = {ratio.x, ratio.y, ratio.z}, even = slant(r.texels, v);
        for (int k = 0; k < 3; ++k)
          r.evened[3 * v + k] = 1 + even * (clamp(own[k] / larger(start[k], 1e-3f), kLeast, kMost) - 1);
      }
      const V3 fill{ratio.x * base.x, ratio.y * base.y, ratio.z * base.z};
      const float* paint = bake.paint != nullptr ? bake.paint + 4 * v : nullptr;
      store3(r.texels.fill, v,
             paint != nullptr ? (1 - paint[3]) * fill + paint[3] * V3{paint[0], paint[1], paint[2]} : fill);
    }
  };
};

}  // namespace hrn::fit::texture
