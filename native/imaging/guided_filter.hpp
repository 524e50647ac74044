// Edge-preserving upsampling of a mask by a colour image (guided filter, He, Sun and Tang 2010).
#pragma once
#include <span>
#include <vector>

#include "core/thread_pool.hpp"

namespace hrn::imaging {

struct GuidedUpsampleSpec {
  long size;       // of mask and guide, pixels, square
  long fine_size;  // of the fine guide and of the result, pixels, square
  long radius;     // of the window in which mask = a . colour + b is fitted, pixels of the mask
  float epsilon;   // variance of colour below which a window counts as flat and keeps the mean of the mask
};

// mask [size][size] 0..1; guide [size][size][3] and fine_guide [fine_size][fine_size][3] show the same region, 0..1.
// Returns [fine_size][fine_size], 0..1; the same for any number of threads. Throws Error(invalid_argument) where a
// number is not finite.
std::vector<float> guided_upsample(std::span<const float> mask, std::span<const float> guide,
                                   std::span<const float> fine_guide, const GuidedUpsampleSpec& spec, ThreadPool& pool);

}  // namespace hrn::imaging
