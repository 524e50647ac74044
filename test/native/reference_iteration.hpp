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

/// What tests run in a blink.
inline ReferenceSizes small_reference() {
  ReferenceSizes sizes;
  sizes.grid = 24;
  sizes.identity = 8;
  sizes.expression = 5;
  sizes.albedo = 6;
  sizes.image = 64;
  sizes.map = 20;
  return sizes;
}

struct ReferenceScene {
  fit::reference::Model model;
  fit::reference::Problem problem;
};

inline ReferenceScene reference_scene(const ReferenceSizes& sizes) {
  const Scene<float> scene = make_scene<float>(sizes.grid, sizes.image, 5);
  Random random(6);
  std::vector<float> mean;
  for (const float x : scene.positions) mean.push_back(x / 100);
  const long rows = 3 * scene.vertices, shapes = sizes.identity + sizes.expression;
  const auto shape_basis = random.vector<float>(rows * shapes, -0.003, 0.003);
  const std::vector<float> mean_albedo(mean.size(), 0.6f);
  const auto albedo_basis = random.vector<float>(rows * sizes.albedo, -0.01, 0.01);
  fit::reference::Problem p;
  p.side = sizes.image;
  p.map = sizes.map;
  p.focal = sizes.zoom * 1015.0 * static_cast<double>(sizes.image) / 224;
  p.picture = random.vector<float>(3 * p.side * p.side, 0.3, 0.9);
  const double edge = static_cast<double>(p.side);
  std::vector<std::uint32_t> keypoints;
  for (long i = 0; i < sizes.landmarks; ++i)
    keypoints.push_back(static_cast<std::uint32_t>(random.below(scene.vertices)));
  p.landmarks = random.vector<float>(2 * sizes.landmarks, 0.2 * edge, 0.8 * edge);
  // Narrower than the head, so that the contour term has work.
  p.rows.assign(static_cast<std::size_t>(p.side), {static_cast<float>(0.18 * edge), static_cast<float>(0.82 * edge)});
  p.coefficients.assign(static_cast<std::size_t>(shapes + sizes.albedo + 33), 0.0f);
  p.coefficients[static_cast<std::size_t>(shapes + sizes.albedo)] = 0.15f;      // pitch
  p.coefficients[static_cast<std::size_t>(shapes + sizes.albedo + 1)] = -0.3f;  // yaw
  return {fit::reference::build_model({sizes.identity, sizes.expression, sizes.albedo, mean, shape_basis, mean_albedo,
                                       albedo_basis, scene.indices, scene.uvs, keypoints}),
          p};
}

template <Backend B>
using ReferenceIteration = fit::reference::Iteration<B>;

}  // namespace hrn::test
