// Values of vertices: made smooth, drawn over the layout. Those of whole heads are seen in test/exporters.test.ts.
#include "rig/surface_values.hpp"

#include <cmath>

#include "framework.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

// A strip of two squares from x = 0 to 2; columns of two vertices.
const std::vector<std::uint32_t> kStrip = {0, 2, 3, 0, 3, 1, 2, 4, 5, 2, 5, 3};

HRN_TEST("rig/spread leaves what is held and puts the middle half-way") {
  const std::vector<float> values = {0, 0, 7, -7, 1, 1};
  const std::vector<std::uint8_t> free = {0, 0, 1, 1, 0, 0};
  const std::vector<float> out = rig::spread(values, free, kStrip, 200, Cancel());
  for (std::size_t v : {0u, 1u}) report.near(out[v], 0, 0, "held at 0");
  for (std::size_t v : {4u, 5u}) report.near(out[v], 1, 0, "held at 1");
  // Of vertex 2 the neighbours' mean with the triangles' weights, and of vertex 3, which is its mirror image.
  report.near(out[2] + out[3], 1, 1e-5, "the two of the middle");
  report.equal(out[2] > 0.3f && out[2] < 0.7f, true, "between what is held");
}

HRN_TEST("rig/layout map draws values where triangles are, and a texel beyond") {
  const std::vector<float> values = {0.2f, 0.2f, 0.2f, 0.2f, 0.2f, 0.2f};
  const std::vector<float> uvs = {0.25f, 0.25f, 0.25f, 0.75f, 0.5f, 0.25f, 0.5f, 0.75f, 0.75f, 0.25f, 0.75f, 0.75f};
  const auto map = rig::layout_map({values, uvs, kStrip, 3, 16, 9}, Cancel());
  report.equal(map.size(), std::size_t{256}, "texels");
  for (std::size_t row = 0; row < 16; ++row) {
    for (std::size_t column = 0; column < 16; ++column) {
      const bool inside = row >= 4 && row < 12 && column >= 4 && column < 12;
      const bool away = row < 2 || row >= 14 || column < 2 || column >= 14;
      if (inside) report.equal(int{map[16 * row + column]}, 51, "a texel of the strip");
      if (away) report.equal(int{map[16 * row + column]}, 9, "a texel away from it");
    }
  }
}

HRN_TEST("rig/wild values and layouts do no harm") {
  Random random(8);
  const float bad[] = {NAN, INFINITY, -INFINITY, -3e38f, 1e-42f, 1e9f};
  for (int round = 0; round < 60; ++round) {
    std::vector<float> values(6, 0.5f), uvs(12);
    for (float& uv : uvs) uv = static_cast<float>(random.uniform(-0.5, 1.5));
    for (int k = 0; k < round % 5; ++k) {
      values[static_cast<std::size_t>(random.below(6))] = bad[random.below(6)];
      uvs[static_cast<std::size_t>(random.below(12))] = bad[random.below(6)];
    }
    report.equal(rig::layout_map({values, uvs, kStrip, round % 3, 8, 0}, Cancel()).size(), std::size_t{64}, "texels");
    const std::vector<std::uint8_t> free = {1, 0, 1, 1, 0, 2};
    report.equal(rig::spread(values, free, kStrip, 4, Cancel()).size(), std::size_t{6}, "values");
  }
}

}  // namespace
}  // namespace hrn::test
