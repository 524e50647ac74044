// What every pixel around a face shows, as the dense network tells it.
#pragma once
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "imaging/affine.hpp"

namespace hrn::imaging {

/// DENSE_CLASSES of lib/stages/dense.ts, in its order.
enum class PixelClass : std::uint8_t {
  background,
  face,
  ears,
  neck,
  lips,
  brows,
  eyes,
  mouth,
  teeth,
  hair,
  beard,
  glasses,
  occluder,
  clothes
};
inline constexpr long kPixelClasses = 14;

/// Probabilities over a turned square of the photo. The array belongs to whoever made it.
struct DenseClasses {
  long size = 0;                         // of the square's sides, pixels of the map
  std::span<const float> probabilities;  // [kPixelClasses][size][size], 0..1
  Affine from_photo{};                   // pixels of the photo to pixels of the map

  /// Whether a place of the photo, pixels, lies in the square.
  bool holds(double x, double y) const {
    const Point p = mapped(from_photo, x, y);
    return p[0] >= 0 && p[1] >= 0 && p[0] <= static_cast<double>(size) && p[1] <= static_cast<double>(size);
  }

  /// How probably a place of the photo, pixels, shows one of several classes; bilinear, the border's beyond it.
  double share(std::initializer_list<PixelClass> classes, double x, double y) const {
    const Point p = mapped(from_photo, x, y);
    const double last = static_cast<double>(size - 1);
    const double u = std::fmin(std::fmax(p[0] - 0.5, 0.0), last), v = std::fmin(std::fmax(p[1] - 0.5, 0.0), last);
    const long column = static_cast<long>(std::fmin(std::floor(u), last - 1));
    const long row = static_cast<long>(std::fmin(std::floor(v), last - 1));
    const double right = u - static_cast<double>(column), down = v - static_cast<double>(row);
    double sum = 0;
    for (const PixelClass c : classes) {
      const float* at = probabilities.data() + (static_cast<long>(c) * size + row) * size + column;
      const auto value = [&](long i) { return static_cast<double>(at[i]); };
      const double upper = value(0) + right * (value(1) - value(0));
      const double lower = value(size) + right * (value(size + 1) - value(size));
      sum += upper + down * (lower - upper);
    }
    return sum;
  }
};

}  // namespace hrn::imaging
