// Texture: the fine detail of what the photo does not show.
#include <cmath>
#include <numbers>

#include "fit/texture/grain_maker.hpp"
#include "fit/texture/plane.hpp"
#include "framework.hpp"

namespace hrn::test {
namespace {

using fit::texture::Grain;

struct Spread {
  double mean, deviation;
};
// Of red in the rows of a texture, beside its border and the middle.
Spread spread(const std::vector<std::uint8_t>& texture, int size, int first, int last) {
  double sum = 0, squares = 0, count = 0;
  for (int row = first; row < last; ++row) {
    for (int column = size / 8; column < 7 * size / 8; ++column) {
      if (std::abs(column - size / 2) < 20) continue;
      const double value = texture[3 * static_cast<std::size_t>(row * size + column)];
      sum += value;
      squares += value * value;
      ++count;
    }
  }
  return {sum / count, std::sqrt(squares / count - sum / count * (sum / count))};
}

HRN_TEST("fit/texture-grain/skin that is not seen is as rough as what is seen, in bands and on any number of threads") {
  constexpr int kSize = 512;
  for (const int amplitude : {0, 20}) {
    Plane plane;
    plane.one_island();
    plane.args.size = kSize;
    // Neither half shows its lower part.
    for (int i = kSide * kSide / 2; i < kSide * kSide; ++i) plane.depth[static_cast<std::size_t>(i)] = kDistance / 2;
    plane.paint([&](int row, int column, int) {
      const auto hash = fit::texture::mixed(static_cast<std::uint32_t>(row * kSide + column));
      return 102 + static_cast<int>(hash % 1000) * amplitude / 500 - amplitude;
    });
    const auto texture = plane.bake();
    const Spread seen = spread(texture, kSize, 60, 200), unseen = spread(texture, kSize, 300, 480);
    report.near(unseen.mean, 102, 4, "colour of what is not seen");
    if (amplitude == 0)
      report.near(unseen.deviation, 0, 0.6, "roughness beside smooth skin");
    else
      report.near(unseen.deviation / seen.deviation, 1, 0.35, "roughness of what is not seen over that of what is");
    CHECK(texture == plane.bake(3));
    CHECK(texture == plane.bake(1, nullptr, kSize * kSize / 4));
  }
}

HRN_TEST("fit/texture-grain/the patch is plain skin of usual roughness, and no skin has none") {
  constexpr long kBlocks = 32, kBlock = 4;
  const float asked = fit::texture::texels_asked(kBlock);
  std::vector<float> sums(fit::texture::kGrainSums * kBlocks * kBlocks);
  CHECK(!fit::texture::choose_patch(sums, kBlocks, kBlock));
  report.equal(fit::texture::strands_of(sums, kBlock), 0.1f, "usual strands where no hair is seen");
  const auto set = [&](long x, long y, float variance) {
    float* s = sums.data() + fit::texture::kGrainSums * (y * kBlocks + x);
    s[0] = s[3] = asked;
    s[1] = s[4] = asked;
    s[2] = s[5] = asked * (1 + variance);
  };
  // Ten blocks square, and a smaller place that is usual too.
  for (long y = 3; y < 13; ++y)
    for (long x = 20; x < 30; ++x) set(x, y, 0.01f);
  for (long y = 20; y < 27; ++y)
    for (long x = 2; x < 9; ++x) set(x, y, 0.04f);
  const auto patch = fit::texture::choose_patch(sums, kBlocks, kBlock);
  CHECK(patch.has_value());
  if (patch) CHECK(patch->x == 20 * kBlock && patch->y == 3 * kBlock && patch->side == 10 * kBlock);
  report.near(fit::texture::strands_of(sums, kBlock), std::sqrt((100 * 0.01 + 49 * 0.04) / 149), 0.005, "strands");
}

HRN_TEST("fit/texture-grain/strands close to a ring, and fade where texels are wider") {
  using fit::texture::HairLayout;
  std::vector<float> positions, growth, pattern(2 * fit::texture::kStrandRows * fit::texture::kStrandColumns);
  constexpr long kPoints = 64;
  for (long i = 0; i < kPoints; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / kPoints;
    positions.insert(positions.end(),
                     {static_cast<float>(95 * std::sin(angle)), 20, static_cast<float>(-80 + 95 * std::cos(angle))});
  }
  growth.resize(positions.size());
  const fit::texture::HairArgs args{positions.data(), growth.data(), pattern.data()};
  for (long i = 0; i < kPoints; ++i) HairLayout::Grow::run(args, i);
  for (long i = 0; i < fit::texture::kStrandRows * fit::texture::kStrandColumns; ++i) HairLayout::Strands::run(args, i);
  Grain grain;
  grain.strands = 0.2f;
  grain.growth = growth.data();
  grain.pattern = pattern.data();
  double squares = 0, coarse = 0, last = 0, largest = 0;
  long count = 0;
  for (long i = 0; i < kPoints; ++i) {
    const long v[3] = {i, (i + 1) % kPoints, i};
    for (int step = 0; step < 200; ++step) {
      const float t = static_cast<float>(step) / 200, b[3] = {1 - t, t, 0};
      const double value = static_cast<double>(grain.hair(v, b, 0.2f));
      squares += value * value;
      coarse = std::max(coarse, std::abs(static_cast<double>(grain.hair(v, b, 20))));
      if (count++ > 0) largest = std::max(largest, std::abs(value - last));
      last = value;
    }
  }
  const double deviation = std::sqrt(squares / static_cast<double>(count));
  CHECK(deviation > 0.06 && deviation < 0.25);
  // Nor is there a step where the ring closes.
  CHECK(largest < 0.1);
  report.equal(coarse, 0.0, "strands under texels of 20 mm");
}

}  // namespace
}  // namespace hrn::test
