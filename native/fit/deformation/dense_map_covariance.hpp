// The prior covariance of a map (see map_covariance.hpp) as two products with small dense matrices: more arithmetic
// than the CPU's elimination, but every texel on its own, as a GPU likes it.
#pragma once
#include <vector>

#include "backends/backend.hpp"
#include "core/uploaded.hpp"
#include "fit/deformation/map_scale.hpp"
#include "optim/sobolev.hpp"

namespace hrn::fit {

struct DenseCovarianceArgs {
  long size = 0;  // texels a side
  long scales = 0;
  const float* filters = nullptr;  // in, [scales][size][size], symmetric; the gain is in the last pass's
  const float* gains = nullptr;    // in, [scales]
  float mirror = 0;
  bool vectors = false;
  float* map = nullptr;      // in and out, [size][size][3]
  float* columns = nullptr;  // [scales][size][size][3]
  float* sum = nullptr;      // [size][size][3]
};

// sum_k f[k * f_step] x[k * x_step], with many loads in flight: what is read lies in the second-level cache, whose
// latency would otherwise be paid once an entry.
HRN_HD float strided_dot(const float* f, long f_step, const float* x, long x_step, long n) {
  constexpr int kFlight = 16;
  float sum = 0;
  long k = 0;
  for (; k + kFlight <= n; k += kFlight, f += kFlight * f_step, x += kFlight * x_step) {
    float a[kFlight], b[kFlight];
    for (int j = 0; j < kFlight; ++j) {
      a[j] = f[j * f_step];
      b[j] = x[j * x_step];
    }
    for (int j = 0; j < kFlight; ++j) sum += a[j] * b[j];
  }
  for (; k < n; ++k, f += f_step, x += x_step) sum += *f * *x;
  return sum;
}

struct DenseCovariance {
  /// Down the columns, per scale and entry of the map.
  struct Columns {
    HRN_HD static void run(const DenseCovarianceArgs& a, long i) {
      const long width = 3 * a.size, entries = width * a.size;
      const long scale = i / entries, entry = i % entries, row = entry / width, column = entry % width;
      a.columns[i] = strided_dot(a.filters + (scale * a.size + row) * a.size, 1, a.map + column, width, a.size);
    }
  };
  /// Along the rows and over the scales, per entry.
  struct Rows {
    HRN_HD static void run(const DenseCovarianceArgs& a, long entry) {
      const long width = 3 * a.size, row = entry / width, column = entry % width / 3, channel = entry % 3;
      float sum = 0;
      for (long scale = 0; scale < a.scales; ++scale) {
        const float* filter = a.filters + scale * a.size * a.size + column;
        const float* in = a.columns + (scale * a.size + row) * width + channel;
        sum += a.gains[scale] * strided_dot(filter, a.size, in, 3, a.size);
      }
      a.sum[entry] = sum;
    }
  };
  /// With the mirror image, per entry.
  struct Mirror {
    HRN_HD static void run(const DenseCovarianceArgs& a, long entry) {
      const long width = 3 * a.size, row = entry / width, column = entry % width / 3, channel = entry % 3;
      const float there = a.sum[row * width + 3 * (a.size - 1 - column) + channel];
      a.map[entry] = (a.sum[entry] + a.mirror * (a.vectors && channel == 0 ? -there : there)) / (1 + a.mirror);
    }
  };
};

/// The same covariance as MapCovariance up to rounding.
template <class B>
class DenseMapCovariance {
  template <class T>
  using Array = typename B::template Array<T>;

 public:
  DenseMapCovariance(long size, const std::vector<MapScale>& scales, double mirror, bool vectors, B& backend)
      : size_(size), mirror_(static_cast<float>(mirror)), vectors_(vectors) {
    const std::size_t texels = static_cast<std::size_t>(size * size);
    std::vector<float> filters, gains;
    for (const MapScale& scale : scales) {
      const std::vector<double> filter =
          optim::smoothing_filter(size, scale.length_texels * scale.length_texels, kMapPower);
      const std::size_t middle = static_cast<std::size_t>(size / 2 * size + size / 2);
      gains.push_back(static_cast<float>(scale.sigma * scale.sigma / (filter[middle] * filter[middle])));
      for (const double f : filter) filters.push_back(static_cast<float>(f));
    }
    scales_ = static_cast<long>(scales.size());
    filters_ = uploaded(backend, filters);
    gains_ = uploaded(backend, gains);
    columns_ = backend.template alloc<float>(3 * texels * scales.size());
    sum_ = backend.template alloc<float>(3 * texels);
  }

  DenseCovarianceArgs arguments(float* map) {
    return {size_, scales_, filters_.data(), gains_.data(), mirror_, vectors_, map, columns_.data(), sum_.data()};
  }

  // map = K map, [size][size][3].
  void apply(Array<float>& map, B& backend) {
    const DenseCovarianceArgs args = arguments(map.data());
    const long entries = 3 * size_ * size_;
    backend.template for_each<DenseCovariance::Columns>(scales_ * entries, args);
    backend.template for_each<DenseCovariance::Rows>(entries, args);
    backend.template for_each<DenseCovariance::Mirror>(entries, args);
  }

 private:
  long size_, scales_ = 0;
  float mirror_;
  bool vectors_;
  Array<float> filters_, gains_, columns_, sum_;
};

}  // namespace hrn::fit
