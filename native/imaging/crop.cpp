#include <algorithm>
#include <cmath>

#include "imaging/image.hpp"

namespace hrn::imaging {
namespace {

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

template <class Op, class Args>
void for_rows(ThreadPool& pool, long width, long height, const Args& args) {
  struct Rows {
    const Args& args;
    long width;
  } rows{args, width};
  const auto row = [](void* context, long y, int) {
    const auto& [row_args, row_width] = *static_cast<const Rows*>(context);
    for (long i = y * row_width; i < (y + 1) * row_width; ++i) Op::forward(row_args, i);
  };
  pool.parallel_for(height, row, &rows);
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
  for_rows<ops::Reduce>(pool, width, height, reduce);

  const double s = 1 / static_cast<double>(block);
  const double left = static_cast<double>(columns.begin), top = static_cast<double>(rows.begin);
  std::vector<float> out(static_cast<std::size_t>(spec.width * spec.height * 3));
  const ops::CropArgs args{
      reduced.data(), width,
      height,         {m[0] * s, m[1] * s, (m[2] - left) * s, m[3] * s, m[4] * s, (m[5] - top) * s},
      spec.low,       spec.high,
      spec.border,    spec.width,
      spec.height,    out.data()};
  for_rows<ops::Crop>(pool, spec.width, spec.height, args);
  return out;
}

}  // namespace hrn::imaging
