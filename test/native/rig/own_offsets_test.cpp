// What worn shapes take of the rest, where the answer is known. Whole heads: test/own-expressions.test.ts.
#include "rig/own_offsets.hpp"

#include <cmath>
#include <limits>

#include "core/half.hpp"
#include "framework.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

HRN_TEST("rig/own offsets are what is missing, by how far a shape moves a place, and at most as much as it moves it") {
  // Three vertices: the first is moved by 4 mm by the one shape that is worn, the second by nothing, the third is not
  // asked for.
  std::vector<std::uint16_t> shapes(2 * 9, 0);
  shapes[0] = shapes[6] = float_to_half(4.0f).bits;
  shapes[9 + 1] = shapes[9 + 3] = shapes[9 + 6] = float_to_half(1.0f).bits;
  const std::vector<float> missing = {0.1f, 0.5f};
  std::vector<float> rest(9, 0.0f);
  rest[2] = 0.25f;
  const std::vector<std::uint32_t> worn = {0}, vertices = {0, 1};
  const std::vector<float> weights = {0.5f};
  const auto own = rig::own_offsets({3, shapes, missing, rest, worn, weights, vertices});
  const double left[3] = {0.4, 0.5, 0.25}, square = 0.16 + 0.25 + 0.0625;
  const double share = 0.5 * 16 / (0.25 * 16 + square / 4 + 0.04);
  for (std::size_t k = 0; k < 3; ++k) report.near(own[k], share * left[k], 1e-4, "what the first place takes");
  for (std::size_t i = 3; i < 9; ++i)
    report.equal(own[i], 0.0f, "places that the shape does not move, or nobody asked for");

  rest[2] = 1000;
  const auto much = rig::own_offsets({3, shapes, missing, rest, worn, weights, vertices});
  report.equal(std::hypot(much[0], much[1], much[2]) <= 4.0f, true, "at most as far as the shape moves it");
  const std::vector<float> faint = {0.03f};
  const auto less = rig::own_offsets({3, shapes, missing, std::vector<float>(9), worn, faint, vertices});
  report.equal(less[0] < 0.1 * 0.4 * 0.03 * 16 / (0.03 * 0.03 * 16), true, "a tenth where it is worn by a tenth");
}

HRN_TEST("rig/own offsets of wild numbers do no harm") {
  Random random(6);
  const float bad[] = {NAN, INFINITY, -3e38f, 1e-42f, 1e9f};
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint16_t> shapes(3 * 15);
    for (auto& half : shapes) half = static_cast<std::uint16_t>(random.below(65536));
    std::vector<float> missing(3), rest(15), weights(2);
    for (auto* values : {&missing, &rest, &weights})
      for (float& value : *values) value = bad[random.below(5)];
    const std::vector<std::uint32_t> worn = {2, 0}, vertices = {4, 1, 1};
    const auto own = rig::own_offsets({5, shapes, missing, rest, worn, weights, vertices});
    report.equal(own.size(), std::size_t{30}, "three numbers a vertex and shape");
    report.equal(own[0], 0.0f, "a vertex that nobody asked for");
  }
  report.equal(rig::own_offsets({}).empty(), true, "nothing at all");
}

}  // namespace
}  // namespace hrn::test
