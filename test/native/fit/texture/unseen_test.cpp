// Texture: what is known of colours that the photo does not show, and where it is not asked.
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

HRN_TEST("fit/texture-bake/a texture without chroma has none anywhere") {
  Plane plane;
  plane.cover_right();
  plane.paint([](int, int column, int channel) { return (column + 40 * channel) % 256; });
  plane.args.colourless = true;
  const auto texture = plane.bake();
  for (std::size_t i = 0; i < texture.size(); i += 3)
    CHECK(texture[i] == texture[i + 1] && texture[i] == texture[i + 2]);
}

}  // namespace
}  // namespace hrn::test
