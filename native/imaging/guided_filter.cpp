#include "imaging/guided_filter.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace hrn::imaging {
namespace {

// Sums over a window along rows: out[y][x] = sum of in[y][x - radius .. x + radius], cut at the border.
void sum_rows(const std::vector<double>& in, long size, long radius, std::vector<double>& out) {
  for (long y = 0; y < size; ++y) {
    const double* row = in.data() + y * size;
    double sum = 0;
    for (long x = 0; x < std::min(radius, size); ++x) sum += row[x];
    for (long x = 0; x < size; ++x) {
      if (x + radius < size) sum += row[x + radius];
      if (x - radius - 1 >= 0) sum -= row[x - radius - 1];
      out[static_cast<std::size_t>(y * size + x)] = sum;
    }
  }
}

void transpose(const std::vector<double>& in, long size, std::vector<double>& out) {
  for (long y = 0; y < size; ++y) {
    for (long x = 0; x < size; ++x) {
      out[static_cast<std::size_t>(x * size + y)] = in[static_cast<std::size_t>(y * size + x)];
    }
  }
}

// Mean over square windows, cut at the border.
class WindowMean {
 public:
  WindowMean(long size, long radius)
      : size_(size), radius_(radius), first_(area(size)), second_(area(size)), count_(area(size), 1.0) {
    count_ = sums(count_);
  }

  std::vector<double> operator()(const std::vector<double>& values) {
    std::vector<double> mean = sums(values);
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] /= count_[i];
    return mean;
  }

 private:
  static std::size_t area(long size) { return static_cast<std::size_t>(size * size); }

  std::vector<double> sums(const std::vector<double>& values) {
    sum_rows(values, size_, radius_, first_);
    transpose(first_, size_, second_);
    sum_rows(second_, size_, radius_, first_);
    transpose(first_, size_, second_);
    return second_;
  }

  long size_, radius_;
  std::vector<double> first_, second_, count_;
};

// x of the symmetric positive definite system [xx xy xz; xy yy yz; xz yz zz] x = r, by cofactors.
std::array<double, 3> solve(const std::array<double, 6>& m, const std::array<double, 3>& r) {
  const auto [xx, xy, xz, yy, yz, zz] = m;
  const double c0 = yy * zz - yz * yz, c1 = xz * yz - xy * zz, c2 = xy * yz - xz * yy;
  const double c3 = xx * zz - xz * xz, c4 = xy * xz - xx * yz, c5 = xx * yy - xy * xy;
  const double determinant = xx * c0 + xy * c1 + xz * c2;
  return {(c0 * r[0] + c1 * r[1] + c2 * r[2]) / determinant, (c1 * r[0] + c3 * r[1] + c4 * r[2]) / determinant,
          (c2 * r[0] + c4 * r[1] + c5 * r[2]) / determinant};
}

// The local linear model: a and b per pixel, averaged over the windows that a pixel belongs to; [4][size * size].
std::array<std::vector<double>, 4> linear_model(std::span<const float> mask, std::span<const float> guide,
                                                const GuidedUpsampleSpec& spec) {
  const auto count = static_cast<std::size_t>(spec.size * spec.size);
  WindowMean mean(spec.size, spec.radius);
  std::array<std::vector<double>, 3> colour, colour_mean, product_mean;
  std::vector<double> p(mask.begin(), mask.end()), scratch(count);
  for (std::size_t c = 0; c < 3; ++c) {
    colour[c].resize(count);
    for (std::size_t i = 0; i < count; ++i) colour[c][i] = guide[3 * i + c];
    colour_mean[c] = mean(colour[c]);
    for (std::size_t i = 0; i < count; ++i) scratch[i] = colour[c][i] * p[i];
    product_mean[c] = mean(scratch);
  }
  std::array<std::vector<double>, 6> square_mean;
  for (std::size_t c = 0, k = 0; c < 3; ++c) {
    for (std::size_t d = c; d < 3; ++d, ++k) {
      for (std::size_t i = 0; i < count; ++i) scratch[i] = colour[c][i] * colour[d][i];
      square_mean[k] = mean(scratch);
    }
  }
  const std::vector<double> p_mean = mean(p);

  std::array<std::vector<double>, 4> model;
  for (auto& plane : model) plane.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
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
  for (auto& plane : model) plane = mean(plane);
  return model;
}

}  // namespace

std::vector<float> guided_upsample(std::span<const float> mask, std::span<const float> guide,
                                   std::span<const float> fine_guide, const GuidedUpsampleSpec& spec) {
  const auto model = linear_model(mask, guide, spec);
  const double scale = static_cast<double>(spec.size) / static_cast<double>(spec.fine_size);
  const double last = static_cast<double>(spec.size - 1);
  std::vector<float> fine(static_cast<std::size_t>(spec.fine_size * spec.fine_size));
  for (long y = 0; y < spec.fine_size; ++y) {
    const double v = std::clamp((static_cast<double>(y) + 0.5) * scale - 0.5, 0.0, last);
    const long y0 = static_cast<long>(v), y1 = std::min(y0 + 1, spec.size - 1);
    const double fy = v - static_cast<double>(y0);
    for (long x = 0; x < spec.fine_size; ++x) {
      const double u = std::clamp((static_cast<double>(x) + 0.5) * scale - 0.5, 0.0, last);
      const long x0 = static_cast<long>(u), x1 = std::min(x0 + 1, spec.size - 1);
      const double fx = u - static_cast<double>(x0);
      const auto at = [&](const std::vector<double>& plane) {
        const double* row0 = plane.data() + y0 * spec.size;
        const double* row1 = plane.data() + y1 * spec.size;
        return (row0[x0] * (1 - fx) + row0[x1] * fx) * (1 - fy) + (row1[x0] * (1 - fx) + row1[x1] * fx) * fy;
      };
      const auto i = static_cast<std::size_t>(y * spec.fine_size + x);
      double value = at(model[3]);
      for (std::size_t c = 0; c < 3; ++c) value += at(model[c]) * static_cast<double>(fine_guide[3 * i + c]);
      fine[i] = static_cast<float>(std::clamp(value, 0.0, 1.0));
    }
  }
  return fine;
}

}  // namespace hrn::imaging
