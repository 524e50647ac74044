// Every backward of losses/ against central differences, and the forwards against their definitions.
#include <algorithm>

#include "backends/cpu/cpu_backend.hpp"
#include "core/topology.hpp"
#include "gradient.hpp"
#include "losses/contour.hpp"
#include "losses/edge_pull.hpp"
#include "losses/landmark.hpp"
#include "losses/photometric.hpp"
#include "losses/prior.hpp"
#include "losses/total_variation.hpp"
#include "ops/corner_gather.hpp"

namespace hrn::test {
namespace {

using Vector = std::vector<double>;

std::size_t size(long n) { return static_cast<std::size_t>(n); }

struct Cpu {
  ThreadPool pool{2};
  CpuBackend backend{pool};

  template <class K, int N = 1, class A>
  std::vector<double> sum(long n, const A& args) {
    std::vector<double> out(N);
    backend.reduce<K, N>(n, args, out.data());
    return out;
  }
};

constexpr long kPixels = 400;

void check_photometric(Report& report, losses::PhotometricForm form, double brightest = 1) {
  Cpu cpu;
  Random random(11);
  Vector rendered = random.vector<double>(3 * kPixels, 0, brightest), target = random.vector<double>(3 * kPixels, 0, 1),
         weight = random.vector<double>(kPixels, 0, 1), gradient(size(3 * kPixels));
  std::vector<std::int32_t> id(size(kPixels));
  for (long i = 0; i < kPixels; ++i) id[size(i)] = i % 7 == 0 ? -1 : static_cast<std::int32_t>(i);
  losses::PhotometricArgs<double> a;
  a.rendered = rendered.data();
  a.target = target.data();
  a.weight = weight.data();
  a.triangle_id = id.data();
  a.form = form;
  a.saturates = brightest > 1;
  a.robust_scale = 0.4;  // some pixels on either side of it
  a.grad_rendered = gradient.data();
  const auto mean = [&] {
    const auto s = cpu.sum<losses::Photometric::Forward, losses::Photometric::kReduced>(kPixels, a);
    a.grad_scale = 1.92 / s[1];
    return 1.92 * s[0] / s[1];
  };
  mean();
  cpu.backend.for_each<losses::Photometric::Backward>(kPixels, a);
  for (long i = 0; i < kPixels; i += 7) CHECK(gradient[size(3 * i)] == 0);
  check_gradient(report, "rendered", rendered, gradient, mean);
}

HRN_TEST("gradient/photometric/root") {
  check_photometric(report, losses::PhotometricForm::root);
  // The definition: masked mean of sqrt(1e-6 + squared norm).
  const double rendered[6] = {0.5, 0.5, 0.5, 0, 0, 0}, target[6] = {0.5, 0.5, 0.5, 0.3, 0, 0.4};
  losses::PhotometricArgs<double> a;
  a.rendered = rendered;
  a.target = target;
  const auto s = Cpu().sum<losses::Photometric::Forward, 2>(2, a);
  report.near(s[0] / s[1], (1e-3 + std::sqrt(0.25 + 1e-6)) / 2, 1e-12, "mean");
}
HRN_TEST("gradient/photometric/huber") { check_photometric(report, losses::PhotometricForm::huber); }
HRN_TEST("gradient/photometric/brighter than a photo shows") {
  check_photometric(report, losses::PhotometricForm::geman_mcclure, 1.6);
}
HRN_TEST("gradient/photometric/geman_mcclure") { check_photometric(report, losses::PhotometricForm::geman_mcclure); }

void check_landmark(Report& report, losses::Robust form) {
  Cpu cpu;
  Random random(12);
  const long vertices = 40, count = 30;
  Vector screen = random.vector<double>(3 * vertices, 0, 100), barycentrics = random.vector<double>(3 * count, 0, 1),
         target = random.vector<double>(2 * count, 0, 100), precision(size(3 * count)), slots(size(9 * count)),
         gradient(size(3 * vertices));
  std::vector<std::uint32_t> points(size(3 * count));
  for (std::uint32_t& v : points) v = static_cast<std::uint32_t>(random.below(vertices));
  for (long i = 0; i < count; ++i) {
    const double a = random.uniform(0.1, 0.5), b = random.uniform(0.1, 0.5);
    precision[size(3 * i)] = a * a;
    precision[size(3 * i + 1)] = 0.7 * a * b;
    precision[size(3 * i + 2)] = b * b;
  }
  // Landmarks are gathered like the corners of triangles.
  const Topology corners = build_topology(points.data(), count, vertices);
  losses::LandmarkArgs<double> a;
  a.screen = screen.data();
  a.vertices = corners.triangles.data();
  a.barycentrics = barycentrics.data();
  a.target = target.data();
  a.precision = precision.data();
  a.form = form;
  a.robust_scale = 12;
  a.grad_scale = 0.3;
  a.slots = slots.data();
  cpu.backend.for_each<losses::Landmark::Backward>(count, a);
  cpu.backend.for_each<ops::CornerGather<3>::Set>(
      vertices, ops::CornerGatherArgs<double>{corners.corner_offsets.data(), corners.corners.data(), slots.data(),
                                              gradient.data()});
  check_gradient(report, "screen", screen, gradient,
                 [&] { return 0.3 * cpu.sum<losses::Landmark::Forward>(count, a)[0]; });
}

HRN_TEST("gradient/landmark/squared") { check_landmark(report, losses::Robust::none); }
HRN_TEST("gradient/landmark/huber") { check_landmark(report, losses::Robust::huber); }
HRN_TEST("gradient/landmark/geman_mcclure") { check_landmark(report, losses::Robust::geman_mcclure); }

HRN_TEST("gradient/edge_pull") {
  Cpu cpu;
  Random random(17);
  const long side = 40, vertices = 300;
  const std::vector<losses::MaskSpan<double>> rows(size(side), {10.0, 31.0});
  Vector screen = random.vector<double>(3 * vertices, -5, 45), gradient(size(3 * vertices));
  // Distances have corners at the ends, in the middle and where the pull inside ends.
  for (std::size_t i = 0; i < screen.size(); ++i) screen[i] = std::floor(screen[i]) + 0.3;
  screen[0] = 10.2;  // inside, near enough to be pulled
  losses::EdgePullArgs<double> a;
  a.screen = screen.data();
  a.rows = rows.data();
  a.side = side;
  a.grad_scale = 20.0 / static_cast<double>(vertices);
  a.grad_screen = gradient.data();
  const auto loss = [&] { return a.grad_scale * cpu.sum<losses::EdgePull::Forward>(vertices, a)[0]; };
  cpu.backend.for_each<losses::EdgePull::Backward>(vertices, a);
  CHECK(gradient[0] > 0);
  check_gradient(report, "screen", screen, gradient, loss, {1e-5, 1e-6, 3 * vertices});
}

HRN_TEST("gradient/contour") {
  Cpu cpu;
  Random random(13);
  const long width = 40, height = 30, vertices = 300;
  Vector mask(size(width * height));
  for (long y = 5; y < 25; ++y)
    for (long x = 8 + y / 3; x < 30 - y / 4; ++x) mask[size(y * width + x)] = 1;
  std::vector<losses::MaskSpan<double>> rows(size(height)), columns(size(width));
  losses::mask_spans(mask.data(), width, height, 0.5, rows.data(), columns.data());
  report.equal(rows[7].first, 10.0, "first masked column of row 7");
  report.equal(rows[7].last, 29.0, "end of the masked columns of row 7");
  report.equal(columns[15].first, 5.0, "first masked row of column 15");
  CHECK(!(rows[0].first < rows[0].last));

  Vector screen = random.vector<double>(3 * vertices, -5, 45), weight = random.vector<double>(vertices, 0, 1),
         gradient(size(3 * vertices));
  // Distances jump where a vertex passes from one row to the next; keep clear of that and of the corner at zero.
  for (std::size_t i = 0; i < screen.size(); ++i) screen[i] = std::floor(screen[i]) + 0.25;
  losses::ContourArgs<double> a;
  a.screen = screen.data();
  a.weight = weight.data();
  a.rows = rows.data();
  a.columns = columns.data();
  a.width = width;
  a.height = height;
  a.grad_scale = 20.0 / static_cast<double>(vertices);
  a.grad_screen = gradient.data();
  const auto loss = [&] { return a.grad_scale * cpu.sum<losses::Contour::Forward>(vertices, a)[0]; };
  cpu.backend.for_each<losses::Contour::Backward>(vertices, a);
  check_gradient(report, "screen", screen, gradient, loss, {1e-5, 1e-6, 3 * vertices});

  // One vertex two pixels left of its row's span, inside its column's.
  const double one[3] = {8.0, 7.5, 600};
  a.screen = one;
  a.weight = nullptr;
  a.columns = nullptr;
  report.near(cpu.sum<losses::Contour::Forward>(1, a)[0], 2.0 / 40, 1e-12, "distance outside");
}

HRN_TEST("gradient/total_variation") {
  Cpu cpu;
  Random random(14);
  const long side = 13;
  Vector map = random.vector<double>(side * side * 3), gradient(map.size());
  using Loss = losses::TotalVariation<3>;
  losses::TotalVariationArgs<double> a;
  a.size = side;
  a.map = map.data();
  a.weight = 0.7;
  a.spread_weight = 0.02;
  a.grad_map = gradient.data();
  const auto loss = [&] {
    const auto v = Loss::value(cpu.sum<Loss::Forward, Loss::kReduced>(side * side, a).data(), side);
    a.mean_vertical = v.mean_vertical;
    a.mean_horizontal = v.mean_horizontal;
    return a.weight * v.total_variation + a.spread_weight * v.spread;
  };
  const double got = loss();
  // The definition, with the means subtracted before squaring.
  double want = 0;
  for (const long step : {side * 3, 3L}) {
    Vector d;
    for (long i = 0; i < side; ++i)
      for (long j = 0; j < side; ++j)
        for (long c = 0; c < 3; ++c) {
          if (step == 3 ? j + 1 == side : i + 1 == side) continue;
          const double difference = map[size((i * side + j) * 3 + c + step)] - map[size((i * side + j) * 3 + c)];
          d.push_back(difference * difference);
        }
    double mean = 0, spread = 0;
    for (const double x : d) mean += x / static_cast<double>(d.size());
    for (const double x : d) spread += (x - mean) * (x - mean);
    want += 2 * (a.weight * mean + a.spread_weight * spread);
  }
  report.near(got, want, 1e-10, "value");
  cpu.backend.for_each<Loss::Backward>(side * side, a);
  check_gradient(report, "map", map, gradient, loss, {1e-5, 1e-6, 200});
}

HRN_TEST("gradient/prior/coefficients") {
  Cpu cpu;
  Random random(15);
  Vector values = random.vector<double>(50), mean = random.vector<double>(50), weight = random.vector<double>(50, 0, 2),
         gradient(50);
  losses::CoefficientPriorArgs<double> a{values.data(), mean.data(), weight.data(), 0.4, gradient.data()};
  cpu.backend.for_each<losses::CoefficientPrior::Backward>(50, a);
  check_gradient(report, "values", values, gradient,
                 [&] { return cpu.sum<losses::CoefficientPrior::Forward>(50, a)[0]; });
}

HRN_TEST("gradient/prior/light") {
  Cpu cpu;
  Vector lighting = Random(16).vector<double>(27), gradient(27);
  losses::LightPriorArgs<double> a{lighting.data(), 10, gradient.data()};
  cpu.backend.for_each<losses::LightPrior::Backward>(27, a);
  check_gradient(report, "lighting", lighting, gradient,
                 [&] { return cpu.sum<losses::LightPrior::Forward>(27, a)[0]; });
  for (std::size_t i = 0; i < 27; ++i) lighting[i] = lighting[i % 9];
  report.near(cpu.sum<losses::LightPrior::Forward>(27, a)[0], 0, 1e-15, "grey light");
}

HRN_TEST("gradient/prior/texture") {
  Cpu cpu;
  Vector values = Random(17).vector<double>(300);
  for (const auto form : {losses::TexturePriorForm::absolute, losses::TexturePriorForm::squared}) {
    Vector gradient(300);
    losses::TexturePriorArgs<double> a{values.data(), form, 0.1, gradient.data()};
    cpu.backend.for_each<losses::TexturePrior::Backward>(300, a);
    check_gradient(report, "values", values, gradient,
                   [&] { return cpu.sum<losses::TexturePrior::Forward>(300, a)[0]; });
  }
}

template <bool kVectors>
void check_symmetry(Report& report, long side) {
  Cpu cpu;
  Vector map = Random(18).vector<double>(side * side * 3), gradient(map.size());
  using Loss = losses::SymmetryPrior<kVectors>;
  losses::SymmetryPriorArgs<double> a{side, map.data(), 0.1, gradient.data()};
  const auto loss = [&] { return cpu.sum<typename Loss::Forward>(side * side, a)[0]; };
  cpu.backend.for_each<typename Loss::Backward>(side * side, a);
  check_gradient(report, "map", map, gradient, loss, {1e-5, 1e-6, 200});
  // A symmetric map costs nothing.
  for (long i = 0; i < side; ++i)
    for (long j = 0; j < (side + 1) / 2; ++j)
      for (long c = 0; c < 3; ++c) {
        const bool flip = kVectors && c == 0;
        double& value = map[size((i * side + j) * 3 + c)];
        if (flip && 2 * j + 1 == side) value = 0;
        map[size((i * side + side - 1 - j) * 3 + c)] = flip ? -value : value;
      }
  report.near(loss(), 0, 1e-15, "symmetric map");
}

HRN_TEST("gradient/prior/symmetry/vectors") { check_symmetry<true>(report, 9); }
HRN_TEST("gradient/prior/symmetry/colours") { check_symmetry<false>(report, 8); }

}  // namespace
}  // namespace hrn::test
