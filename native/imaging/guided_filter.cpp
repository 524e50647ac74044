#include "imaging/guided_filter.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/error.hpp"
#include "core/host_device.hpp"
#include "core/isa.hpp"
#include "core/smoothstep.hpp"

namespace hrn::imaging {
namespace {

// Rows of a task; the same for any number of threads, as sums along a column begin anew in each.
constexpr long kRowsOfTask = 64;

// Means over square windows, cut at the border, of kValues values a pixel, for rows [first, last) of size. A Pass has
// values(y, row), which gives a row, [size][kValues], and take(y, means), which gets the means of one, in order.
template <class Pass>
HRN_HD void window_means(const Pass& pass, long size, long radius, long first, long last) {
  constexpr long N = Pass::kValues;
  const auto width = static_cast<std::size_t>(size * N);
  // Pixels of a window along one axis.
  const auto pixels = [&](long at) {
    return static_cast<float>(std::min(at + radius, size - 1) - std::max(at - radius, 0L) + 1);
  };
  // Sums along rows, of as many rows as a window covers and the one that it leaves; and those of whole windows.
  const long kept = 2 * radius + 2;
  std::vector<float> row(width), sums(static_cast<std::size_t>(kept) * width), column(width), means(width);
  const auto sums_of = [&](long y) { return sums.data() + (y % kept) * size * N; };
  const auto enter = [&](long y) __attribute__((always_inline)) {
    pass.values(y, row.data());
    float* out = sums_of(y);
    float sum[N] = {};
    for (long x = 0; x < std::min(radius, size); ++x)
      for (int k = 0; k < N; ++k) sum[k] += row[static_cast<std::size_t>(x * N + k)];
    for (long x = 0; x < size; ++x, out += N) {
      if (x + radius < size) {
        const float* entering = row.data() + (x + radius) * N;
        for (int k = 0; k < N; ++k) sum[k] += entering[k];
      }
      if (x - radius - 1 >= 0) {
        const float* leaving = row.data() + (x - radius - 1) * N;
        for (int k = 0; k < N; ++k) sum[k] -= leaving[k];
      }
      for (int k = 0; k < N; ++k) out[k] = sum[k];
    }
    const float* entered = sums_of(y);
    for (std::size_t i = 0; i < width; ++i) column[i] += entered[i];
  };
  for (long y = std::max(0L, first - radius); y < std::min(size, first + radius); ++y) enter(y);
  for (long y = first; y < last; ++y) {
    if (y + radius < size) enter(y + radius);
    if (y - radius - 1 >= 0 && y > first) {
      const float* left = sums_of(y - radius - 1);
      for (std::size_t i = 0; i < width; ++i) column[i] -= left[i];
    }
    for (long x = 0; x < size; ++x) {
      const float share = 1 / (pixels(x) * pixels(y));
      for (int k = 0; k < N; ++k) {
        const std::size_t i = static_cast<std::size_t>(x * N + k);
        means[i] = column[i] * share;
      }
    }
    pass.take(y, means.data());
  }
}

template <class Pass>
HRN_TARGET_AVX2 void window_means_avx2(const Pass& pass, long size, long radius, long first, long last) {
  window_means(pass, size, radius, first, last);
}
template <class Pass>
void window_means_baseline(const Pass& pass, long size, long radius, long first, long last) {
  window_means(pass, size, radius, first, last);
}

template <class Pass>
void all_window_means(const Pass& pass, long size, long radius, ThreadPool& pool) {
  const auto rows = detect_isa() == Isa::avx2 ? window_means_avx2<Pass> : window_means_baseline<Pass>;
  pool.parallel_for((size + kRowsOfTask - 1) / kRowsOfTask, [&](long task) {
    rows(pass, size, radius, task * kRowsOfTask, std::min(size, (task + 1) * kRowsOfTask));
  });
}

// Without a branch a number, so that it goes by vectors.
bool all_finite(std::span<const float> values) {
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t most = 0;
  for (const float value : values) most = std::max(most, std::bit_cast<std::uint32_t>(value) & kExponent);
  return most < kExponent;
}

// The local linear models: [size * size] of (a red, a green, a blue, b).
struct Models {
  // Of a pixel: red, green, blue, the mask, the products of two colours, and of a colour and the mask; and what fills
  // vector registers. In single precision sums of a window err by far less than epsilon.
  static constexpr long kValues = 16;
  enum { kMask = 3, kSquares = 4, kCross = 10 };
  // Pixels whose systems are solved side by side.
  static constexpr long kLanes = 8;
  const float* mask;
  const float* guide;
  float* model;
  long size;
  double epsilon;

  HRN_HD void values(long y, float* out) const {
    for (long x = 0; x < size; ++x, out += kValues) {
      const long i = y * size + x;
      const float v[4] = {guide[3 * i], guide[3 * i + 1], guide[3 * i + 2], mask[i]};
      for (int c = 0; c < 4; ++c) out[c] = v[c];
      for (int c = 0, k = kSquares; c < 3; ++c)
        for (int d = c; d < 3; ++d, ++k) out[k] = v[c] * v[d];
      for (int c = 0; c < 3; ++c) out[kCross + c] = v[c] * v[kMask];
      for (int k = kCross + 3; k < kValues; ++k) out[k] = 0;
    }
  }

  HRN_HD void take(long y, const float* means) const {
    for (long first = 0; first < size; first += kLanes) {
      const long count = std::min(kLanes, size - first);
      double mean[kCross + 3][kLanes];
      for (long j = 0; j < kLanes; ++j)
        for (int k = 0; k < kCross + 3; ++k)
          mean[k][j] = static_cast<double>(means[(first + std::min(j, count - 1)) * kValues + k]);
      float solved[4][kLanes];
      solve(mean, solved);
      float* out = model + 4 * (y * size + first);
      for (long j = 0; j < count; ++j)
        for (int c = 0; c < 4; ++c) out[4 * j + c] = solved[c][j];
    }
  }

  // The symmetric positive definite systems [xx xy xz; xy yy yz; xz yz zz] a = r, by cofactors.
  HRN_HD void solve(const double (&mean)[kCross + 3][kLanes], float (&out)[4][kLanes]) const {
#pragma GCC ivdep
    for (long j = 0; j < kLanes; ++j) {
      const double x = mean[0][j], y = mean[1][j], z = mean[2][j], m = mean[kMask][j];
      const double xx = mean[kSquares][j] - x * x + epsilon, xy = mean[kSquares + 1][j] - x * y;
      const double xz = mean[kSquares + 2][j] - x * z, yy = mean[kSquares + 3][j] - y * y + epsilon;
      const double yz = mean[kSquares + 4][j] - y * z, zz = mean[kSquares + 5][j] - z * z + epsilon;
      const double rx = mean[kCross][j] - x * m, ry = mean[kCross + 1][j] - y * m, rz = mean[kCross + 2][j] - z * m;
      const double c0 = yy * zz - yz * yz, c1 = xz * yz - xy * zz, c2 = xy * yz - xz * yy;
      const double c3 = xx * zz - xz * xz, c4 = xy * xz - xx * yz, c5 = xx * yy - xy * xy;
      const double share = 1 / (xx * c0 + xy * c1 + xz * c2);
      const double a = (c0 * rx + c1 * ry + c2 * rz) * share, b = (c1 * rx + c3 * ry + c4 * rz) * share;
      const double c = (c2 * rx + c4 * ry + c5 * rz) * share;
      out[0][j] = static_cast<float>(a);
      out[1][j] = static_cast<float>(b);
      out[2][j] = static_cast<float>(c);
      out[3][j] = static_cast<float>(m - a * x - b * y - c * z);
    }
  }
};

// They, averaged over the windows that a pixel belongs to.
struct Smooth {
  static constexpr long kValues = 4;
  const float* model;
  float* smooth;
  long size;
  HRN_HD void values(long y, float* out) const { std::copy_n(model + 4 * y * size, 4 * size, out); }
  HRN_HD void take(long y, const float* means) const { std::copy_n(means, 4 * size, smooth + 4 * y * size); }
};

std::vector<float> linear_model(std::span<const float> mask, std::span<const float> guide,
                                const GuidedUpsampleSpec& spec, ThreadPool& pool) {
  const auto count = static_cast<std::size_t>(4 * spec.size * spec.size);
  std::vector<float> model(count), smooth(count);
  const auto epsilon = static_cast<double>(spec.epsilon);
  all_window_means(Models{mask.data(), guide.data(), model.data(), spec.size, epsilon}, spec.size, spec.radius, pool);
  all_window_means(Smooth{model.data(), smooth.data(), spec.size}, spec.size, spec.radius, pool);
  return smooth;
}

// Where a fine pixel lies between two of the model's, along either axis.
struct Between {
  long first, second;
  float share;  // of the second
};

struct Upsampling {
  const float* model;       // [size][size][4]
  const float* fine_guide;  // [fine_size][fine_size][3]
  const Between* between;   // [fine_size]
  float* fine;
  long size, fine_size;

  HRN_HD void rows(long begin, long end) const {
    std::vector<float> row(static_cast<std::size_t>(4 * size));
    for (long y = begin; y < end; ++y) {
      const Between& down = between[y];
      const float* upper = model + 4 * down.first * size;
      const float* lower = model + 4 * down.second * size;
      for (std::size_t i = 0; i < row.size(); ++i) row[i] = upper[i] + (lower[i] - upper[i]) * down.share;
      const float* colour = fine_guide + 3 * y * fine_size;
      float* out = fine + y * fine_size;
      for (long x = 0; x < fine_size; ++x, colour += 3) {
        const Between& across = between[x];
        const float* left = row.data() + 4 * across.first;
        const float* right = row.data() + 4 * across.second;
        float values[4];
        for (int c = 0; c < 4; ++c) values[c] = left[c] + (right[c] - left[c]) * across.share;
        out[x] = values[0] * colour[0] + values[1] * colour[1] + values[2] * colour[2] + values[3];
      }
      for (long x = 0; x < fine_size; ++x) out[x] = clamp(out[x], 0.f, 1.f);
    }
  }
};
HRN_TARGET_AVX2 void upsample_avx2(const Upsampling& all, long begin, long end) { all.rows(begin, end); }
void upsample_baseline(const Upsampling& all, long begin, long end) { all.rows(begin, end); }

}  // namespace

std::vector<float> guided_upsample(std::span<const float> mask, std::span<const float> guide,
                                   std::span<const float> fine_guide, const GuidedUpsampleSpec& spec,
                                   ThreadPool& pool) {
  for (const auto values : {mask, guide, fine_guide}) {
    if (!all_finite(values))
      throw Error(ErrorCode::invalid_argument, "guided upsampling: expected finite masks and colours");
  }
  const auto model = linear_model(mask, guide, spec, pool);
  const float scale = static_cast<float>(spec.size) / static_cast<float>(spec.fine_size);
  std::vector<Between> between(static_cast<std::size_t>(spec.fine_size));
  for (std::size_t i = 0; i < between.size(); ++i) {
    const float at = (static_cast<float>(i) + 0.5f) * scale - 0.5f;
    const float inside = std::clamp(at, 0.0f, static_cast<float>(spec.size - 1));
    const long first = static_cast<long>(inside);
    between[i] = {first, std::min(first + 1, spec.size - 1), inside - static_cast<float>(first)};
  }
  std::vector<float> fine(static_cast<std::size_t>(spec.fine_size * spec.fine_size));
  const Upsampling all{model.data(), fine_guide.data(), between.data(), fine.data(), spec.size, spec.fine_size};
  const auto rows = detect_isa() == Isa::avx2 ? upsample_avx2 : upsample_baseline;
  pool.parallel_for((spec.fine_size + kRowsOfTask - 1) / kRowsOfTask, [&](long task) {
    rows(all, task * kRowsOfTask, std::min(spec.fine_size, (task + 1) * kRowsOfTask));
  });
  return fine;
}

}  // namespace hrn::imaging
