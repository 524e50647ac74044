#include "imaging/hair_colour.hpp"

#include <cmath>

namespace hrn::imaging {
namespace {

// Where what covers the head is looked at, as seen from the topmost landmark: how far above it, in heights of the face,
// and to both sides, in its widths.
constexpr double kAboveFrom = 0.06, kAboveTo = 0.5;
constexpr double kAside = 0.6;
constexpr int kRows = 16, kColumns = 24;
// Of the person mask: surely not background.
constexpr float kPerson = 0.9f;
// With fewer samples the photo ends there.
constexpr std::size_t kMinSamples = 16;
// How near two colours are alike: shares of red and green, logarithm of brightness.
constexpr double kAlikeShare = 0.012, kAlikeBrightness = 0.15;

std::vector<Colour> cover_colours(const FaceView& view) {
  const Affine from_photo = inverse(view.to_photo);
  const auto at = [&](std::uint32_t point) {
    const Point p = view.landmark(point);
    return mapped(from_photo, p[0], p[1]);
  };
  const Point top = at(view.points.top), chin = at(view.points.chin), left = at(view.points.left),
              right = at(view.points.right);
  const Point up{top[0] - chin[0], top[1] - chin[1]};
  const double width = std::hypot(left[0] - right[0], left[1] - right[1]) / std::hypot(up[0], up[1]);
  std::vector<Colour> colours;
  for (int row = 0; row < kRows; ++row) {
    const double a = kAboveFrom + (kAboveTo - kAboveFrom) * ((row + 0.5) / kRows);
    for (int column = 0; column < kColumns; ++column) {
      const double b = width * kAside * ((2.0 * column + 1) / kColumns - 1);
      const double u = top[0] + a * up[0] - b * up[1], v = top[1] + a * up[1] + b * up[0];
      const auto colour = patch_colour(view, u, v);
      if (!colour) continue;
      const long pixel = static_cast<long>(v) * view.size + static_cast<long>(u);
      if (view.person[static_cast<std::size_t>(pixel)] > kPerson) colours.push_back(*colour);
    }
  }
  return colours;
}

// Kernel estimate of how often a colour comes among others.
template <class Scaled>
double density(const Scaled& colour, const std::vector<Scaled>& others) {
  double sum = 0;
  for (const Scaled& other : others) {
    const double r = colour[0] - other[0], g = colour[1] - other[1], b = colour[2] - other[2];
    sum += std::exp(-0.5 * (r * r + g * g + b * b));
  }
  return sum / static_cast<double>(others.size());
}

}  // namespace

HairColour::Scaled HairColour::scaled(const Colour& colour) {
  return {colour.red / kAlikeShare, colour.green / kAlikeShare, std::log(colour.brightness) / kAlikeBrightness};
}

std::vector<HairColour::Scaled> HairColour::scaled(const std::vector<Colour>& colours) {
  std::vector<Scaled> out;
  out.reserve(colours.size());
  for (const Colour& colour : colours) out.push_back(scaled(colour));
  return out;
}

HairColour::HairColour(const FaceView& view)
    : view_(view), skin_(scaled(face_colours(view))), cover_(scaled(cover_colours(view))) {}

bool HairColour::is_hair(double u, double v) const {
  if (cover_.size() < kMinSamples) return false;
  const auto seen = patch_colour(view_, u, v);
  if (!seen) return false;
  const Scaled colour = scaled(*seen);
  return density(colour, cover_) > density(colour, skin_);
}

}  // namespace hrn::imaging
