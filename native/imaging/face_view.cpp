#include "imaging/face_view.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace hrn::imaging {
namespace {

constexpr Requirement require{"face view"};

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

}  // namespace

void check_numbers(const FaceView& view) {
  require(all_finite(view.rgb), "finite colours");
  require(all_finite(view.landmarks), "finite landmarks");
  require(std::all_of(view.person.begin(), view.person.end(), [](float v) { return v >= 0 && v <= 1; }),
          "person mask values of 0 to 1");
}

std::optional<Colour> patch_colour(const FaceView& view, double u, double v) {
  const double last = static_cast<double>(view.size - 1), at_u = std::floor(u), at_v = std::floor(v);
  // Written so that NaN fails.
  if (!(at_u >= 1 && at_v >= 1 && at_u < last && at_v < last)) return std::nullopt;
  const long column = static_cast<long>(at_u), row = static_cast<long>(at_v);
  double red = 0, green = 0, blue = 0;
  for (long dv = -1; dv <= 1; ++dv) {
    const float* pixel = view.rgb.data() + 3 * ((row + dv) * view.size + column - 1);
    for (long du = -1; du <= 1; ++du, pixel += 3) {
      red += static_cast<double>(pixel[0]);
      green += static_cast<double>(pixel[1]);
      blue += static_cast<double>(pixel[2]);
    }
  }
  const double sum = red + green + blue;
  if (!(sum > 9 * 0.03)) return std::nullopt;
  return Colour{red / sum, green / sum, sum / 27};
}

std::vector<Colour> face_colours(const FaceView& view) {
  const Affine from_photo = inverse(view.to_photo);
  std::vector<Colour> seen;
  for (const std::uint32_t point : view.points.skin) {
    const Point at = view.landmark(point);
    const Point place = mapped(from_photo, at[0], at[1]);
    if (const auto colour = patch_colour(view, place[0], place[1])) seen.push_back(*colour);
  }
  return seen;
}

}  // namespace hrn::imaging
