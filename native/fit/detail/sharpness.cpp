#include "fit/detail/sharpness.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace hrn::fit::detail {
namespace {

/// Sides of the pictures that blur is looked for in, pixels: more than 2048 are not solved for.
constexpr long kMostPixels = 2048, kLeastPixels = 48;
/// Standard deviation of the blur of edges in sharp photos, pixels, and how many times that is still called sharp.
constexpr double kSharp = 0.55, kTolerated = 1.25;
/// The known blur, pixels; its kernel's reach.
constexpr double kKnown = 1;
constexpr long kReach = 3;
/// Strong edges are this share of the pixels with the steepest gradients; of them the sharpest tell.
constexpr double kStrong = 0.02, kSharpest = 0.2;
/// Above it a blur is measured on a picture of half the size, where the known blur changes more.
constexpr double kMeasurable = 1.6;

struct Grey {
  long side = 0;
  std::vector<float> values;
  float at(long x, long y) const { return values[static_cast<std::size_t>(y * side + x)]; }
};

Grey luma_of(const imaging::Image& photo, const PhotoSquare& square, ThreadPool& pool) {
  Grey grey;
  grey.side = std::clamp(std::lround(square.side), 16L, kMostPixels);
  const double step = square.side / static_cast<double>(grey.side);
  const std::vector<float> rgb = imaging::crop(
      pool, photo, {{step, 0, square.x0, 0, step, square.y0}, grey.side, grey.side, 0, 1, ops::Border::replicate});
  grey.values.resize(rgb.size() / 3);
  for (std::size_t i = 0; i < grey.values.size(); ++i)
    grey.values[i] = 0.3f * rgb[3 * i] + 0.6f * rgb[3 * i + 1] + 0.1f * rgb[3 * i + 2];
  return grey;
}

Grey halved(const Grey& from) {
  Grey half;
  half.side = from.side / 2;
  half.values.reserve(static_cast<std::size_t>(half.side * half.side));
  for (long y = 0; y < half.side; ++y)
    for (long x = 0; x < half.side; ++x)
      half.values.push_back(0.25f * (from.at(2 * x, 2 * y) + from.at(2 * x + 1, 2 * y) + from.at(2 * x, 2 * y + 1) +
                                     from.at(2 * x + 1, 2 * y + 1)));
  return half;
}

float gradient(const Grey& grey, long x, long y) {
  return 0.5f * std::hypot(grey.at(x + 1, y) - grey.at(x - 1, y), grey.at(x, y + 1) - grey.at(x, y - 1));
}

// The same of the picture after the known blur.
float blurred_gradient(const Grey& grey, long x, long y) {
  static const std::array<double, 2 * kReach + 1> kKernel = [] {
    std::array<double, 2 * kReach + 1> kernel{};
    double total = 0;
    for (long d = -kReach; d <= kReach; ++d)
      total += kernel[static_cast<std::size_t>(d + kReach)] =
          std::exp(-0.5 * static_cast<double>(d * d) / (kKnown * kKnown));
    for (double& w : kernel) w /= total;
    return kernel;
  }();
  double across = 0, down = 0;
  for (long dy = -kReach; dy <= kReach; ++dy) {
    for (long dx = -kReach; dx <= kReach; ++dx) {
      const double w = kKernel[static_cast<std::size_t>(dy + kReach)] * kKernel[static_cast<std::size_t>(dx + kReach)];
      const long u = x + dx, v = y + dy;
      across += w * static_cast<double>(grey.at(u + 1, v) - grey.at(u - 1, v));
      down += w * static_cast<double>(grey.at(u, v + 1) - grey.at(u, v - 1));
    }
  }
  return static_cast<float>(0.5 * std::hypot(across, down));
}

// Blur of the sharpest strong edges within the ellipse that the square holds, pixels of `grey`; 0 where there are none.
double blur_of(const Grey& grey, ThreadPool& pool) {
  constexpr long kMargin = kReach + 1;
  const double middle = 0.5 * static_cast<double>(grey.side), radius = middle - static_cast<double>(kMargin);
  const auto each_inside = [&](long y, auto&& visit) {
    const double dy = static_cast<double>(y) + 0.5 - middle, half = std::sqrt(std::max(0.0, radius * radius - dy * dy));
    const long first = std::max(kMargin, static_cast<long>(std::ceil(middle - half))),
               last = std::min(grey.side - kMargin, static_cast<long>(middle + half));
    for (long x = first; x < last; ++x) visit(x);
  };
  std::vector<float> steepness;
  for (long y = kMargin; y < grey.side - kMargin; ++y)
    each_inside(y, [&](long x) { steepness.push_back(gradient(grey, x, y)); });
  if (steepness.empty()) return 0;
  const auto strong =
      steepness.begin() + static_cast<std::ptrdiff_t>((1 - kStrong) * static_cast<double>(steepness.size() - 1));
  std::nth_element(steepness.begin(), strong, steepness.end());
  const float least = std::max(*strong, 0.01f);
  std::vector<std::vector<float>> of_row(static_cast<std::size_t>(grey.side));
  pool.parallel_for(grey.side, [&](long y) {
    if (y < kMargin || y >= grey.side - kMargin) return;
    each_inside(y, [&](long x) {
      const float own = gradient(grey, x, y);
      if (own >= least)
        of_row[static_cast<std::size_t>(y)].push_back(own / std::max(blurred_gradient(grey, x, y), 1e-6f));
    });
  });
  std::vector<float> falls;
  for (const auto& row : of_row) falls.insert(falls.end(), row.begin(), row.end());
  if (falls.empty()) return 0;
  const auto sharp =
      falls.begin() + static_cast<std::ptrdiff_t>((1 - kSharpest) * static_cast<double>(falls.size() - 1));
  std::nth_element(falls.begin(), sharp, falls.end());
  // A central difference is itself a blur, over two pixels.
  const double fall = static_cast<double>(*sharp), square = fall * fall - 1;
  return square > 0 ? std::sqrt(std::max(0.0, kKnown * kKnown / square - 1.0 / 3)) : 1e9;
}

}  // namespace

double pixels_per_sharp_pixel(const imaging::Image& photo, const PhotoSquare& square, ThreadPool& pool) {
  Grey grey = luma_of(photo, square, pool);
  const long full = grey.side;
  for (;; grey = halved(grey)) {
    const double blur = std::min(blur_of(grey, pool), 2 * kMeasurable);
    if (blur > kMeasurable && grey.side >= 2 * kLeastPixels) continue;
    const double ratio = blur * static_cast<double>(full / grey.side) / kSharp;
    return ratio > kTolerated ? ratio * square.side / static_cast<double>(full) : 1;
  }
}

}  // namespace hrn::fit::detail
