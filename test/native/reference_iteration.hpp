// The reference's fitting loop (native/fit/reference) on a head-like scene of its sizes: 35,721 vertices, 70,688
// triangles, maps of 300 x 300, an image of 224 x 224. The benchmark times it, a test checks its gradients as a whole.
#pragma once
#include <cstdint>
#include <vector>

#include "fit/reference/iteration.hpp"
#include "random.hpp"
#include "scene.hpp"

namespace hrn::test {

struct ReferenceSizes {
  long grid = 188;  // (grid + 1)^2 vertices
  long identity = 80, expression = 64, albedo = 80;
  long image = 224, map = 300, landmarks = 68;
  double zoom = 1;  // of the focal length: above 1 the head fills the image
};

inline fit::reference::Problem reference_problem(const ReferenceSizes& sizes) {
  const Scene<float> scene = make_scene<float>(sizes.grid, sizes.image, 5);
  Random random(6);
  fit::reference::Problem p;
  p.vertices = scene.vertices;
  p.triangles = scene.triangles;
  p.identity = sizes.identity;
  p.expression = sizes.expression;
  p.albedo = sizes.albedo;
  for (const float x : scene.positions) p.mean.push_back(x / 100);
  const long rows = 3 * p.vertices;
  p.shape_basis = random.vector<float>(rows * (p.identity + p.expression), -0.003, 0.003);
  p.mean_albedo.assign(p.mean.size(), 0.6f);
  p.albedo_basis = random.vector<float>(rows * p.albedo, -0.01, 0.01);
  p.indices = scene.indices;
  p.uvs = scene.uvs;
  p.side = sizes.image;
  p.map = sizes.map;
  p.focal = sizes.zoom * 1015.0 * static_cast<double>(sizes.image) / 224;
  p.picture = random.vector<float>(3 * p.side * p.side, 0.3, 0.9);
  const double edge = static_cast<double>(p.side);
  for (long i = 0; i < sizes.landmarks; ++i)
    p.keypoints.push_back(static_cast<std::uint32_t>(random.below(p.vertices)));
  p.landmarks = random.vector<float>(2 * sizes.landmarks, 0.2 * edge, 0.8 * edge);
  // Narrower than the head, so that the contour term has work.
  p.rows.assign(static_cast<std::size_t>(p.side), {static_cast<float>(0.18 * edge), static_cast<float>(0.82 * edge)});
  p.coefficients.assign(static_cast<std::size_t>(p.identity + p.expression + p.albedo + 33), 0.0f);
  p.coefficients[static_cast<std::size_t>(p.identity + p.expression + p.albedo)] = 0.15f;      // pitch
  p.coefficients[static_cast<std::size_t>(p.identity + p.expression + p.albedo + 1)] = -0.3f;  // yaw
  return p;
}

template <Backend B>
using ReferenceIteration = fit::reference::Iteration<B>;

}  // namespace hrn::test
