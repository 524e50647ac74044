// The displacement map: its rows and its system against differences, its mesh, and the same bytes on any threads.
#include "fit/detail/detail.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "backends/cpu/cpu_backend.hpp"
#include "fit/detail/fit.hpp"
#include "fit/detail/sharpness.hpp"
#include "framework.hpp"
#include "random.hpp"
#include "synthetic_head.hpp"

namespace hrn::test {
namespace {

using Floats = std::vector<float>;
const Progress kSilent([](long, long) {});
namespace detail = fit::detail;

// A box of texels on a surface whose texels are somewhat skewed.
struct System {
  detail::HeightArgs args;
  std::vector<std::uint8_t> active;
  Floats slope_u, slope_v, sky, shift, lift, weight, area, metric, height, residual, direction, product, flux, diagonal;

  System(long width, long rows) {
    Random random(11);
    const long n = width * rows;
    args.box = {64, 3, 5, width, rows};
    slope_u = random.vector<float>(n, -1, 1);
    slope_v = random.vector<float>(n, -1, 1);
    sky = random.vector<float>(n, 0, 0.5);
    shift = random.vector<float>(n, -0.2, 0.2);
    lift = random.vector<float>(n, 0.05, 0.2);
    weight = random.vector<float>(n, 0, 1);
    area = random.vector<float>(n, 0.5, 1);
    height = random.vector<float>(n, -1, 1);
    for (long i = 0; i < n; ++i) {
      const long x = i % width, y = i / width;
      const bool border = x == 0 || y == 0 || x + 1 == width || y + 1 == rows;
      active.push_back(!border && random.below(8) != 0 ? 1 : 0);
      for (const double m : {random.uniform(1, 2), random.uniform(-0.3, 0.3), random.uniform(1, 2)})
        metric.push_back(static_cast<float>(m));
    }
    for (Floats* scratch : {&residual, &direction, &product, &diagonal}) scratch->resize(static_cast<std::size_t>(n));
    flux.resize(static_cast<std::size_t>(detail::HeightSystem::kFlux * n));
    args.tilt = 0.3f;
    args.bend = 0.2f;
    args.active = active.data();
    args.slope_u = slope_u.data();
    args.slope_v = slope_v.data();
    args.sky = sky.data();
    args.shift = shift.data();
    args.lift = lift.data();
    args.weight = weight.data();
    args.area = area.data();
    args.metric = metric.data();
    args.height = height.data();
    args.residual = residual.data();
    args.direction = direction.data();
    args.product = product.data();
    args.flux = flux.data();
    args.diagonal = diagonal.data();
  }

  // As the head of height_solver.hpp has it, in double precision.
  double energy(const std::vector<double>& h) const {
    const long w = args.box.width;
    const auto d = [](float x) { return static_cast<double>(x); };
    double sum = 0;
    for (long i = 0; i < args.box.texels(); ++i) {
      const auto at = [&](long j) { return h[static_cast<std::size_t>(j)]; };
      const auto k = static_cast<std::size_t>(i);
      if (active[k] == 0) continue;
      sum += d(lift[k]) * d(area[k]) * at(i) * at(i);
      if (!detail::HeightSystem::has_gradient(args, i)) continue;
      const double u = at(i + 1) - at(i), v = at(i + w) - at(i);
      const double row = d(slope_u[k]) * u + d(slope_v[k]) * v + d(sky[k]) * at(i) - d(shift[k]);
      sum += d(weight[k]) * row * row;
      sum += d(args.tilt) * d(area[k]) *
             (d(metric[3 * k]) * u * u + 2 * d(metric[3 * k + 1]) * u * v + d(metric[3 * k + 2]) * v * v);
      if (!detail::HeightSystem::has_laplacian(args, i)) continue;
      const double laplace =
          d(metric[3 * k]) * (u + at(i - 1) - at(i)) + d(metric[3 * k + 2]) * (v + at(i - w) - at(i));
      sum += d(args.bend) * d(area[k]) * laplace * laplace;
    }
    return sum;
  }
  std::vector<double> heights() const { return {height.begin(), height.end()}; }
};

HRN_TEST("fit/detail/the residual is the energy's derivative, and the diagonal its curvature") {
  System s(13, 11);
  ThreadPool pool(1);
  CpuBackend cpu(pool);
  using S = detail::HeightSystem;
  const long n = s.args.box.texels();
  cpu.for_each<S::Diagonal>(n, s.args);
  cpu.for_each<S::SpreadHeight>(n, s.args);
  cpu.for_each<S::Residual>(n, s.args);
  std::vector<double> h = s.heights();
  for (long i = 0; i < n; ++i) {
    const auto k = static_cast<std::size_t>(i);
    if (s.active[k] == 0) continue;
    constexpr double kStep = 1e-3;
    const double middle = s.energy(h);
    h[k] += kStep;
    const double up = s.energy(h);
    h[k] -= 2 * kStep;
    const double down = s.energy(h);
    h[k] += kStep;
    report.near(static_cast<double>(s.residual[k]), -(up - down) / (4 * kStep), 2e-4, "residual");
    report.near(static_cast<double>(s.diagonal[k]), (up - 2 * middle + down) / (2 * kStep * kStep), 2e-3, "diagonal");
  }
}

HRN_TEST("fit/detail/conjugate gradients end at the least energy") {
  System s(21, 17);
  ThreadPool pool(2);
  CpuBackend cpu(pool);
  const double before = s.energy(s.heights());
  const int steps = detail::solve_heights(s.args, 400, 1e-5, cpu, Cancel{});
  CHECK(steps > 5 && steps < 400);
  const std::vector<double> solved = s.heights();
  const double least = s.energy(solved);
  CHECK(least < before);
  Random random(3);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<double> other = solved;
    for (std::size_t i = 0; i < other.size(); ++i)
      if (s.active[i] != 0) other[i] += 0.02 * random.uniform();
    CHECK(s.energy(other) > least - 1e-6);
  }
}

HRN_TEST("fit/detail/a row's slopes are the derivative of what shading explains") {
  Random random(5);
  const long n = 9;
  Floats normal, along_u, along_v, photo(3 * n), albedo(3 * n), trust(n, 1),
      height = random.vector<float>(n, -0.1, 0.1);
  for (long i = 0; i < n; ++i) {
    Vec3<float> m{static_cast<float>(random.uniform(-0.4, 0.4)), static_cast<float>(random.uniform(-0.4, 0.4)), 1};
    m = (1 / length(m)) * m;
    normal.insert(normal.end(), {m.x, m.y, m.z});
    for (const double x : {1.0, 0.1, 0.05}) along_u.push_back(static_cast<float>(x));
    for (const double x : {-0.1, 1.1, 0.02}) along_v.push_back(static_cast<float>(x));
  }
  std::vector<std::uint8_t> active(n, 1);
  Floats unexplained(3 * n), wide(n), slope_u(n), slope_v(n), sky_slope(n), shift(n), own(1);
  height[0] = -0.05f;  // what a furrow loses bends at 0
  detail::RowArgs a;
  a.box = {8, 0, 0, 3, 3};
  a.normal = normal.data();
  a.along_u = along_u.data();
  a.along_v = along_v.data();
  a.log_albedo = albedo.data();
  a.photo = photo.data();
  a.trust = trust.data();
  a.height = height.data();
  a.wide = wide.data();
  a.active = active.data();
  a.unexplained = unexplained.data();
  a.slope_u = slope_u.data();
  a.slope_v = slope_v.data();
  a.sky = 0.1f;
  a.fine_sky = 0.2f;
  a.sky_slope = sky_slope.data();
  a.shift = shift.data();
  for (int k = 0; k < 3; ++k) {
    a.lighting[9 * k] = 0.5f;
    for (int j = 1; j < 9; ++j) a.lighting[9 * k + j] = static_cast<float>(random.uniform(-0.15, 0.15));
    a.lighting[9 * k + 2] = 0.4f;
    a.share[k] = k == 0 ? 0.7f : 0.15f;
  }
  const auto shared = [&] {
    detail::ShadingRow::Explain::run(a, 0);
    double sum = 0;
    for (int k = 0; k < 3; ++k)
      sum -= static_cast<double>(a.share[k]) * static_cast<double>(unexplained[static_cast<std::size_t>(k)]);
    return sum;
  };
  constexpr float kStep = 2e-3f;
  for (const auto& [texel, slope] : {std::pair{1L, &slope_u}, std::pair{3L, &slope_v}, std::pair{0L, &own}}) {
    shared();
    own[0] = sky_slope[0] - slope_u[0] - slope_v[0];
    const double analytic = static_cast<double>((*slope)[0]);
    float& h = height[static_cast<std::size_t>(texel)];
    h += kStep;
    const double up = shared();
    h -= 2 * kStep;
    const double down = shared();
    h += kStep;
    report.near(analytic, (up - down) / (2 * static_cast<double>(kStep)), 2e-3, "slope");
  }
}

// Texels of 1 mm whose light is off what is smooth by `rest`, by turns to both sides or (broad) all alike, on a surface
// whose own shading changes by `change` log light per mm: the share of it that is taken for relief, in the middle.
double taken_for_relief(float rest, float change, bool is_broad = false) {
  constexpr long kSide = 24, n = kSide * kSide, middle = n / 2 + kSide / 2;
  Floats normal, along_u, along_v, unexplained, predicted, ones(n, 1), zeros(2 * n);
  std::vector<std::uint8_t> active;
  for (long i = 0; i < n; ++i) {
    normal.insert(normal.end(), {0, 0, 1});
    along_u.insert(along_u.end(), {1, 0, 0});
    along_v.insert(along_v.end(), {0, 1, 0});
    const long x = i % kSide, y = i / kSide;
    for (int k = 0; k < 3; ++k) unexplained.push_back(is_broad || (x + y) % 2 == 0 ? rest : -rest);
    predicted.push_back(change * static_cast<float>(x));
    active.push_back(x > 0 && y > 0 && x + 1 < kSide && y + 1 < kSide ? 1 : 0);
  }
  Floats weight(n), shared(n), shift(n), lifts(n), doubtful(2 * n), strength(3 * n), target(n);
  ThreadPool pool(1);
  CpuBackend cpu(pool);
  detail::RowArgs a;
  a.box = {kSide, 0, 0, kSide, kSide};
  detail::SmoothGridOf<CpuBackend> smooth(a.box, 4, 3, 1, cpu), grain(a.box, 4, 1, 1, cpu), doubts(a.box, 2, 2, 1, cpu),
      broad(a.box, 4, 1, 1, cpu), strengths(a.box, 4, 3, 1, cpu);
  smooth.smooth(zeros.data(), zeros.data(), cpu);
  grain.smooth(zeros.data(), zeros.data(), cpu);
  a.smooth = smooth.args;
  a.grain = grain.args;
  a.doubts = doubts.args;
  a.broad = broad.args;
  a.strengths = strengths.args;
  a.normal = normal.data();
  a.along_u = along_u.data();
  a.along_v = along_v.data();
  a.area = a.facing = a.trust = ones.data();
  a.active = active.data();
  a.unexplained = unexplained.data();
  a.predicted = predicted.data();
  a.strength = strength.data();
  a.target = target.data();
  a.doubtful = doubtful.data();
  a.weight = weight.data();
  a.shared = shared.data();
  a.shift = shift.data();
  a.lifts = lifts.data();
  for (float& share : a.share) share = 1.f / 3;
  a.chroma_limit = a.limit = a.grain_limit = a.pixels_per_mm = 1;
  a.fine_noise = 0.04f;
  a.broad_noise = 0.08f;
  a.fine_misplaced = a.broad_misplaced = 0.6f;
  cpu.for_each<detail::ShadingRow::Doubt>(n, a);
  doubts.smooth(doubtful.data(), weight.data(), cpu);
  broad.smooth(target.data(), weight.data(), cpu);
  cpu.for_each<detail::ShadingRow::Strength>(n, a);
  strengths.smooth(strength.data(), weight.data(), cpu);
  cpu.for_each<detail::ShadingRow::Weigh>(n, a);
  return std::abs(static_cast<double>(shift[middle] / rest));
}

HRN_TEST("fit/detail/shading no stronger than noise, or than what a surface beside the true one leaves, is no relief") {
  CHECK(taken_for_relief(0.015f, 0) < 0.05);
  CHECK(taken_for_relief(0.1f, 0) > 0.95);
  CHECK(taken_for_relief(0.1f, 0.1f) > 0.7);
  CHECK(taken_for_relief(0.1f, 0.5f) < 0.05);
  CHECK(taken_for_relief(0.03f, 0, true) < 0.05);
  CHECK(taken_for_relief(0.25f, 0, true) > 0.95);
  CHECK(taken_for_relief(0.25f, 0.8f, true) < 0.5);
}

HRN_TEST("fit/detail/the finer mesh has as many triangles as asked for, no cracks, and the head's own vertices") {
  const auto head = synthetic_head();
  const auto model = fit::build_model(head->source);
  const long wanted = 4 * model->triangle_count;
  const fit::Tessellation mesh = fit::tessellate(*model, wanted);
  const double count = static_cast<double>(mesh.triangles.size() / 3);
  CHECK(std::abs(count / static_cast<double>(wanted) - 1) < 0.35);
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> sides;
  for (std::size_t t = 0; t < mesh.triangles.size(); t += 3)
    for (std::size_t k = 0; k < 3; ++k) {
      const std::uint32_t a = mesh.triangles[t + k], b = mesh.triangles[t + (k + 1) % 3];
      report.equal(++sides[std::pair{a, b}], 1, "triangles on one side of an edge");
    }
  // An edge has a triangle on its other side, or is halved nowhere: then both ends lie on the border of the mesh.
  std::size_t open = 0;
  for (const auto& [side, times] : sides) open += sides.count({side.second, side.first}) == 0 ? 1 : 0;
  CHECK(open < sides.size() / 20);
  const Floats flat(64 * 64);
  Floats normals(3 * static_cast<std::size_t>(model->vertex_count));
  for (std::size_t v = 2; v < normals.size(); v += 3) normals[v] = 1;
  const fit::DetailedMesh made = fit::displaced_mesh(mesh, head->mean, normals, flat, 64);
  CHECK(std::equal(head->mean.begin(), head->mean.end(), made.positions.begin()));
  const Floats raised(64 * 64, 0.5f);
  const fit::DetailedMesh moved = fit::displaced_mesh(mesh, head->mean, normals, raised, 64);
  for (std::size_t v = 0; v < head->mean.size(); v += 3)
    report.near(static_cast<double>(moved.positions[v + 2] - head->mean[v + 2]), 0.5, 1e-4, "height");
}

// A synthetic head before a camera, under a photo of stripes.
fit::DetailProblem problem_of(const fit::Model& model) {
  fit::DetailProblem p;
  p.positions.assign(model.mean.data(), model.mean.data() + 3 * model.vertex_count);
  p.camera.rotation = {1, 0, 0, 0, -1, 0, 0, 0, -1};
  p.camera.translation = {0, 0, 600};
  p.camera.focal_px = 900;
  p.camera.principal_px = {160, 160};
  p.albedo.assign(static_cast<std::size_t>(model.albedo_count), 0.0);
  p.square = {20, 20, 280};
  p.skin_size = 32;
  p.skin.assign(32 * 32, 1.f);
  p.size = 256;
  p.triangles = 2 * model.triangle_count;
  return p;
}

HRN_TEST("fit/detail/the same map for any number of threads, bounded, and none where the photo is even") {
  const auto head = synthetic_head();
  const auto model = fit::build_model(head->source);
  const fit::DetailProblem problem = problem_of(*model);
  std::vector<std::uint8_t> striped(3 * 320 * 320), even(3 * 320 * 320, 120);
  for (std::size_t i = 0; i < striped.size(); ++i)
    striped[i] = static_cast<std::uint8_t>(120 + 12 * std::sin(static_cast<double>(i / 3 / 320)));
  const auto fit = [&](const std::vector<std::uint8_t>& pixels, int threads) {
    ThreadPool pool(threads);
    return fit::fit_detail(*model, imaging::Image{pixels, 320, 320, 3}, problem, pool, Cancel{}, kSilent);
  };
  const fit::DetailResult one = fit(striped, 1), three = fit(striped, 3), nothing = fit(even, 2);
  CHECK(one.map == three.map && one.seen == three.seen && one.mesh.positions == three.mesh.positions);
  const auto most = [](const Floats& map) {
    float value = 0;
    for (const float h : map) value = std::max(value, std::abs(h));
    return value;
  };
  CHECK(most(one.map) > 0.001f && most(one.map) < 4.f);
  CHECK(most(nothing.map) < 0.5f * most(one.map));
  for (const float s : one.seen) CHECK(s >= 0 && s <= 1);
}

// Discs with soft rims on grey.
std::vector<std::uint8_t> discs(long side, double blur_px) {
  std::vector<std::uint8_t> pixels;
  for (long y = 0; y < side; ++y)
    for (long x = 0; x < side; ++x) {
      const double u = std::fmod(static_cast<double>(x), 40) - 20, v = std::fmod(static_cast<double>(y), 40) - 20;
      const double value = 120 + 40 * std::erf((std::hypot(u, v) - 11) / (std::sqrt(2.0) * blur_px));
      for (int k = 0; k < 3; ++k) pixels.push_back(static_cast<std::uint8_t>(std::lround(value)));
    }
  return pixels;
}

HRN_TEST("fit/detail/a blurred photo resolves less, by how far its sharpest edges are blurred") {
  ThreadPool pool(2);
  const auto resolved = [&](double blur_px) {
    const std::vector<std::uint8_t> pixels = discs(320, blur_px);
    return detail::pixels_per_sharp_pixel(imaging::Image{pixels, 320, 320, 3}, {0, 0, 320}, pool);
  };
  report.near(resolved(0.5), 1, 0, "a sharp photo");
  report.near(resolved(1.1), 2, 0.2, "blurred by 1.1 px");
  report.near(resolved(2.2), 4, 0.4, "by 2.2 px");
  report.near(resolved(3.3), 6, 1, "by 3.3 px, where the discs are hardly wider");
  const std::vector<std::uint8_t> even(3 * 320 * 320, 120);
  report.near(detail::pixels_per_sharp_pixel(imaging::Image{even, 320, 320, 3}, {0, 0, 320}, pool), 1, 0, "no edges");
}

HRN_TEST("fit/detail/refuses what does not fit together") {
  const auto head = synthetic_head();
  const auto model = fit::build_model(head->source);
  const std::vector<std::uint8_t> pixels(3 * 320 * 320, 120);
  const auto refused = [&](auto change) {
    fit::DetailProblem problem = problem_of(*model);
    change(problem);
    ThreadPool pool(1);
    try {
      fit::fit_detail(*model, imaging::Image{pixels, 320, 320, 3}, problem, pool, Cancel{}, kSilent);
    } catch (const Error& error) {
      return error.code() == ErrorCode::invalid_argument;
    }
    return false;
  };
  CHECK(refused([](fit::DetailProblem& p) { p.positions.pop_back(); }));
  CHECK(refused([](fit::DetailProblem& p) { p.skin[3] = 2; }));
  CHECK(refused([](fit::DetailProblem& p) { p.size = 3; }));
  CHECK(refused([](fit::DetailProblem& p) { p.square.side = 0; }));
  CHECK(refused([](fit::DetailProblem& p) { p.camera.translation[2] = -600; }));
}

}  // namespace
}  // namespace hrn::test
