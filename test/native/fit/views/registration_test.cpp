// Photos of a head with a texture, from two sides: the points that their textures share are found where the true head
// shows them, whatever the head fitted to them is off by.
#include "fit/views/registration.hpp"

#include <algorithm>
#include <cmath>

#include "backends/cpu/cpu_backend.hpp"
#include "fit/head/surface.hpp"
#include "fit_scene.hpp"
#include "framework.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

constexpr int kSide = 320;

fit::CameraPose camera_at(double yaw) {
  fit::CameraPose camera;
  camera.rotation = {1, 0, 0, 0, -1, 0, 0, 0, -1};
  camera.turn({0, yaw, 0});
  camera.translation = {0, 0, 600};
  camera.focal_px = 600;
  camera.principal_px = {0.5 * kSide, 0.5 * kSide};
  return camera;
}

// Skin with spots of a few millimetres, as a function of the texture's place.
float spots(double u, double v, std::uint64_t seed) {
  Random random(seed);
  double sum = 0;
  for (int k = 0; k < 24; ++k) {
    const double angle = random.uniform(0, 6.283), wave = random.uniform(0.25, 0.7), phase = random.uniform(0, 6.283);
    sum += std::cos(wave * (460 * u * std::cos(angle) + 330 * v * std::sin(angle)) + phase);
  }
  return static_cast<float>(0.5 + 0.02 * sum);
}

struct Shot {
  fit::RegisteredView view;
  std::vector<float> uv;  // [side][side][2] of the true head, -1 where it is not seen
};

// The mean head as a camera sees it; `fitted`: what the registration is told instead.
Shot shoot(double yaw, std::uint64_t seed, const std::vector<float>& fitted) {
  const fit::Model& model = small_head();
  Shot shot;
  shot.view.camera = camera_at(yaw);
  shot.view.positions = fitted;
  for (std::size_t c = 0; c < 3; ++c) shot.view.lighting[9 * c] = 1 / 0.886227;
  fit::PhotometricLevel& level = shot.view.level;
  level.size = kSide;
  level.iterations = 0;
  level.rgb.assign(3 * kSide * kSide, 0.2f);
  level.mask.assign(kSide * kSide, 0.f);
  shot.uv.assign(2 * kSide * kSide, -1.f);
  ThreadPool pool(1);
  CpuBackend backend(pool);
  std::vector<float> screen(3 * static_cast<std::size_t>(model.vertex_count));
  for (long v = 0; v < model.vertex_count; ++v) {
    const Vec3<float> p = load3(model.mean.data(), v);
    const Vec3<double> at = shot.view.camera.transform({double(p.x), double(p.y), double(p.z)});
    double pixel[2];
    shot.view.camera.project(at, pixel);
    for (std::size_t k = 0; k < 2; ++k) screen[3 * static_cast<std::size_t>(v) + k] = static_cast<float>(pixel[k]);
    screen[3 * static_cast<std::size_t>(v) + 2] = static_cast<float>(at.z);
  }
  std::vector<std::int32_t> triangle(kSide * kSide);
  std::vector<float> weights(2 * kSide * kSide);
  ops::RasterizeArgs<float> raster;
  raster.screen = screen.data();
  raster.triangles = model.topology.triangles.data();
  raster.vertex_count = model.vertex_count;
  raster.triangle_count = model.triangle_count;
  raster.width = raster.height = kSide;
  raster.triangle_id = triangle.data();
  raster.barycentrics = weights.data();
  backend.rasterize(raster);
  for (std::size_t i = 0; i < triangle.size(); ++i) {
    if (triangle[i] < 0) continue;
    const float w[3] = {weights[2 * i], weights[2 * i + 1], 1 - weights[2 * i] - weights[2 * i + 1]};
    float uv[2] = {0, 0};
    for (std::size_t corner = 0; corner < 3; ++corner) {
      const auto v =
          static_cast<std::size_t>(model.topology.triangles[3 * static_cast<std::size_t>(triangle[i]) + corner]);
      for (std::size_t k = 0; k < 2; ++k) uv[k] += w[corner] * model.uvs[2 * v + k];
    }
    std::copy_n(uv, 2, shot.uv.data() + 2 * i);
    std::fill_n(level.rgb.data() + 3 * i, 3, spots(static_cast<double>(uv[0]), static_cast<double>(uv[1]), seed));
    level.mask[i] = 1;
  }
  return shot;
}

// A head whose front stands out too far.
std::vector<float> bulging() {
  const fit::Model& model = small_head();
  std::vector<float> positions(model.mean.begin(), model.mean.end());
  for (std::size_t v = 0; v < positions.size(); v += 3) {
    const float x = positions[v], y = positions[v + 1];
    positions[v + 2] += 5 * std::exp(-(x * x + y * y) / 1600);
  }
  return positions;
}

std::vector<fit::PointProblem> registered(const std::vector<Shot>& shots, int threads = 1) {
  std::vector<fit::RegisteredView> views;
  for (const Shot& shot : shots) views.push_back(shot.view);
  ThreadPool pool(threads);
  return fit::register_views(small_head(), views, pool, Cancel());
}

// Millimetres between the places of the true texture that two pixels show.
double apart(const Shot& a, const double* at_a, const Shot& b, const double* at_b) {
  double uv[2][2];
  const Shot* shots[] = {&a, &b};
  const double* pixels[] = {at_a, at_b};
  for (int s = 0; s < 2; ++s) {
    const double x = pixels[s][0] - 0.5, y = pixels[s][1] - 0.5;
    const auto column = static_cast<long>(x), row = static_cast<long>(y);
    for (std::size_t k = 0; k < 2; ++k) {
      const auto value = [&](long r, long c) {
        return static_cast<double>(shots[s]->uv[2 * static_cast<std::size_t>((row + r) * kSide + column + c) + k]);
      };
      const double u = x - static_cast<double>(column), v = y - static_cast<double>(row);
      uv[s][k] = (1 - v) * ((1 - u) * value(0, 0) + u * value(0, 1)) + v * ((1 - u) * value(1, 0) + u * value(1, 1));
    }
  }
  return std::hypot(460 * (uv[0][0] - uv[1][0]), 330 * (uv[0][1] - uv[1][1]));
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

HRN_TEST("fit/views/registration: shared texture tells where two photos show the same skin") {
  const std::vector<float> fitted = bulging();
  const std::vector<Shot> shots = {shoot(0.25, 5, fitted), shoot(-0.25, 5, fitted)};
  const auto points = registered(shots);
  report.equal(points.size(), std::size_t{2}, "views");
  CHECK(points[0].vertices == points[1].vertices);
  std::vector<double> before, after;
  for (std::size_t i = 0; i < points[0].vertices.size(); ++i) {
    if (!(points[0].information[3 * i] > 0 && points[1].information[3 * i] > 0)) continue;
    const Vec3<float> p = load3(fitted.data(), static_cast<long>(points[0].vertices[i]));
    double at[2][2];
    for (std::size_t s = 0; s < 2; ++s) {
      const fit::CameraPose& camera = shots[s].view.camera;
      camera.project(camera.transform({double(p.x), double(p.y), double(p.z)}), at[s]);
    }
    before.push_back(apart(shots[0], at[0], shots[1], at[1]));
    after.push_back(apart(shots[0], points[0].pixels.data() + 2 * i, shots[1], points[1].pixels.data() + 2 * i));
  }
  CHECK(after.size() > 100);
  const double was = median(before), is = median(after);
  report.near(is, 0, std::min(0.35, 0.4 * was), "mm off, before " + std::to_string(was));
}

HRN_TEST("fit/views/registration: textures that have nothing in common tell nothing") {
  const std::vector<float> fitted = bulging();
  const auto alike = registered({shoot(0.25, 5, fitted), shoot(-0.25, 5, fitted)});
  const auto strangers = registered({shoot(0.25, 5, fitted), shoot(-0.25, 6, fitted)});
  const auto known = [](const fit::PointProblem& points) {
    double count = 0;
    for (std::size_t i = 0; i < points.information.size(); i += 3) count += points.information[i] > 0 ? 1 : 0;
    return count;
  };
  report.near(known(strangers[0]), 0, 0.05 * known(alike[0]), "points");
}

HRN_TEST("fit/views/registration: the same for any number of threads") {
  const std::vector<float> fitted = bulging();
  const std::vector<Shot> shots = {shoot(0.2, 5, fitted), shoot(-0.3, 5, fitted), shoot(0, 5, fitted)};
  const auto one = registered(shots, 1), three = registered(shots, 3);
  for (std::size_t v = 0; v < one.size(); ++v)
    CHECK(one[v].pixels == three[v].pixels && one[v].information == three[v].information);
}

HRN_TEST("fit/views/registration: refuses a single photo and heads of another size") {
  const Shot shot = shoot(0, 5, bulging());
  report.equal(error_of([&] { registered({shot}); }), std::string("INVALID_ARGUMENT"), "a single photo");
  Shot short_one = shot;
  short_one.view.positions.pop_back();
  report.equal(error_of([&] { registered({shot, short_one}); }), std::string("INVALID_ARGUMENT"), "short positions");
}

}  // namespace
}  // namespace hrn::test
