#include <algorithm>
#include <array>
#include <cmath>

#include "imaging/image.hpp"

namespace hrn::imaging {
namespace {

constexpr long kRowsOfTask = 16;

// ops::Reduce where a block is a pixel: a row of them, 0..1.
void copy_row(const ops::ReduceArgs& args, long y) {
  static const std::array<float, 256> kShares = [] {
    std::array<float, 256> shares;
    for (std::size_t value = 0; value < shares.size(); ++value)
      shares[value] = static_cast<float>(static_cast<double>(value) / 255.0);
    return shares;
  }();
  const std::uint8_t* pixel = args.image + ((args.top + y) * args.image_width + args.left) * args.channels;
  float* out = args.reduced + 3 * y * args.width;
  for (long x = 0; x < args.width; ++x, pixel += args.channels, out += 3)
    for (int c = 0; c < 3; ++c) out[c] = kShares[pixel[c]];
}

// A run of pixels along one axis: the part of [low, high] that lies inside [0, size), at least one pixel.
struct Range {
  long begin, end;
};

Range covered(double low, double high, long size) {
  const double last = static_cast<double>(size - 1);
  const long begin = static_cast<long>(std::clamp(std::floor(low), 0.0, last));
  const long end = static_cast<long>(std::clamp(std::ceil(high), 0.0, last)) + 1;
  return {begin, end};
}

// Pixels that a crop reads along one axis: x = mu u + mv v + offset over the crop, and a block more on either side.
Range region(double mu, double mv, double offset, const CropSpec& spec, long block, long size) {
  const double across = mu * static_cast<double>(spec.width), down = mv * static_cast<double>(spec.height);
  const double margin = static_cast<double>(block) + 1;
  const double low = offset + std::min(0.0, across) + std::min(0.0, down) - margin;
  const double high = offset + std::max(0.0, across) + std::max(0.0, down) + margin;
  return covered(low, high, size);
}

}  // namespace

std::vector<float> crop(ThreadPool& pool, const Image& image, const CropSpec& spec) {
  const auto& m = spec.matrix;
  // Image pixels per crop pixel, along the axis where they are most.
  const double scale = std::max(std::hypot(m[0], m[3]), std::hypot(m[1], m[4]));
  const double largest = static_cast<double>(std::max(image.width, image.height));
  const long block = static_cast<long>(std::clamp(std::round(scale), 1.0, largest));

  const Range columns = region(m[0], m[1], m[2], spec, block, image.width);
  const Range rows = region(m[3], m[4], m[5], spec, block, image.height);
  const long width = (columns.end - columns.begin + block - 1) / block;
  const long height = (rows.end - rows.begin + block - 1) / block;
  std::vector<float> reduced(static_cast<std::size_t>(width * height * 3));
  const ops::ReduceArgs reduce{image.pixels.data(), image.width, image.height, image.channels, columns.begin,
                               rows.begin,          block,       width,        height,         reduced.data()};
  // A task reads about as many pixels whatever the size of a block.
  const long lines = std::max(1L, kRowsOfTask / block);
  pool.parallel_for((height + lines - 1) / lines, [&](long task) {
    std::vector<std::uint32_t> sums(static_cast<std::size_t>(ops::Reduce::covered(reduce) * image.channels));
    for (long y = task * lines; y < std::min(height, (task + 1) * lines); ++y) {
      if (block == 1)
        copy_row(reduce, y);
      else
        ops::Reduce::forward(reduce, y, sums.data());
    }
  });

  const double s = 1 / static_cast<double>(block);
  const double left = static_cast<double>(columns.begin), top = static_cast<double>(rows.begin);
  std::vector<float> out(static_cast<std::size_t>(spec.width * spec.height * 3));
  const ops::CropArgs args{
      reduced.data(), width,
      height,         {m[0] * s, m[1] * s, (m[2] - left) * s, m[3] * s, m[4] * s, (m[5] - top) * s},
      spec.low,       spec.high,
      spec.border,    spec.width,
      spec.height,    out.data()};
  pool.parallel_for((spec.height + kRowsOfTask - 1) / kRowsOfTask, [&](long task) {
    for (long y = task * kRowsOfTask; y < std::min(spec.height, (task + 1) * kRowsOfTask); ++y)
      ops::Crop::forward(args, y);
  });
  return out;
}

}  // namespace hrn::imaging
