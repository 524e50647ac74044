// Where a crop of the photo shows the skin of a face.
#pragma once
#include <vector>

#include "core/thread_pool.hpp"
#include "imaging/dense_classes.hpp"
#include "imaging/face_view.hpp"

namespace hrn::imaging {

/// Axis-aligned square crop: crop pixel = scale * (photo pixel - (x0, y0)).
struct CropFrame {
  double x0, y0, scale;
  long size;  // of its sides, pixels
};

/// Inside the landmarks' outline, outside the openings of eyes and mouth, inside the photo, and as far as the person
/// mask (bilinear; zero outside the view) and, where given, the dense network say. `width`, `height`: of the photo.
/// Returns [size][size], 0..1; the same for any number of threads.
std::vector<float> skin_mask(const FaceView& view, const DenseClasses* classes, const CropFrame& frame, long width,
                             long height, ThreadPool& pool);

}  // namespace hrn::imaging
