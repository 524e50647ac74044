// A painted picture of a face, and what the dense network might tell of it.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <vector>

#include "imaging/dense_classes.hpp"
#include "imaging/face_view.hpp"

namespace hrn::test {

using Rgb = std::array<double, 3>;
inline constexpr Rgb kSkin{0.8, 0.58, 0.48};
inline constexpr std::uint32_t kOutline = 36, kLids = 16, kLips = 20, kSkinPoints = 300;

// A view with its own arrays: an outline, three openings and points on skin, all at one place far away.
struct Picture {
  long size;
  std::vector<float> person, rgb, landmarks;
  imaging::FaceView view;

  explicit Picture(long side)
      : size(side),
        person(static_cast<std::size_t>(side * side)),
        rgb(3 * person.size()),
        landmarks(2 * (kOutline + 2 * kLids + kLips + kSkinPoints), -1000.f) {
    view.size = size;
    view.to_photo = {1, 0, 0, 0, 1, 0};
    std::uint32_t next = 0;
    const auto ring = [&](std::vector<std::uint32_t>& points, std::uint32_t count) {
      for (std::uint32_t i = 0; i < count; ++i) points.push_back(next++);
    };
    ring(view.points.outline, kOutline);
    ring(view.points.right_lids, kLids);
    ring(view.points.left_lids, kLids);
    ring(view.points.inner_lips, kLips);
    ring(view.points.skin, kSkinPoints);
    const auto& outline = view.points.outline;
    view.points.top = outline[0];
    view.points.left = outline[8];
    view.points.chin = outline[18];
    view.points.right = outline[28];
    view.person = person;
    view.rgb = rgb;
    view.landmarks = landmarks;
  }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;

  void place(std::uint32_t point, double x, double y) {
    landmarks[2 * point] = static_cast<float>(x);
    landmarks[2 * point + 1] = static_cast<float>(y);
  }
  /// The ring evenly on an ellipse, from its top, clockwise in the image.
  void place(const std::vector<std::uint32_t>& ring, double x, double y, double a, double b) {
    for (std::size_t i = 0; i < ring.size(); ++i) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(ring.size());
      place(ring[i], x + a * std::sin(angle), y - b * std::cos(angle));
    }
  }
  /// The points on skin along the diagonal through the middle.
  void place_skin(double reach) {
    for (std::size_t i = 0; i < view.points.skin.size(); ++i) {
      const double at = static_cast<double>(size) / 2 + reach * std::sin(1.7 * static_cast<double>(i));
      place(view.points.skin[i], at, at);
    }
  }
  void paint(long x, long y, const Rgb& colour, double light) {
    for (std::size_t k = 0; k < 3; ++k)
      rgb[3 * static_cast<std::size_t>(y * size + x) + k] = static_cast<float>(colour[k] * light);
  }
};

// An upright face on a round head; what the head shows above the forehead has `cover`'s colour.
inline void paint_portrait(Picture& picture, const Rgb& cover, double head_top = 50) {
  const double centre = 120, face_width = 35, face_height = 45, head = 70;
  for (long y = 0; y < picture.size; ++y) {
    for (long x = 0; x < picture.size; ++x) {
      const double dx = static_cast<double>(x) - centre, dy = static_cast<double>(y) - centre;
      const bool inside = std::hypot(dx, dy)<head&& static_cast<double>(y)> head_top;
      const double light = 1 + 0.1 * std::sin(static_cast<double>(x) / 9 + static_cast<double>(y) / 5);
      picture.paint(x, y, inside ? dy < -face_height ? cover : kSkin : Rgb{0.3, 0.3, 0.3}, light);
      picture.person[static_cast<std::size_t>(y * picture.size + x)] = inside ? 1 : 0;
    }
  }
  picture.place_skin(30);
  picture.place(picture.view.points.outline, centre, centre, face_width, face_height);
  picture.place(picture.view.points.right_lids, centre - 15, centre - 8, 6, 3);
  picture.place(picture.view.points.left_lids, centre + 15, centre - 8, 6, 3);
}

// One class a place of a photo of `photo` pixels, by pixels from its middle.
struct Classes {
  // One inside a disc, another outside.
  Classes(long photo, imaging::PixelClass inside, double radius, imaging::PixelClass outside)
      : Classes(photo, [=](double x, double y) { return std::hypot(x, y) < radius ? inside : outside; }) {}
  Classes(long photo, const std::function<imaging::PixelClass(double x, double y)>& shows) {
    constexpr long kSide = 120;
    probabilities.assign(static_cast<std::size_t>(imaging::kPixelClasses * kSide * kSide), 0.f);
    const double scale = static_cast<double>(photo) / kSide;
    for (long i = 0; i < kSide * kSide; ++i) {
      const double x = (static_cast<double>(i % kSide) + 0.5) * scale - static_cast<double>(photo) / 2;
      const double y = (static_cast<double>(i / kSide) + 0.5) * scale - static_cast<double>(photo) / 2;
      const imaging::PixelClass shown = shows(x, y);
      probabilities[static_cast<std::size_t>(static_cast<long>(shown) * kSide * kSide + i)] = 1;
    }
    view = {kSide, probabilities, {1 / scale, 0, 0, 0, 1 / scale, 0}};
  }
  std::vector<float> probabilities;
  imaging::DenseClasses view;
};

}  // namespace hrn::test
