#include "inference/winograd.hpp"

#include <algorithm>
#include <cstring>

#include "core/host_device.hpp"
#include "core/isa.hpp"

namespace hrn::inference {
namespace {

constexpr int kTile = 4, kSeen = 6, kPoints = kSeen * kSeen;
// Tiles side by side: one panel, 64 columns of 4 rows.
constexpr int kLanes = 16;
constexpr long kPanelPoints = kPoints * kLanes;
// Both transformed sides of so many panels stay in a third-level cache.
constexpr long kBlockFloats = 5L << 17;
// Panels and channels of a task.
constexpr long kPanelsOfTask = 8, kChannelsOfTask = 8;

typedef float Eight __attribute__((vector_size(32), aligned(4)));

typedef float Four __attribute__((vector_size(16), aligned(4)));

/// Four numbers of four tiles, which lie one after the other, to four tiles of each number, `to_step` apart; and back.
HRN_HD void turn(const float* from, long from_step, float* to, long to_step) {
  const auto row = [&](long i) { return *reinterpret_cast<const Four*>(from + i * from_step); };
  const Four a = row(0), b = row(1), c = row(2), d = row(3);
  const Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four AB = __builtin_shufflevector(a, b, 2, 6, 3, 7), CD = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const auto store = [&](long i, Four values) { *reinterpret_cast<Four*>(to + i * to_step) = values; };
  store(0, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
  store(1, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
  store(2, __builtin_shufflevector(AB, CD, 0, 1, 4, 5));
  store(3, __builtin_shufflevector(AB, CD, 2, 3, 6, 7));
}

/// From 6 inputs, each `step` apart.
HRN_HD void transform_input(const float* d, long step, float* to, long to_step) {
  const float d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  to[0] = 4 * d0 - 5 * d2 + d4;
  to[to_step] = d4 + d3 - 4 * (d1 + d2);
  to[2 * to_step] = d4 - d3 + 4 * (d1 - d2);
  to[3 * to_step] = d4 - d2 + 2 * (d3 - d1);
  to[4 * to_step] = d4 - d2 - 2 * (d3 - d1);
  to[5 * to_step] = 4 * d1 - 5 * d3 + d5;
}

HRN_HD void transform_output(const float* m, long step, float* to, long to_step) {
  const float sum12 = m[step] + m[2 * step], dif12 = m[step] - m[2 * step];
  const float sum34 = m[3 * step] + m[4 * step], dif34 = m[3 * step] - m[4 * step];
  to[0] = m[0] + sum12 + sum34;
  to[to_step] = dif12 + 2 * dif34;
  to[2 * to_step] = sum12 + 4 * sum34;
  to[3 * to_step] = dif12 + 8 * dif34 + m[5 * step];
}

void transform_weights(const float* g, double out[kPoints]) {
  constexpr double G[kSeen][3] = {{1. / 4, 0, 0},
                                  {-1. / 6, -1. / 6, -1. / 6},
                                  {-1. / 6, 1. / 6, -1. / 6},
                                  {1. / 24, 1. / 12, 1. / 6},
                                  {1. / 24, -1. / 12, 1. / 6},
                                  {0, 0, 1}};
  for (int i = 0; i < kSeen; ++i)
    for (int j = 0; j < kSeen; ++j) {
      double sum = 0;
      for (int a = 0; a < 3; ++a)
        for (int b = 0; b < 3; ++b) sum += G[i][a] * G[j][b] * static_cast<double>(g[3 * a + b]);
      out[kSeen * i + j] = sum;
    }
}

}  // namespace

struct Winograd::Job {
  const Picture* picture;
  const float* weights;
  long inputs, outputs;
  long first_panel, panels;  // of this block
  float* seen;               // [36][panels][inputs][kLanes]
  float* products;           // [36][panels][outputs][kLanes]

  long panels_a_row() const { return picture->width / kWidth; }
  float* seen_at(long point, long panel, long channel) const {
    return seen + point * point_step(inputs) + (panel * inputs + channel) * kLanes;
  }
  float* product_at(long point, long panel, long channel) const {
    return products + point * point_step(outputs) + (panel * outputs + channel) * kLanes;
  }
  // A line more, or all points of a channel would fall on the same places of the caches.
  long point_step(long channels) const { return panels * channels * kLanes + kLanes; }

  HRN_HD void see(long panel, long channel) const {
    // Columns by their place in a tile, so that tiles lie side by side: column 4 t + q of a row at [q][t].
    constexpr int kColumns = kLanes + 1, kRow = 72;  // a multiple of eight
    alignas(64) float rows[kSeen][kRow];
    alignas(64) float down[kSeen][kRow];
    const long place = first_panel + panel;
    const long height = picture->height + 2 - 2 * picture->pad, width = picture->width + 2 - 2 * picture->pad;
    const long y0 = place / panels_a_row() * kTile - picture->pad;
    const long x0 = place % panels_a_row() * kWidth - picture->pad;
    for (int i = 0; i < kSeen; ++i) {
      float* row = rows[i];
      for (int x = kTile * kColumns; x < kRow; ++x) row[x] = 0;
      row[2 * kColumns + kLanes] = row[3 * kColumns + kLanes] = 0;
      if (y0 + i < 0 || y0 + i >= height) {
        std::memset(row, 0, sizeof rows[i]);
        continue;
      }
      // The first and the last column may lie outside; of tile 16 two columns are seen.
      const float* from = picture->in + (channel * height + y0 + i) * width + x0;
      if (x0 >= 0) {
        turn(from, kTile, row, kColumns);
      } else {
        float first[4 * kTile] = {};
        for (int x = 1; x < 4 * kTile; ++x) first[x] = from[x];
        turn(first, kTile, row, kColumns);
      }
      for (int t = 4; t < kLanes; t += 4) turn(from + kTile * t, kTile, row + t, kColumns);
      row[kLanes] = from[kWidth];
      row[kColumns + kLanes] = x0 + kWidth + 1 < width ? from[kWidth + 1] : 0.f;
    }
#pragma GCC ivdep
    for (int x = 0; x < kRow; ++x) transform_input(&rows[0][x], kRow, &down[0][x], kRow);
    const long to_step = point_step(inputs);
    for (int i = 0; i < kSeen; ++i) {
      const float* d = down[i];
      float* to = seen_at(kSeen * i, panel, channel);
#pragma GCC ivdep
      for (int t = 0; t < kLanes; ++t) {
        const float six[kSeen] = {d[t],     d[kColumns + t],    d[2 * kColumns + t], d[3 * kColumns + t],
                                  d[t + 1], d[kColumns + t + 1]};
        transform_input(six, 1, to + t, to_step);
      }
    }
  }

  HRN_HD void multiply(long point, long panel) const {
    const float* u = seen_at(point, panel, 0);
    for (long k = 0; k < outputs; k += kRows) {
      const float* w = weights + (point * outputs + k) * inputs;
      Eight sum[kRows][2] = {};
      for (long c = 0; c < inputs; ++c) {
        const Eight left = *reinterpret_cast<const Eight*>(u + c * kLanes);
        const Eight right = *reinterpret_cast<const Eight*>(u + c * kLanes + 8);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
          const float one = w[c * kRows + r];
          sum[r][0] += one * left;
          sum[r][1] += one * right;
        }
      }
      float* to = product_at(point, panel, k);
      for (int r = 0; r < kRows; ++r)
        for (int half = 0; half < 2; ++half) *reinterpret_cast<Eight*>(to + r * kLanes + 8 * half) = sum[r][half];
    }
  }

  HRN_HD void write(long panel, long channel) const {
    alignas(64) float down[kTile][kSeen][kLanes];
    alignas(64) float tile[kTile][kTile][kLanes];
    const long step = point_step(outputs);
    for (int j = 0; j < kSeen; ++j) {
      const float* m = product_at(j, panel, channel);
#pragma GCC ivdep
      for (int t = 0; t < kLanes; ++t) transform_output(m + t, kSeen * step, &down[0][j][t], kSeen * kLanes);
    }
    const float bias = picture->bias[channel];
    const float least = picture->relu ? 0.f : -3.4e38f;
    for (int i = 0; i < kTile; ++i) {
#pragma GCC ivdep
      for (int t = 0; t < kLanes; ++t) transform_output(&down[i][0][t], kLanes, &tile[i][0][t], kLanes);
      float* values = &tile[i][0][0];
      for (int x = 0; x < kTile * kLanes; ++x) {
        const float value = values[x] + bias;
        values[x] = value < least ? least : value;
      }
    }
    const long place = first_panel + panel;
    float* out = picture->out + (channel * picture->height + place / panels_a_row() * kTile) * picture->width +
                 place % panels_a_row() * kWidth;
    for (int i = 0; i < kTile; ++i)
      for (int t = 0; t < kLanes; t += 4) turn(&tile[i][0][t], kLanes, out + i * picture->width + kTile * t, kTile);
  }

  // Tasks, each compiled for the processors that have AVX2 and for those that have not.
  long channel_tasks(long channels) const { return (channels + kChannelsOfTask - 1) / kChannelsOfTask; }
  long product_tasks() const { return kPoints * ((panels + kPanelsOfTask - 1) / kPanelsOfTask); }

  HRN_HD void see_task(long i) const {
    const long end = std::min(inputs, (i + 1) * kChannelsOfTask);
    for (long c = i * kChannelsOfTask; c < end; ++c)
      for (long panel = 0; panel < panels; ++panel) see(panel, c);
  }
  HRN_HD void multiply_task(long i) const {
    const long first = i / kPoints * kPanelsOfTask, end = std::min(panels, first + kPanelsOfTask);
    for (long panel = first; panel < end; ++panel) multiply(i % kPoints, panel);
  }
  HRN_HD void write_task(long i) const {
    const long end = std::min(outputs, (i + 1) * kChannelsOfTask);
    for (long k = i * kChannelsOfTask; k < end; ++k)
      for (long panel = 0; panel < panels; ++panel) write(panel, k);
  }

  static const Job& of(void* context) { return *static_cast<const Job*>(context); }
  HRN_TARGET_AVX2 static void see_avx2(void* job, std::size_t i) { of(job).see_task(static_cast<long>(i)); }
  HRN_TARGET_AVX2 static void multiply_avx2(void* job, std::size_t i) { of(job).multiply_task(static_cast<long>(i)); }
  HRN_TARGET_AVX2 static void write_avx2(void* job, std::size_t i) { of(job).write_task(static_cast<long>(i)); }
  static void see_baseline(void* job, std::size_t i) { of(job).see_task(static_cast<long>(i)); }
  static void multiply_baseline(void* job, std::size_t i) { of(job).multiply_task(static_cast<long>(i)); }
  static void write_baseline(void* job, std::size_t i) { of(job).write_task(static_cast<long>(i)); }
};

Winograd::Winograd(const float* weights, long outputs, long inputs)
    : outputs_(outputs), inputs_(inputs), weights_(static_cast<std::size_t>(kPoints * outputs * inputs)) {
  for (long k = 0; k < outputs; ++k)
    for (long c = 0; c < inputs; ++c) {
      double points[kPoints];
      transform_weights(weights + 9 * (k * inputs + c), points);
      for (long p = 0; p < kPoints; ++p)
        weights_[static_cast<std::size_t>(((p * outputs + k / kRows * kRows) * inputs) + c * kRows + k % kRows)] =
            static_cast<float>(points[p]);
    }
}

long Winograd::block_panels(long panels) const {
  return std::clamp(kBlockFloats / (kPanelPoints * (inputs_ + outputs_)), std::min(kPanelsOfTask, panels), panels);
}

std::size_t Winograd::scratch(long height, long width) const {
  const long panels = height / kHeight * (width / kWidth);
  return static_cast<std::size_t>(block_panels(panels) * kPanelPoints * (inputs_ + outputs_) + 2 * kPanelPoints);
}

void Winograd::run(const Picture& picture, float* scratch, const Parallel& parallel) const {
  const long all = picture.height / kHeight * (picture.width / kWidth), block = block_panels(all);
  const bool avx2 = detect_isa() == Isa::avx2;
  for (long first = 0; first < all; first += block) {
    Job job{&picture, weights_.data(), inputs_, outputs_, first, std::min(block, all - first), scratch, nullptr};
    job.products = scratch + kPoints * job.point_step(inputs_);
    const auto share = [&](long count, auto task) { parallel.run(static_cast<std::size_t>(count), task, &job); };
    share(job.channel_tasks(inputs_), avx2 ? Job::see_avx2 : Job::see_baseline);
    share(job.product_tasks(), avx2 ? Job::multiply_avx2 : Job::multiply_baseline);
    share(job.channel_tasks(outputs_), avx2 ? Job::write_avx2 : Job::write_baseline);
  }
}

}  // namespace hrn::inference
