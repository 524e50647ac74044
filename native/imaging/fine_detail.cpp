#include "imaging/fine_detail.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace hrn::imaging {
namespace {

// With a person on less than this share of the square the person network does not know it for one: all pixels count.
constexpr double kLeastPersonShare = 0.5;
// Half sides of the squares that edges are measured by, pixels, and the share of the places that has weaker ones.
constexpr long kNear = 4, kFar = 16;
constexpr double kWeaker = 0.99;
// Places lie so far apart, pixels.
constexpr long kStep = 2;

// [side + 1][side + 1]: sums of all that is above and to the left.
std::vector<double> summed_area(const std::vector<float>& grey, long side) {
  const long width = side + 1;
  std::vector<double> sums(static_cast<std::size_t>(width * width));
  for (long y = 0; y < side; ++y) {
    const float* values = grey.data() + y * side;
    const double* above = sums.data() + y * width + 1;
    double* here = sums.data() + (y + 1) * width + 1;
    double row = 0;
    for (long x = 0; x < side; ++x) {
      row += static_cast<double>(values[x]);
      here[x] = above[x] + row;
    }
  }
  return sums;
}

// Difference of the means of neighbouring squares of `half` by twice that, of the strongest places.
double strongest_edge(const std::vector<double>& sums, long side, long half) {
  const long width = side + 1;
  const double area = static_cast<double>(2 * half * half);
  std::vector<double> seen;
  for (long y = half; y <= side - half; y += kStep) {
    const double* top = sums.data() + (y - half) * width;
    const double* middle = sums.data() + y * width;
    const double* bottom = sums.data() + (y + half) * width;
    for (long x = half; x <= side - half; x += kStep) {
      const auto mean = [&](const double* from, const double* to, long left, long right) {
        return (to[right] - from[right] - to[left] + from[left]) / area;
      };
      const double across = mean(top, bottom, x, x + half) - mean(top, bottom, x - half, x);
      const double down = mean(middle, bottom, x - half, x + half) - mean(top, middle, x - half, x + half);
      seen.push_back(std::sqrt(across * across + down * down));
    }
  }
  const auto at = seen.begin() + static_cast<std::ptrdiff_t>(kWeaker * static_cast<double>(seen.size() - 1));
  std::nth_element(seen.begin(), at, seen.end());
  return *at;
}

// Mean square of the second differences over `step`; NaN in `grey` does not count.
double energy(const std::vector<float>& grey, long side, long step) {
  double sum = 0;
  long count = 0;
  for (long y = step; y < side - step; y += kStep) {
    const float* row = grey.data() + y * side;
    for (long x = step; x < side - step; x += kStep) {
      const auto at = [&](long offset) { return static_cast<double>(row[x + offset]); };
      const double d = 4 * at(0) - at(-step) - at(step) - at(-step * side) - at(step * side);
      if (std::isnan(d)) continue;
      sum += d * d;
      ++count;
    }
  }
  return count > 0 ? sum / static_cast<double>(count) : 0;
}

}  // namespace

FineDetail measure_fine_detail(std::span<const float> rgb, std::span<const float> person, long size) {
  const long side = size / 2, from = size / 4;
  std::vector<float> grey(static_cast<std::size_t>(side * side));
  long persons = 0;
  const auto is_person = [&](long x, long y) {
    return person[static_cast<std::size_t>((from + y) * size + from + x)] > 0.5F;
  };
  for (long y = 0; y < side; ++y) {
    const float* row = rgb.data() + 3 * ((from + y) * size + from);
    for (long x = 0; x < side; ++x) {
      grey[static_cast<std::size_t>(y * side + x)] = (row[3 * x] + row[3 * x + 1] + row[3 * x + 2]) / 3;
      if (is_person(x, y)) ++persons;
    }
  }
  const std::vector<double> sums = summed_area(grey, side);
  FineDetail detail;
  detail.edges = strongest_edge(sums, side, kNear) / strongest_edge(sums, side, kFar);
  // What surrounds a person is no part of the face, and may have finer detail.
  if (static_cast<double>(persons) >= kLeastPersonShare * static_cast<double>(side * side)) {
    for (long y = 0; y < side; ++y)
      for (long x = 0; x < side; ++x)
        if (!is_person(x, y)) grey[static_cast<std::size_t>(y * side + x)] = std::numeric_limits<float>::quiet_NaN();
  }
  const double finest = energy(grey, side, 1), middle = energy(grey, side, 4), coarsest = energy(grey, side, 16);
  detail.fine = std::sqrt(finest / middle);
  detail.coarse = std::sqrt(middle / coarsest);
  return detail;
}

}  // namespace hrn::imaging
