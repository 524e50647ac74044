// Texture: what is known of colours that the photo does not show, and where it is not asked.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "fit/texture/plane.hpp"
#include "framework.hpp"

namespace hrn::test {
namespace {

HRN_TEST("fit/texture-bake/what is no skin is taken from the photo inside openings alone") {
  Plane plane;
  plane.paint([](int, int, int) { return 200; });
  // Nothing is seen of the left half, whose detail the right one would have.
  for (int i = 0; i < kSide * kSide; ++i)
    if (i % kSide < kSide / 2) plane.depth[static_cast<std::size_t>(i)] = kDistance / 2;
  const LeftHalf mask;
  mask.frame(plane.args);
  plane.args.person = mask.everywhere.data();
  const auto right = [&](const std::vector<float>& opening) {
    plane.args.opening = opening.data();
    return plane.bake()[texel(kSide / 2, 3 * kSide / 4)];
  };
  report.near(right(mask.everywhere), 200, 1, "the whole photo is an opening");
  report.near(right(std::vector<float>(mask.everywhere.size())), 102, 1, "none of it is");
}

HRN_TEST("fit/texture-bake/what is not seen has the colour that is known, and no detail of the other side") {
  Plane plane;
  plane.one_island();
  plane.cover_right();
  plane.paint([](int, int column, int) { return column % 4 < 2 ? 200 : 100; });
  std::vector<float> paint;
  for (long v = 0; v < plane.args.vertices; ++v) paint.insert(paint.end(), {0.2f, 0.4f, 0.6f, 1.f});
  plane.args.paint = paint.data();
  const auto texture = plane.bake();
  const int expected[3] = {51, 102, 153};
  for (int row = kBorder; row < kSide - kBorder; row += 11) {
    for (int column = 5 * kSide / 8; column < kSide - kBorder; ++column)
      for (std::size_t c = 0; c < 3; ++c) report.near(texture[texel(row, column) + c], expected[c], 1, "colour");
  }
}

HRN_TEST("fit/texture-bake/a texture of a photo in one tone has that tone everywhere") {
  Plane plane;
  plane.cover_right();
  plane.paint([](int, int column, int channel) { return (column + 40 * channel) % 256; });
  plane.args.tone.is_known = true;
  const auto grey = plane.bake();
  for (std::size_t i = 0; i < grey.size(); i += 3) CHECK(grey[i] == grey[i + 1] && grey[i] == grey[i + 2]);
  plane.args.tone.red[0] = 0.1f;
  plane.args.tone.blue[1] = -0.2f;
  plane.args.tone.brightest = 0.5f;
  const auto sepia = plane.bake();
  for (std::size_t i = 0; i < grey.size(); i += 3) {
    if (grey[i] < 60 || grey[i] > 200) continue;
    report.near(sepia[i], grey[i] + 25.5, 1, "red");
    report.near(sepia[i + 2], grey[i] - 0.2 * std::min<int>(grey[i], 128), 1.1, "blue");
  }
}

// Turns the normals of a half away from the camera, outwards.
void turn_half(Plane& plane, int half, float facing) {
  for (std::size_t v = static_cast<std::size_t>(4 * half); v < static_cast<std::size_t>(4 * half + 4); ++v) {
    plane.normals[3 * v] = (half == 0 ? -1.f : 1.f) * std::sqrt(1 - facing * facing);
    plane.normals[3 * v + 2] = facing;
  }
}

HRN_TEST("fit/texture-bake/what falls away from the camera has the other side's detail where that faces it") {
  const auto contrast = [](bool from_the_left) {
    Plane plane;
    plane.one_island();
    for (int half = 0; half < 2; ++half) turn_half(plane, half, from_the_left ? 0.89f : 0.5f);
    if (from_the_left) {
      // Its picture is the same: all of the plane is as far away.
      constexpr float kAside = 300;
      plane.args.camera.translation[0] = kAside;
      plane.args.camera.cx -= plane.args.camera.focal * kAside / kDistance;
    }
    plane.paint([](int, int column, int) { return column >= kSide / 2 ? 150 : column % 8 < 4 ? 180 : 120; });
    const auto texture = plane.bake();
    int low = 255, high = 0;
    for (int column = 3 * kSide / 4; column < 3 * kSide / 4 + 8; ++column) {
      low = std::min<int>(low, texture[texel(kSide / 2, column)]);
      high = std::max<int>(high, texture[texel(kSide / 2, column)]);
    }
    return high - low;
  };
  CHECK(contrast(true) > 25);
  // Where both fall away alike each is its own.
  report.near(contrast(false), 0, 5, "contrast of its own");
}

HRN_TEST("fit/texture-bake/skin beside hair at the side of the face is not taken from the photo") {
  // Of the strip inside the hair's edge, which the photo shows dark.
  const auto strip = [](bool has_hair, float facing) {
    Plane plane;
    plane.one_island();
    for (int half = 0; half < 2; ++half) turn_half(plane, half, facing);
    constexpr int kEdge = 3 * kSide / 4;
    plane.paint([](int, int column, int) { return column >= kEdge - 6 ? 20 : 200; });
    const LeftHalf mask;
    mask.frame(plane.args);
    std::vector<float> hair(mask.everywhere.size());
    for (std::size_t i = 0; i < hair.size() && has_hair; ++i)
      hair[i] = static_cast<int>(i) % LeftHalf::kWidth >= 3 * LeftHalf::kWidth / 4 ? 1.f : 0.f;
    plane.args.person = plane.args.skin = mask.everywhere.data();
    plane.args.hair = hair.data();
    return static_cast<int>(plane.bake()[texel(kSide / 2, kEdge - 4)]);
  };
  // Evened with the light of the rest a little.
  report.near(strip(false, 0.65f), 20, 8, "no hair there");
  report.near(strip(true, 1), 20, 2, "in front of the face");
  CHECK(strip(true, 0.65f) > 120);
}

}  // namespace
}  // namespace hrn::test
