#include "imaging/covers.hpp"

#include <algorithm>
#include <cmath>

#include "core/smoothstep.hpp"

namespace hrn::imaging {
namespace {

// Lids, brows and wrinkles of bare eyes look a little like rims: by so much over this share of the map at most, and
// over that one where even thin ones are worn.
constexpr float kLikeRims = 0.15f;
constexpr double kNoGlasses = 0.013, kGlasses = 0.019;
// What covers where glasses are worn: rims are thinner than pixels of the map.
constexpr float kRimFrom = 0.06f, kRim = 0.25f;
constexpr float kThingFrom = 0.4f, kThing = 0.7f;

}  // namespace

Covers::Covers(const DenseClasses& classes) : size_(classes.size), from_photo_(classes.from_photo) {
  const auto plane = static_cast<std::size_t>(size_ * size_);
  const auto of = [&](PixelClass c) {
    return classes.probabilities.subspan(static_cast<std::size_t>(c) * plane, plane);
  };
  const auto rims = of(PixelClass::glasses), things = of(PixelClass::occluder);
  const double like =
      static_cast<double>(std::count_if(rims.begin(), rims.end(), [](float p) { return p > kLikeRims; })) /
      static_cast<double>(plane);
  const auto worn = static_cast<float>(std::clamp((like - kNoGlasses) / (kGlasses - kNoGlasses), 0.0, 1.0));
  map_.resize(plane);
  for (long i = 0; i < size_ * size_; ++i) {
    // Their edges are shared by pixels that show both.
    const long x = i % size_, y = i / size_;
    float rim = 0, thing = 0;
    for (long v = std::max(0L, y - 1); v <= std::min(size_ - 1, y + 1); ++v) {
      for (long u = std::max(0L, x - 1); u <= std::min(size_ - 1, x + 1); ++u) {
        const auto there = static_cast<std::size_t>(v * size_ + u);
        rim = std::max(rim, rims[there]);
        thing = std::max(thing, things[there]);
      }
    }
    map_[static_cast<std::size_t>(i)] = {worn * smoothstep(kRimFrom, kRim, rim), smoothstep(kThingFrom, kThing, thing)};
  }
}

Cover Covers::at(double x, double y) const {
  const Point p = mapped(from_photo_, x, y);
  const double last = static_cast<double>(size_ - 1), u = p[0] - 0.5, v = p[1] - 0.5;
  if (!(u >= 0 && v >= 0 && u <= last && v <= last)) return {};
  const long column = std::min(static_cast<long>(u), size_ - 2), row = std::min(static_cast<long>(v), size_ - 2);
  const float right = static_cast<float>(u - static_cast<double>(column)),
              down = static_cast<float>(v - static_cast<double>(row));
  const Cover* a = map_.data() + row * size_ + column;
  const auto share = [&](float Cover::*of) {
    const float upper = a[0].*of + right * (a[1].*of - a[0].*of),
                lower = a[size_].*of + right * (a[size_ + 1].*of - a[size_].*of);
    return upper + down * (lower - upper);
  };
  return {share(&Cover::glasses), share(&Cover::things)};
}

}  // namespace hrn::imaging
