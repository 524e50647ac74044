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

  template <class Real>
  HRN_HD static void forward(const TotalVariationArgs<Real>& a, long texel, double* sum) {
    const std::uint32_t size = static_cast<std::uint32_t>(a.size), at = static_cast<std::uint32_t>(texel);
    const std::uint32_t row = at / size, column = at - row * size;
    const Real* value = a.map + texel * C;
    const Real* below = row + 1 < size ? value + a.size * C : value;
    const Real* right = column + 1 < size ? value + C : value;
    for (int c = 0; c < C; ++c) {
      const double dh = static_cast<double>(below[c] - value[c]), dw = static_cast<double>(right[c] - value[c]);
      const double h = dh * dh, w = dw * dw;
      sum[0] += h;
      sum[1] += w;
      sum[2] += h * h;
      sum[3] += w * w;
    }
  }

  template <class Real>
  HRN_HD static void backward(const TotalVariationArgs<Real>& a, long texel) {
    const std::uint32_t size = static_cast<std::uint32_t>(a.size), at = static_cast<std::uint32_t>(texel);
    const std::uint32_t row = at / size, column = at - row * size;
    const Real* value = a.map + texel * C;
    // A neighbour beyond the border is the texel itself: no difference, no gradient.
    const long down = row + 1 < size ? a.size * C : 0, up = row > 0 ? -a.size * C : 0;
    const long right = column + 1 < size ? C : 0, left = column > 0 ? -C : 0;
    const Real count = static_cast<Real>(a.size) * static_cast<Real>(a.size - 1) * Real(C);
    const Real mean_factor = Real(4) * a.weight / count, spread_factor = Real(8) * a.spread_weight;
    for (int c = 0; c < C; ++c) {
      // d loss / d difference = (mean_factor + spread_factor (difference^2 - mean)) difference
      const auto slope = [&](long offset, Real mean) {
        const Real d = value[c] - value[offset + c];
        return (mean_factor + spread_factor * (d * d - mean)) * d;
      };
      a.grad_map[texel * C + c] += slope(down, a.mean_vertical) + slope(up, a.mean_vertical) +
                                   slope(right, a.mean_horizontal) + slope(left, a.mean_horizontal);
    }
  }

  /// Reduction to kReduced values, per texel.
  struct Forward {
    template <class Args>
    HRN_HD static void run(const Args& a, long texel, double* sum) {
      forward(a, texel, sum);
    }
  };
  /// Per texel; adds.
  struct Backward {
    template <class Args>
    HRN_HD static void run(const Args& a, long texel) {
      backward(a, texel);
    }
  };
};

}  // namespace hrn::losses
