// A head-like test scene: a bumpy dome of a given grid size, posed in front of a camera.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/topology.hpp"
#include "ops/pose_project.hpp"
#include "random.hpp"

namespace hrn::test {

template <class Real>
struct Scene {
  long vertices = 0, triangles = 0;
  std::vector<Real> positions;  // [V][3], mm
  std::vector<Real> uvs;        // [V][2]
  std::vector<std::uint32_t> indices;
  Topology topology;
  ops::PoseProjectArgs<Real> camera;  // rotation, translation, focal length, centre
};

/// (grid + 1)^2 vertices; fills most of a square image of `side` px.
template <class Real>
Scene<Real> make_scene(long grid, long side, std::uint64_t seed) {
  Scene<Real> s;
  Random random(seed);
  for (long y = 0; y <= grid; ++y) {
    for (long x = 0; x <= grid; ++x) {
      const double u = static_cast<double>(x) / static_cast<double>(grid);
      const double v = static_cast<double>(y) / static_cast<double>(grid);
      const double dx = 2 * u - 1, dy = 2 * v - 1, jitter = 20.0 / static_cast<double>(grid);
      s.positions.push_back(static_cast<Real>(80 * dx + random.uniform(-jitter, jitter)));
      s.positions.push_back(static_cast<Real>(-95 * dy + random.uniform(-jitter, jitter)));
      s.positions.push_back(
          static_cast<Real>(60 * std::sqrt(2.1 - dx * dx - dy * dy) + 6 * std::sin(9 * u) * std::cos(7 * v)));
      s.uvs.push_back(static_cast<Real>(0.02 + 0.96 * u));
      s.uvs.push_back(static_cast<Real>(0.02 + 0.96 * v));
    }
  }
  for (long y = 0; y < grid; ++y) {
    for (long x = 0; x < grid; ++x) {
      const auto i = static_cast<std::uint32_t>(y * (grid + 1) + x), below = static_cast<std::uint32_t>(i + grid + 1);
      for (const std::uint32_t corner : {i, below, i + 1, i + 1, below, below + 1}) s.indices.push_back(corner);
    }
  }
  s.vertices = static_cast<long>(s.positions.size()) / 3;
  s.triangles = static_cast<long>(s.indices.size()) / 3;
  s.topology = build_topology(s.indices.data(), s.triangles, s.vertices);
  // About 25 degrees of yaw, 10 of pitch, and the flip from y up to y down.
  const double cy = std::cos(0.4), sy = std::sin(0.4), cp = std::cos(0.2), sp = std::sin(0.2);
  const double rotation[9] = {cy, 0, sy, sp * sy, -cp, -sp * cy, cp * sy, sp, -cp * cy};
  for (int i = 0; i < 9; ++i) s.camera.rotation[i] = static_cast<Real>(rotation[i]);
  s.camera.translation[0] = Real(-20);
  s.camera.translation[1] = Real(10);
  s.camera.translation[2] = Real(600);
  s.camera.focal_px = static_cast<Real>(2.4 * static_cast<double>(side));
  s.camera.centre_px[0] = s.camera.centre_px[1] = static_cast<Real>(0.5 * static_cast<double>(side));
  s.camera.positions = s.positions.data();
  return s;
}

}  // namespace hrn::test
