#include "fit/pull_push.hpp"

#include <algorithm>
#include <cmath>

namespace hrn::fit {
namespace {

// Half the size (rounded up): each coarse texel is the weighted mean of up to four fine ones; its weight is their sum,
// at most one, so that few well known texels already decide.
WeightedMap pull(const WeightedMap& fine, ThreadPool& pool) {
  WeightedMap coarse((fine.size + 1) / 2, fine.channels);
  const int c = fine.channels;
  pool.parallel_for(coarse.size, [&](long y) {
    for (long x = 0; x < coarse.size; ++x) {
      float total = 0;
      float* out = &coarse.values[static_cast<std::size_t>((y * coarse.size + x) * c)];
      for (long dy = 0; dy < 2; ++dy) {
        for (long dx = 0; dx < 2; ++dx) {
          const long fy = 2 * y + dy, fx = 2 * x + dx;
          if (fy >= fine.size || fx >= fine.size) continue;
          const long i = fy * fine.size + fx;
          const float w = fine.weights[static_cast<std::size_t>(i)];
          if (w <= 0) continue;
          total += w;
          for (int k = 0; k < c; ++k) out[k] += w * fine.values[static_cast<std::size_t>(i * c + k)];
        }
      }
      if (total > 0) {
        for (int k = 0; k < c; ++k) out[k] /= total;
      }
      coarse.weights[static_cast<std::size_t>(y * coarse.size + x)] = std::min(total, 1.f);
    }
  });
  return coarse;
}

// Blends what is missing in `fine` from the finished `coarse` level, bilinearly.
void push(WeightedMap& fine, const WeightedMap& coarse, ThreadPool& pool) {
  const int c = fine.channels;
  const long n = coarse.size;
  pool.parallel_for(fine.size, [&](long y) {
    const float sy = std::clamp(0.5f * static_cast<float>(y) - 0.25f, 0.f, static_cast<float>(n - 1));
    const long y0 = static_cast<long>(sy), y1 = std::min(y0 + 1, n - 1);
    const float ty = sy - static_cast<float>(y0);
    for (long x = 0; x < fine.size; ++x) {
      const std::size_t i = static_cast<std::size_t>(y * fine.size + x);
      const float w = fine.weights[i];
      if (w >= 1) continue;
      const float sx = std::clamp(0.5f * static_cast<float>(x) - 0.25f, 0.f, static_cast<float>(n - 1));
      const long x0 = static_cast<long>(sx), x1 = std::min(x0 + 1, n - 1);
      const float tx = sx - static_cast<float>(x0);
      for (int k = 0; k < c; ++k) {
        const auto at = [&](long yy, long xx) {
          return coarse.values[static_cast<std::size_t>((yy * n + xx) * c + k)];
        };
        const float top = at(y0, x0) * (1 - tx) + at(y0, x1) * tx, bottom = at(y1, x0) * (1 - tx) + at(y1, x1) * tx;
        float& v = fine.values[i * static_cast<std::size_t>(c) + static_cast<std::size_t>(k)];
        v = w * v + (1 - w) * (top * (1 - ty) + bottom * ty);
      }
    }
  });
}

}  // namespace

void pull_push(WeightedMap& map, ThreadPool& pool) {
  if (map.size <= 1) {
    if (map.size == 1 && map.weights[0] <= 0) std::fill(map.values.begin(), map.values.end(), 0.f);
    return;
  }
  WeightedMap coarse = pull(map, pool);
  pull_push(coarse, pool);
  push(map, coarse, pool);
}

}  // namespace hrn::fit
