// What the colours of vertices are made of: the photo where it shows them.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "fit/texture/texture.hpp"
#include "imaging/face_view.hpp"

namespace hrn::fit {

/// Of the person mask: surely not background.
constexpr float kPerson = 0.9f;
/// About the middle of a head.
constexpr Vec3<float> kMiddle{0, 20, -80};

/// What the photo shows of the vertices of a head.
class PhotoOfHead {
 public:
  PhotoOfHead(const TextureProblem& problem, const imaging::FaceView& view)
      : problem_(problem), view_(view), from_photo_(imaging::inverse(view.to_photo)) {}

  // Where the view shows a vertex.
  imaging::Point place(long v) const {
    const Vec3<float> p = load3(problem_.positions.data(), v);
    double pixel[2];
    problem_.camera.project(
        problem_.camera.transform({static_cast<double>(p.x), static_cast<double>(p.y), static_cast<double>(p.z)}),
        pixel);
    return imaging::mapped(from_photo_, pixel[0], pixel[1]);
  }
  // Cosine between the way out of the head at a vertex and the way to the camera. A head bulges: where it is negative
  // lies what is behind its rim.
  double facing(long v) const {
    const Vec3<float> at = load3(problem_.positions.data(), v), out = at - kMiddle;
    const auto wide = [](Vec3<float> a) {
      return Vec3<double>{static_cast<double>(a.x), static_cast<double>(a.y), static_cast<double>(a.z)};
    };
    const Vec3<double> facing = problem_.camera.rotate(wide(out)), there = problem_.camera.transform(wide(at));
    return -dot(facing, there) / std::sqrt(dot(facing, facing) * dot(there, there) + 1e-12);
  }
  // The pixel there, -1 beside the view.
  long pixel(const imaging::Point& at) const {
    const double size = static_cast<double>(view_.size);
    if (!(at[0] >= 0 && at[1] >= 0 && at[0] < size && at[1] < size)) return -1;
    return static_cast<long>(at[1]) * view_.size + static_cast<long>(at[0]);
  }
  std::array<float, 3> colour(long pixel) const {
    const float* rgb = view_.rgb.data() + 3 * pixel;
    return {rgb[0], rgb[1], rgb[2]};
  }

 private:
  const TextureProblem& problem_;
  const imaging::FaceView& view_;
  imaging::Affine from_photo_;
};

/// A colour, sRGB-encoded 0..1, and how far it is known, to a vertex of `paint` ([V][4]).
inline void set_paint(std::vector<float>& paint, long v, const std::array<float, 3>& colour, float share) {
  for (std::size_t k = 0; k < 3; ++k) paint[static_cast<std::size_t>(4 * v) + k] = std::clamp(colour[k], 0.f, 1.f);
  paint[static_cast<std::size_t>(4 * v) + 3] = share;
}

}  // namespace hrn::fit
