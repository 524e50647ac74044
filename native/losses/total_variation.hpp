// Smoothness of a map: its total variation, 2 (mean h + mean w) with h, w the squared differences of vertical and
// horizontal neighbours, and their spread, 2 (sum (h - mean h)^2 + sum (w - mean w)^2), which evens the differences
// out.
#pragma once
#include <cstdint>

#include "core/host_device.hpp"

namespace hrn::losses {

template <class Real>
struct TotalVariationArgs {
  long size = 0;              // texels a side, 2 or more
  const Real* map = nullptr;  // in, [size][size][C]
  Real weight = 1;            // of the total variation in the backward
  Real spread_weight = 0;     // of the spread in the backward
  Real mean_vertical = 0;     // of the backward, from the forward; only read for the spread
  Real mean_horizontal = 0;
  Real* grad_map = nullptr;  // added to, [size][size][C]
};

template <int C>
struct TotalVariation {
  /// Values of the reduction: sums of h, w, h^2 and w^2.
  static constexpr int kReduced = 4;

  struct Value {
    double total_variation, spread, mean_vertical, mean_horizontal;
  };
  /// The losses from the reduced sums.
  HRN_HD static Value value(const double sum[kReduced], long size) {
    const double count = static_cast<double>(size) * static_cast<double>(size - 1) * C;
    const double mean_vertical = sum[0] / count, mean_horizontal = sum[1] / count;
    // sum (h - mean)^2 = sum h^2 - count mean^2; rounding must not turn a tiny spread negative.
    const double vertical = sum[2] - count * mean_vertical * mean_vertical;
    const double horizontal = sum[3] - count * mean_horizontal * mean_horizontal;
    return {2 * (mean_vertical + mean_horizontal),
            2 * ((vertical > 0 ? vertical : 0) + (horizontal > 0 ? horizontal : 0)), mean_vertical, mean_horizontal};
  }

  /// The squares that an entry adds, and their squares; sum[k] is added to.
  template <class Real, class Sum>
  HRN_HD static void add_entry(Real value, Real below, Real right, Sum sum) {
    const double dh = static_cast<double>(below - value), dw = static_cast<double>(right - value);
    const double h = dh * dh, w = dw * dw;
    sum[0] += h;
    sum[1] += w;
    sum[2] += h * h;
    sum[3] += w * w;
  }

  template <class Real>
  HRN_HD static void forward(const TotalVariationArgs<Real>& a, long texel, double* sum) {
    const Neighbours at(a, texel);
    const Real* value = a.map + texel * C;
    for (int c = 0; c < C; ++c) add_entry(value[c], value[at.down + c], value[at.right + c], sum);
  }

  template <class Real>
  HRN_HD static void backward(const TotalVariationArgs<Real>& a, long texel) {
    const Slope<Real> slope(a);
    const Neighbours at(a, texel);
    for (int c = 0; c < C; ++c)
      a.grad_map[texel * C + c] += slope.entry(a.map + texel * C + c, at.down, at.up, at.right, at.left);
  }

  /// Reduction to kReduced values, per texel.
  struct Forward {
    template <class Args>
    HRN_HD static void run(const Args& a, long texel, double* sum) {
      forward(a, texel, sum);
    }
    /// The same of many texels, along rows, several entries side by side.
    template <class Real>
    HRN_HD static void run_range(const TotalVariationArgs<Real>& a, long begin, long end, double* sum) {
      alignas(64) double lanes[kReduced * kLanes] = {};
      along_rows(
          a, begin, end, [&](long texel) { forward(a, texel, sum); },
          [&](const Neighbours& at, long first, long last) {
            long i = first;
            for (; i + kLanes <= last; i += kLanes)
#pragma GCC ivdep
#if !defined(__CUDACC__)
#pragma GCC unroll 1
#endif
              for (int lane = 0; lane < kLanes; ++lane) {
                const Real* value = a.map + i + lane;
                add_entry(value[0], value[at.down], value[C], Lane{lanes + lane});
              }
            for (; i < last; ++i) add_entry(a.map[i], a.map[i + at.down], a.map[i + C], sum);
          });
      for (int k = 0; k < kReduced; ++k)
        for (int lane = 0; lane < kLanes; ++lane) sum[k] += lanes[k * kLanes + lane];
    }
  };
  /// Per texel; adds.
  struct Backward {
    template <class Args>
    HRN_HD static void run(const Args& a, long texel) {
      backward(a, texel);
    }
    template <class Real>
    HRN_HD static void run_range(const TotalVariationArgs<Real>& a, long begin, long end) {
      const Slope<Real> slope(a);
      along_rows(
          a, begin, end, [&](long texel) { backward(a, texel); },
          [&](const Neighbours& at, long first, long last) {
#pragma GCC ivdep
            for (long i = first; i < last; ++i) a.grad_map[i] += slope.entry(a.map + i, at.down, at.up, C, -C);
          });
    }
  };

 private:
  static constexpr int kLanes = 8;
  struct Lane {
    double* first;
    HRN_HD double& operator[](int k) const { return first[k * kLanes]; }
  };

  /// Offsets of a texel's neighbours, in entries. One beyond the border is the texel itself: no difference, no
  /// gradient.
  struct Neighbours {
    long down, up, right, left;

    template <class Real>
    HRN_HD Neighbours(const TotalVariationArgs<Real>& a, long texel) {
      const std::uint32_t size = static_cast<std::uint32_t>(a.size), at = static_cast<std::uint32_t>(texel);
      const std::uint32_t row = at / size, column = at - row * size;
      down = row + 1 < size ? a.size * C : 0;
      up = row > 0 ? -a.size * C : 0;
      right = column + 1 < size ? C : 0;
      left = column > 0 ? -C : 0;
    }
  };

  /// d loss / d difference = (mean_factor + spread_factor (difference^2 - mean)) difference
  template <class Real>
  struct Slope {
    Real mean_factor, spread_factor, mean_vertical, mean_horizontal;

    HRN_HD explicit Slope(const TotalVariationArgs<Real>& a)
        : mean_factor(Real(4) * a.weight / (static_cast<Real>(a.size) * static_cast<Real>(a.size - 1) * Real(C))),
          spread_factor(Real(8) * a.spread_weight),
          mean_vertical(a.mean_vertical),
          mean_horizontal(a.mean_horizontal) {}
    HRN_HD Real of(Real d, Real mean) const { return (mean_factor + spread_factor * (d * d - mean)) * d; }
    HRN_HD Real entry(const Real* value, long down, long up, long right, long left) const {
      const Real x = *value;
      return of(x - value[down], mean_vertical) + of(x - value[up], mean_vertical) +
             of(x - value[right], mean_horizontal) + of(x - value[left], mean_horizontal);
    }
  };

  /// Visits texels [begin, end): `texel(i)` those at the ends of rows, `inner(neighbours, first, last)` the entries
  /// between, whose neighbours in the row are C entries away.
  template <class Real, class Texel, class Inner>
  HRN_HD static void along_rows(const TotalVariationArgs<Real>& a, long begin, long end, const Texel& texel,
                                const Inner& inner) {
    while (begin < end) {
      const long row = begin / a.size * a.size, stop = row + a.size < end ? row + a.size : end;
      if (begin == row) texel(begin++);
      const long inner_stop = stop < row + a.size ? stop : stop - 1;
      if (begin < inner_stop) inner(Neighbours(a, begin), C * begin, C * inner_stop);
      if (begin <= inner_stop && inner_stop < stop) texel(inner_stop);
      begin = stop;
    }
  }
};

}  // namespace hrn::losses
