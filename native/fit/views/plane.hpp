// Values over the head's UV square, and how they are smoothed and looked up.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/thread_pool.hpp"

namespace hrn::fit {

/// Texels a side: about one and a half a millimetre on the face.
constexpr long kSheetSide = 384;
constexpr std::size_t kSheetTexels = static_cast<std::size_t>(kSheetSide) * static_cast<std::size_t>(kSheetSide);
/// A value per texel, by rows.
using Plane = std::vector<float>;

// body(first, last) for all texels, by all threads.
template <class Body>
void for_texels(ThreadPool& pool, const Body& body) {
  constexpr std::size_t kChunk = 16 * static_cast<std::size_t>(kSheetSide);
  pool.parallel_for(static_cast<long>(kSheetTexels / kChunk), [&](long chunk) {
    const std::size_t first = static_cast<std::size_t>(chunk) * kChunk;
    for (std::size_t i = first; i < first + kChunk; ++i) body(i);
  });
}

// Three boxes one after the other, a Gaussian nearly; outside is nothing.
class Blur {
 public:
  explicit Blur(float deviation) {
    // The boxes' variances, (width^2 - 1) / 12 each, add up to the Gaussian's.
    const double half =
        0.5 * (std::sqrt(4.0 * static_cast<double>(deviation) * static_cast<double>(deviation) + 1) - 1);
    const int low = static_cast<int>(half);
    const double wanted = 3.0 * static_cast<double>(deviation) * static_cast<double>(deviation);
    const auto variance = [](int h) { return h * (h + 1.0); };  // times three
    int wide = 0;
    while (wide < 3 && 3 * variance(low) + (wide + 0.5) * (variance(low + 1) - variance(low)) < wanted) ++wide;
    for (int k = 0; k < 3; ++k) half_[k] = k < wide ? low + 1 : low;
  }

  void operator()(ThreadPool& pool, Plane& plane) const {
    constexpr long kColumns = 32;
    pool.parallel_for(kSheetSide / kColumns, [&](long chunk) {
      std::vector<float> from(static_cast<std::size_t>(kSheetSide * kColumns));
      for (const int half : half_) {
        if (half == 0) continue;
        float* to = plane.data() + chunk * kColumns;
        for (long y = 0; y < kSheetSide; ++y) std::copy_n(to + y * kSheetSide, kColumns, from.data() + y * kColumns);
        float sum[kColumns] = {};
        const float share = 1.f / static_cast<float>(2 * half + 1);
        for (long y = -half; y < kSheetSide; ++y) {
          const float* enters = from.data() + (y + half) * kColumns;
          if (y + half < kSheetSide)
            for (long x = 0; x < kColumns; ++x) sum[x] += enters[x];
          if (y < 0) continue;
          for (long x = 0; x < kColumns; ++x) to[y * kSheetSide + x] = share * sum[x];
          const float* leaves = from.data() + (y - half) * kColumns;
          if (y - half >= 0)
            for (long x = 0; x < kColumns; ++x) sum[x] -= leaves[x];
        }
      }
    });
    pool.parallel_for(kSheetSide / 16, [&](long chunk) {
      std::vector<float> from(static_cast<std::size_t>(kSheetSide));
      for (long y = 16 * chunk; y < 16 * (chunk + 1); ++y) {
        float* to = plane.data() + y * kSheetSide;
        for (const int half : half_) {
          if (half == 0) continue;
          std::copy_n(to, kSheetSide, from.data());
          float sum = 0;
          const float share = 1.f / static_cast<float>(2 * half + 1);
          for (long x = -half; x < kSheetSide; ++x) {
            if (x + half < kSheetSide) sum += from[static_cast<std::size_t>(x + half)];
            if (x < 0) continue;
            to[x] = share * sum;
            if (x - half >= 0) sum -= from[static_cast<std::size_t>(x - half)];
          }
        }
      }
    });
  }

 private:
  int half_[3];
};

// Bilinear; `x`, `y` count texels. 0 outside.
inline float sample(const Plane& plane, float x, float y) {
  if (!(x >= 0 && y >= 0 && x < kSheetSide - 1 && y < kSheetSide - 1)) return 0;
  const long column = static_cast<long>(x), row = static_cast<long>(y);
  const float u = x - static_cast<float>(column), v = y - static_cast<float>(row);
  const float* at = plane.data() + row * kSheetSide + column;
  const float above = at[0] + u * (at[1] - at[0]), below = at[kSheetSide] + u * (at[kSheetSide + 1] - at[kSheetSide]);
  return above + v * (below - above);
}

}  // namespace hrn::fit
