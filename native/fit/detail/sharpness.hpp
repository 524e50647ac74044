// How much a photo resolves, whatever its size: enlarged, shaken and out-of-focus photos have pixels that say nothing.
#pragma once
#include "core/thread_pool.hpp"
#include "fit/detail/detail.hpp"
#include "imaging/image.hpp"

namespace hrn::fit::detail {

/// How many pixels of the photo, along an axis, are as good as one of a sharp photo, at least 1: by the sharpest edges
/// within the ellipse that a square of it holds, and how far their gradients fall when they are blurred by a known
/// amount more (Zhuo and Sim 2011, "Defocus map estimation from a single image"). 1 where there are no edges. The same
/// for any number of threads.
double pixels_per_sharp_pixel(const imaging::Image& photo, const PhotoSquare& square, ThreadPool& pool);

}  // namespace hrn::fit::detail
