// Where bare skin ends and background begins.
#pragma once
#include <vector>

#include "core/thread_pool.hpp"
#include "imaging/face_view.hpp"

namespace hrn::imaging {

/// The outline of cheeks, jaw and ears as far as hair and clothes show it.
struct SkinEdges {
  std::vector<double> points;   // [n][2], pixels of the photo
  std::vector<double> normals;  // [n][2], unit vectors towards the background
};

/// None in black-and-white photos. `width`, `height`: of the photo. The same for any number of threads.
SkinEdges skin_edges(const FaceView& view, long width, long height, ThreadPool& pool);

}  // namespace hrn::imaging
