// The rasterizer against an exact reference of its own: coverage in 128-bit integers, visibility in double.
#include <algorithm>

#include "backends/cpu/cpu_backend.hpp"
#include "core/error.hpp"
#include "framework.hpp"
#include "random.hpp"
#include "scene.hpp"

namespace hrn::test {
namespace {

std::size_t size(long n) { return static_cast<std::size_t>(n); }

struct Image {
  int width, height;
  std::vector<std::int32_t> id;
  std::vector<float> barycentrics, depth;
};

Image rasterize(const std::vector<float>& screen, const std::vector<std::int32_t>& triangles, int width, int height,
                bool cull = false, float near_mm = 1) {
  ThreadPool pool(2);
  CpuBackend cpu(pool);
  const std::size_t pixels = size(width) * size(height);
  Image image{width, height, std::vector<std::int32_t>(pixels, -7), std::vector<float>(2 * pixels),
              std::vector<float>(pixels)};
  ops::RasterizeArgs<float> a;
  a.screen = screen.data();
  a.triangles = triangles.data();
  a.vertex_count = static_cast<long>(screen.size() / 3);
  a.triangle_count = static_cast<long>(triangles.size() / 3);
  a.width = width;
  a.height = height;
  a.near_mm = near_mm;
  a.cull_back_faces = cull;
  a.triangle_id = image.id.data();
  a.barycentrics = image.barycentrics.data();
  a.depth = image.depth.data();
  cpu.rasterize(a);
  return image;
}

__extension__ typedef __int128 Wide;

/// One triangle at one pixel: covered, and the reciprocal depth there.
struct Exact {
  bool covered = false;
  double inverse_depth = 0;
};

Exact exact(const std::vector<float>& screen, const std::int32_t* corner, int x, int y) {
  Wide px[3], py[3];
  double z[3];
  for (int i = 0; i < 3; ++i) {
    const float* p = screen.data() + 3L * corner[i];
    px[i] = static_cast<Wide>(std::floor(static_cast<double>(p[0]) * 256 + 0.5));
    py[i] = static_cast<Wide>(std::floor(static_cast<double>(p[1]) * 256 + 0.5));
    z[i] = static_cast<double>(p[2]);
  }
  Wide area = (px[1] - px[0]) * (py[2] - py[0]) - (py[1] - py[0]) * (px[2] - px[0]);
  if (area == 0) return {};
  int order[3] = {0, 1, 2};
  if (area < 0) {
    std::swap(order[1], order[2]);
    area = -area;
  }
  const Wide sx = 256 * x + 128, sy = 256 * y + 128;
  double sum = 0;
  for (int i = 0; i < 3; ++i) {
    const int a = order[(i + 1) % 3], b = order[(i + 2) % 3];
    const Wide dx = px[b] - px[a], dy = py[b] - py[a];
    const Wide e = dx * (sy - py[a]) - dy * (sx - px[a]);
    const bool top_left = dy < 0 || (dy == 0 && dx > 0);
    if (e < 0 || (e == 0 && !top_left)) return {};
    sum += static_cast<double>(e) / static_cast<double>(area) / z[order[i]];
  }
  return {true, sum};
}

HRN_TEST("rasterize/exact coverage and visibility of random triangles") {
  Random random(21);
  for (const int side : {1, 7, 64, 100}) {
    std::vector<float> screen;
    std::vector<std::int32_t> triangles;
    for (std::int32_t v = 0; v < 90; ++v) {
      const double reach = v < 45 ? 1.5 : v < 75 ? 0.2 : 40;
      for (int k = 0; k < 2; ++k) screen.push_back(static_cast<float>(side * (0.5 + reach * random.uniform())));
      screen.push_back(static_cast<float>(random.uniform(20, 400)));
      if (v % 4 == 0) screen[screen.size() - 3] = std::floor(screen[screen.size() - 3]) + 0.5f;
      triangles.push_back(v);
    }
    const Image image = rasterize(screen, triangles, side, side);
    for (int y = 0; y < side; ++y) {
      for (int x = 0; x < side; ++x) {
        const std::size_t pixel = size(y) * size(side) + size(x);
        double best = 0;
        for (std::size_t t = 0; t < triangles.size(); t += 3) {
          const Exact e = exact(screen, triangles.data() + t, x, y);
          if (e.covered) best = std::max(best, e.inverse_depth);
        }
        const std::int32_t id = image.id[pixel];
        if (best == 0) {
          report.equal(id, -1, "nothing there");
          CHECK(std::isinf(image.depth[pixel]));
          continue;
        }
        CHECK(id >= 0);
        if (id < 0) continue;
        const Exact e = exact(screen, triangles.data() + 3 * size(id), x, y);
        CHECK(e.covered);
        // Ties within the precision of a float may go either way.
        report.near(e.inverse_depth, best, 2e-6 * best, "the nearest triangle wins");
        report.near(static_cast<double>(image.depth[pixel]) * e.inverse_depth, 1, 2e-6, "depth");
        const double b0 = static_cast<double>(image.barycentrics[2 * pixel]),
                     b1 = static_cast<double>(image.barycentrics[2 * pixel + 1]);
        CHECK(b0 >= 0 && b1 >= 0 && b0 + b1 <= 1 + 1e-6);
        double depth = 0;
        const double b[3] = {b0, b1, 1 - b0 - b1};
        for (int i = 0; i < 3; ++i)
          depth += b[i] * static_cast<double>(screen[size(3 * triangles[3 * size(id) + size(i)] + 2)]);
        report.near(depth * e.inverse_depth, 1, 1e-5, "barycentrics are perspective-correct");
      }
    }
  }
}

/// Splits a square into triangles along random points: every pixel inside must be hit exactly once, whatever lies on
/// the shared edges. Hits are counted by drawing one triangle at a time.
HRN_TEST("rasterize/shared edges have neither gaps nor double hits") {
  Random random(22);
  constexpr int side = 24;
  for (int round = 0; round < 20; ++round) {
    // A fan around a point, whose rim includes pixel centres and half-pixel positions.
    std::vector<float> screen = {static_cast<float>(std::floor(random.uniform(8, 16) * 2) / 2),
                                 static_cast<float>(std::floor(random.uniform(8, 16) * 2) / 2), 100};
    const float rim[][2] = {{1, 1},   {9.5f, 1},    {12, 1}, {23, 1}, {23, 8.5f},
                            {23, 23}, {14.25f, 23}, {2, 23}, {1, 23}, {1, 11.5f}};
    for (const auto& p : rim) screen.insert(screen.end(), {p[0] - 0.5f * static_cast<float>(round % 2), p[1], 100});
    std::vector<int> hits(side * side);
    for (std::int32_t k = 0; k < 10; ++k) {
      std::vector<std::int32_t> triangle = {0, 1 + k, 1 + (k + 1) % 10};
      if (k % 3 == 0) std::swap(triangle[1], triangle[2]);
      const Image image = rasterize(screen, triangle, side, side);
      for (std::size_t i = 0; i < image.id.size(); ++i) hits[i] += image.id[i] >= 0 ? 1 : 0;
    }
    const double left = 1 - 0.5 * (round % 2), right = 23 - 0.5 * (round % 2);
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) {
        const double cx = x + 0.5, cy = y + 0.5;
        // Left and top borders belong to the square, right and bottom ones do not.
        const bool inside = cx >= left && cx < right && cy >= 1 && cy < 23;
        report.equal(hits[size(y * side + x)], inside ? 1 : 0, "hits");
      }
  }
}

HRN_TEST("rasterize/a 2048 px image and one huge triangle") {
  const std::vector<float> screen = {-500000, -500000, 50, 900000, -400000, 60, 1000, 990000, 70};
  const Image image = rasterize(screen, {0, 1, 2}, 2048, 2048);
  report.equal(std::count(image.id.begin(), image.id.end(), 0), 2048L * 2048, "covered pixels");
  for (const float d : image.depth) CHECK(d >= 50 && d <= 70);
}

HRN_TEST("rasterize/a long thin image") {
  const std::vector<float> screen = {0, 0, 50, 8192, 0, 50, 8192, 3, 50, 0, 3, 50};
  const Image image = rasterize(screen, {0, 1, 2, 0, 2, 3}, 8192, 3);
  report.equal(std::count(image.id.begin(), image.id.end(), -1), 0L, "empty pixels");
}

HRN_TEST("rasterize/empty meshes and degenerate triangles draw nothing") {
  for (const int side : {1, 50}) {
    const Image none = rasterize({}, {}, side, side);
    report.equal(std::count(none.id.begin(), none.id.end(), -1), static_cast<long>(side) * side, "empty pixels");
    const std::vector<float> screen = {-5, -5, 9, 60, 60, 9, 20, 20, 9, NAN, 3, 9, 3, 3, 0.5f, 3, 3, -1, 3e6f, 3, 9};
    const Image flat = rasterize(screen, {0, 1, 2, 0, 0, 1, 0, 1, 3, 0, 3, 1, 0, 1, 4, 0, 1, 5, 0, 6, 1}, side, side);
    report.equal(std::count(flat.id.begin(), flat.id.end(), -1), static_cast<long>(side) * side, "empty pixels");
  }
}

HRN_TEST("rasterize/culling keeps what is counter-clockwise in the picture") {
  // y points down: left, bottom right, top right is counter-clockwise to the eye.
  const std::vector<float> screen = {2, 10, 9, 18, 18, 9, 18, 2, 9};
  const auto covered = [&](const std::vector<std::int32_t>& triangle, bool cull) {
    const Image image = rasterize(screen, triangle, 20, 20, cull);
    return std::count(image.id.begin(), image.id.end(), 0);
  };
  CHECK(covered({0, 1, 2}, true) > 50);
  report.equal(covered({0, 2, 1}, true), 0L, "back face");
  report.equal(covered({0, 2, 1}, false), covered({0, 1, 2}, true), "both sides cover the same pixels");
}

HRN_TEST("rasterize/equal depths: the lower triangle wins") {
  const std::vector<float> screen = {0, 0, 9, 0, 20, 9, 20, 0, 9};
  const Image image = rasterize(screen, {0, 1, 2, 0, 1, 2, 0, 1, 2}, 10, 10);
  for (const std::int32_t id : image.id) report.equal(id, 0, "triangle");
}

HRN_TEST("rasterize/sizes out of range are refused") {
  for (const auto& [width, height, near_mm] : {std::tuple{0, 5, 1.0f}, {5, 8193, 1.0f}, {-1, 5, 1.0f}, {5, 5, 0.0f}}) {
    bool refused = false;
    try {
      ThreadPool pool(1);
      ops::RasterizeArgs<float> a;
      a.width = width;
      a.height = height;
      a.near_mm = near_mm;
      CpuBackend(pool).rasterize(a);
    } catch (const Error& error) {
      refused = error.code() == ErrorCode::invalid_argument;
    }
    CHECK(refused);
  }
}

}  // namespace
}  // namespace hrn::test
