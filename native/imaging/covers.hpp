// What lies over a face: rims and glass of spectacles, hands, things held before it.
#pragma once
#include <vector>

#include "imaging/dense_classes.hpp"

namespace hrn::imaging {

/// How far something lies over a place, 0..1.
struct Cover {
  float glasses = 0, things = 0;
};

/// By the dense network alone: rims are as dark as brows, hands have the colour of faces.
class Covers {
 public:
  explicit Covers(const DenseClasses& classes);

  /// At a place of the photo, pixels; nothing where the map does not hold it.
  Cover at(double x, double y) const;

 private:
  long size_;
  Affine from_photo_;
  std::vector<Cover> map_;  // [size][size]
};

}  // namespace hrn::imaging
