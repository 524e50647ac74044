#include "fit_scene.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>

#include "backends/cpu/cpu_backend.hpp"
#include "fit/head/surface.hpp"
#include "fit/parameters/least_squares.hpp"
#include "synthetic_head.hpp"

namespace hrn::test {
namespace {

std::size_t size(long n) { return static_cast<std::size_t>(n); }

PhotoTruth make_truth() {
  const fit::Model& model = small_head();
  PhotoTruth t;
  Random random(21);
  t.camera.rotation = {1, 0, 0, 0, -1, 0, 0, 0, -1};
  t.camera.turn({0.06, 0.15, -0.04});
  t.camera.translation = {4, -6, 520};
  t.camera.focal_px = 300;
  t.camera.principal_px = {0.5 * kPhotoSide, 0.5 * kPhotoSide};
  for (long k = 0; k < model.identity_count; ++k) t.identity.push_back(0.6 * normal(random));
  for (long k = 0; k < model.expression_count; ++k) t.expression.push_back(random.uniform(0, 0.6));
  for (long k = 0; k < model.albedo_count; ++k) t.albedo.push_back(0.8 * normal(random));
  for (std::size_t c = 0; c < 3; ++c) {
    const double brightness = 1 + 0.05 * static_cast<double>(c);
    t.lighting[9 * c] = 0.9 * brightness;
    t.lighting[9 * c + 1] = -0.15 * brightness;
    t.lighting[9 * c + 3] = 0.25 * brightness;
  }

  ThreadPool pool(1);
  CpuBackend backend(pool);
  fit::HeadSurface surface(model, fit::host_arrays(model), backend);
  surface.set_shape(t.identity, t.expression);
  t.positions.assign(surface.positions().begin(), surface.positions().end());
  surface.update_normals();
  surface.update_albedo(t.albedo);
  const HostArray<float>& colours = surface.update_colours(t.camera, t.lighting);
  // Four samples a pixel side, each in the mean colour of its triangle.
  constexpr int kSamples = 4, kSide = kSamples * kPhotoSide;
  fit::CameraPose fine = t.camera;
  fine.focal_px *= kSamples;
  for (double& p : fine.principal_px) p *= kSamples;
  const fit::HeadSurface<CpuBackend>::View view = surface.look(fine, kSide, kSide);
  t.rendered.assign(3 * kPhotoSide * kPhotoSide, 0.f);
  t.inner.assign(kPhotoSide * kPhotoSide, 1.f);
  for (long i = 0; i < kSide * kSide; ++i) {
    const long pixel = i / kSide / kSamples * kPhotoSide + i % kSide / kSamples;
    const std::int32_t triangle = view.triangle_id[size(i)];
    if (triangle < 0) t.inner[size(pixel)] = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      float colour = 0.2f;
      if (triangle >= 0) {
        colour = 0;
        for (long k = 0; k < 3; ++k) {
          colour += colours[3 * size(model.topology.triangles[size(3L * triangle + k)]) + c] / 3;
        }
      }
      t.rendered[3 * size(pixel) + c] += colour / (kSamples * kSamples);
    }
  }
  // Ten pixels away from the background, so that no small motion carries the outline there.
  const std::vector<float> covered = t.inner;
  for (long y = 0; y < kPhotoSide; ++y) {
    for (long x = 0; x < kPhotoSide; ++x) {
      for (long dy = -10; dy <= 10; ++dy) {
        for (long dx = -10; dx <= 10; ++dx) {
          const long yy = std::clamp<long>(y + dy, 0, kPhotoSide - 1), xx = std::clamp<long>(x + dx, 0, kPhotoSide - 1);
          if (covered[size(yy * kPhotoSide + xx)] == 0) t.inner[size(y * kPhotoSide + x)] = 0;
        }
      }
    }
  }
  for (long i = 0; i < model.dense.count; ++i) {
    Vec3<double> p{0, 0, 0};
    for (long j = 3 * i; j < 3 * i + 3; ++j) {
      const double w = static_cast<double>(model.dense.weights[size(j)]);
      const auto v = load3(t.positions.data(), static_cast<long>(model.dense.vertices[size(j)]));
      p = p + w * Vec3<double>{static_cast<double>(v.x), static_cast<double>(v.y), static_cast<double>(v.z)};
    }
    double pixel[2];
    t.camera.project(t.camera.transform(p), pixel);
    t.pixels.insert(t.pixels.end(), pixel, pixel + 2);
  }
  return t;
}

fit::PhotometricLevel level_of(const PhotoTruth& t, int iterations) {
  fit::PhotometricLevel level;
  level.rgb = t.rendered;
  level.mask = t.inner;
  level.size = kPhotoSide;
  level.iterations = iterations;
  return level;
}

// What fits of a head that is lit and seen already start from.
template <class Problem>
Problem lit_head(const PhotoTruth& t) {
  Problem p;
  p.positions = t.positions;
  p.camera = t.camera;
  p.albedo = t.albedo;
  p.lighting = t.lighting;
  return p;
}

}  // namespace

const fit::Model& small_head() {
  static const std::shared_ptr<const fit::Model> model = [] {
    SyntheticHeadSize wanted;
    wanted.columns = 48;
    wanted.rows = 36;
    wanted.identity = 10;
    wanted.expression = 5;
    wanted.albedo = 4;
    wanted.landmarks = 80;
    return fit::build_model(synthetic_head(wanted)->source);
  }();
  return *model;
}

const PhotoTruth& photo_truth() {
  static const PhotoTruth truth = make_truth();
  return truth;
}

fit::PhotometricProblem photometric_problem() {
  const PhotoTruth& t = photo_truth();
  const fit::Model& model = small_head();
  fit::PhotometricProblem p;
  p.landmarks.pixels = t.pixels;
  p.landmarks.focal_px = t.camera.focal_px;
  p.landmarks.log_focal_sigma = 0.2;
  p.landmarks.principal_px = t.camera.principal_px;
  p.landmarks.identity_count = model.identity_count;
  p.camera = t.camera;
  p.identity.assign(size(model.identity_count), 0.0);
  p.expression.assign(size(model.expression_count), 0.1);
  p.levels.push_back(level_of(t, 3));
  return p;
}

fit::DeformationProblem deformation_problem() {
  const PhotoTruth& t = photo_truth();
  auto p = lit_head<fit::DeformationProblem>(t);
  p.pixels = t.pixels;
  p.level = level_of(t, 6);
  p.map_size = 32;
  return p;
}

fit::TextureProblem texture_problem() {
  const PhotoTruth& t = photo_truth();
  auto p = lit_head<fit::TextureProblem>(t);
  p.size = 96;
  return p;
}

fit::DetailProblem detail_problem() {
  const PhotoTruth& t = photo_truth();
  fit::DetailProblem p;
  p.positions = t.positions;
  p.camera = t.camera;
  p.albedo = t.albedo;
  p.square = {0, 0, kPhotoSide};
  p.skin_size = 32;
  p.skin.assign(32 * 32, 1.f);
  p.size = 256;
  p.triangles = 2 * small_head().triangle_count;
  return p;
}

imaging::Image photo_image() {
  static const std::vector<std::uint8_t> pixels = [] {
    std::vector<std::uint8_t> bytes;
    for (const float v : photo_truth().rendered)
      bytes.push_back(static_cast<std::uint8_t>(std::lround(255 * std::clamp(v, 0.f, 1.f))));
    return bytes;
  }();
  return {pixels, kPhotoSide, kPhotoSide, 3};
}

fit::HeadState true_state() {
  const PhotoTruth& t = photo_truth();
  fit::HeadState state;
  state.camera = t.camera;
  state.coefficients = t.identity;
  state.coefficients.insert(state.coefficients.end(), t.expression.begin(), t.expression.end());
  return state;
}

fit::HeadState stepped(fit::HeadState state, int unknown, double step) {
  if (unknown < 3) {
    const double w[3] = {unknown == 0 ? step : 0, unknown == 1 ? step : 0, unknown == 2 ? step : 0};
    state.camera.turn({w[0], w[1], w[2]});
  } else if (unknown < 6) {
    state.camera.translation[static_cast<std::size_t>(unknown - 3)] += step;
  } else if (unknown == 6) {
    state.camera.focal_px *= std::exp(step);
    state.camera.translation[2] *= std::exp(step);
  } else {
    state.coefficients[static_cast<std::size_t>(unknown - 7)] += step;
  }
  return state;
}

fit::HeadView view_of(const fit::HeadState& state) {
  const fit::Model& model = small_head();
  ThreadPool pool(1);
  CpuBackend backend(pool);
  fit::HeadSurface<CpuBackend> surface(model, fit::host_arrays(model), backend);
  return fit::look_at_head(model, surface, backend, state, model.identity_count);
}

std::string error_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error_code_name(error.code());
  }
  return "no error";
}

}  // namespace hrn::test
