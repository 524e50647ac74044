// The texture without its light: the colours over the fitted shading, freed from what that leaves of light and shadow
// by bringing their low frequencies to those of the fitted albedo. The same source for every backend.
#pragma once
#include <cmath>
#include <cstdint>

#include "fit/texture/texel.hpp"

namespace hrn::fit::texture {

struct AlbedoArgs {
  TexelArgs texels;     // after the bake: its bytes are the texture
  const float* albedo;  // [vertices][3], fitted, sRGB-encoded
  float ambient[3];     // the light's mean over all directions
  // Per block of the texture: logarithms of the colours over the shading and of the albedo, skin alone, and how much of
  // it there is. Two of each, for steps of smoothing.
  float* from;          // [side][side][7]
  float* to;            // [side][side][7]
  std::uint8_t* bytes;  // out [size][size][3]
};

struct Albedo {
  // A 3 x 3 mean repeated so often spreads over some three blocks, a fortieth of the texture.
  static constexpr int kSmoothing = 10;
  static constexpr float kDarkest = 0.02f;

  struct Unlit {
    V3 colour, albedo;  // the texture over the shading; what the model has there
  };
  // What is painted has one colour, in the light of no direction; hair has no surface that the light was fitted to.
  HRN_HD static float flat(const TexelArgs& t, long i) {
    return t.bake.islands[t.owner[i]] == 0 ? larger(Texel::painted(t, i), Texel::hair(t, i)) : 0.f;
  }
  HRN_HD static V3 over(V3 a, V3 b) { return {a.x / b.x, a.y / b.y, a.z / b.z}; }
  HRN_HD static Unlit unlit(const AlbedoArgs& a, long i) {
    const TexelArgs& t = a.texels;
    const Corners corner = corners(t, i);
    const V3 albedo = blend(corner, a.albedo), lit = blend(corner, t.bake.shaded);
    const float painted = flat(t, i);
    float shading[3];
    const float raw[3] = {lit.x / larger(albedo.x, kDarkest), lit.y / larger(albedo.y, kDarkest),
                          lit.z / larger(albedo.z, kDarkest)};
    for (int k = 0; k < 3; ++k) shading[k] = clamp((1 - painted) * raw[k] + painted * a.ambient[k], 0.2f, 5.f);
    const std::uint8_t* rgb = t.bytes + 3 * i;
    const V3 colour{rgb[0] * (1 / 255.f), rgb[1] * (1 / 255.f), rgb[2] * (1 / 255.f)};
    return {over(colour, {shading[0], shading[1], shading[2]}), albedo};
  }
  HRN_HD static bool is_skin(const AlbedoArgs& a, long i) {
    const TexelArgs& t = a.texels;
    return t.owner[i] >= 0 && t.bake.islands[t.owner[i]] == 0;
  }
  HRN_HD static float crease(const TexelArgs& t, long i) {
    if (!t.bake.creases) return 0;
    const Corners corner = corners(t, i);
    float sum = 0;
    for (int k = 0; k < 3; ++k) sum += corner.b[k] * t.bake.creases[corner.v[k]];
    return sum;
  }
  HRN_HD static float logarithm(float x) { return std::log(larger(x, kDarkest)); }

  // Per block of the rows.
  struct Means {
    static constexpr long kGrain = 64;
    HRN_HD static void run(const AlbedoArgs& a, long local) {
      const TexelArgs& t = a.texels;
      const long i = local + t.first_row / t.block * t.side;
      const long size = t.bake.size, by = i / t.side, bx = i % t.side;
      const long y1 = (by + 1) * t.block < size ? (by + 1) * t.block : size,
                 x1 = (bx + 1) * t.block < size ? (bx + 1) * t.block : size;
      float* out = a.from + 7 * i;
      for (int k = 0; k < 7; ++k) out[k] = 0;
      for (long y = by * t.block; y < y1; ++y) {
        for (long x = bx * t.block; x < x1; ++x) {
          const long texel = y * size + x;
          if (!is_skin(a, texel)) continue;
          const Unlit u = unlit(a, texel);
          // Beards, brows and shadows that the photo's colours tell from skin keep what they are.
          const float seen = trust(t, texel);
          const float w =
              (1 - flat(t, texel)) * (seen > 0 ? 0.02f + seen * static_cast<float>(t.witness[texel]) / 255 : 0.02f);
          out[0] += w * logarithm(u.colour.x);
          out[1] += w * logarithm(u.colour.y);
          out[2] += w * logarithm(u.colour.z);
          out[3] += w * logarithm(u.albedo.x);
          out[4] += w * logarithm(u.albedo.y);
          out[5] += w * logarithm(u.albedo.z);
          out[6] += w;
        }
      }
    }
  };
  // Per block: the mean of it and its neighbours; sums and weights alike, so that blocks without skin take no part.
  struct Smooth {
    HRN_HD static void run(const AlbedoArgs& a, long i) {
      const long n = a.texels.side, y = i / n, x = i % n;
      float sum[7] = {};
      for (long dy = -1; dy <= 1; ++dy) {
        for (long dx = -1; dx <= 1; ++dx) {
          const long v = y + dy, u = x + dx;
          if (v < 0 || u < 0 || v >= n || u >= n) continue;
          const float* from = a.from + 7 * (v * n + u);
          for (int k = 0; k < 7; ++k) sum[k] += from[k] * (1 / 9.f);
        }
      }
      for (int k = 0; k < 7; ++k) a.to[7 * i + k] = sum[k];
    }
  };

  HRN_HD static V3 colour(const AlbedoArgs& a, long i) {
    const TexelArgs& t = a.texels;
    const Unlit u = unlit(a, i);
    const float value[3] = {u.colour.x, u.colour.y, u.colour.z};
    float out[3] = {value[0], value[1], value[2]};
    if (is_skin(a, i)) {
      const long size = t.bake.size;
      const float scale = 1 / static_cast<float>(t.block);
      const Taps taps =
          taps_at(static_cast<int>(t.side), static_cast<int>(t.side), (static_cast<float>(i % size) + 0.5f) * scale,
                  (static_cast<float>(i / size) + 0.5f) * scale);
      float low[7];
      for (int k = 0; k < 7; ++k) low[k] = sample(a.from + k, taps, 7);
      if (low[6] > 1e-9f) {
        // What is left of light and shadow: all of it but what is beyond doubt the person's own.
        constexpr float kOwn = 0.1f;
        const float apply = 1 - flat(t, i);
        const std::uint8_t* rgb = t.bytes + 3 * i;
        const float fitted[3] = {u.albedo.x, u.albedo.y, u.albedo.z};
        float mean[3], detail[3], hue[3], common = 0, hues = 0, signal = 1e-3f, brightest = kDarkest;
        for (int k = 0; k < 3; ++k) {
          const float channel = rgb[k] * (1 / 255.f);
          mean[k] = low[k] / low[6];
          detail[k] = logarithm(value[k]) - mean[k];
          hue[k] = logarithm(fitted[k]) - low[3 + k] / low[6];
          brightest = larger(brightest, std::exp(mean[k]));
          common += channel * detail[k];
          hues += channel * hue[k];
          signal += channel;
        }
        common /= signal;
        hues /= signal;
        // Shine that is narrower than that stands out; the marks of skin do so less.
        constexpr float kPlain = 0.1f, kShine = 0.35f;
        const float bright = (detail[0] + detail[1] + detail[2]) * (1 / 3.f);
        // Dark lines where the expression draws skin together are its folds.
        constexpr float kMark = 0.04f, kFold = 0.25f;
        const float shift = bright > kPlain   ? -(1 - kShine) * (bright - kPlain)
                            : bright < -kMark ? (1 - kFold) * crease(t, i) * (-kMark - bright)
                                              : 0.f;
        // A channel that is nearly black, here or all around beside the others, has no detail of its own, only noise;
        // nor has what is not seen: fitted light of which a channel is missing there would make green of skin. That has
        // the model's hue there, not that of what lies beside it in the layout: necks would be as red as ears.
        const float shown = smoothstep(0, 0.5f, trust(t, i));
        constexpr float kBlack = 0.03f, kSeen = 0.2f, kPoor = 0.2f, kRich = 0.5f, kLeastDetail = -1.4f;
        const float most_detail = 0.3f + 0.4f * shown;
        for (int k = 0; k < 3; ++k) {
          const float known = shown * smoothstep(kBlack, kSeen, rgb[k] * (1 / 255.f)) *
                              smoothstep(kPoor, kRich, std::exp(mean[k]) / brightest);
          const float fine = clamp(known * detail[k] + (1 - known) * common + (1 - shown) * (hue[k] - hues) + shift,
                                   kLeastDetail, most_detail);
          const float even = std::exp(low[3 + k] / low[6] + kOwn * (mean[k] - low[3 + k] / low[6]) + fine);
          out[k] = (1 - apply) * value[k] + apply * even;
        }
      }
    }
    const V3 even{out[0], out[1], out[2]};
    return t.bake.tone.is_known ? imaging::toned(t.bake.tone, luma(even)) : even;
  }

  // Per texel of the coarse level, as Texel::Blend.
  struct Blend {
    HRN_HD static void run(const AlbedoArgs& a, long i) {
      const TexelArgs& t = a.texels;
      PullPush::gather(t.half, i + t.first_row / 2 * t.half.coarse_size, Inside{a, {}});
    }

   private:
    struct Inside {
      const AlbedoArgs& a;
      float rgb[3];
      HRN_HD float operator()(long texel, const float*& value) {
        if (a.texels.owner[texel] < 0) return 0;
        store3(rgb, 0, colour(a, texel));
        for (int k = 0; k < 3; ++k) a.bytes[3 * texel + k] = Texel::byte(rgb[k]);
        value = rgb;
        return 1;
      }
    };
  };
  // Per texel outside every island, as Texel::Fill.
  struct Fill {
    HRN_HD static void run(const AlbedoArgs& a, long i) {
      if (a.texels.inside[i] != 0) return;
      PullPush::spread(a.texels.half, i, [&](long k, float value) { a.bytes[3 * i + k] = Texel::byte(value); });
    }
  };
};

}  // namespace hrn::fit::texture
