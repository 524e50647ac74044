// Values over the head's UV square, and how they are smoothed and looked up.
#pragma once
#include <algorithm>
#include <array>
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
    pool.parallel_for(kSheetSide / kLanes, [&](long chunk) {
      float* columns = plane.data() + chunk * kLanes;
      Lanes lanes(kSheetSide);
      for (long y = 0; y < kSheetSide; ++y) std::copy_n(columns + y * kSheetSide, kLanes, lanes[at(y)].data());
      smooth(lanes);
      for (long y = 0; y < kSheetSide; ++y) std::copy_n(lanes[at(y)].data(), kLanes, columns + y * kSheetSide);
    });
    // Rows side by side, so that a box moves along all of them at once.
    pool.parallel_for(kSheetSide / kLanes, [&](long chunk) {
      float* rows = plane.data() + chunk * kLanes * kSheetSide;
      Lanes lanes(kSheetSide);
      for (long y = 0; y < kLanes; ++y)
        for (long x = 0; x < kSheetSide; ++x) lanes[at(x)][at(y)] = rows[y * kSheetSide + x];
      smooth(lanes);
      for (long y = 0; y < kLanes; ++y)
        for (long x = 0; x < kSheetSide; ++x) rows[y * kSheetSide + x] = lanes[at(x)][at(y)];
    });
  }

 private:
  static constexpr long kLanes = 16;
  using Lanes = std::vector<std::array<float, kLanes>>;
  static std::size_t at(long i) { return static_cast<std::size_t>(i); }

  void smooth(Lanes& lanes) const {
    Lanes from(kSheetSide);
    for (const int half : half_) {
      if (half == 0) continue;
      std::swap(lanes, from);
      const float share = 1.f / static_cast<float>(2 * half + 1);
      std::array<float, kLanes> sum{};
      for (long i = -half; i < kSheetSide; ++i) {
        if (i + half < kSheetSide)
          for (std::size_t k = 0; k < kLanes; ++k) sum[k] += from[at(i + half)][k];
        if (i < 0) continue;
        for (std::size_t k = 0; k < kLanes; ++k) lanes[at(i)][k] = share * sum[k];
        if (i - half >= 0)
          for (std::size_t k = 0; k < kLanes; ++k) sum[k] -= from[at(i - half)][k];
      }
    }
  }

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
