// One face as the photo shows it, with what is known about it: the person mask and the landmarks.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "imaging/affine.hpp"

namespace hrn::imaging {

/// Which of the landmarks lie where.
struct FacePoints {
  std::vector<std::uint32_t> skin;                               // around them the photo shows skin
  std::vector<std::uint32_t> outline;                            // of the face, a ring
  std::vector<std::uint32_t> right_lids, left_lids, inner_lips;  // rims of the openings, rings
  std::uint32_t top, left, chin, right;                          // of the outline, as the picture shows an upright face
};

/// The arrays belong to whoever made it.
struct FaceView {
  long size;                         // of the arrays' sides, pixels
  std::span<const float> person;     // [size][size], 0..1: how far a pixel shows a person; soft at the edges
  std::span<const float> rgb;        // [size][size][3], 0..1: the photo there, black outside it
  Affine to_photo;                   // pixels of the view to pixels of the photo
  std::span<const float> landmarks;  // [n][2], pixels of the photo
  FacePoints points;

  /// A landmark, pixels of the photo.
  Point landmark(std::uint32_t i) const {
    return {static_cast<double>(landmarks[2 * i]), static_cast<double>(landmarks[2 * i + 1])};
  }
};

/// Throws Error(invalid_argument) unless every number is finite and the mask's are 0 to 1.
void check_numbers(const FaceView& view);

/// Shares of red and green, and brightness.
struct Colour {
  double red, green, brightness;
};

/// Mean of the 3 x 3 pixels around (u, v) of the view; nothing beside its border and where it is black.
std::optional<Colour> patch_colour(const FaceView& view, double u, double v);

/// The colours at the landmarks where the photo shows skin.
std::vector<Colour> face_colours(const FaceView& view);

}  // namespace hrn::imaging
