// Affine maps between pixels of pictures.
#pragma once
#include <array>

namespace hrn::imaging {

/// x' = m0 x + m1 y + m2, y' = m3 x + m4 y + m5. In every picture (0,0) is the corner of the top-left pixel, and pixel
/// centres lie at +0.5.
using Affine = std::array<double, 6>;
using Point = std::array<double, 2>;

inline Point mapped(const Affine& m, double x, double y) {
  return {m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]};
}

inline Affine inverse(const Affine& m) {
  const double determinant = m[0] * m[4] - m[1] * m[3];
  const double p = m[4] / determinant, q = -m[1] / determinant, r = -m[3] / determinant, s = m[0] / determinant;
  return {p, q, -(p * m[2] + q * m[5]), r, s, -(r * m[2] + s * m[5])};
}

}  // namespace hrn::imaging
