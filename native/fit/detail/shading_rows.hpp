// What the photo's shading says of a displacement map: the photo at each texel, the light that explains it, and the
// rows of the least squares in height_solver.hpp. The same source for every backend.
//
// Logarithms of linear light: photo = albedo + light(normal) + what neither explains. The last is split into what is
// smooth over millimetres (albedo, shadows, the light's own changes), which is taken out, what all channels share
// (shading), and what they do not (pigment, blood, shine): of those the combination is taken that shading changes by 1
// and they change least.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/vec.hpp"
#include "fit/detail/grid.hpp"
#include "ops/shade.hpp"

namespace hrn::fit::detail {

using V3 = Vec3<float>;

struct RowArgs {
  Box box{};
  // In: the surface.
  const float* pixel = nullptr;       // [n][2]
  const float* normal = nullptr;      // [n][3], view frame
  const float* along_u = nullptr;     // [n][3]
  const float* along_v = nullptr;     // [n][3]
  const float* area = nullptr;        // [n]
  const float* allowed = nullptr;     // [n]
  const float* facing = nullptr;      // [n]
  const float* log_albedo = nullptr;  // [n][3]
  // In: the photo.
  const float* rgb = nullptr;  // [side][side][3], sRGB-encoded 0..1, of the square
  long side = 0;
  float pixels_per_mm = 0;      // of the raster, at the face
  const float* skin = nullptr;  // [skin_side][skin_side], 0..1, over the same square
  long skin_side = 0;
  // In: what is known of light and colours.
  float lighting[27] = {};  // [3][9], linear light over albedo
  // Log light that a furrow loses per mm of depth, seeing less of what is around: what is as wide as the map of the
  // level before, and what is finer, whose walls are nearer.
  float sky = 0, fine_sky = 0;
  float share[3] = {};     // of each channel in the shading
  float doubt[6] = {};     // inverse covariance of what the channels do not share: rr, rg, rb, gg, gb, bb
  float chroma_limit = 0;  // squared deviations at which a texel's colours have lost half their trust
  float hue_trust = 1;     // what a texel counts at most: less where the photo has no hues to tell pigment by
  float faint = 0;         // log light around a texel below which what is left is not believed
  // What passes for shading, of what is finer than the broad mean and of that mean: log light of noise and pigment, and
  // how far the surface may lie beside the one that the photo shows, mm.
  float fine_noise = 0, broad_noise = 0, fine_misplaced = 0, broad_misplaced = 0;
  float limit = 0;  // log light left unexplained at which a texel has lost half its trust
  // In: the map so far.
  const float* height = nullptr;  // [n], mm
  const float* wide = nullptr;    // [n], mm: the map of the level before
  const std::uint8_t* active = nullptr;
  SmoothGridArgs smooth{};          // of `unexplained`
  SmoothGridArgs grain{};           // of `shift` as Grain leaves it
  SmoothGridArgs doubts{};          // of `doubtful`
  SmoothGridArgs broad{};           // of `target`
  SmoothGridArgs strengths{};       // of `strength`
  float lift = 0, lift_unseen = 0;  // prior of heights, and what is added to it where the photo tells nothing
  float grain_limit = 0;            // mean squared second difference of log light at which half the trust is lost
  // Out.
  float* photo = nullptr;  // [n][3], log of linear light
  float* trust = nullptr;  // [n], 0..1: how far the photo shows bare skin
  std::uint8_t* is_active = nullptr;
  float* unexplained = nullptr;  // [n][3], log light that albedo and shading leave
  float* weight = nullptr;       // [n]
  float* slope_u = nullptr;      // [n]
  float* slope_v = nullptr;      // [n]
  float* sky_slope = nullptr;    // [n]
  float* shift = nullptr;        // [n]
  float* lifts = nullptr;        // [n]
  float* shared = nullptr;       // [n], of the rest after smoothing: what is taken for shading
  float* predicted = nullptr;    // [n], log light: what the smooth surface is to show
  float* target = nullptr;       // [n], log light: the shading that the map is to have, were all of it relief
  // [n][3], squared log light: of the target's fine part, of its broad one, and per mm^2 of what a surface beside the
  // true one leaves.
  float* strength = nullptr;
  float* doubtful = nullptr;  // [n][2]: how unlike shading the colours differ, and the square of `shared`
};

HRN_HD float raster_at(const float* values, long side, int channels, int channel, float x, float y) {
  const float last = static_cast<float>(side - 1);
  const float s = clamp(x - 0.5f, 0.f, last), t = clamp(y - 0.5f, 0.f, last);
  const long x0 = static_cast<long>(s), y0 = static_cast<long>(t);
  const long x1 = x0 + 1 < side ? x0 + 1 : x0, y1 = y0 + 1 < side ? y0 + 1 : y0;
  const float u = s - static_cast<float>(x0), v = t - static_cast<float>(y0);
  const auto at = [&](long px, long py) { return values[(py * side + px) * channels + channel]; };
  return (at(x0, y0) * (1 - u) + at(x1, y0) * u) * (1 - v) + (at(x0, y1) * (1 - u) + at(x1, y1) * u) * v;
}

struct ShadingRow {
  // Of squared log light: what is stronger says no more. And the least light of which there is a logarithm.
  static constexpr float kMostStrength = 0.1f, kMostPassing = 4, kLeastLight = 0.02f;

  HRN_HD static float decode(float x) { return x <= 0.04045f ? x / 12.92f : std::pow((x + 0.055f) / 1.055f, 2.4f); }

  // Per texel: the photo, and how far it is trusted.
  struct Photo {
    HRN_HD static void run(const RowArgs& a, long i) {
      const long x = i % a.box.width, y = i / a.box.width;
      const bool border = x == 0 || y == 0 || x + 1 == a.box.width || y + 1 == a.box.height;
      a.is_active[i] = !border && a.allowed[i] > 0.02f && a.facing[i] > 0.05f ? 1 : 0;
      float trust = 0;
      store3(a.photo, i, V3{0, 0, 0});
      const float u = a.pixel[2 * i], v = a.pixel[2 * i + 1], side = static_cast<float>(a.side);
      if (a.is_active[i] != 0 && u > 1 && v > 1 && u < side - 1 && v < side - 1) {
        const float scale = static_cast<float>(a.skin_side) / side;
        trust = raster_at(a.skin, a.skin_side, 1, 0, u * scale, v * scale) * smoothstep(0.15f, 0.5f, a.facing[i]) *
                a.allowed[i];
        float brightest = 0, sum = 0;
        for (int k = 0; k < 3; ++k) {
          const float encoded = raster_at(a.rgb, a.side, 3, k, u, v);
          const float linear = decode(encoded);
          brightest = encoded > brightest ? encoded : brightest;
          sum += linear;
          a.photo[3 * i + k] = std::log(linear > 0.002f ? linear : 0.002f);
        }
        // What is burnt out, by its red first, tells less of shading, and what is black nothing.
        trust *= 1 - 0.5f * smoothstep(0.94f, 0.995f, brightest);
        trust *= smoothstep(0.01f, 0.06f, sum);
      }
      a.trust[i] = trust;
    }
  };

  // Reductions to 9 x 9 (upper triangle, 45) and 3 x 9 sums: the light that best explains photo over albedo. In three
  // parts, none too large for a GPU: rows 0 to 2 of the triangle, its other rows, the right side.
  template <int kPart>
  struct Light {
    static constexpr int kSums = kPart == 0 ? 24 : (kPart == 1 ? 21 : 27);
    HRN_HD static void run(const RowArgs& a, long i, double* sum) {
      const float trust = a.trust[i];
      if (!(trust > 0)) return;
      float h[9], value[3];
      ops::Shade::basis(load3(a.normal, i), h);
      float bright = 0, model = 0;
      for (int k = 0; k < 3; ++k) {
        value[k] = std::exp(a.photo[3 * i + k] - a.log_albedo[3 * i + k]);
        float light = 0;
        for (int j = 0; j < 9; ++j) light += a.lighting[9 * k + j] * h[j];
        bright += value[k];
        model += light;
      }
      // Before there is a light all texels count the same.
      float robust = 1;
      if (model > 0) {
        const float off = (bright - model) / (0.2f * model);
        robust = 1 / ((1 + off * off) * (1 + off * off));
      }
      const double w = static_cast<double>(trust * robust * a.area[i] * a.facing[i]);
      if constexpr (kPart == 2) {
        for (int r = 0; r < 9; ++r)
          for (int k = 0; k < 3; ++k) sum[9 * k + r] += w * static_cast<double>(h[r]) * static_cast<double>(value[k]);
      } else {
        constexpr int kFirst = kPart == 0 ? 0 : 3, kLast = kPart == 0 ? 3 : 9;
        int at = 0;
        for (int r = kFirst; r < kLast; ++r) {
          const double wr = w * static_cast<double>(h[r]);
          for (int c = r; c < 9; ++c) sum[at++] += wr * static_cast<double>(h[c]);
        }
      }
    }
  };

  // The normal of the displaced surface, not of unit length: n - grad h.
  HRN_HD static V3 bent(const RowArgs& a, long i, bool& has_gradient, float& u, float& v) {
    has_gradient = a.active[i] != 0 && a.active[i + 1] != 0 && a.active[i + a.box.width] != 0;
    u = v = 0;
    if (!has_gradient) return load3(a.normal, i);
    u = a.height[i + 1] - a.height[i];
    v = a.height[i + a.box.width] - a.height[i];
    return load3(a.normal, i) - u * load3(a.along_u, i) - v * load3(a.along_v, i);
  }

  // Per texel: the derivative of the shading by the height's differences, and what is not explained yet.
  struct Explain {
    HRN_HD static void run(const RowArgs& a, long i) {
      a.slope_u[i] = a.slope_v[i] = a.sky_slope[i] = a.shift[i] = 0;
      store3(a.unexplained, i, V3{0, 0, 0});
      if (!(a.trust[i] > 0)) return;
      bool has_gradient;
      float u, v;
      const V3 m = bent(a, i, has_gradient, u, v);
      const float norm = length(m);
      const V3 n = (1 / norm) * m, along_u = load3(a.along_u, i), along_v = load3(a.along_v, i);
      float h[9];
      ops::Shade::basis(n, h);
      const float depth = a.height[i], wide = a.wide[i], fine = depth - wide;
      // A furrow sees less of what is around; a ridge hardly more.
      const auto share = [](float of) { return of < 0 ? 1.f : (of > 0 ? 0.3f : 0.65f); };
      const float sky = a.fine_sky * share(fine), dark = sky * fine + a.sky * share(wide) * wide;
      float slope_u = 0, slope_v = 0;
      for (int k = 0; k < 3; ++k) {
        const float* light = a.lighting + 9 * k;
        float value = 0;
        for (int j = 0; j < 9; ++j) value += light[j] * h[j];
        const float strength =
            std::sqrt(light[0] * light[0] + light[1] * light[1] + light[2] * light[2] + light[3] * light[3]);
        const float least = 0.1f * strength;
        V3 slope = ops::Shade::basis_gradient(n, light);
        // Where the fitted light goes out, it tells nothing.
        if (!(value > least)) {
          value = least > 1e-6f ? least : 1e-6f;
          slope = V3{0, 0, 0};
        }
        // By the direction of the normal: of its change only what is across it counts.
        slope = (1 / (value * norm)) * (slope - dot(slope, n) * n);
        slope_u -= a.share[k] * dot(slope, along_u);
        slope_v -= a.share[k] * dot(slope, along_v);
        a.unexplained[3 * i + k] = a.photo[3 * i + k] - a.log_albedo[3 * i + k] - std::log(value) - dark;
      }
      if (!has_gradient) return;
      a.slope_u[i] = slope_u;
      a.slope_v[i] = slope_v;
      a.sky_slope[i] = sky;
      a.shift[i] = slope_u * u + slope_v * v + sky * depth;
    }
  };

  // Per texel: the logarithm of what the smooth surface is to show.
  struct Predict {
    HRN_HD static void run(const RowArgs& a, long i) {
      a.predicted[i] = 0;
      if (!(a.trust[i] > 0)) return;
      float h[9];
      ops::Shade::basis(load3(a.normal, i), h);
      for (int k = 0; k < 3; ++k) {
        float value = 0;
        for (int j = 0; j < 9; ++j) value += a.lighting[9 * k + j] * h[j];
        a.predicted[i] += a.share[k] * (a.log_albedo[3 * i + k] + std::log(value > kLeastLight ? value : kLeastLight));
      }
    }
  };

  // Per texel: how much the light changes from texel to texel, which hair and stubble do and folds do not: the squared
  // second difference, into `shift`; `weight` is 1 where there is one.
  struct Grain {
    HRN_HD static void run(const RowArgs& a, long i) {
      a.shift[i] = a.weight[i] = 0;
      if (!(a.trust[i] > 0)) return;
      const long w = a.box.width;
      float sum = 0;
      for (const long step : {1L, w}) {
        if (!(a.trust[i - step] > 0 && a.trust[i + step] > 0)) return;
        float d = 0;
        for (int k = 0; k < 3; ++k)
          d += a.photo[3 * (i - step) + k] - 2 * a.photo[3 * i + k] + a.photo[3 * (i + step) + k];
        sum += d * d / 18;
      }
      a.shift[i] = sum;
      a.weight[i] = 1;
    }
  };

  // Squared log light per mm^2 that a surface beside the true one leaves unexplained.
  HRN_HD static float passing(const RowArgs& a, long i) {
    const long right = i + 1, below = i + a.box.width;
    if (!(a.trust[right] > 0 && a.trust[below] > 0)) return 0;
    const float u = a.predicted[right] - a.predicted[i], v = a.predicted[below] - a.predicted[i];
    const V3 change = u * load3(a.along_u, i) + v * load3(a.along_v, i);
    const float square = dot(change, change);
    return square < kMostPassing ? square : kMostPassing;
  }

  // Per texel, when what is not explained has been smoothed: what of it is shading, and how unlike shading the colours
  // differ from those around; `weight` is 1 where there is an answer.
  struct Doubt {
    HRN_HD static void run(const RowArgs& a, long i) {
      a.weight[i] = a.shared[i] = a.doubtful[2 * i] = a.doubtful[2 * i + 1] = 0;
      a.target[i] = 0;
      if (!(a.trust[i] > 0) || a.active[i] == 0) return;
      float smooth[3], rest[3], shared = 0;
      SmoothGrid::at(a.smooth, i, a.unexplained + 3 * i, smooth);
      for (int k = 0; k < 3; ++k) {
        rest[k] = a.unexplained[3 * i + k] - smooth[k];
        shared += a.share[k] * rest[k];
      }
      for (int k = 0; k < 3; ++k) rest[k] -= shared;
      const float* d = a.doubt;
      const float chroma = d[0] * rest[0] * rest[0] + d[3] * rest[1] * rest[1] + d[5] * rest[2] * rest[2] +
                           2 * (d[1] * rest[0] * rest[1] + d[2] * rest[0] * rest[2] + d[4] * rest[1] * rest[2]);
      a.shared[i] = shared;
      a.doubtful[2 * i] = chroma < 100 ? chroma : 100;
      a.doubtful[2 * i + 1] = shared * shared;
      a.target[i] = a.shift[i] + shared;
      a.weight[i] = 1;
    }
  };

  // Per texel, when the target has been smoothed: how strong both its parts are.
  struct Strength {
    HRN_HD static void run(const RowArgs& a, long i) {
      for (int k = 0; k < 3; ++k) a.strength[3 * i + k] = 0;
      if (!(a.weight[i] > 0)) return;
      float broad;
      SmoothGrid::at(a.broad, i, nullptr, &broad);
      const float fine = a.target[i] - broad;
      a.strength[3 * i] = fine * fine < kMostStrength ? fine * fine : kMostStrength;
      a.strength[3 * i + 1] = broad * broad < kMostStrength ? broad * broad : kMostStrength;
      a.strength[3 * i + 2] = passing(a, i);
    }
  };
  // A Wiener filter's share, but steeper: of what is weaker than what passes for it nearly nothing is kept. Squared log
  // light, and per mm^2.
  HRN_HD static float kept(float strength, float noise, float misplaced, float passing) {
    const float other = noise * noise + misplaced * misplaced * passing;
    return strength * strength / (strength * strength + other * other + 1e-20f);
  }

  // Per texel: the row's right side and weight. A spot's rim is doubted with the spot.
  struct Weigh {
    HRN_HD static void run(const RowArgs& a, long i) {
      a.weight[i] = 0;
      a.lifts[i] = a.lift + a.lift_unseen;
      if (!(a.trust[i] > 0) || a.active[i] == 0) return;
      float around[2];
      SmoothGrid::at(a.doubts, i, nullptr, around);
      const float shared = a.shared[i], off = shared / a.limit;
      const float stray = 1 + off * off, pure = 1 + around[0] / a.chroma_limit;
      const float plain = around[1] / (around[1] + a.faint * a.faint + 1e-12f);
      // Texels finer than pixels say the same thing several times.
      const float pixels = a.area[i] * a.facing[i] * a.pixels_per_mm * a.pixels_per_mm;
      float grain;
      SmoothGrid::at(a.grain, i, nullptr, &grain);
      const float even = 1 + grain / a.grain_limit;
      const float doubt = even * even * pure * pure * stray * stray;
      a.weight[i] = a.trust[i] * a.hue_trust * plain / doubt * (pixels < 1 ? pixels : 1.f);
      a.lifts[i] = a.lift + a.lift_unseen * (1 - a.trust[i]);
      float strength[3], broad;
      SmoothGrid::at(a.strengths, i, nullptr, strength);
      SmoothGrid::at(a.broad, i, nullptr, &broad);
      a.shift[i] = kept(strength[0], a.fine_noise, a.fine_misplaced, strength[2]) * (a.target[i] - broad) +
                   kept(strength[1], a.broad_noise, a.broad_misplaced, strength[2]) * broad;
    }
  };
};

}  // namespace hrn::fit::detail
