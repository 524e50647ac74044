#include "imaging/skin_colour.hpp"

#include <algorithm>
#include <cmath>

namespace hrn::imaging {
namespace {

// Chromaticity counts as skin within this many deviations of the face's own; their least size.
constexpr double kMaxDeviations = 3.5;
constexpr double kMinDeviation = 0.012;
// To both sides of that limit, as share of it, within which likeness falls.
constexpr double kSoftness = 0.3;
// Sides of the face may lie in shadow or shine; hair is mostly darker still. Of the median brightness.
constexpr double kDarkest = 0.3, kBrightest = 2;

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

template <class Value>
double median_of(const std::vector<Colour>& colours, Value value) {
  std::vector<double> values(colours.size());
  std::transform(colours.begin(), colours.end(), values.begin(), value);
  return median(std::move(values));
}

}  // namespace

SkinColour::SkinColour(const FaceView& view) : view_(view) {
  const std::vector<Colour> seen = face_colours(view);
  centre_.red = median_of(seen, [](const Colour& c) { return c.red; });
  centre_.green = median_of(seen, [](const Colour& c) { return c.green; });
  centre_.brightness = median_of(seen, [](const Colour& c) { return c.brightness; });
  // 1.48 times the median deviation is the standard deviation of normal values.
  const double red = 1.48 * median_of(seen, [&](const Colour& c) { return std::abs(c.red - centre_.red); });
  const double green = 1.48 * median_of(seen, [&](const Colour& c) { return std::abs(c.green - centre_.green); });
  spread_red_ = std::max(kMinDeviation, red);
  spread_green_ = std::max(kMinDeviation, green);
}

double SkinColour::margin(double u, double v) const {
  const auto colour = patch_colour(view_, u, v);
  if (!colour) return -1;
  const double red = (colour->red - centre_.red) / spread_red_, green = (colour->green - centre_.green) / spread_green_;
  const double deviations = std::sqrt(red * red + green * green);
  const double brightness = colour->brightness / centre_.brightness;
  return std::min({1 - deviations / kMaxDeviations, brightness / kDarkest - 1, 1 - brightness / kBrightest});
}

double SkinColour::likeness(double u, double v) const {
  return std::clamp(margin(u, v) / (2 * kSoftness) + 0.5, 0.0, 1.0);
}

std::vector<float> SkinColour::likeness_map(ThreadPool& pool) const {
  const long size = view_.size;
  std::vector<float> map(view_.person.size());
  pool.parallel_for(size, [&](long row) {
    for (long u = 0; u < size; ++u) {
      const auto i = static_cast<std::size_t>(row * size + u);
      if (view_.person[i] > 0)
        map[i] = static_cast<float>(likeness(static_cast<double>(u) + 0.5, static_cast<double>(row) + 0.5));
    }
  });
  return map;
}

}  // namespace hrn::imaging
