// From the solved heights to the map that is handed out: bounds, fading, the side that is not seen. The same source for
// every backend.
#pragma once
#include <cmath>
#include <cstdint>

#include "fit/detail/grid.hpp"

namespace hrn::fit::detail {

/// Most that folds, wider than some millimetres, and finer relief may be, mm.
constexpr float kMostFold = 3, kMostFine = 1;
/// Share of the seen side's folds that the unseen side is given: faces are no more symmetric than that.
constexpr float kMirrored = 0.7f;

struct FinishArgs {
  Box box{};                             // symmetric about the middle of the map, whose halves mirror each other
  const float* height = nullptr;         // in [n], mm
  const float* trust = nullptr;          // in [n]
  const float* allowed = nullptr;        // in [n]
  const std::uint8_t* active = nullptr;  // in [n]
  SmoothGridArgs trusts{};               // of `trust` over active texels
  SmoothGridArgs folds{};                // of `height`, where it is seen
  float* weight = nullptr;               // out [n], what the smoothing of both counts
  float* seen = nullptr;                 // out [n], 0..1
  float* finished = nullptr;             // out [n], mm
};

struct Finish {
  // Per texel: a texel counts.
  struct Count {
    HRN_HD static void run(const FinishArgs& a, long i) { a.weight[i] = a.active[i] != 0 ? 1.f : 0.f; }
  };
  // Per texel: how far its surroundings are seen.
  struct Seen {
    HRN_HD static void run(const FinishArgs& a, long i) {
      float mean = 0;
      if (a.active[i] != 0) SmoothGrid::at(a.trusts, i, nullptr, &mean);
      a.seen[i] = a.weight[i] = smoothstep(0.2f, 0.75f, mean);
    }
  };
  HRN_HD static float bounded(float x, float most) { return most * std::tanh(x / most); }
  struct Map {
    HRN_HD static void run(const FinishArgs& a, long i) {
      float fold = 0, other = 0;
      a.finished[i] = 0;
      if (!(a.allowed[i] > 0)) return;
      SmoothGrid::at(a.folds, i, nullptr, &fold);
      const long w = a.box.width, m = i - i % w + w - 1 - i % w;
      SmoothGrid::at(a.folds, m, nullptr, &other);
      const float s = a.seen[i];
      const float own = bounded(fold, kMostFold) + bounded(a.height[i] - fold, kMostFine);
      const float mirrored = kMirrored * a.seen[m] * bounded(other, kMostFold);
      a.finished[i] = smoothstep(0, 0.3f, a.allowed[i]) * (s * own + (1 - s) * mirrored);
    }
  };
};

struct ResampleArgs {
  Box from{}, to{};
  const float* values = nullptr;  // in, of `from`
  float* out = nullptr;           // of `to`
  bool is_share = false;          // of 0 to 1, which the overshoot of the interpolation would leave
};
struct Resample {
  HRN_HD static void run(const ResampleArgs& a, long i) {
    const float value = resampled(a.values, a.from, a.to, i);
    a.out[i] = a.is_share ? clamp(value, 0.f, 1.f) : value;
  }
};

}  // namespace hrn::fit::detail
