// The reference's contour term: a vertex that projects outside its image row's masked span is pulled to the nearer end
// of it; so is one that lies inside, but within a hundredth of the image's width of an end.
#pragma once
#include <cmath>

#include "core/host_device.hpp"
#include "losses/contour.hpp"

namespace hrn::losses {

template <class Real>
struct EdgePullArgs {
  const Real* screen = nullptr;          // in, [V][3], x px, y px (down), depth
  const MaskSpan<Real>* rows = nullptr;  // in, [side], both ends in x, px; every row has one
  long side = 0;                         // px
  Real grad_scale = 1;                   // of the backward: loss weight over the number of vertices
  Real* grad_screen = nullptr;           // added to, [V][3]
};

struct EdgePull {
  /// Beyond this, in image widths, a vertex inside is left alone.
  template <class Real>
  HRN_HD static constexpr Real reach() {
    return Real(0.01);
  }

  /// Distance to the nearer end, in image widths; `slope` receives its derivative in x.
  template <class Real>
  HRN_HD static Real distance(const EdgePullArgs<Real>& a, long i, Real& slope) {
    const Real x = a.screen[3 * i], up = static_cast<Real>(a.side) - a.screen[3 * i + 1];
    // The reference rounds the height up to a whole row and keeps it in the image; NaN takes the lowest.
    const Real last = static_cast<Real>(a.side - 1), height = std::ceil(up);
    const Real row = last - (height > Real(0) ? (height < last ? height : last) : Real(0));
    const MaskSpan<Real> span = a.rows[static_cast<long>(row)];
    const Real width = static_cast<Real>(a.side);
    const Real left = (span.first - x) / width, right = (span.last - x) / width;
    const bool nearer_left = std::abs(left) < std::abs(right);
    const Real near = nearer_left ? left : right, size = std::abs(near);
    const bool inside = left * right < Real(0);
    if (inside && size >= reach<Real>()) {
      slope = 0;
      return reach<Real>();
    }
    slope = (near > Real(0) ? Real(-1) : Real(1)) / width;
    return size;
  }

  /// Reduction to 1 value, per vertex.
  struct Forward {
    template <class Real, class Sum>
    HRN_HD static void run(const EdgePullArgs<Real>& a, long i, Sum sum) {
      Real slope;
      sum[0] += static_cast<double>(distance(a, i, slope));
    }
  };
  /// Per vertex; adds.
  struct Backward {
    template <class Real>
    HRN_HD static void run(const EdgePullArgs<Real>& a, long i) {
      Real slope;
      distance(a, i, slope);
      a.grad_screen[3 * i] += a.grad_scale * slope;
    }
  };
};

}  // namespace hrn::losses
