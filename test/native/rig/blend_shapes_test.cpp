// Blend shapes of a hostile head, and of one whose answer is known. Whole heads are compared in test/exporters.test.ts.
#include "rig/blend_shapes.hpp"

#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "framework.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

// Two triangles of a square in the plane z = 0, and a vertex of none.
const std::vector<float> kSquare = {0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 5, 5, 5};
const std::vector<std::uint32_t> kTriangles = {0, 1, 2, 0, 2, 3};

HRN_TEST("rig/blend shapes hold what moves and turns, and nothing else") {
  std::vector<float> folded(15, 0.0f);
  folded[3 * 1 + 2] = 1;  // one corner up: its triangle turns, which three corners have, two of them also the other
  std::vector<std::uint16_t> halfs(15, 0);
  halfs[3 * 4] = float_to_half(2.0f).bits;
  halfs[3 * 3] = float_to_half(0.0005f).bits;
  const rig::BlendShapes shapes = rig::blend_shapes(
      {kSquare, kTriangles, {{{}, folded}, {halfs, {}}, {{}, std::vector<float>(15)}}, 1e-3, 1e-3}, Cancel());
  report.equal(shapes.normals == std::vector<float>({0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1}), true, "normals");
  report.equal(shapes.position_offsets.ends == std::vector<std::uint32_t>({1, 2, 2}), true, "ends of offsets");
  report.equal(shapes.position_offsets.vertices == std::vector<std::uint32_t>({1, 4}), true, "vertices that move");
  report.equal(shapes.position_offsets.values == std::vector<float>({0, 0, 1, 2, 0, 0}), true, "offsets");
  report.equal(shapes.normal_offsets.ends == std::vector<std::uint32_t>({3, 3, 3}), true, "ends of turns");
  report.equal(shapes.normal_offsets.vertices == std::vector<std::uint32_t>({0, 1, 2}), true, "vertices that turn");
  const float* alone = &shapes.normal_offsets.values[3];  // of the corner that is in the one triangle
  report.near(alone[0], -std::sqrt(1.0 / 3), 1e-6, "x of the turn");
  report.near(alone[1], std::sqrt(1.0 / 3), 1e-6, "y of the turn");
  report.near(alone[2], std::sqrt(1.0 / 3) - 1, 1e-6, "z of the turn");
}

HRN_TEST("rig/blend shapes of wild numbers do no harm, and stop when they are asked to") {
  Random random(5);
  const float bad[] = {NAN, INFINITY, -3e38f, 1e-42f, 1e9f};
  std::vector<float> positions = kSquare, floats(15, 0.0f);
  std::vector<std::uint16_t> halfs(15);
  for (int round = 0; round < 50; ++round) {
    positions[static_cast<std::size_t>(random.below(15))] = bad[random.below(5)];
    floats[static_cast<std::size_t>(random.below(15))] = bad[random.below(5)];
    for (auto& half : halfs) half = static_cast<std::uint16_t>(random.below(65536));
    const auto shapes = rig::blend_shapes({positions, kTriangles, {{{}, floats}, {halfs, {}}}, 1e-3, 1e-3}, Cancel());
    report.equal(shapes.normal_offsets.values.size(), 3 * shapes.normal_offsets.vertices.size(), "three numbers each");
  }
  report.equal(rig::blend_shapes({{}, {}, {{}}, 0, 0}, Cancel()).normals.empty(), true, "no head at all");
  Cancel cancel;
  cancel.request();
  bool stopped = false;
  try {
    rig::blend_shapes({kSquare, kTriangles, {{halfs, {}}}, 0, 0}, cancel);
  } catch (const Error& error) {
    stopped = error.code() == ErrorCode::cancelled;
  }
  CHECK(stopped);
}

}  // namespace
}  // namespace hrn::test
