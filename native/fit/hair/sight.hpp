// What the photo shows at a place: hair, skin, colours.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

#include "core/smoothstep.hpp"
#include "core/thread_pool.hpp"
#include "core/vec.hpp"
#include "fit/head/camera_pose.hpp"
#include "imaging/dense_classes.hpp"
#include "imaging/face_view.hpp"
#include "imaging/image.hpp"
#include "imaging/pixel_kinds.hpp"

namespace hrn::fit {

// So much of the square of the face, from its border on, the wider one takes over.
inline constexpr double kBorder = 0.08;

class HairSight {
 public:
  HairSight(const imaging::Image& photo, const CameraPose& camera, const imaging::FaceView& view,
            const imaging::DenseClasses& classes, const imaging::DenseClasses& wide, ThreadPool& pool)
      : kinds_(imaging::pixel_kinds(view, classes, pool)),
        photo_(photo),
        camera_(camera),
        view_(view),
        classes_(classes),
        wide_(wide),
        from_photo_(imaging::inverse(view.to_photo)) {}

  imaging::Point pixel(Vec3<double> p) const {
    imaging::Point at{};
    camera_.project(camera_.transform(p), at.data());
    return at;
  }
  bool shows(const imaging::Point& p) const {
    return p[0] > 1 && p[1] > 1 && p[0] < static_cast<double>(photo_.width) - 1 &&
           p[1] < static_cast<double>(photo_.height) - 1 && wide_.holds(p[0], p[1]);
  }
  // Between the surface's normal and the line of sight.
  double facing(Vec3<double> p, Vec3<double> normal) const {
    const Vec3<double> to = camera_.transform(p), n = camera_.rotate(normal);
    return -dot(to, n) / length(to);
  }
  double hair(const imaging::Point& p) const { return share({imaging::PixelClass::hair}, p) * person(p); }
  // The same to the pixel, by colours, which are what it is asked for.
  double strand(const imaging::Point& p) const {
    const long i = in_view(p);
    return i < 0 ? hair(p) : static_cast<double>(kinds_.hair[static_cast<std::size_t>(i)]);
  }
  double skin(const imaging::Point& p) const {
    return share(
        {imaging::PixelClass::face, imaging::PixelClass::ears, imaging::PixelClass::neck, imaging::PixelClass::lips,
         imaging::PixelClass::eyes, imaging::PixelClass::brows, imaging::PixelClass::beard},
        p);
  }
  std::array<double, 3> colour(const imaging::Point& p) const {
    const double u = p[0] - 0.5, v = p[1] - 0.5;
    const long x = static_cast<long>(std::floor(u)), y = static_cast<long>(std::floor(v));
    const double fx = u - static_cast<double>(x), fy = v - static_cast<double>(y);
    std::array<double, 3> out{};
    for (long j = 0; j < 2; ++j)
      for (long i = 0; i < 2; ++i) {
        const long column = std::clamp(x + i, 0L, photo_.width - 1), row = std::clamp(y + j, 0L, photo_.height - 1);
        const double weight = (i ? fx : 1 - fx) * (j ? fy : 1 - fy);
        for (long k = 0; k < 3; ++k)
          out[static_cast<std::size_t>(k)] +=
              weight *
              static_cast<double>(
                  photo_.pixels[static_cast<std::size_t>((row * photo_.width + column) * photo_.channels + k)]);
      }
    return out;
  }

 private:
  // Of the face's square as far as it reaches; at its border the network knows less.
  double share(std::initializer_list<imaging::PixelClass> of, const imaging::Point& p) const {
    const imaging::Point at = imaging::mapped(classes_.from_photo, p[0], p[1]);
    const auto size = static_cast<double>(classes_.size);
    const double inside = std::min({at[0], at[1], size - at[0], size - at[1]}) / size;
    const double near = std::clamp(inside / kBorder, 0.0, 1.0);
    double value = 0;
    if (near > 0) value += near * classes_.share(of, p[0], p[1]);
    if (near < 1) value += (1 - near) * wide_.share(of, p[0], p[1]);
    return value;
  }
  // 1 beyond the mask, which knows nothing there.
  double person(const imaging::Point& p) const {
    const long i = in_view(p);
    return i < 0 ? 1 : static_cast<double>(view_.person[static_cast<std::size_t>(i)]);
  }
  // The view's pixel; -1 beyond it.
  long in_view(const imaging::Point& p) const {
    const imaging::Point at = imaging::mapped(from_photo_, p[0], p[1]);
    const long x = static_cast<long>(std::floor(at[0])), y = static_cast<long>(std::floor(at[1]));
    return x < 0 || y < 0 || x >= view_.size || y >= view_.size ? -1 : y * view_.size + x;
  }
  imaging::PixelKinds kinds_;
  const imaging::Image& photo_;
  const CameraPose& camera_;
  const imaging::FaceView& view_;
  const imaging::DenseClasses &classes_, &wide_;
  imaging::Affine from_photo_;
};

}  // namespace hrn::fit
