// Where a face is open: between its lids and between its lips, in the frame of the view.
#pragma once
#include <vector>

#include "core/thread_pool.hpp"
#include "imaging/face_view.hpp"

namespace hrn::imaging {

/// [size][size], 0..1, soft: 1 well inside an opening, 0 at its rim, where lashes, lids and lips are seen. An eye or a
/// mouth that is shut has none, and of a mouth only teeth count. The same for any number of threads.
std::vector<float> opening_mask(const FaceView& view, ThreadPool& pool);

}  // namespace hrn::imaging
