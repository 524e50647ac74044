// Every op and direction at the size of the embedded head: 19,044 vertices, 37,538 triangles. Bytes count each array of
// the arguments once, as if caches were perfect within an op and empty between ops.
#include <string>
#include <vector>

#include "core/half.hpp"
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

template <class T>
HostArray<T> random_array(CpuBackend& cpu, long n, std::uint64_t seed) {
  const auto values = Random(seed).vector<T>(n);
  auto array = cpu.alloc<T>(values.size());
  cpu.upload(array, values.data(), values.size());
  return array;
}

HostArray<float> zeros(CpuBackend& cpu, long n) { return cpu.alloc<float>(static_cast<std::size_t>(n)); }

template <class Stored>
void morphable_model(CpuBackend& cpu, const Recorder& recorder, const std::string& size) {
  const long rows = 3 * (kGrid + 1) * (kGrid + 1), components = 172;
  auto basis = cpu.alloc<Stored>(static_cast<std::size_t>(ops::basis_tiles(rows) * ops::kBasisTile * components));
  for (std::size_t i = 0; i < basis.size(); ++i) {
    const float value = static_cast<float>(i % 1021) * 1e-3f - 0.5f;
    if constexpr (std::is_same_v<Stored, Half>)
      basis[i] = float_to_half(value);
    else
      basis[i] = value;
  }
  const auto coefficients = random_array<float>(cpu, components, 1), base = random_array<float>(cpu, rows, 2);
  auto values = zeros(cpu, rows);
  std::vector<double> grad(static_cast<std::size_t>(components));
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
  recorder.measure("morphable_model/forward", size, bytes + 2 * row_bytes, cpu.threads(),
                   [&] { cpu.basis_forward(a); });
  recorder.measure("morphable_model/backward", size, bytes + row_bytes, cpu.threads(),
                   [&] { cpu.basis_backward(a, grad.data()); });
}

void geometry(CpuBackend& cpu, const Recorder& recorder) {
  const auto s = make_scene<float>(kGrid, 224, 1);
  const auto v = static_cast<double>(s.vertices), t = static_cast<double>(s.triangles);
  const std::string size = "19k vertices";
  const int threads = cpu.threads();
  const auto vertex_values = random_array<float>(cpu, 3 * s.vertices, 3);
  auto screen = zeros(cpu, 3 * s.vertices), grad = zeros(cpu, 3 * s.vertices), grad2 = zeros(cpu, 3 * s.vertices);
  auto slots = zeros(cpu, 9 * s.triangles);

  auto p = s.camera;
  p.screen = screen.data();
  p.grad_screen = vertex_values.data();
  p.grad_positions = grad.data();
  double sums[ops::Shade::kReduced];
  recorder.measure("pose_project/forward", size, 6 * v * kFloat, threads,
                   [&] { cpu.for_each<ops::PoseProject::Forward>(s.vertices, p); });
  recorder.measure("pose_project/backward", size, 9 * v * kFloat, threads,
                   [&] { cpu.for_each<ops::PoseProject::Backward>(s.vertices, p); });
  recorder.measure("pose_project/backward pose", size, 6 * v * kFloat, threads,
                   [&] { cpu.reduce<ops::PoseProject::BackwardPose, 7>(s.vertices, p, sums); });

  ops::NormalsArgs<float> n;
  auto crosses = zeros(cpu, 3 * s.triangles);
  auto normals = zeros(cpu, 3 * s.vertices);
  n.triangles = s.topology.triangles.data();
  n.corner_offsets = s.topology.corner_offsets.data();
  n.corners = s.topology.corners.data();
  n.positions = s.positions.data();
  n.crosses = crosses.data();
  n.normals = normals.data();
  n.grad_normals = vertex_values.data();
  n.grad_sums = grad.data();
  n.position_slots = slots.data();
  recorder.measure("normals/forward", size, (3 * t + 3 * v + 6 * t + v + 3 * t + 3 * v) * kFloat, threads, [&] {
    cpu.for_each<ops::Normals::ForwardFace>(s.triangles, n);
    cpu.for_each<ops::Normals::ForwardVertex>(s.vertices, n);
  });
  ops::CornerGatherArgs<float> g;
  g.corner_offsets = s.topology.corner_offsets.data();
  g.corners = s.topology.corners.data();
  g.slots = slots.data();
  g.values = grad2.data();
  recorder.measure("normals/backward", size, (9 * v + 6 * t + 3 * t + 6 * v + 9 * t + 13 * t + 4 * v) * kFloat, threads,
                   [&] {
                     cpu.for_each<ops::Normals::BackwardVertex>(s.vertices, n);
                     cpu.for_each<ops::Normals::BackwardFace>(s.triangles, n);
                     cpu.for_each<ops::CornerGather<3>::Set>(s.vertices, g);
                   });
  recorder.measure("corner_gather", size, (9 * t + 3 * t + 4 * v) * kFloat, threads,
                   [&] { cpu.for_each<ops::CornerGather<3>::Set>(s.vertices, g); });

  ops::ShadeArgs<float> l;
  auto colours = zeros(cpu, 3 * s.vertices);
  l.albedo = vertex_values.data();
  l.normals = normals.data();
  std::copy(s.camera.rotation, s.camera.rotation + 9, l.rotation);
  std::copy_n(vertex_values.data(), 27, l.lighting);
  l.colours = colours.data();
  l.grad_colours = vertex_values.data();
  l.grad_albedo = grad.data();
  l.grad_normals = grad2.data();
  recorder.measure("shade/forward", size, 9 * v * kFloat, threads,
                   [&] { cpu.for_each<ops::Shade::Forward>(s.vertices, l); });
  recorder.measure("shade/backward", size, 15 * v * kFloat, threads,
                   [&] { cpu.for_each<ops::Shade::Backward>(s.vertices, l); });
  recorder.measure("shade/backward light", size, 9 * v * kFloat, threads,
                   [&] { cpu.reduce<ops::Shade::BackwardLight, ops::Shade::kReduced>(s.vertices, l, sums); });

  constexpr long kMap = 300;
  const double texels = kMap * kMap;
  const auto taps = ops::build_uv_taps(s.uvs.data(), s.vertices, kMap);
  const auto map = random_array<float>(cpu, 3 * kMap * kMap, 4);
  auto grad_map = zeros(cpu, 3 * kMap * kMap);
  ops::UvSampleArgs<float> u;
  u.size = kMap;
  u.taps = taps.taps.data();
  u.map = map.data();
  u.values = grad.data();
  u.texel_offsets = taps.texel_offsets.data();
  u.samples = taps.samples.data();
  u.grad_values = vertex_values.data();
  u.grad_map = grad_map.data();
  recorder.measure("uv_sample/forward", size + ", 300 x 300 map", (6 * v + 3 * texels) * kFloat, threads,
                   [&] { cpu.for_each<ops::UvSample<3>::Forward>(s.vertices, u); });
  recorder.measure("uv_sample/backward", size + ", 300 x 300 map",
                   (3 * v + 4 * texels) * kFloat + static_cast<double>(taps.samples.size()) * 8, threads,
                   [&] { cpu.for_each<ops::UvSample<3>::Backward>(kMap * kMap, u); });
}

void pixels(CpuBackend& cpu, const Recorder& recorder, long side) {
  auto s = make_scene<float>(kGrid, side, 1);
  const auto v = static_cast<double>(s.vertices), t = static_cast<double>(s.triangles);
  const double n = static_cast<double>(side * side);
  const std::string size = std::to_string(side) + " px";
  const int threads = cpu.threads();
  auto screen = zeros(cpu, 3 * s.vertices);
  s.camera.screen = screen.data();
  cpu.for_each<ops::PoseProject::Forward>(s.vertices, s.camera);
  auto id = cpu.alloc<std::int32_t>(static_cast<std::size_t>(side * side));
  auto barycentrics = zeros(cpu, 2 * side * side);
  auto boxes = cpu.alloc<ops::PixelBox>(static_cast<std::size_t>(s.triangles));
  ops::RasterizeArgs<float> r;
  r.screen = screen.data();
  r.triangles = s.topology.triangles.data();
  r.vertex_count = s.vertices;
  r.triangle_count = s.triangles;
  r.width = r.height = static_cast<int>(side);
  r.triangle_id = id.data();
  r.barycentrics = barycentrics.data();
  r.boxes = boxes.data();
  recorder.measure("rasterize", size, (3 * v + 5 * t + 3 * n) * kFloat, threads, [&] { cpu.rasterize(r); });
  cpu.rasterize(r);

  const auto attributes = random_array<float>(cpu, 3 * s.vertices, 5),
             grad_pixels = random_array<float>(cpu, 3 * side * side, 6);
  auto values = zeros(cpu, 3 * side * side), slots = zeros(cpu, 9 * s.triangles),
       screen_slots = zeros(cpu, 9 * s.triangles);
  ops::InterpolateArgs<float> a;
  a.triangles = s.topology.triangles.data();
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
  recorder.measure("interpolate/forward", size, (6 * n + 3 * t + 3 * v) * kFloat, threads,
                   [&] { cpu.for_each<ops::Interpolate<3>::Forward>(side * side, a); });
  recorder.measure("interpolate/backward attributes", size, (6 * n + 11 * t) * kFloat, threads,
                   [&] { cpu.for_each<ops::Interpolate<3>::Backward>(s.triangles, a); });
  recorder.measure("interpolate/backward screen", size, (6 * n + 14 * t + 6 * v) * kFloat, threads,
                   [&] { cpu.for_each<ops::Interpolate<3>::BackwardScreen>(s.triangles, a); });

  auto uvs = Random(7).vector<float>(2 * side * side, 0, 1);
  for (long i = 0; i < side * side; ++i) {
    uvs[static_cast<std::size_t>(2 * i)] = (static_cast<float>(i % side) + 0.3f) / static_cast<float>(side);
    uvs[static_cast<std::size_t>(2 * i + 1)] = (static_cast<float>(i / side) + 0.6f) / static_cast<float>(side);
  }
  constexpr long kTexture = 1024;
  const auto texture = random_array<float>(cpu, 3 * kTexture * kTexture, 8);
  const ops::TextureSampleArgs<float> sample{kTexture, texture.data(), uvs.data(), values.data()};
  recorder.measure("uv_sample/forward texture", size + ", 1024 x 1024 map", 5 * n * kFloat + 12 * n * kFloat, threads,
                   [&] { cpu.for_each<ops::UvSample<3>::Forward>(side * side, sample); });
}

void detail(CpuBackend& cpu, const Recorder& recorder) {
  constexpr long kSide = 256, n = kSide * kSide;
  std::vector<std::uint8_t> valid(n, 1);
  auto positions = zeros(cpu, 3 * n), normals = zeros(cpu, 3 * n), out = zeros(cpu, 3 * n),
       tangents = zeros(cpu, 6 * n), grad = zeros(cpu, n);
  for (long i = 0; i < n; ++i) {
    const std::size_t k = static_cast<std::size_t>(3 * i);
    positions[k] = static_cast<float>(i % kSide);
    positions[k + 1] = -static_cast<float>(i / kSide);
    normals[k + 2] = 1;
  }
  const auto displacement = random_array<float>(cpu, n, 9), grad_normals = random_array<float>(cpu, 3 * n, 10);
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
  recorder.measure("detail_normals/forward", "256 x 256 map", n * (10 * kFloat + 1), cpu.threads(),
                   [&] { cpu.for_each<ops::DetailNormals::Forward>(n, a); });
  recorder.measure("detail_normals/backward", "256 x 256 map", n * (26 * kFloat + 2), cpu.threads(), [&] {
    cpu.for_each<ops::DetailNormals::BackwardTangents>(n, a);
    cpu.for_each<ops::DetailNormals::Backward>(n, a);
  });
}

const int added = add([](CpuBackend& cpu, const Recorder& recorder) {
  morphable_model<Half>(cpu, recorder, "172 components, fp16");
  morphable_model<float>(cpu, recorder, "172 components, fp32");
  geometry(cpu, recorder);
  for (const long side : {224L, 512L, 1024L}) pixels(cpu, recorder, side);
  detail(cpu, recorder);
});

}  // namespace
}  // namespace hrn::bench
