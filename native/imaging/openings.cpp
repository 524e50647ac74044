#include "imaging/openings.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "imaging/ring.hpp"

namespace hrn::imaging {
namespace {

// From the rim inwards, as shares of the opening's width: nothing of it is trusted up to the first, all from the
// second.
struct Rim {
  double none, all;
};
constexpr Rim kLids{0.035, 0.085}, kLips{0.01, 0.04};

struct Opening {
  std::vector<Point> ring;  // pixels of the view
  double left, right, top, bottom;
  Rim rim;  // px

  Opening(const FaceView& view, const std::vector<std::uint32_t>& points, const Rim& share) {
    const Affine from_photo = inverse(view.to_photo);
    left = top = std::numeric_limits<double>::infinity();
    right = bottom = -left;
    for (const std::uint32_t point : points) {
      const Point p = view.landmark(point);
      const Point at = mapped(from_photo, p[0], p[1]);
      ring.push_back(at);
      left = std::min(left, at[0]);
      right = std::max(right, at[0]);
      top = std::min(top, at[1]);
      bottom = std::max(bottom, at[1]);
    }
    const double width = std::hypot(right - left, bottom - top);
    rim = {share.none * width, share.all * width};
  }

  // How far inside (u, v) is trusted.
  double at(double u, double v) const {
    if (!(u > left && u < right && v > top && v < bottom)) return 0;
    const RingPlace place = place_to(ring, u, v);
    if (!place.inside) return 0;
    const double t = std::clamp((place.distance - rim.none) / std::max(rim.all - rim.none, 1e-6), 0.0, 1.0);
    return t * t * (3 - 2 * t);
  }
};

// Between the lips: teeth have little colour and are not black; what is red or dark there is tongue, gum or shadow.
double tooth_likeness(const FaceView& view, long pixel, double skin_brightness) {
  const float* rgb = view.rgb.data() + 3 * pixel;
  const auto [least, most] = std::minmax({rgb[0], rgb[1], rgb[2]});
  if (!(most > 0)) return 0;
  const double saturation = static_cast<double>(most - least) / static_cast<double>(most),
               brightness = static_cast<double>(rgb[0] + rgb[1] + rgb[2]) / (3 * skin_brightness);
  const auto ramp = [](double from, double to, double x) { return std::clamp((x - from) / (to - from), 0.0, 1.0); };
  return ramp(0.55, 0.4, saturation) * ramp(0.45, 0.65, brightness);
}

double mean_brightness(const std::vector<Colour>& colours) {
  double sum = 0;
  for (const Colour& colour : colours) sum += colour.brightness;
  return colours.empty() ? 1 : sum / static_cast<double>(colours.size());
}

}  // namespace

std::vector<float> opening_mask(const FaceView& view, ThreadPool& pool) {
  const Opening openings[] = {{view, view.points.right_lids, kLids},
                              {view, view.points.left_lids, kLids},
                              {view, view.points.inner_lips, kLips}};
  const double skin_brightness = mean_brightness(face_colours(view));
  std::vector<float> mask(static_cast<std::size_t>(view.size * view.size));
  pool.parallel_for(view.size, [&](long row) {
    const double v = static_cast<double>(row) + 0.5;
    for (const Opening& opening : openings) {
      if (!(v > opening.top && v < opening.bottom)) continue;
      for (long column = 0; column < view.size; ++column) {
        float& value = mask[static_cast<std::size_t>(row * view.size + column)];
        const double here = opening.at(static_cast<double>(column) + 0.5, v);
        if (!(here > 0)) continue;
        const double likely =
            &opening == &openings[2] ? tooth_likeness(view, row * view.size + column, skin_brightness) : 1;
        value = std::max(value, static_cast<float>(here * likely));
      }
    }
  });
  return mask;
}

}  // namespace hrn::imaging
