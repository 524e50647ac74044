// The iris and the white of an eye as a photo shows them.
#pragma once
#include <array>
#include <optional>
#include <vector>

#include "imaging/image.hpp"

namespace hrn::fit {

/// What the landmark network says of one eye, pixels of the photo.
struct EyeSight {
  std::vector<std::array<double, 2>> lids;      // rim of the opening, once around
  std::array<std::array<double, 2>, 5> iris{};  // its centre, then four points on its rim
  double shut = 0;                              // 0 open to 1 shut; a shut eye shows nothing
};

using Colour = std::array<double, 3>;

/// An iris in polar coordinates, freed of what lies over it: rows from its centre to its rim, columns counter-clockwise
/// from the right of the image.
struct IrisMap {
  static constexpr int kRings = 64, kAngles = 256;
  std::vector<Colour> colours;  // [kRings][kAngles], sRGB-encoded 0..1
  double pupil = 0;             // its radius, of the iris'
  double seen = 0;              // share of the iris that the photo shows
  double radius_px = 0;         // in the photo

  /// `radius` of the iris', `angle` in radians.
  Colour at(double radius, double angle) const;
};

struct EyeColours {
  std::optional<IrisMap> iris;  // absent where too little of it is seen
  Colour white{};               // of the eye
  double white_px = 0;          // how many pixels say so
};

/// `ball`: the centre of the eyeball in the photo and its radius there, px.
EyeColours read_eye(const imaging::Image& photo, const EyeSight& eye, std::array<double, 2> ball, double ball_px);

}  // namespace hrn::fit
