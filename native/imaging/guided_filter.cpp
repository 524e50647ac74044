#include "imaging/guided_filter.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>

#include "core/error.hpp"

namespace hrn::imaging {
namespace {

// Rows of a task; the same for any number of threads, as sums along a column begin anew in each.
constexpr long kRowsOfTask = 32;

// Means over square windows, cut at the border, of N values a pixel. `values(y, row)` gives a row, [size][N];
// `take(y, means)` gets the means of one, in order within a task.
template <int N, class Values, class Take>
void window_means(long size, long radius, ThreadPool& pool, const Values& values, const Take& take) {
  const auto width = static_cast<std::size_t>(size) * N;
  // Pixels of a window along one axis.
  const auto pixels = [&](long at) {
    return static_cast<float>(std::min(at + radius, size - 1) - std::max(at - radius, 0L) + 1);
  };
  pool.parallel_for((size + kRowsOfTask - 1) / kRowsOfTask, [&](long task) {
    const long first = task * kRowsOfTask, last = std::min(size, first + kRowsOfTask);
    // Sums along rows, of as many rows as a window covers and the one that it leaves; and those of whole windows.
    const long kept = 2 * radius + 2;
    std::vector<float> row(width), sums(static_cast<std::size_t>(kept) * width), column(width), means(width);
    const auto sums_of = [&](long y) { return sums.data() + (y % kept) * size * N; };
    const auto enter = [&](long y) {
      values(y, row.data());
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
      take(y, means.data());
    }
  });
}

// Without a branch a number, so that it goes by vectors.
bool all_finite(std::span<const float> values) {
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t most = 0;
  for (const float value : values) most = std::max(most, std::bit_cast<std::uint32_t>(value) & kExponent);
  return most < kExponent;
}

// x of the symmetric positive definite system [xx xy xz; xy yy yz; xz yz zz] x = r, by cofactors.
std::array<double, 3> solve(const std::array<double, 6>& m, const std::array<double, 3>& r) {
  const auto [xx, xy, xz, yy, yz, zz] = m;
  const double c0 = yy * zz - yz * yz, c1 = xz * yz - xy * zz, c2 = xy * yz - xz * yy;
  const double c3 = xx * zz - xz * xz, c4 = xy * xz - xx * yz, c5 = xx * yy - xy * xy;
  const double determinant = xx * c0 + xy * c1 + xz * c2;
  return {(c0 * r[0] + c1 * r[1] + c2 * r[2]) / determinant, (c1 * r[0] + c3 * r[1] + c4 * r[2]) / determinant,
          (c2 * r[0] + c4 * r[1] + c5 * r[2]) / determinant};
}

// The local linear model, averaged over the windows that a pixel belongs to: [size * size] of (a red, a green, a blue,
// b).
std::vector<std::array<float, 4>> linear_model(std::span<const float> mask, std::span<const float> guide,
                                               const GuidedUpsampleSpec& spec, ThreadPool& pool) {
  const long size = spec.size;
  const auto count = static_cast<std::size_t>(size * size);
  // Of a pixel: red, green, blue, the mask, the products of two colours, and of a colour and the mask; and what fills
  // vector registers. In single precision sums of a window err by far less than epsilon.
  enum { kMask = 3, kSquares = 4, kCross = 10, kValues = 16 };
  std::vector<float> model(4 * count);
  window_means<kValues>(
      size, spec.radius, pool,
      [&](long y, float* out) {
        for (long x = 0; x < size; ++x, out += kValues) {
          const std::size_t i = static_cast<std::size_t>(y * size + x);
          const float v[4] = {guide[3 * i], guide[3 * i + 1], guide[3 * i + 2], mask[i]};
          std::copy_n(v, 4, out);
          for (int c = 0, k = kSquares; c < 3; ++c)
            for (int d = c; d < 3; ++d, ++k) out[k] = v[c] * v[d];
          for (int c = 0; c < 3; ++c) out[kCross + c] = v[c] * v[kMask];
        }
      },
      [&](long y, const float* means) {
        float* out = model.data() + 4 * y * size;
        for (long x = 0; x < size; ++x, means += kValues, out += 4) {
          double mean[kValues];
          std::copy_n(means, kValues, mean);
          std::array<double, 6> covariance;
          for (std::size_t c = 0, k = 0; c < 3; ++c) {
            for (std::size_t d = c; d < 3; ++d, ++k)
              covariance[k] = mean[kSquares + k] - mean[c] * mean[d] + (c == d ? spec.epsilon : 0.0);
          }
          std::array<double, 3> cross;
          for (std::size_t c = 0; c < 3; ++c) cross[c] = mean[kCross + c] - mean[c] * mean[kMask];
          const auto a = solve(covariance, cross);
          out[3] = static_cast<float>(mean[kMask] - a[0] * mean[0] - a[1] * mean[1] - a[2] * mean[2]);
          for (std::size_t c = 0; c < 3; ++c) out[c] = static_cast<float>(a[c]);
        }
      });
  std::vector<std::array<float, 4>> smooth(count);
  window_means<4>(
      size, spec.radius, pool, [&](long y, float* out) { std::copy_n(model.data() + 4 * y * size, 4 * size, out); },
      [&](long y, const float* mean) {
        for (long x = 0; x < size; ++x)
          std::copy_n(mean + 4 * x, 4, smooth[static_cast<std::size_t>(y * size + x)].data());
      });
  return smooth;
}

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
  // Where a fine pixel lies between two of the model's, along either axis.
  struct Between {
    long first, second;
    float share;  // of the second
  };
  std::vector<Between> between(static_cast<std::size_t>(spec.fine_size));
  for (std::size_t i = 0; i < between.size(); ++i) {
    const float at = (static_cast<float>(i) + 0.5f) * scale - 0.5f;
    const float inside = std::clamp(at, 0.0f, static_cast<float>(spec.size - 1));
    const long first = static_cast<long>(inside);
    between[i] = {first, std::min(first + 1, spec.size - 1), inside - static_cast<float>(first)};
  }
  std::vector<float> fine(static_cast<std::size_t>(spec.fine_size * spec.fine_size));
  pool.parallel_for((spec.fine_size + kRowsOfTask - 1) / kRowsOfTask, [&](long task) {
    std::vector<std::array<float, 4>> row(static_cast<std::size_t>(spec.size));
    for (long y = task * kRowsOfTask; y < std::min(spec.fine_size, (task + 1) * kRowsOfTask); ++y) {
      const Between& down = between[static_cast<std::size_t>(y)];
      const auto* upper = model.data() + down.first * spec.size;
      const auto* lower = model.data() + down.second * spec.size;
      for (std::size_t x = 0; x < row.size(); ++x)
        for (std::size_t c = 0; c < 4; ++c) row[x][c] = upper[x][c] * (1 - down.share) + lower[x][c] * down.share;
      const float* colour = fine_guide.data() + 3 * y * spec.fine_size;
      float* out = fine.data() + y * spec.fine_size;
      for (std::size_t x = 0; x < between.size(); ++x, colour += 3) {
        const auto& [first, second, share] = between[x];
        const auto& left = row[static_cast<std::size_t>(first)];
        const auto& right = row[static_cast<std::size_t>(second)];
        float values[4];
        for (std::size_t c = 0; c < 4; ++c) values[c] = left[c] * (1 - share) + right[c] * share;
        const float value = values[0] * colour[0] + values[1] * colour[1] + values[2] * colour[2] + values[3];
        out[x] = std::clamp(value, 0.0f, 1.0f);
      }
    }
  });
  return fine;
}

}  // namespace hrn::imaging
