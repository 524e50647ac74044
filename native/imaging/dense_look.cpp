#include "imaging/dense_look.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"
#include "core/isa.hpp"

namespace hrn::imaging {
namespace {

constexpr long kRowsOfTask = 32, kRowsTogether = 4;
constexpr long kNormal = 0, kNormalDeviation = 3, kPoint = 4, kPointDeviation = 7, kClasses = 8;
// The network tells points in decimetres, and deviations within these logarithms.
constexpr float kPointMm = 100, kNormalRange[] = {-5, 1}, kPointRange[] = {-3, 4};

constexpr long kLanes = 8;
typedef float Eight __attribute__((vector_size(4 * kLanes), aligned(4)));
typedef std::int32_t EightBits __attribute__((vector_size(4 * kLanes), aligned(4)));

// e^x of `count` numbers from `low` to `high`, which lie between -87 and 88, and what lies beyond as if it were there;
// to the last bit or two (Cephes' expf). In place, by eight: up to seven numbers more are overwritten.
HRN_HD void exponentials(float* values, long count, float low, float high) {
  for (long i = 0; i < count; i += kLanes) {
    Eight x = *reinterpret_cast<const Eight*>(values + i);
    x = x < low ? Eight{} + low : x;
    x = x > high ? Eight{} + high : x;
    // The nearest whole number of powers of two stands in the last bits of so large a number.
    constexpr float kLarge = 12582912;
    const Eight turned = x * 1.44269504f + kLarge, whole = turned - kLarge;
    const Eight r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    Eight p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    const EightBits power = ((EightBits)turned << 23) + (127 << 23);
    *reinterpret_cast<Eight*>(values + i) = (p * r * r + r + 1) * (Eight)power;
  }
}

struct Planes {
  const float* seen;
  const float* in_mirror;
  DenseLook* look;
  long side;
};

// Rows [begin, end), a few at a time: long runs of a plane, whose means stay in the caches.
HRN_HD void mean_rows(const Planes& planes, long begin, long end) {
  const long side = planes.side, plane = side * side;
  std::vector<float> block(static_cast<std::size_t>(kDensePlanes * (kRowsTogether * side + kLanes)));
  std::vector<float> values(static_cast<std::size_t>(kRowsTogether * side));
  const long apart = kRowsTogether * side + kLanes;
  const auto mean = [&](long k) { return block.data() + k * apart; };
  for (long y = begin; y < end; y += kRowsTogether) {
    const long rows = std::min(kRowsTogether, end - y), count = rows * side;
    for (long k = 0; k < kDensePlanes; ++k) {
      // What points across changes sides.
      const float half = k == kNormal || k == kPoint ? -0.5f : 0.5f;
      for (long row = 0; row < rows; ++row) {
        const float* a = planes.seen + k * plane + (y + row) * side;
        const float* b = planes.in_mirror + k * plane + (y + row) * side + side - 1;
        float* to = mean(k) + row * side;
        for (long x = 0; x < side; ++x) to[x] = 0.5f * a[x] + half * b[-x];
      }
    }
    const auto out = [&](std::vector<float>& all, long k) { return all.data() + k * plane + y * side; };
    float* of_all = values.data();
    for (long i = 0; i < count; ++i) {
      const float nx = mean(kNormal)[i], ny = mean(kNormal + 1)[i], nz = mean(kNormal + 2)[i];
      of_all[i] = 1 / std::max(std::sqrt(nx * nx + ny * ny + nz * nz), 1e-12f);
    }
    for (long k = 0; k < 3; ++k) {
      float* normal = out(planes.look->normal, k);
      float* point = out(planes.look->point, k);
      for (long i = 0; i < count; ++i) normal[i] = mean(kNormal + k)[i] * of_all[i];
      for (long i = 0; i < count; ++i) point[i] = mean(kPoint + k)[i] * kPointMm;
    }
    exponentials(mean(kNormalDeviation), count, kNormalRange[0], kNormalRange[1]);
    std::copy_n(mean(kNormalDeviation), count, out(planes.look->normal_deviation, 0));
    exponentials(mean(kPointDeviation), count, kPointRange[0], kPointRange[1]);
    std::copy_n(mean(kPointDeviation), count, out(planes.look->point_deviation, 0));
    // The most likely class, then the sum of all chances.
    std::copy_n(mean(kClasses), count, of_all);
    for (long k = 1; k < kDenseClasses; ++k)
      for (long i = 0; i < count; ++i)
        of_all[i] = of_all[i] < mean(kClasses + k)[i] ? mean(kClasses + k)[i] : of_all[i];
    for (long k = 0; k < kDenseClasses; ++k) {
      for (long i = 0; i < count; ++i) mean(kClasses + k)[i] -= of_all[i];
      exponentials(mean(kClasses + k), count, -87, 0);
    }
    std::fill_n(of_all, count, 0.f);
    for (long k = 0; k < kDenseClasses; ++k)
      for (long i = 0; i < count; ++i) of_all[i] += mean(kClasses + k)[i];
    for (long i = 0; i < count; ++i) of_all[i] = 1 / of_all[i];
    for (long k = 0; k < kDenseClasses; ++k) {
      float* classes = out(planes.look->classes, k);
      for (long i = 0; i < count; ++i) classes[i] = mean(kClasses + k)[i] * of_all[i];
    }
  }
}

HRN_TARGET_AVX2 void mean_rows_avx2(const Planes& planes, long begin, long end) { mean_rows(planes, begin, end); }
void mean_rows_baseline(const Planes& planes, long begin, long end) { mean_rows(planes, begin, end); }

}  // namespace

DenseLook mean_look(ThreadPool& pool, std::span<const float> seen, std::span<const float> in_mirror, long side) {
  const auto planes = [&](long count) { return std::vector<float>(static_cast<std::size_t>(count * side * side)); };
  DenseLook look{planes(3), planes(1), planes(3), planes(1), planes(kDenseClasses)};
  const Planes given{seen.data(), in_mirror.data(), &look, side};
  const auto rows = detect_isa() == Isa::avx2 ? mean_rows_avx2 : mean_rows_baseline;
  pool.parallel_for((side + kRowsOfTask - 1) / kRowsOfTask,
                    [&](long task) { rows(given, task * kRowsOfTask, std::min(side, (task + 1) * kRowsOfTask)); });
  return look;
}

}  // namespace hrn::imaging
