// Every op and direction at the size of the embedded head: 19,044 vertices, 37,538 triangles. Bytes count each array of
// the arguments once, as if caches were perfect within an op and empty between ops.
#include <string>
#include <vector>

#include "core/half.hpp"
#include "core/uploaded.hpp"
#include "harness.hpp"
#include "ops/corner_gather.hpp"
#include "ops/detail_normals.hpp"
#include "ops/interpolate.hpp"
#include "ops/normals.hpp"
#include "ops/shade.hpp"
#include "ops/uv_taps.hpp"
#include "random.hpp"
#include "scene.hpp"

namespace hrn::bench {
namespace {

using test::make_scene;
using test::Random;

constexpr long kGrid = 137;
constexpr double kFloat = sizeof(float);

template <class B>
auto random_array(B& backend, long n, std::uint64_t seed) {
  return uploaded(backend, Random(seed).vector<float>(n));
}

template <class B>
auto zeros(B& backend, long n) {
  return backend.template alloc<float>(static_cast<std::size_t>(n));
}

template <class Stored, class B>
void morphable_model(B& backend, const Recorder& recorder, const std::string& size) {
  const long rows = 3 * (kGrid + 1) * (kGrid + 1), components = 172;
  std::vector<Stored> values_of_basis(static_cast<std::size_t>(ops::basis_tiles(rows) * ops::kBasisTile * components));
  for (std::size_t i = 0; i < values_of_basis.size(); ++i) {
    const float value = static_cast<float>(i % 1021) * 1e-3f - 0.5f;
    if constexpr (std::is_same_v<Stored, Half>)
      values_of_basis[i] = float_to_half(value);
    else
      values_of_basis[i] = value;
  }
  const auto basis = uploaded(backend, values_of_basis);
  const auto coefficients = random_array(backend, components, 1), base = random_array(backend, rows, 2);
  auto values = zeros(backend, rows);
  auto grad = backend.template alloc<double>(static_cast<std::size_t>(components));
  ops::BasisArgs<float, Stored> a;
  a.basis = basis.data();
  a.rows = rows;
  a.components = a.count = components;
  a.coefficients = coefficients.data();
  a.base = base.data();
  a.values = values.data();
  a.grad_values = base.data();
  const double bytes = static_cast<double>(basis.size() * sizeof(Stored)),
               row_bytes = static_cast<double>(rows) * kFloat;
  recorder.measure(backend, "morphable_model/forward", size, bytes + 2 * row_bytes, [&] { backend.basis_forward(a); });
  recorder.measure(backend, "morphable_model/backward", size, bytes + row_bytes,
                   [&] { backend.basis_backward_to(a, grad.data()); });
}

template <class B>
void geometry(B& backend, const Recorder& recorder) {
  const auto s = make_scene<float>(kGrid, 224, 1);
  const auto v = static_cast<double>(s.vertices), t = static_cast<double>(s.triangles);
  const std::string size = "19k vertices";
  const auto triangles = uploaded(backend, s.topology.triangles),
             offsets = uploaded(backend, s.topology.corner_offsets), corners = uploaded(backend, s.topology.corners);
  const auto positions = uploaded(backend, s.positions);
  const auto vertex_values = random_array(backend, 3 * s.vertices, 3);
  auto screen = zeros(backend, 3 * s.vertices), grad = zeros(backend, 3 * s.vertices),
       grad2 = zeros(backend, 3 * s.vertices);
  auto slots = zeros(backend, 9 * s.triangles);

  auto p = s.camera;
  p.positions = positions.data();
  p.screen = screen.data();
  p.grad_screen = vertex_values.data();
  p.grad_positions = grad.data();
  auto sums = backend.template alloc<double>(ops::Shade::kReduced);
  recorder.measure(backend, "pose_project/forward", size, 6 * v * kFloat,
                   [&] { backend.template for_each<ops::PoseProject::Forward>(s.vertices, p); });
  recorder.measure(backend, "pose_project/backward", size, 9 * v * kFloat,
                   [&] { backend.template for_each<ops::PoseProject::Backward>(s.vertices, p); });
  recorder.measure(backend, "pose_project/backward pose", size, 6 * v * kFloat,
                   [&] { backend.template reduce_to<ops::PoseProject::BackwardPose, 7>(s.vertices, p, sums.data()); });

  ops::NormalsArgs<float> n;
  auto crosses = zeros(backend, 3 * s.triangles);
  auto normals = zeros(backend, 3 * s.vertices);
  n.triangles = triangles.data();
  n.corner_offsets = offsets.data();
  n.corners = corners.data();
  n.positions = positions.data();
  n.crosses = crosses.data();
  n.normals = normals.data();
  n.grad_normals = vertex_values.data();
  n.grad_sums = grad.data();
  n.position_slots = slots.data();
  recorder.measure(backend, "normals/forward", size, (3 * t + 3 * v + 6 * t + v + 3 * t + 3 * v) * kFloat, [&] {
    backend.template for_each<ops::Normals::ForwardFace>(s.triangles, n);
    backend.template for_each<ops::Normals::ForwardVertex>(s.vertices, n);
  });
  ops::CornerGatherArgs<float> g;
  g.corner_offsets = offsets.data();
  g.corners = corners.data();
  g.slots = slots.data();
  g.values = grad2.data();
  recorder.measure(backend, "normals/backward", size, (9 * v + 6 * t + 3 * t + 6 * v + 9 * t + 13 * t + 4 * v) * kFloat,
                   [&] {
                     backend.template for_each<ops::Normals::BackwardVertex>(s.vertices, n);
                     backend.template for_each<ops::Normals::BackwardFace>(s.triangles, n);
                     backend.template for_each<ops::CornerGather<3>::Set>(s.vertices, g);
                   });
  recorder.measure(backend, "corner_gather", size, (9 * t + 3 * t + 4 * v) * kFloat,
                   [&] { backend.template for_each<ops::CornerGather<3>::Set>(s.vertices, g); });

  ops::ShadeArgs<float> l;
  auto colours = zeros(backend, 3 * s.vertices);
  l.albedo = vertex_values.data();
  l.normals = normals.data();
  std::copy(s.camera.rotation, s.camera.rotation + 9, l.rotation);
  std::copy_n(Random(11).vector<float>(27).begin(), 27, l.lighting);
  l.colours = colours.data();
  l.grad_colours = vertex_values.data();
  l.grad_albedo = grad.data();
  l.grad_normals = grad2.data();
  recorder.measure(backend, "shade/forward", size, 9 * v * kFloat,
                   [&] { backend.template for_each<ops::Shade::Forward>(s.vertices, l); });
  recorder.measure(backend, "shade/backward", size, 15 * v * kFloat,
                   [&] { backend.template for_each<ops::Shade::Backward>(s.vertices, l); });
  recorder.measure(backend, "shade/backward light", size, 9 * v * kFloat, [&] {
    backend.template reduce_to<ops::Shade::BackwardLight, ops::Shade::kReduced>(s.vertices, l, sums.data());
  });

  constexpr long kMap = 300;
  const double texels = kMap * kMap;
  const auto host_taps = ops::build_uv_taps(s.uvs.data(), s.vertices, kMap);
  const auto taps = uploaded(backend, host_taps.taps);
  const auto samples = uploaded(backend, host_taps.samples);
  const auto texel_offsets = uploaded(backend, host_taps.texel_offsets);
  const auto map = random_array(backend, 3 * kMap * kMap, 4);
  auto grad_map = zeros(backend, 3 * kMap * kMap);
  ops::UvSampleArgs<float> u;
  u.size = kMap;
  u.taps = taps.data();
  u.map = map.data();
  u.values = grad.data();
  u.texel_offsets = texel_offsets.data();
  u.samples = samples.data();
  u.grad_values = vertex_values.data();
  u.grad_map = grad_map.data();
  recorder.measure(backend, "uv_sample/forward", size + ", 300 x 300 map", (6 * v + 3 * texels) * kFloat,
                   [&] { backend.template for_each<ops::UvSample<3>::Forward>(s.vertices, u); });
  recorder.measure(backend, "uv_sample/backward", size + ", 300 x 300 map",
                   (3 * v + 4 * texels) * kFloat + static_cast<double>(samples.size()) * 8,
                   [&] { backend.template for_each<ops::UvSample<3>::Backward>(kMap * kMap, u); });
}

template <class B>
void pixels(B& backend, const Recorder& recorder, long side) {
  auto s = make_scene<float>(kGrid, side, 1);
  const auto v = static_cast<double>(s.vertices), t = static_cast<double>(s.triangles);
  const double n = static_cast<double>(side * side);
  const std::string size = std::to_string(side) + " px";
  const auto triangles = uploaded(backend, s.topology.triangles);
  const auto positions = uploaded(backend, s.positions);
  auto screen = zeros(backend, 3 * s.vertices);
  s.camera.positions = positions.data();
  s.camera.screen = screen.data();
  backend.template for_each<ops::PoseProject::Forward>(s.vertices, s.camera);
  auto id = backend.template alloc<std::int32_t>(static_cast<std::size_t>(side * side));
  auto barycentrics = zeros(backend, 2 * side * side);
  auto boxes = backend.template alloc<ops::PixelBox>(static_cast<std::size_t>(s.triangles));
  ops::RasterizeArgs<float> r;
  r.screen = screen.data();
  r.triangles = triangles.data();
  r.vertex_count = s.vertices;
  r.triangle_count = s.triangles;
  r.width = r.height = static_cast<int>(side);
  r.triangle_id = id.data();
  r.barycentrics = barycentrics.data();
  r.boxes = boxes.data();
  recorder.measure(backend, "rasterize", size, (3 * v + 5 * t + 3 * n) * kFloat, [&] { backend.rasterize(r); });
  backend.rasterize(r);

  const auto attributes = random_array(backend, 3 * s.vertices, 5),
             grad_pixels = random_array(backend, 3 * side * side, 6);
  auto values = zeros(backend, 3 * side * side), slots = zeros(backend, 9 * s.triangles),
       screen_slots = zeros(backend, 9 * s.triangles);
  ops::InterpolateArgs<float> a;
  a.triangles = triangles.data();
  a.triangle_id = id.data();
  a.barycentrics = barycentrics.data();
  a.attributes = attributes.data();
  a.pixels = values.data();
  a.width = side;
  a.boxes = boxes.data();
  a.grad_pixels = grad_pixels.data();
  a.attribute_slots = slots.data();
  a.screen = screen.data();
  a.screen_slots = screen_slots.data();
  recorder.measure(backend, "interpolate/forward", size, (6 * n + 3 * t + 3 * v) * kFloat,
                   [&] { backend.template for_each<ops::Interpolate<3>::Forward>(side * side, a); });
  recorder.measure(backend, "interpolate/backward attributes", size, (6 * n + 11 * t) * kFloat,
                   [&] { backend.template for_each<ops::Interpolate<3>::Backward>(s.triangles, a); });
  recorder.measure(backend, "interpolate/backward screen", size, (6 * n + 14 * t + 6 * v) * kFloat,
                   [&] { backend.template for_each<ops::Interpolate<3>::BackwardScreen>(s.triangles, a); });

  std::vector<float> grid_uvs = Random(7).vector<float>(2 * side * side, 0, 1);
  for (long i = 0; i < side * side; ++i) {
    grid_uvs[static_cast<std::size_t>(2 * i)] = (static_cast<float>(i % side) + 0.3f) / static_cast<float>(side);
    grid_uvs[static_cast<std::size_t>(2 * i + 1)] = (static_cast<float>(i / side) + 0.6f) / static_cast<float>(side);
  }
  const auto uvs = uploaded(backend, grid_uvs);
  constexpr long kTexture = 1024;
  const auto texture = random_array(backend, 3 * kTexture * kTexture, 8);
  const ops::TextureSampleArgs<float> sample{kTexture, texture.data(), uvs.data(), values.data()};
  recorder.measure(backend, "uv_sample/forward texture", size + ", 1024 x 1024 map", 5 * n * kFloat + 12 * n * kFloat,
                   [&] { backend.template for_each<ops::UvSample<3>::Forward>(side * side, sample); });
}

template <class B>
void detail(B& backend, const Recorder& recorder) {
  constexpr long kSide = 256, n = kSide * kSide;
  std::vector<float> flat(3 * n), up(3 * n);
  for (long i = 0; i < n; ++i) {
    const std::size_t k = static_cast<std::size_t>(3 * i);
    flat[k] = static_cast<float>(i % kSide);
    flat[k + 1] = -static_cast<float>(i / kSide);
    up[k + 2] = 1;
  }
  const auto valid = uploaded(backend, std::vector<std::uint8_t>(n, 1));
  const auto positions = uploaded(backend, flat), normals = uploaded(backend, up);
  auto out = zeros(backend, 3 * n), tangents = zeros(backend, 6 * n), grad = zeros(backend, n);
  const auto displacement = random_array(backend, n, 9), grad_normals = random_array(backend, 3 * n, 10);
  ops::DetailNormalsArgs<float> a;
  a.size = kSide;
  a.valid = valid.data();
  a.positions = positions.data();
  a.normals = normals.data();
  a.displacement = displacement.data();
  a.detail_normals = out.data();
  a.grad_normals = grad_normals.data();
  a.grad_tangents = tangents.data();
  a.grad_displacement = grad.data();
  recorder.measure(backend, "detail_normals/forward", "256 x 256 map", n * (10 * kFloat + 1),
                   [&] { backend.template for_each<ops::DetailNormals::Forward>(n, a); });
  recorder.measure(backend, "detail_normals/backward", "256 x 256 map", n * (26 * kFloat + 2), [&] {
    backend.template for_each<ops::DetailNormals::BackwardTangents>(n, a);
    backend.template for_each<ops::DetailNormals::Backward>(n, a);
  });
}

template <class B>
void all_ops(B& backend, const Recorder& recorder) {
  morphable_model<Half>(backend, recorder, "172 components, fp16");
  morphable_model<float>(backend, recorder, "172 components, fp32");
  geometry(backend, recorder);
  for (const long side : {224L, 512L, 1024L}) pixels(backend, recorder, side);
  detail(backend, recorder);
}

const int added = add(all_ops<BenchBackend>);

}  // namespace
}  // namespace hrn::bench
