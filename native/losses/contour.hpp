// Pulls vertices that project outside the face mask back to its edge: per image row the leftmost and rightmost masked
// pixel, per column the topmost and lowest.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"

namespace hrn::losses {

/// Masked span of every row and every column, px (pixel borders, so `first < last`); `first >= last` where a row or
/// column holds no masked pixel and therefore says nothing.
template <class Real>
struct MaskSpan {
  Real first, last;
};

template <class Real>
struct ContourArgs {
  const Real* screen = nullptr;             // in, [V][3], x px, y px, depth
  const Real* weight = nullptr;             // in, [V]; null: 1 everywhere
  const MaskSpan<Real>* rows = nullptr;     // in, [height], in x
  const MaskSpan<Real>* columns = nullptr;  // in, [width], in y; null leaves the column term out
  long width = 0, height = 0;               // px
  Real grad_scale = 1;                      // of the backward: loss weight over the number of vertices
  Real* grad_screen = nullptr;              // added to, [V][3]
};

struct Contour {
  /// Signed distance to the span at `along`: negative before it, positive behind it, 0 inside.
  template <class Real>
  HRN_HD static Real outside(const MaskSpan<Real>* spans, long count, Real along, Real across) {
    if (spans == nullptr) return 0;
    // Beyond the image the nearest row or column decides.
    const Real last = static_cast<Real>(count - 1);
    const Real clamped = along > Real(0) ? (along < last ? along : last) : Real(0);  // NaN becomes 0
    const MaskSpan<Real> span = spans[static_cast<long>(clamped)];
    if (!(span.first < span.last)) return 0;
    if (across < span.first) return across - span.first;
    return across > span.last ? across - span.last : Real(0);
  }

  template <class Real>
  HRN_HD static void forward(const ContourArgs<Real>& a, long i, double* sum) {
    const Real x = a.screen[3 * i], y = a.screen[3 * i + 1];
    const Real dx = outside(a.rows, a.height, y, x), dy = outside(a.columns, a.width, x, y);
    const Real w = a.weight != nullptr ? a.weight[i] : Real(1);
    sum[0] += static_cast<double>(w * (std::abs(dx) + std::abs(dy)) / static_cast<Real>(a.width));
  }

  template <class Real>
  HRN_HD static void backward(const ContourArgs<Real>& a, long i) {
    const Real x = a.screen[3 * i], y = a.screen[3 * i + 1];
    const Real dx = outside(a.rows, a.height, y, x), dy = outside(a.columns, a.width, x, y);
    const Real w = (a.weight != nullptr ? a.weight[i] : Real(1)) * a.grad_scale / static_cast<Real>(a.width);
    if (dx != Real(0)) a.grad_screen[3 * i] += dx > Real(0) ? w : -w;
    if (dy != Real(0)) a.grad_screen[3 * i + 1] += dy > Real(0) ? w : -w;
  }

  /// Reduction to 1 value, per vertex: the sum of the distances outside, in image widths.
  struct Forward {
    template <class Args>
    HRN_HD static void run(const Args& a, long i, double* sum) {
      forward(a, i, sum);
    }
  };
  /// Per vertex; adds.
  struct Backward {
    template <class Args>
    HRN_HD static void run(const Args& a, long i) {
      backward(a, i);
    }
  };
};

/// Spans of a mask [height][width]: pixels above `threshold` belong to it. `rows` is [height], `columns` [width].
template <class Real>
void mask_spans(const Real* mask, long width, long height, Real threshold, MaskSpan<Real>* rows,
                MaskSpan<Real>* columns) {
  for (long y = 0; y < height; ++y) rows[y] = {static_cast<Real>(width), 0};
  for (long x = 0; x < width; ++x) columns[x] = {static_cast<Real>(height), 0};
  for (long y = 0; y < height; ++y)
    for (long x = 0; x < width; ++x) {
      if (!(mask[y * width + x] > threshold)) continue;
      const Real fx = static_cast<Real>(x), fy = static_cast<Real>(y);
      if (fx < rows[y].first) rows[y].first = fx;
      rows[y].last = fx + 1;
      if (fy < columns[x].first) columns[x].first = fy;
      columns[x].last = fy + 1;
    }
}

}  // namespace hrn::losses
