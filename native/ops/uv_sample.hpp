// Bilinear samples of a square map [size][size][C] at UV positions (of vertices for the deformation map, of pixels for
// a texture). Row 0 at v = 0; texel (row i, column j) has its centre at u = (j + 0.5) / size, v = (i + 0.5) / size;
// clamped at the border. Gradients with respect to the map are gathered: every texel reads its list of samples.
#pragma once
#include <cstdint>

#include "core/host_device.hpp"

namespace hrn::ops {

/// Where a sample reads: texel `first` of the 2 x 2 block, and the weights of its right column and lower row. The block
/// always lies inside the map (size >= 2), so a clamped sample has weight 0 or 1.
template <class Real>
struct UvTap {
  std::int32_t first;  // row * size + column; negative: no sample, the value is zero
  Real right, lower;   // 0..1
};

/// One sample as a texel sees it.
template <class Real>
struct TexelSample {
  std::int32_t sample;
  Real weight;
};

template <class Real>
struct UvSampleArgs {
  long size = 0;                                // texels a side, 2 or more
  const UvTap<Real>* taps = nullptr;            // in, [n]
  const Real* map = nullptr;                    // in, [size][size][C]
  Real* values = nullptr;                       // out, [n][C]
  const std::int32_t* texel_offsets = nullptr;  // in, [size * size + 1]; see core/uv_taps.hpp
  const TexelSample<Real>* samples = nullptr;   // in, [texel_offsets[size * size]]
  const Real* grad_values = nullptr;            // in, [n][C]
  Real* grad_map = nullptr;                     // out, [size][size][C]
};

/// Samples at positions that change with every call: no stored taps, no gradient.
template <class Real>
struct TextureSampleArgs {
  long size = 0;              // texels a side, 2 or more
  const Real* map = nullptr;  // in, [size][size][C]
  const Real* uvs = nullptr;  // in, [n][2]
  Real* values = nullptr;     // out, [n][C]
};

template <class Real>
HRN_HD UvTap<Real> uv_tap(Real u, Real v, long size) {
  const Real last = static_cast<Real>(size - 1);
  const auto clamp = [last](Real x) { return x > Real(0) ? (x < last ? x : last) : Real(0); };  // NaN becomes 0
  const Real x = clamp(u * static_cast<Real>(size) - Real(0.5)), y = clamp(v * static_cast<Real>(size) - Real(0.5));
  long column = static_cast<long>(x), row = static_cast<long>(y);
  column = column < size - 2 ? column : size - 2;
  row = row < size - 2 ? row : size - 2;
  return {static_cast<std::int32_t>(row * size + column), x - static_cast<Real>(column), y - static_cast<Real>(row)};
}

template <int C>
struct UvSample {
  template <class Real>
  HRN_HD static void sample(const Real* map, long size, UvTap<Real> tap, Real* value) {
    if (tap.first < 0) {
      for (int c = 0; c < C; ++c) value[c] = 0;
      return;
    }
    const Real* upper = map + static_cast<long>(tap.first) * C;
    const Real* lower = upper + size * C;
    const Real w11 = tap.right * tap.lower, w01 = tap.right - w11, w10 = tap.lower - w11;
    const Real w00 = Real(1) - tap.right - w10;
    for (int c = 0; c < C; ++c) value[c] = w00 * upper[c] + w01 * upper[C + c] + w10 * lower[c] + w11 * lower[C + c];
  }

  /// Per sample.
  template <class Real>
  HRN_HD static void forward(const UvSampleArgs<Real>& a, long i) {
    sample(a.map, a.size, a.taps[i], a.values + i * C);
  }

  /// Per texel.
  template <class Real>
  HRN_HD static void backward(const UvSampleArgs<Real>& a, long texel) {
    Real sum[C] = {};
    for (long j = a.texel_offsets[texel]; j < a.texel_offsets[texel + 1]; ++j) {
      const TexelSample<Real> s = a.samples[j];
      const Real* g = a.grad_values + static_cast<long>(s.sample) * C;
      for (int c = 0; c < C; ++c) sum[c] += s.weight * g[c];
    }
    for (int c = 0; c < C; ++c) a.grad_map[texel * C + c] = sum[c];
  }

  /// Per sample; overwrites.
  struct Forward {
    template <class Real>
    HRN_HD static void run(const UvSampleArgs<Real>& a, long i) {
      forward(a, i);
    }
    template <class Real>
    HRN_HD static void run(const TextureSampleArgs<Real>& a, long i) {
      sample(a.map, a.size, uv_tap(a.uvs[2 * i], a.uvs[2 * i + 1], a.size), a.values + i * C);
    }
  };
  /// Per sample; adds to values (deformation on top of the morphable model).
  struct ForwardAdd {
    template <class Real>
    HRN_HD static void run(const UvSampleArgs<Real>& a, long i) {
      Real value[C];
      sample(a.map, a.size, a.taps[i], value);
      for (int c = 0; c < C; ++c) a.values[i * C + c] += value[c];
    }
  };
  /// Per texel; overwrites.
  struct Backward {
    template <class Args>
    HRN_HD static void run(const Args& a, long texel) {
      backward(a, texel);
    }
  };
};

}  // namespace hrn::ops
