// What the dense network says of a face's square, from a look at the square and one at its mirror image.
#pragma once
#include <span>
#include <vector>

#include "core/thread_pool.hpp"

namespace hrn::imaging {

/// Planes that the network says of a square: normal (3), logarithm of its deviation, surface point (3), logarithm of
/// its deviation, classes (14).
inline constexpr long kDensePlanes = 22, kDenseClasses = 14;

/// Planes of [side][side] each.
struct DenseLook {
  std::vector<float> normal;            // 3, unit vectors
  std::vector<float> normal_deviation;  // radians an axis
  std::vector<float> point;             // 3, mm
  std::vector<float> point_deviation;   // mm an axis
  std::vector<float> classes;           // 14, probabilities
};

/// The mean of both. `seen`, `in_mirror`: [kDensePlanes][side][side]. The same for any number of threads.
DenseLook mean_look(ThreadPool& pool, std::span<const float> seen, std::span<const float> in_mirror, long side);

}  // namespace hrn::imaging
