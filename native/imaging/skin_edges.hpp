// Where bare skin ends and background begins.
#pragma once
#include <vector>

#include "core/thread_pool.hpp"
#include "imaging/dense_classes.hpp"
#include "imaging/face_view.hpp"

namespace hrn::imaging {

/// The outline of the head as far as hair and clothes leave it bare.
struct SkinEdges {
  std::vector<double> points;   // [n][2], pixels of the photo
  std::vector<double> normals;  // [n][2], unit vectors towards the background
};

/// Where the person mask ends and the dense network sees skin of the head inside, rather than hair or clothes.
/// `width`, `height`: of the photo. The same for any number of threads.
SkinEdges skin_edges(const FaceView& view, const DenseClasses& classes, long width, long height, ThreadPool& pool);

}  // namespace hrn::imaging
