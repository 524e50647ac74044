#include "imaging/guided_filter.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/error.hpp"

namespace hrn::imaging {
namespace {

// Mean over square windows, cut at the border, of a plane that `row(y, values)` gives row by row, in order.
template <class Row>
std::vector<double> window_mean(long size, long radius, const Row& row) {
  const auto width = static_cast<std::size_t>(size);
  // Pixels of a window along one axis.
  std::vector<double> pixels(width);
  for (long at = 0; at < size; ++at)
    pixels[static_cast<std::size_t>(at)] =
        static_cast<double>(std::min(at + radius, size - 1) - std::max(at - radius, 0L) + 1);
  // Sums along rows, of as many rows as a window covers and the one that it leaves; and those of whole windows.
  const long kept = std::min(size, 2 * radius + 2);
  std::vector<double> values(width), sums(static_cast<std::size_t>(kept) * width), column(width);
  const auto sums_of = [&](long y) { return sums.data() + (y % kept) * size; };
  const auto enter = [&](long y) {
    row(y, values.data());
    double* out = sums_of(y);
    double sum = 0;
    for (long x = 0; x < std::min(radius, size); ++x) sum += values[static_cast<std::size_t>(x)];
    for (long x = 0; x < size; ++x) {
      if (x + radius < size) sum += values[static_cast<std::size_t>(x + radius)];
      if (x - radius - 1 >= 0) sum -= values[static_cast<std::size_t>(x - radius - 1)];
      out[x] = sum;
    }
    for (std::size_t x = 0; x < width; ++x) column[x] += out[x];
  };
  std::vector<double> mean(width * width);
  for (long y = 0; y < std::min(radius, size); ++y) enter(y);
  for (long y = 0; y < size; ++y) {
    if (y + radius < size) enter(y + radius);
    if (y - radius - 1 >= 0) {
      const double* left = sums_of(y - radius - 1);
      for (std::size_t x = 0; x < width; ++x) column[x] -= left[x];
    }
    double* out = mean.data() + y * size;
    const double high = pixels[static_cast<std::size_t>(y)];
    for (std::size_t x = 0; x < width; ++x) out[x] = column[x] / (pixels[x] * high);
  }
  return mean;
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
  const auto count = static_cast<std::size_t>(spec.size * spec.size);
  // Red, green, blue and the mask, and products of two of them; planes are independent.
  const auto value = [&](std::size_t channel, std::size_t i) {
    return static_cast<double>(channel < 3 ? guide[3 * i + channel] : mask[i]);
  };
  constexpr std::pair<std::size_t, std::size_t> kProducts[] = {{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2},
                                                               {2, 2}, {0, 3}, {1, 3}, {2, 3}};
  std::array<std::vector<double>, 4> plane_mean;
  std::array<std::vector<double>, 9> products;
  pool.parallel_for(13, [&](long k) {
    const std::size_t at = static_cast<std::size_t>(k), width = static_cast<std::size_t>(spec.size);
    if (at < 4) {
      plane_mean[at] = window_mean(spec.size, spec.radius, [&](long y, double* out) {
        for (std::size_t x = 0; x < width; ++x) out[x] = value(at, static_cast<std::size_t>(y) * width + x);
      });
      return;
    }
    const auto [c, d] = kProducts[at - 4];
    products[at - 4] = window_mean(spec.size, spec.radius, [&, first = c, second = d](long y, double* out) {
      for (std::size_t x = 0; x < width; ++x) {
        const std::size_t i = static_cast<std::size_t>(y) * width + x;
        out[x] = value(first, i) * value(second, i);
      }
    });
  });
  const auto* square_mean = &products[0];
  const auto* product_mean = &products[6];
  const auto* colour_mean = &plane_mean[0];
  const std::vector<double>& p_mean = plane_mean[3];

  std::array<std::vector<double>, 4> model;
  for (auto& values : model) values.resize(count);
  const long size = spec.size;
  pool.parallel_for(size, [&](long row) {
    for (std::size_t i = static_cast<std::size_t>(row * size); i < static_cast<std::size_t>((row + 1) * size); ++i) {
      std::array<double, 6> covariance;
      for (std::size_t c = 0, k = 0; c < 3; ++c) {
        for (std::size_t d = c; d < 3; ++d, ++k) {
          covariance[k] = square_mean[k][i] - colour_mean[c][i] * colour_mean[d][i] + (c == d ? spec.epsilon : 0.0);
        }
      }
      std::array<double, 3> cross;
      for (std::size_t c = 0; c < 3; ++c) cross[c] = product_mean[c][i] - colour_mean[c][i] * p_mean[i];
      const auto a = solve(covariance, cross);
      model[3][i] = p_mean[i];
      for (std::size_t c = 0; c < 3; ++c) {
        model[c][i] = a[c];
        model[3][i] -= a[c] * colour_mean[c][i];
      }
    }
  });
  std::vector<std::array<float, 4>> smooth(count);
  pool.parallel_for(4, [&](long k) {
    const std::size_t c = static_cast<std::size_t>(k);
    const auto values = window_mean(spec.size, spec.radius, [&](long y, double* out) {
      std::copy_n(model[c].data() + y * spec.size, spec.size, out);
    });
    for (std::size_t i = 0; i < count; ++i) smooth[i][c] = static_cast<float>(values[i]);
  });
  return smooth;
}

}  // namespace

std::vector<float> guided_upsample(std::span<const float> mask, std::span<const float> mirrored_mask,
                                   std::span<const float> guide, std::span<const float> fine_guide,
                                   const GuidedUpsampleSpec& spec, ThreadPool& pool) {
  for (const auto values : {mask, mirrored_mask, guide, fine_guide}) {
    if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
      throw Error(ErrorCode::invalid_argument, "guided upsampling: expected finite masks and colours");
  }
  std::vector<float> mean(mask.size());
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const std::size_t column = i % static_cast<std::size_t>(spec.size), last = static_cast<std::size_t>(spec.size) - 1;
    mean[i] = static_cast<float>(
        (static_cast<double>(mask[i]) + static_cast<double>(mirrored_mask[i + last - 2 * column])) / 2);
  }
  const auto model = linear_model(mean, guide, spec, pool);
  const float scale = static_cast<float>(spec.size) / static_cast<float>(spec.fine_size);
  const float last = static_cast<float>(spec.size - 1);
  std::vector<float> fine(static_cast<std::size_t>(spec.fine_size * spec.fine_size));
  pool.parallel_for(spec.fine_size, [&](long y) {
    const float v = std::clamp((static_cast<float>(y) + 0.5f) * scale - 0.5f, 0.0f, last);
    const long y0 = static_cast<long>(v), y1 = std::min(y0 + 1, spec.size - 1);
    const float fy = v - static_cast<float>(y0);
    const auto* row0 = model.data() + y0 * spec.size;
    const auto* row1 = model.data() + y1 * spec.size;
    for (long x = 0; x < spec.fine_size; ++x) {
      const float u = std::clamp((static_cast<float>(x) + 0.5f) * scale - 0.5f, 0.0f, last);
      const long x0 = static_cast<long>(u), x1 = std::min(x0 + 1, spec.size - 1);
      const float fx = u - static_cast<float>(x0);
      const auto i = static_cast<std::size_t>(y * spec.fine_size + x);
      const float colour[4] = {fine_guide[3 * i], fine_guide[3 * i + 1], fine_guide[3 * i + 2], 1};
      float value = 0;
      for (std::size_t c = 0; c < 4; ++c) {
        const float top = row0[x0][c] * (1 - fx) + row0[x1][c] * fx;
        const float bottom = row1[x0][c] * (1 - fx) + row1[x1][c] * fx;
        value += (top * (1 - fy) + bottom * fy) * colour[c];
      }
      fine[i] = std::clamp(value, 0.0f, 1.0f);
    }
  });
  return fine;
}

}  // namespace hrn::imaging
