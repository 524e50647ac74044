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
  // Columns that a row of blocks covers; `sums` below has as many times `channels`.
  HRN_HD static long covered(const ReduceArgs& args) {
    const long columns = args.width * args.block, left = args.image_width - args.left;
    return columns < left ? columns : left;
  }
  // y: row of blocks. First down, where the bytes lie side by side, then across.
  HRN_HD static void forward(const ReduceArgs& args, long y, std::uint32_t* sums) {
    const long y_begin = args.top + y * args.block;
    const long y_end = y_begin + args.block < args.image_height ? y_begin + args.block : args.image_height;
    const long columns = covered(args), values = columns * args.channels;
    for (long k = 0; k < values; ++k) sums[k] = 0;
    for (long row = y_begin; row < y_end; ++row) {
      const std::uint8_t* pixels = args.image + (row * args.image_width + args.left) * args.channels;
      for (long k = 0; k < values; ++k) sums[k] += pixels[k];
    }
    float* out = args.reduced + 3 * y * args.width;
    for (long x = 0; x < args.width; ++x) {
      const long x_begin = x * args.block, x_end = x_begin + args.block < columns ? x_begin + args.block : columns;
      std::uint64_t sum[3] = {0, 0, 0};
      for (long column = x_begin; column < x_end; ++column)
        for (int c = 0; c < 3; ++c) sum[c] += sums[column * args.channels + c];
      const double white = 255.0 * static_cast<double>((x_end - x_begin) * (y_end - y_begin));
      for (int c = 0; c < 3; ++c) out[3 * x + c] = static_cast<float>(static_cast<double>(sum[c]) / white);
    }
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
  // y: row of the crop.
  HRN_HD static void forward(const CropArgs& args, long y) {
    const double v = static_cast<double>(y) + 0.5;
    const double across = args.matrix[1] * v, down = args.matrix[4] * v;
    float* out = args.crop + 3 * y * args.width;
    for (long x = 0; x < args.width; ++x, out += 3) {
      const double u = static_cast<double>(x) + 0.5;
      sample(args, args.matrix[0] * u + across + args.matrix[2] - 0.5, args.matrix[3] * u + down + args.matrix[5] - 0.5,
             out);
    }
  }

 private:
  HRN_HD static void sample(const CropArgs& args, double unclamped_x, double unclamped_y, float* out) {
    // Clamped to one pixel beyond the border, where either kind of border no longer changes: the casts are then safe.
    const double x = clamp(unclamped_x, args.reduced_width), y = clamp(unclamped_y, args.reduced_height);
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
    for (int c = 0; c < 3; ++c) out[c] = args.low + (args.high - args.low) * sum[c];
  }
  HRN_HD static double clamp(double position, long size) {
    const double end = static_cast<double>(size);
    return position < -1 ? -1 : position > end ? end : position;
  }
  HRN_HD static long nearest(long index, long size) { return index < 0 ? 0 : index >= size ? size - 1 : index; }
};

}  // namespace hrn::ops
