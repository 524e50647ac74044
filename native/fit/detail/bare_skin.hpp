// Where a square of the photo shows bare skin whose shading tells of shape.
#pragma once
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/detail/detail.hpp"
#include "imaging/dense_classes.hpp"
#include "imaging/face_view.hpp"

namespace hrn::fit {

/// A part of the face whose colours are no skin's: a ring of points, and how far around it they still count.
struct CoveredPart {
  std::vector<float> ring;  // [n][2], pixels of the photo
  double margin_px = 0;     // outwards; trust comes back over as much again
  double trust = 0;         // what is left of it inside
};

/// [size][size], 0..1, over the square: the skin of the face (imaging::skin_mask), where its colour is that of this
/// face's skin and no covered part lies over it. The same for any number of threads.
std::vector<float> bare_skin(const imaging::FaceView& view, const imaging::DenseClasses& classes,
                             const PhotoSquare& square, long photo_width, long photo_height,
                             const std::vector<CoveredPart>& covered, int size, ThreadPool& pool);

}  // namespace hrn::fit
