// Losses of the reference's loop, one by one, with their gradients, against PyTorch's on the reference's own functions:
// fixtures/reference_losses.inc was written by it, in double precision, on inputs drawn as below.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <vector>

#include "framework.hpp"
#include "losses/edge_pull.hpp"
#include "losses/landmark.hpp"
#include "losses/photometric.hpp"
#include "losses/prior.hpp"
#include "losses/total_variation.hpp"

namespace hrn::test {
namespace {

struct Truth {
  const char* name;
  double value;
  std::vector<double> gradient;
};
const std::vector<Truth>& truths() {
  static const std::vector<Truth> list = {
#include "fixtures/reference_losses.inc"
  };
  return list;
}

constexpr double kRelative = 1e-4;

/// Evenly around `shift` by `scale` at most, from a hash of the name and the index.
std::vector<float> drawn(const char* name, std::size_t count, double scale, float shift = 0) {
  std::uint32_t seed = 0;
  for (const char* c = name; *c != 0; ++c) seed = seed * 31 + static_cast<std::uint32_t>(*c);
  std::vector<float> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t x = static_cast<std::uint32_t>(i) * 2654435761u + seed;
    for (int round = 0; round < 2; ++round) x = (x ^ x >> 16) * 0x45d9f3bu;
    x ^= x >> 16;
    out[i] = shift + static_cast<float>((static_cast<double>(x) / 4294967296.0 - 0.5) * 2 * scale);
  }
  return out;
}

void compare(Report& report, const char* name, double value, const std::vector<float>& gradient) {
  const auto truth =
      std::find_if(truths().begin(), truths().end(), [&](const Truth& t) { return std::strcmp(t.name, name) == 0; });
  if (truth == truths().end()) return report.fail("no truth");
  report.near(value, truth->value, kRelative * truth->value, "value");
  report.equal(gradient.size(), truth->gradient.size(), "entries");
  double largest = 0;
  for (const double g : truth->gradient) largest = std::max(largest, std::abs(g));
  for (std::size_t i = 0; i < std::min(gradient.size(), truth->gradient.size()); ++i)
    report.near(static_cast<double>(gradient[i]), truth->gradient[i], kRelative * largest,
                "gradient " + std::to_string(i));
}

/// Runs both directions over n elements; returns the reduced values.
template <class Loss, int N, class Args>
std::vector<double> both(long n, const Args& args) {
  std::vector<double> sums(N);
  for (long i = 0; i < n; ++i) Loss::Forward::run(args, i, sums.data());
  for (long i = 0; i < n; ++i) Loss::Backward::run(args, i);
  return sums;
}

HRN_TEST("reference losses/photo") {
  constexpr std::size_t kPixels = 81;
  const auto rendered = drawn("photo a", 3 * kPixels, 0.5, 0.5f), target = drawn("photo b", 3 * kPixels, 0.5, 0.5f);
  auto mask = drawn("photo mask", kPixels, 1);
  double seen = 0;
  for (float& m : mask) seen += static_cast<double>(m = m > -0.5f ? 1 : 0);
  std::vector<float> gradient(3 * kPixels);
  losses::PhotometricArgs<float> args;
  args.rendered = rendered.data();
  args.target = target.data();
  args.weight = mask.data();
  args.grad_scale = static_cast<float>(1 / seen);
  args.grad_rendered = gradient.data();
  const auto sums = both<losses::Photometric, losses::Photometric::kReduced>(kPixels, args);
  compare(report, "photo", sums[0] / sums[1], gradient);
}

HRN_TEST("reference losses/landmark") {
  constexpr std::size_t kPoints = 68;
  const auto points = drawn("landmark a", 2 * kPoints, 60, 112), target = drawn("landmark b", 2 * kPoints, 60, 112);
  std::vector<float> screen(3 * kPoints), corner, precision, slots(9 * kPoints), gradient;
  std::vector<std::int32_t> vertices;
  for (std::size_t i = 0; i < kPoints; ++i) {
    for (std::size_t k = 0; k < 2; ++k) screen[3 * i + k] = points[2 * i + k];
    vertices.insert(vertices.end(), 3, static_cast<std::int32_t>(i));
    corner.insert(corner.end(), {1, 0, 0});
    const float weight = (i >= 28 && i < 31) || i >= kPoints - 8 ? 20.f : 1.f;
    precision.insert(precision.end(), {weight, 0, weight});
  }
  losses::LandmarkArgs<float> args;
  args.screen = screen.data();
  args.vertices = vertices.data();
  args.barycentrics = corner.data();
  args.target = target.data();
  args.precision = precision.data();
  args.grad_scale = 1.f / kPoints;
  args.slots = slots.data();
  const auto sums = both<losses::Landmark, 1>(kPoints, args);
  for (std::size_t i = 0; i < kPoints; ++i) gradient.insert(gradient.end(), {slots[9 * i], slots[9 * i + 1]});
  compare(report, "landmark", sums[0] / kPoints, gradient);
}

HRN_TEST("reference losses/coefficients") {
  std::vector<float> values, weights, gradient(224);
  for (const auto& [name, count, weight] : {std::tuple{"id", 80, 1.f}, {"exp", 64, 0.8f}, {"tex", 80, 0.017f}}) {
    const auto part = drawn(name, static_cast<std::size_t>(count), 1);
    values.insert(values.end(), part.begin(), part.end());
    weights.insert(weights.end(), part.size(), weight);
  }
  const losses::CoefficientPriorArgs<float> args{values.data(), nullptr, weights.data(), 1, gradient.data()};
  compare(report, "coefficients", both<losses::CoefficientPrior, 1>(224, args)[0], gradient);
}

HRN_TEST("reference losses/light") {
  const auto light = drawn("gamma", 27, 1);
  std::vector<float> gradient(27);
  const losses::LightPriorArgs<float> args{light.data(), 1, gradient.data()};
  compare(report, "light", both<losses::LightPrior, 1>(27, args)[0], gradient);
}

HRN_TEST("reference losses/smoothness and spread") {
  using Smooth = losses::TotalVariation<3>;
  const auto map = drawn("map", 3 * 64, 0.05);
  for (const bool spread : {false, true}) {
    std::vector<float> gradient(map.size());
    losses::TotalVariationArgs<float> args;
    args.size = 8;
    args.map = map.data();
    args.weight = spread ? 0.f : 1.f;
    args.spread_weight = spread ? 1.f : 0.f;
    args.grad_map = gradient.data();
    double sums[Smooth::kReduced] = {};
    for (long i = 0; i < 64; ++i) Smooth::Forward::run(args, i, sums);
    const auto value = Smooth::value(sums, 8);
    args.mean_vertical = static_cast<float>(value.mean_vertical);
    args.mean_horizontal = static_cast<float>(value.mean_horizontal);
    for (long i = 0; i < 64; ++i) Smooth::Backward::run(args, i);
    if (spread)
      compare(report, "spread", value.spread, gradient);
    else
      compare(report, "smoothness", value.total_variation, gradient);
  }
}

HRN_TEST("reference losses/texture") {
  const auto map = drawn("map", 3 * 64, 0.05);
  std::vector<float> gradient(map.size());
  const losses::TexturePriorArgs<float> args{map.data(), losses::TexturePriorForm::absolute,
                                             1.f / static_cast<float>(map.size()), gradient.data()};
  compare(report, "texture", both<losses::TexturePrior, 1>(static_cast<long>(map.size()), args)[0], gradient);
}

HRN_TEST("reference losses/contour") {
  constexpr std::size_t kVertices = 200;
  constexpr long kSide = 224;
  const auto points = drawn("contour", 2 * kVertices, 110, 112);
  std::vector<float> screen(3 * kVertices), grad_screen(3 * kVertices), gradient;
  for (std::size_t i = 0; i < kVertices; ++i) {
    screen[3 * i] = points[2 * i];
    screen[3 * i + 1] = static_cast<float>(kSide) - points[2 * i + 1];
  }
  std::vector<losses::MaskSpan<float>> rows;
  for (int k = 0; k < kSide; ++k)
    rows.push_back({static_cast<float>(60 + k * 7 % 23), static_cast<float>(150 + k * 5 % 31)});
  losses::EdgePullArgs<float> args;
  args.screen = screen.data();
  args.rows = rows.data();
  args.side = kSide;
  args.grad_scale = 1.f / kVertices;
  args.grad_screen = grad_screen.data();
  const auto sums = both<losses::EdgePull, 1>(kVertices, args);
  for (std::size_t i = 0; i < kVertices; ++i)
    gradient.insert(gradient.end(), {grad_screen[3 * i], grad_screen[3 * i + 1]});
  compare(report, "contour", sums[0] / kVertices, gradient);
}

}  // namespace
}  // namespace hrn::test
