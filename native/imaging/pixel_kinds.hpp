// Which pixels around a face are its skin, which are hair: the dense network's classes, sharpened by the colours that
// this photo has there.
#pragma once
#include <vector>

#include "core/thread_pool.hpp"
#include "imaging/dense_classes.hpp"
#include "imaging/face_view.hpp"

namespace hrn::imaging {

/// [size][size] of the view each, 0..1. What is neither is background, cloth, or something in front.
struct PixelKinds {
  std::vector<float> skin;  // with lips, eyes and beards
  std::vector<float> hair;
};

/// The classes are coarse, and cut hairlines off; colours tell to the pixel, but not what has them. Here the classes
/// say which colours skin, hair and the rest have in this photo and where each may be, and the colours then decide:
/// Bayes' rule with histograms. The same for any number of threads.
PixelKinds pixel_kinds(const FaceView& view, const DenseClasses& classes, ThreadPool& pool);

}  // namespace hrn::imaging
