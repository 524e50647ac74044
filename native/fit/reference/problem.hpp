// What the reference's fitting loop (HRN's inference-and-fitting release) starts from.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "losses/contour.hpp"

namespace hrn::fit::reference {

/// Pictures have their rows from the top.
struct Problem {
  long side = 224, map = 300;  // px, texels
  double focal = 1015, camera_distance = 10;
  std::vector<float> picture;                 // [side][side][3], 0..1
  std::vector<float> landmarks;               // [keypoints][2], px, y up
  std::vector<losses::MaskSpan<float>> rows;  // [side], ends of the face mask
  std::vector<float> coefficients;            // shape, albedo, angles 3, light 27, translation 3, one after the other
  int iterations = 100;
};

struct Result {
  std::vector<float> coefficients;  // in the problem's order
  std::vector<float> shape_map;     // [map][map][3]
  std::vector<float> albedo_map;    // [map][map][3]
  std::vector<float> positions;     // [V][3]
  std::vector<float> colours;       // [V][3], with the fitted light
  std::vector<double> losses;       // of every iteration, before its step
};

}  // namespace hrn::fit::reference
