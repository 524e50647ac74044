// Affine crop of an 8-bit image, in two steps so that a strong downscale does not alias: block averages, then bilinear
// samples of those. Input preparation only: there is no backward.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"

namespace hrn::ops {

// Averages square blocks of a region of the image.
struct ReduceArgs {
  const std::uint8_t* image;  // in, [image_height][image_width][channels]; the first three are used
  long image_width, image_height, channels;
  long left, top;      // pixel inside the image where the first block begins
  long block;          // side of a block, pixels, >= 1
  long width, height;  // blocks across and down; each has at least one pixel inside the image
  float* reduced;      // out, [height][width][3], mean over the pixels inside the image, 0..1
};

struct Reduce {
  // i: block, row-major.
  HRN_HD static void forward(const ReduceArgs& args, long i) {
    const long x_begin = args.left + (i % args.width) * args.block, y_begin = args.top + (i / args.width) * args.block;
    const long x_end = x_begin + args.block < args.image_width ? x_begin + args.block : args.image_width;
    const long y_end = y_begin + args.block < args.image_height ? y_begin + args.block : args.image_height;
    std::uint64_t sum[3] = {0, 0, 0};
    for (long y = y_begin; y < y_end; ++y) {
      const std::uint8_t* pixel = args.image + (y * args.image_width + x_begin) * args.channels;
      for (long x = x_begin; x < x_end; ++x, pixel += args.channels) {
        for (int c = 0; c < 3; ++c) sum[c] += pixel[c];
      }
    }
    const double white = 255.0 * static_cast<double>((x_end - x_begin) * (y_end - y_begin));
    for (int c = 0; c < 3; ++c) args.reduced[3 * i + c] = static_cast<float>(static_cast<double>(sum[c]) / white);
  }
};

enum class Border { zero, replicate };

struct CropArgs {
  const float* reduced;  // in, [reduced_height][reduced_width][3], 0..1
  long reduced_width, reduced_height;
  double matrix[6];    // crop pixel (u, v) to `reduced`: x = m0 u + m1 v + m2, y = m3 u + m4 v + m5,
                       // pixel centres at +0.5 in both; finite
  float low, high;     // what 0 and 1 become
  Border border;       // what lies outside: 0, or the nearest pixel
  long width, height;  // of the crop
  float* crop;         // out, [height][width][3]
};

struct Crop {
  // i: pixel of the crop, row-major.
  HRN_HD static void forward(const CropArgs& args, long i) {
    const double u = static_cast<double>(i % args.width) + 0.5, v = static_cast<double>(i / args.width) + 0.5;
    // Clamped to one pixel beyond the border, where either kind of border no longer changes: the casts are then safe.
    const double x = clamp(args.matrix[0] * u + args.matrix[1] * v + args.matrix[2] - 0.5, args.reduced_width);
    const double y = clamp(args.matrix[3] * u + args.matrix[4] * v + args.matrix[5] - 0.5, args.reduced_height);
    const double floor_x = std::floor(x), floor_y = std::floor(y);
    const long x0 = static_cast<long>(floor_x), y0 = static_cast<long>(floor_y);
    const float fx = static_cast<float>(x - floor_x), fy = static_cast<float>(y - floor_y);
    const float weights[4] = {(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy};
    float sum[3] = {0, 0, 0};
    if (x0 >= 0 && y0 >= 0 && x0 + 1 < args.reduced_width && y0 + 1 < args.reduced_height) {
      const float* upper = args.reduced + 3 * (y0 * args.reduced_width + x0);
      const float* lower = upper + 3 * args.reduced_width;
      for (int c = 0; c < 3; ++c)
        sum[c] = weights[0] * upper[c] + weights[1] * upper[c + 3] + weights[2] * lower[c] + weights[3] * lower[c + 3];
    } else {
      for (int corner = 0; corner < 4; ++corner) {
        const long cx = x0 + (corner & 1), cy = y0 + (corner >> 1);
        const long inside_x = nearest(cx, args.reduced_width), inside_y = nearest(cy, args.reduced_height);
        if (args.border == Border::zero && (inside_x != cx || inside_y != cy)) continue;
        const float* pixel = args.reduced + 3 * (inside_y * args.reduced_width + inside_x);
        for (int c = 0; c < 3; ++c) sum[c] += weights[corner] * pixel[c];
      }
    }
    for (int c = 0; c < 3; ++c) args.crop[3 * i + c] = args.low + (args.high - args.low) * sum[c];
  }

 private:
  HRN_HD static double clamp(double position, long size) {
    const double end = static_cast<double>(size);
    return position < -1 ? -1 : position > end ? end : position;
  }
  HRN_HD static long nearest(long index, long size) { return index < 0 ? 0 : index >= size ? size - 1 : index; }
};

}  // namespace hrn::ops
