// What skin looks like in one photo, judged by the colours of the face in it.
#pragma once
#include <vector>

#include "core/thread_pool.hpp"
#include "imaging/face_view.hpp"

namespace hrn::imaging {

class SkinColour {
 public:
  /// The view must outlive it.
  explicit SkinColour(const FaceView& view);

  /// Whether the photo shows skin around pixel (u, v) of the view.
  bool is_skin(double u, double v) const { return margin(u, v) > 0; }
  /// The same without a sharp limit, 0..1.
  double likeness(double u, double v) const;

  /// The likeness of every pixel of the person, 0 elsewhere, [size][size]; the same for any number of threads.
  std::vector<float> likeness_map(ThreadPool& pool) const;

 private:
  // Smallest of the distances to the limits, as shares of them; negative beyond.
  double margin(double u, double v) const;

  const FaceView& view_;
  Colour centre_;
  double spread_red_, spread_green_;
};

}  // namespace hrn::imaging
