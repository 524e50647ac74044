// Fills the unknown part of a map from its known part by averaging down and interpolating up a pyramid.
// Gortler et al. 1996, "The Lumigraph", section 3.4: the pull-push algorithm.
#pragma once
#include <cstddef>
#include <vector>

#include "core/thread_pool.hpp"

namespace hrn::fit {

// Square map of `channels` values a texel with one weight a texel: 0 unknown, 1 known.
struct WeightedMap {
  int size = 0;
  int channels = 0;
  std::vector<float> values;   // [size][size][channels]
  std::vector<float> weights;  // [size][size]

  WeightedMap(int size_, int channels_)
      : size(size_),
        channels(channels_),
        values(static_cast<std::size_t>(size_) * static_cast<std::size_t>(size_) * static_cast<std::size_t>(channels_)),
        weights(static_cast<std::size_t>(size_) * static_cast<std::size_t>(size_)) {}
};

// Replaces every value by weight * value + (1 - weight) * (what the coarser levels say). Texels whose weight is 1 stay
// as they are. A map that is unknown everywhere becomes zero. Weights are left unchanged.
void pull_push(WeightedMap& map, ThreadPool& pool);

}  // namespace hrn::fit
