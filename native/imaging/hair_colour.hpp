// Tells hair that has the colour of skin from skin.
#pragma once
#include <array>
#include <vector>

#include "imaging/face_view.hpp"

namespace hrn::imaging {

/// Hair is where the photo looks more like what covers this head above the face (hair, a cap; on a bald head skin,
/// which then is not told from skin) than like the face.
class HairColour {
 public:
  /// The view must outlive it.
  explicit HairColour(const FaceView& view);

  /// Whether the photo shows hair around pixel (u, v) of the view.
  bool is_hair(double u, double v) const;

 private:
  // Colours in units within which two are alike.
  using Scaled = std::array<double, 3>;
  static Scaled scaled(const Colour& colour);
  static std::vector<Scaled> scaled(const std::vector<Colour>& colours);

  const FaceView& view_;
  std::vector<Scaled> skin_, cover_;
};

}  // namespace hrn::imaging
