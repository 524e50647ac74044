#include "fit/texture/usual_hair.hpp"

#include <algorithm>
#include <limits>

#include "core/smoothstep.hpp"

namespace hrn::fit {
namespace {

// In heights of the ear, from its top downwards: between these a sideburn ends, and behind the ear the hair.
constexpr double kBurnFrom = 0.2, kBurnTo = 0.55, kBehindFrom = 0.75, kBehindTo = 1.05;
// The same where the neck is widest away from the ears, at the nape.
constexpr double kNapeFrom = 0.95, kNapeTo = 1.4;
// Bare skin behind an ear, in heights of it: from its back edge on.
constexpr double kBareBehind = 0.1, kHairBehind = 0.3;

}  // namespace

std::vector<float> usual_hair(const Model& model) {
  const auto region = [&](long v) { return static_cast<Region>(model.regions[static_cast<std::size_t>(v)]); };
  const auto at = [&](long v, int k) { return static_cast<double>(model.mean.data()[3 * v + k]); };
  double top = -std::numeric_limits<double>::infinity(), bottom = -top, front = top, back = bottom;
  for (long v = 0; v < model.vertex_count; ++v) {
    if (region(v) != Region::ears) continue;
    top = std::max(top, at(v, 1));
    bottom = std::min(bottom, at(v, 1));
    front = std::max(front, at(v, 2));
    back = std::min(back, at(v, 2));
  }
  const double height = top - bottom;
  std::vector<float> hair(static_cast<std::size_t>(model.vertex_count));
  for (long v = 0; v < model.vertex_count; ++v) {
    if (region(v) != Region::scalp && region(v) != Region::other) continue;
    float& share = hair[static_cast<std::size_t>(v)];
    share = 1;
    if (!(height > 0)) continue;  // a head without ears
    const double below = (top - at(v, 1)) / height, behind = (back - at(v, 2)) / height;
    const double middle = 0.5 * (front + back), start = middle - 0.2 * height;
    const double burn = 1 - smoothstep(kBurnFrom, kBurnTo, below);
    // Hair comes down the further behind the ear it is, to the nape.
    const double past = smoothstep(kBareBehind, kHairBehind, behind), nape = smoothstep(kHairBehind, 1, behind);
    const double from = kBehindFrom + nape * (kNapeFrom - kBehindFrom), to = kBehindTo + nape * (kNapeTo - kBehindTo);
    const double rear = 1 - smoothstep(from, to, below);
    const double forward = clamp((at(v, 2) - start) / (middle - start), 0, 1);
    // Over the ear all is hair; beside it what is before it and what is behind it.
    share = static_cast<float>(std::max(burn, (1 - forward) * past * rear));
  }
  return hair;
}

}  // namespace hrn::fit
