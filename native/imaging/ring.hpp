// Closed outlines in a picture.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "imaging/affine.hpp"

namespace hrn::imaging {

/// Where a point lies to a ring: within it or not, and how far from it.
struct RingPlace {
  bool inside = false;
  double distance = std::numeric_limits<double>::infinity();
};

inline RingPlace place_to(const std::vector<Point>& ring, double u, double v) {
  RingPlace place;
  double nearest = place.distance;  // squared
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const Point &a = ring[i], &b = ring[(i + 1) % ring.size()];
    if ((a[1] > v) != (b[1] > v) && u < a[0] + ((v - a[1]) / (b[1] - a[1])) * (b[0] - a[0]))
      place.inside = !place.inside;
    const double x = b[0] - a[0], y = b[1] - a[1], length = x * x + y * y;
    const double t = length > 0 ? std::clamp(((u - a[0]) * x + (v - a[1]) * y) / length, 0.0, 1.0) : 0.0;
    const double across = u - a[0] - t * x, along = v - a[1] - t * y;
    nearest = std::min(nearest, across * across + along * along);
  }
  place.distance = std::sqrt(nearest);
  return place;
}

}  // namespace hrn::imaging
