// 8-bit sRGB pixels and crops of them.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/thread_pool.hpp"
#include "ops/border.hpp"

namespace hrn::imaging {

struct Image {
  std::span<const std::uint8_t> pixels;  // [height][width][channels]; they belong to whoever made it
  long width, height, channels;          // channels: 3 or 4; the fourth is ignored
};

struct CropSpec {
  // Crop pixel (u, v) to image pixel: x = m0 u + m1 v + m2, y = m3 u + m4 v + m5; (0,0) is the corner of the top-left
  // pixel, pixel centres lie at +0.5, in both. Finite.
  std::array<double, 6> matrix;
  long width, height;  // of the crop
  float low, high;     // what black and white become
  ops::Border border;  // what lies outside the image: black, or the nearest pixel
};

// The crop, [height][width][3]; the same for any number of threads.
std::vector<float> crop(ThreadPool& pool, const Image& image, const CropSpec& spec);

}  // namespace hrn::imaging
