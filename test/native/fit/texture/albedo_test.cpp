// The texture without its light, on a flat mesh whose albedo and light are known.
#include <cmath>

#include "fit/texture/plane.hpp"
#include "framework.hpp"

namespace hrn::test {
namespace {

// The plane's albedo without its light; bakes the texture as well.
std::vector<std::uint8_t> albedo_of(Plane& plane, const std::vector<float>& albedo) {
  plane.args.albedo = albedo.data();
  for (float& ambient : plane.args.ambient) ambient = 1;
  std::vector<std::uint8_t> unlit(3 * kSide * kSide);
  plane.bake(1, unlit.data());
  return unlit;
}

HRN_TEST("fit/texture-albedo/fitted light, and what the fit left of it, are taken out; detail stays") {
  Plane plane;
  plane.one_island();
  const std::vector<float> albedo(plane.shaded.size(), 0.4f);
  // Fitted: from half the light on the left to one and a half on the right.
  for (std::size_t i = 0; i < plane.shaded.size(); ++i) {
    const float x = plane.positions[3 * (i / 3)] / kHalf;
    plane.shaded[i] = 0.4f * (1 + 0.5f * x);
  }
  // Photographed: that, a shadow over the lower half that nothing explains, and marks of the skin.
  plane.paint([](int row, int column, int) {
    const double x = 2 * (column + 0.5) / kSide - 1, shadow = row < kSide / 2 ? 1 : 0.7;
    return static_cast<int>(std::lround(102 * (1 + 0.5 * x) * shadow * (column % 8 < 4 ? 1.05 : 0.95)));
  });
  const auto unlit = albedo_of(plane, albedo);
  double marks = 0;
  long count = 0;
  // Away from the border and from the edge of the shadow.
  for (const int row : {kSide / 6, kSide / 4, 3 * kSide / 4, 5 * kSide / 6}) {
    double mean = 0;
    for (int column = kSide / 8; column < 7 * kSide / 8; ++column) mean += unlit[texel(row, column)];
    report.near(mean / (3 * kSide / 4.0), 102, 6, "mean of a row");
    for (int column = kSide / 8; column + 4 < 7 * kSide / 8; column += 8, ++count)
      marks += std::abs(unlit[texel(row, column + 2)] - unlit[texel(row, column + 6)]);
  }
  CHECK(marks / static_cast<double>(count) > 6);
}

HRN_TEST("fit/texture-albedo/what is not seen has the model's hue, not that of what lies beside it in the layout") {
  Plane plane;
  plane.one_island();
  plane.cover_right();
  // Red on the left, grey on the right; the photo shows the left alone, as it is.
  std::vector<float> albedo;
  for (std::size_t v = 0; v < plane.shaded.size() / 3; ++v) {
    const bool is_red = v < plane.shaded.size() / 6;
    albedo.insert(albedo.end(), {is_red ? 0.6f : 0.4f, is_red ? 0.3f : 0.4f, is_red ? 0.3f : 0.4f});
  }
  plane.shaded = albedo;
  plane.paint([](int, int, int channel) { return channel == 0 ? 153 : 77; });
  const auto unlit = albedo_of(plane, albedo);
  for (const int column : {kSide / 2 + 2, kSide / 2 + 5, 3 * kSide / 4}) {
    const std::size_t at = texel(kSide / 2, column);
    report.near(static_cast<double>(unlit[at]) / unlit[at + 1], 1, 0.06, "red over green of grey");
  }
}

HRN_TEST("fit/texture-albedo/dark lines where an expression draws skin together fade, others stay") {
  Plane plane;
  plane.one_island();
  const std::vector<float> albedo(plane.shaded.size(), 0.4f);
  plane.shaded = albedo;
  plane.paint([](int, int column, int) { return column % 16 == 0 ? 51 : 102; });
  const auto depth = [&] {
    const auto unlit = albedo_of(plane, albedo);
    double sum = 0;
    for (int column = 32; column < 224; column += 16)
      sum += unlit[texel(kSide / 2, column + 8)] - unlit[texel(kSide / 2, column)];
    return sum / 12;
  };
  const double before = depth();
  std::vector<float> creases(plane.positions.size() / 3, 0.0f);
  plane.args.creases = creases.data();
  report.near(depth(), before, 1e-9, "no crease");
  std::fill(creases.begin(), creases.end(), 1.0f);
  CHECK(before > 30);
  CHECK(depth() > 2 && depth() < 0.45 * before);
}

}  // namespace
}  // namespace hrn::test
