#include "ops/crop.hpp"

#include <algorithm>
#include <cmath>

#include "core/host_device.hpp"
#include "core/isa.hpp"
#include "imaging/image.hpp"

namespace hrn::imaging {
namespace {

// Fewer are not worth a second thread.
constexpr long kPixelsOfTask = 1 << 16;

// Rows of tasks, each compiled for the processors that have AVX2 and for those that have not.
struct Rows {
  long begin, end;
};

template <class Sum>
HRN_HD void reduce_rows(const ops::ReduceArgs& args, const Rows& rows) {
  std::vector<Sum> sums(static_cast<std::size_t>(ops::Reduce::covered(args) * args.channels));
  for (long y = rows.begin; y < rows.end; ++y) ops::Reduce::forward(args, y, sums.data());
}
template <class Sum>
HRN_TARGET_AVX2 void reduce_rows_avx2(const ops::ReduceArgs& args, const Rows& rows) {
  reduce_rows<Sum>(args, rows);
}
template <class Sum>
void reduce_rows_baseline(const ops::ReduceArgs& args, const Rows& rows) {
  reduce_rows<Sum>(args, rows);
}

template <class Pixel>
HRN_TARGET_AVX2 void crop_rows_avx2(const ops::CropArgs<Pixel>& args, const Rows& rows) {
  for (long y = rows.begin; y < rows.end; ++y) ops::Crop<Pixel>::forward(args, y);
}
template <class Pixel>
void crop_rows_baseline(const ops::CropArgs<Pixel>& args, const Rows& rows) {
  for (long y = rows.begin; y < rows.end; ++y) ops::Crop<Pixel>::forward(args, y);
}

// `width`: pixels that a row reads.
template <class Task>
void by_rows(ThreadPool& pool, long width, long height, const Task& task) {
  const long rows_of_task = std::max(1L, kPixelsOfTask / width);
  pool.parallel_for((height + rows_of_task - 1) / rows_of_task, [&](long i) {
    task(Rows{i * rows_of_task, std::min(height, (i + 1) * rows_of_task)});
  });
}

template <class Pixel>
std::vector<float> sampled(ThreadPool& pool, const CropSpec& spec, ops::CropArgs<Pixel> args) {
  std::vector<float> out(static_cast<std::size_t>(spec.width * spec.height * 3));
  args.crop = out.data();
  const auto rows = detect_isa() == Isa::avx2 ? crop_rows_avx2<Pixel> : crop_rows_baseline<Pixel>;
  by_rows(pool, spec.width, spec.height, [&](const Rows& some) { rows(args, some); });
  return out;
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

  if (block == 1) {
    return sampled<std::uint8_t>(pool, spec,
                                 {image.pixels.data(),
                                  image.width,
                                  image.height,
                                  image.channels,
                                  {m[0], m[1], m[2], m[3], m[4], m[5]},
                                  spec.low,
                                  (spec.high - spec.low) / 255,
                                  spec.border,
                                  spec.width,
                                  spec.height,
                                  nullptr});
  }
  const Range columns = region(m[0], m[1], m[2], spec, block, image.width);
  const Range rows = region(m[3], m[4], m[5], spec, block, image.height);
  const long width = (columns.end - columns.begin + block - 1) / block;
  const long height = (rows.end - rows.begin + block - 1) / block;
  std::vector<float> reduced(static_cast<std::size_t>(width * height * 3));
  const ops::ReduceArgs reduce{image.pixels.data(), image.width, image.height, image.channels, columns.begin,
                               rows.begin,          block,       width,        height,         reduced.data()};
  const bool avx2 = detect_isa() == Isa::avx2, is_short = block <= ops::Reduce::kRowsOf16Bits;
  const auto in_16_bits = avx2 ? reduce_rows_avx2<std::uint16_t> : reduce_rows_baseline<std::uint16_t>;
  const auto in_32_bits = avx2 ? reduce_rows_avx2<std::uint32_t> : reduce_rows_baseline<std::uint32_t>;
  by_rows(pool, width * block * block, height,
          [&](const Rows& some) { (is_short ? in_16_bits : in_32_bits)(reduce, some); });
  const double s = 1 / static_cast<double>(block);
  const double left = static_cast<double>(columns.begin), top = static_cast<double>(rows.begin);
  return sampled<float>(pool, spec,
                        {reduced.data(),
                         width,
                         height,
                         3,
                         {m[0] * s, m[1] * s, (m[2] - left) * s, m[3] * s, m[4] * s, (m[5] - top) * s},
                         spec.low,
                         spec.high - spec.low,
                         spec.border,
                         spec.width,
                         spec.height,
                         nullptr});
}

}  // namespace hrn::imaging
