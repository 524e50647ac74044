// Affine crop of an 8-bit image, in two steps so that a strong downscale does not alias: block averages, then bilinear
// samples of those, or of the image itself where a block is a pixel. Input preparation only: there is no backward.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/host_device.hpp"
#include "ops/border.hpp"

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
  // A column of bytes of so many rows fits in 16 bits.
  static constexpr long kRowsOf16Bits = 65535 / 255;

  // Columns that a row of blocks covers; `sums` below has as many times `channels`.
  HRN_HD static long covered(const ReduceArgs& args) {
    const long columns = args.width * args.block, left = args.image_width - args.left;
    return columns < left ? columns : left;
  }
  // y: row of blocks. First down, where the bytes lie side by side, then across. Sum: std::uint16_t for blocks of at
  // most kRowsOf16Bits, or std::uint32_t.
  template <class Sum>
  HRN_HD static void forward(const ReduceArgs& args, long y, Sum* sums) {
    const long y_begin = args.top + y * args.block;
    const long y_end = y_begin + args.block < args.image_height ? y_begin + args.block : args.image_height;
    const long columns = covered(args), values = columns * args.channels;
    for (long k = 0; k < values; ++k) sums[k] = 0;
    for (long row = y_begin; row < y_end; ++row) {
      const std::uint8_t* pixels = args.image + (row * args.image_width + args.left) * args.channels;
      for (long k = 0; k < values; ++k) sums[k] = static_cast<Sum>(sums[k] + pixels[k]);
    }
    float* out = args.reduced + 3 * y * args.width;
    for (long x = 0; x < args.width; ++x) {
      const long x_begin = x * args.block, x_end = x_begin + args.block < columns ? x_begin + args.block : columns;
      std::uint64_t sum[3] = {0, 0, 0};
      for (long column = x_begin; column < x_end; ++column)
        for (int c = 0; c < 3; ++c) sum[c] += sums[column * args.channels + c];
      const double share = 1 / (255.0 * static_cast<double>((x_end - x_begin) * (y_end - y_begin)));
      for (int c = 0; c < 3; ++c) out[3 * x + c] = static_cast<float>(static_cast<double>(sum[c]) * share);
    }
  }
};

// Pixel: std::uint8_t, or float of averaged blocks.
template <class Pixel>
struct CropArgs {
  const Pixel* from;  // in, [from_height][from_width][channels]; the first three are used
  long from_width, from_height, channels;
  double matrix[6];    // crop pixel (u, v) to `from`: x = m0 u + m1 v + m2, y = m3 u + m4 v + m5,
                       // pixel centres at +0.5 in both; finite
  float low, a_step;   // a value of `from` becomes low + a_step value
  Border border;       // what lies outside: 0, or the nearest pixel
  long width, height;  // of the crop
  float* crop;         // out, [height][width][3]
};

template <class Pixel>
struct Crop {
  // y: row of the crop.
  HRN_HD static void forward(const CropArgs<Pixel>& args, long y) {
    const double v = static_cast<double>(y) + 0.5;
    const double left = args.matrix[0] * 0.5 + args.matrix[1] * v + args.matrix[2] - 0.5;
    const double top = args.matrix[3] * 0.5 + args.matrix[4] * v + args.matrix[5] - 0.5;
    float* out = args.crop + 3 * y * args.width;
    long x = 0;
    while (x < args.width) {
      const Run run{left + args.matrix[0] * static_cast<double>(x), top + args.matrix[3] * static_cast<double>(x),
                    args.matrix[0], args.matrix[3]};
      if (x + kRun <= args.width && is_inside(args, run, 0) && is_inside(args, run, kRun - 1)) {
        sample_inside(args, run, out + 3 * x);
        x += kRun;
      } else {
        sample(args, run.x, run.y, out + 3 * x);
        ++x;
      }
    }
  }

 private:
  // Pixels of a row that are looked at together where all that they are made of lies in the image.
  static constexpr int kRun = 16;
  struct Run {
    double x, y, a_pixel_x, a_pixel_y;  // in `from`
    HRN_HD double x_of(int k) const { return x + a_pixel_x * k; }
    HRN_HD double y_of(int k) const { return y + a_pixel_y * k; }
  };
  typedef float Four __attribute__((vector_size(16), aligned(4)));

  // Of a pixel four values are read, which the last column may not have; the ends tell of all between them.
  HRN_HD static bool is_inside(const CropArgs<Pixel>& args, const Run& run, int k) {
    const double x = run.x_of(k), y = run.y_of(k);
    return x >= 0 && y >= 0 && x < static_cast<double>(args.from_width - 2) &&
           y < static_cast<double>(args.from_height - 1);
  }
  // Through whole numbers: compilers convert bytes one by one.
  HRN_HD static Four four_of(const std::uint8_t* from) {
    typedef std::uint8_t Bytes __attribute__((vector_size(16)));
    typedef std::int32_t Numbers __attribute__((vector_size(16)));
    std::uint32_t four;
    std::memcpy(&four, from, sizeof four);
    const Bytes bytes = (Bytes)Numbers{static_cast<std::int32_t>(four), 0, 0, 0};
    const Bytes spread =
        __builtin_shufflevector(bytes, Bytes{}, 0, 16, 16, 16, 1, 16, 16, 16, 2, 16, 16, 16, 3, 16, 16, 16);
    return __builtin_convertvector((Numbers)spread, Four);
  }
  HRN_HD static Four four_of(const float* from) {
    Four four;
    std::memcpy(&four, from, sizeof four);
    return four;
  }
  HRN_HD static void sample_inside(const CropArgs<Pixel>& args, const Run& run, float* out) {
    std::int32_t column[kRun], line[kRun];
    float fx[kRun], fy[kRun];
    for (int k = 0; k < kRun; ++k) {
      const double x = run.x_of(k), y = run.y_of(k);
      column[k] = static_cast<std::int32_t>(x);
      line[k] = static_cast<std::int32_t>(y);
      fx[k] = static_cast<float>(x - column[k]);
      fy[k] = static_cast<float>(y - line[k]);
    }
    float values[3 * kRun + 1];
    for (int k = 0; k < kRun; ++k) {
      const Pixel* upper = args.from + (line[k] * args.from_width + column[k]) * args.channels;
      const Pixel* lower = upper + args.from_width * args.channels;
      const Four a = four_of(upper), b = four_of(lower);
      const Four above = a + (four_of(upper + args.channels) - a) * fx[k];
      const Four below = b + (four_of(lower + args.channels) - b) * fx[k];
      const Four four = args.low + args.a_step * (above + (below - above) * fy[k]);
      std::memcpy(values + 3 * k, &four, sizeof four);
    }
    std::memcpy(out, values, 3 * kRun * sizeof(float));
  }
  HRN_HD static void sample(const CropArgs<Pixel>& args, double unclamped_x, double unclamped_y, float* out) {
    // Clamped to one pixel beyond the border, where either kind of border no longer changes: the casts are then safe.
    const double x = clamp(unclamped_x, args.from_width), y = clamp(unclamped_y, args.from_height);
    const double floor_x = std::floor(x), floor_y = std::floor(y);
    const long x0 = static_cast<long>(floor_x), y0 = static_cast<long>(floor_y);
    const float fx = static_cast<float>(x - floor_x), fy = static_cast<float>(y - floor_y);
    const float weights[4] = {(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy};
    float sum[3] = {0, 0, 0};
    for (int corner = 0; corner < 4; ++corner) {
      const long cx = x0 + (corner & 1), cy = y0 + (corner >> 1);
      const long inside_x = nearest(cx, args.from_width), inside_y = nearest(cy, args.from_height);
      if (args.border == Border::zero && (inside_x != cx || inside_y != cy)) continue;
      const Pixel* pixel = args.from + args.channels * (inside_y * args.from_width + inside_x);
      for (int c = 0; c < 3; ++c) sum[c] += weights[corner] * static_cast<float>(pixel[c]);
    }
    for (int c = 0; c < 3; ++c) out[c] = args.low + args.a_step * sum[c];
  }
  HRN_HD static double clamp(double position, long size) {
    const double end = static_cast<double>(size);
    return position < -1 ? -1 : position > end ? end : position;
  }
  HRN_HD static long nearest(long index, long size) { return index < 0 ? 0 : index >= size ? size - 1 : index; }
};

}  // namespace hrn::ops
