// The part of a square map over the UV layout that a detail fit works on, and smooth versions of what lies on it. The
// same source for every backend.
#pragma once
#include <cmath>

#include "core/host_device.hpp"
#include "core/smoothstep.hpp"

namespace hrn::fit::detail {

/// A rectangle of texels of a map of `size` x `size`. Texel i of the rectangle is column x0 + i % width of row
/// y0 + i / width.
struct Box {
  long size = 0;
  long x0 = 0, y0 = 0, width = 0, height = 0;
  HRN_HD long texels() const { return width * height; }
};

/// Weighted means of `channels` values over square cells of `block` texels, blurred over cells. With several bins only
/// texels of like value count (Paris and Durand 2006, "A fast approximation of the bilateral filter"): what lies beyond
/// a step, like a shadow's edge, does not pull at the mean.
struct SmoothGridArgs {
  Box box{};
  long block = 1;                  // texels a side of a cell
  long columns = 0, rows = 0;      // cells
  long channels = 1;               // at most 3
  long bins = 1;                   // by the mean of a texel's values; 1: all texels count alike
  float bin_width = 1;             // the middle bin is about 0
  float blur = 1;                  // standard deviation, cells
  const float* values = nullptr;   // in [texels][channels]
  const float* weights = nullptr;  // in [texels]
  float* sums = nullptr;           // [rows][columns][bins][channels + 1]: weighted sums, the weight; then their blur
  float* scratch = nullptr;        // the same
};

struct SmoothGrid {
  static constexpr long kMostChannels = 3, kMostBins = 17;

  HRN_HD static float bin_of(const SmoothGridArgs& a, const float* value) {
    if (a.bins == 1) return 0;
    float mean = 0;
    for (long k = 0; k < a.channels; ++k) mean += value[k];
    const float last = static_cast<float>(a.bins - 1);
    return clamp(mean / (static_cast<float>(a.channels) * a.bin_width) + 0.5f * last, 0.f, last);
  }

  // Per cell.
  struct Gather {
    static constexpr long kGrain = 16;
    HRN_HD static void run(const SmoothGridArgs& a, long cell) {
      const long cx = cell % a.columns, cy = cell / a.columns, n = a.channels + 1;
      const long right = (cx + 1) * a.block < a.box.width ? (cx + 1) * a.block : a.box.width;
      const long low = (cy + 1) * a.block < a.box.height ? (cy + 1) * a.block : a.box.height;
      float* out = a.sums + cell * a.bins * n;
      for (long k = 0; k < a.bins * n; ++k) out[k] = 0;
      for (long y = cy * a.block; y < low; ++y) {
        for (long x = cx * a.block; x < right; ++x) {
          const long i = y * a.box.width + x;
          const float w = a.weights[i];
          if (!(w > 0)) continue;
          const float* value = a.values + i * a.channels;
          const long bin = static_cast<long>(bin_of(a, value) + 0.5f);
          for (long k = 0; k < a.channels; ++k) out[bin * n + k] += w * value[k];
          out[bin * n + a.channels] += w;
        }
      }
    }
  };
  // Per cell, along one axis in turn: from `sums` to `scratch` and back, and over the bins of a cell.
  struct BlurAlong {
    HRN_HD static void run(const SmoothGridArgs& a, long cell) { blur(a, cell, a.sums, a.scratch, true); }
  };
  struct BlurDown {
    HRN_HD static void run(const SmoothGridArgs& a, long cell) { blur(a, cell, a.scratch, a.sums, false); }
  };
  struct BlurBins {
    HRN_HD static void run(const SmoothGridArgs& a, long cell) {
      const long n = a.channels + 1;
      float* at = a.sums + cell * a.bins * n;
      float old[kMostBins * (kMostChannels + 1)];
      for (long k = 0; k < a.bins * n; ++k) old[k] = at[k];
      for (long bin = 0; bin < a.bins; ++bin) {
        for (long k = 0; k < n; ++k) {
          float sum = 0;
          for (long d = -2; d <= 2; ++d) {
            if (bin + d < 0 || bin + d >= a.bins) continue;
            // A Gaussian of one bin.
            const float w = d == 0 ? 1.f : (d == 1 || d == -1 ? 0.6065f : 0.1353f);
            sum += w * old[(bin + d) * n + k];
          }
          at[bin * n + k] = sum;
        }
      }
    }
  };

  // The blurred mean at texel i of the box, `nothing` where no weight is near. `value`: that of the texel, for its bin.
  HRN_HD static void at(const SmoothGridArgs& a, long i, const float* value, float* out, float nothing = 0) {
    const float b = static_cast<float>(a.block);
    const float sx = (static_cast<float>(i % a.box.width) + 0.5f) / b - 0.5f,
                sy = (static_cast<float>(i / a.box.width) + 0.5f) / b - 0.5f;
    float sum[kMostChannels + 1] = {};
    const float fx = std::floor(sx), fy = std::floor(sy), bin = value == nullptr ? 0.f : bin_of(a, value);
    const long first = static_cast<long>(bin), last = first + 1 < a.bins ? first + 1 : first;
    const float part = bin - static_cast<float>(first);
    const long n = a.channels + 1;
    for (int dy = 0; dy < 2; ++dy) {
      for (int dx = 0; dx < 2; ++dx) {
        const long x = within(static_cast<long>(fx) + dx, a.columns), y = within(static_cast<long>(fy) + dy, a.rows);
        const float w = (dx == 0 ? 1 - (sx - fx) : sx - fx) * (dy == 0 ? 1 - (sy - fy) : sy - fy);
        const float* from = a.sums + (y * a.columns + x) * a.bins * n;
        for (long k = 0; k < n; ++k) sum[k] += w * ((1 - part) * from[first * n + k] + part * from[last * n + k]);
      }
    }
    const float weight = sum[a.channels];
    for (long k = 0; k < a.channels; ++k) out[k] = weight > 1e-12f ? sum[k] / weight : nothing;
  }

 private:
  HRN_HD static long within(long x, long n) { return x < 0 ? 0 : (x < n ? x : n - 1); }
  HRN_HD static void blur(const SmoothGridArgs& a, long cell, const float* from, float* to, bool along) {
    const long x = cell % a.columns, y = cell / a.columns, n = a.bins * (a.channels + 1);
    const long place = along ? x : y, count = along ? a.columns : a.rows, stride = along ? n : n * a.columns;
    const long reach = static_cast<long>(3 * a.blur + 0.5f);
    const long first = place < reach ? -place : -reach, last = place + reach < count ? reach : count - 1 - place;
    float* out = to + cell * n;
    for (long k = 0; k < n; ++k) out[k] = 0;
    for (long d = first; d <= last; ++d) {
      const float t = static_cast<float>(d) / a.blur, w = std::exp(-0.5f * t * t);
      const float* other = from + cell * n + d * stride;
      for (long k = 0; k < n; ++k) out[k] += w * other[k];
    }
  }
};

/// The grid's memory, and its making.
template <class B>
struct SmoothGridOf {
  SmoothGridArgs args;
  typename B::template Array<float> sums, scratch;

  SmoothGridOf(const Box& box, long block, long channels, float blur_cells, B& backend, long bins = 1,
               float bin_width = 1) {
    args.box = box;
    args.block = block;
    args.columns = (box.width + block - 1) / block;
    args.rows = (box.height + block - 1) / block;
    args.channels = channels;
    args.bins = bins;
    args.bin_width = bin_width;
    args.blur = blur_cells;
    const std::size_t n = static_cast<std::size_t>(args.columns * args.rows * bins * (channels + 1));
    sums = backend.template alloc<float>(n);
    scratch = backend.template alloc<float>(n);
    args.sums = sums.data();
    args.scratch = scratch.data();
  }
  void smooth(const float* values, const float* weights, B& backend) {
    args.values = values;
    args.weights = weights;
    const long cells = args.columns * args.rows;
    backend.template for_each<SmoothGrid::Gather>(cells, args);
    backend.template for_each<SmoothGrid::BlurAlong>(cells, args);
    backend.template for_each<SmoothGrid::BlurDown>(cells, args);
    if (args.bins > 1) backend.template for_each<SmoothGrid::BlurBins>(cells, args);
  }
};

/// Bicubic (Catmull and Rom) from a map of another size over the same square: texel i of `to`, clamped at the borders
/// of `from`. Outside the box of `from` the map is 0.
HRN_HD float resampled(const float* from, const Box& source, const Box& to, long i) {
  const float ratio = static_cast<float>(source.size) / static_cast<float>(to.size);
  const float x = (static_cast<float>(to.x0 + i % to.width) + 0.5f) * ratio - 0.5f;
  const float y = (static_cast<float>(to.y0 + i / to.width) + 0.5f) * ratio - 0.5f;
  const float fx = std::floor(x), fy = std::floor(y);
  float wx[4], wy[4];
  const auto weights = [](float t, float* w) {
    const float t2 = t * t, t3 = t2 * t;
    w[0] = 0.5f * (-t3 + 2 * t2 - t);
    w[1] = 0.5f * (3 * t3 - 5 * t2 + 2);
    w[2] = 0.5f * (-3 * t3 + 4 * t2 + t);
    w[3] = 0.5f * (t3 - t2);
  };
  weights(x - fx, wx);
  weights(y - fy, wy);
  float sum = 0;
  for (int dy = 0; dy < 4; ++dy) {
    const long row = static_cast<long>(fy) + dy - 1 - source.y0;
    if (row < 0 || row >= source.height) continue;
    for (int dx = 0; dx < 4; ++dx) {
      const long column = static_cast<long>(fx) + dx - 1 - source.x0;
      if (column < 0 || column >= source.width) continue;
      sum += wy[dy] * wx[dx] * from[row * source.width + column];
    }
  }
  return sum;
}

}  // namespace hrn::fit::detail
