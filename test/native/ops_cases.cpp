// The ops of ops/ as cases.
#include "case.hpp"
#include "ops/corner_gather.hpp"
#include "ops/detail_normals.hpp"
#include "ops/interpolate.hpp"
#include "ops/normals.hpp"
#include "ops/shade.hpp"
#include "ops/uv_taps.hpp"
#include "random.hpp"
#include "scene.hpp"

namespace hrn::test {
namespace {

using Floats = std::vector<float>;

std::size_t size(long n) { return static_cast<std::size_t>(n); }

// --- morphable model ------------------------------------------------------------------------------------------------

/// A whole basis, and a range of its components in place.
template <class Stored, class B>
void morphable_model(B& backend, Buffers<B>& io, Sizes sizes, std::uint64_t seed) {
  Random random(seed);
  const long rows = 3 * (sizes.grid + 1) * (sizes.grid + 1), components = sizes.grid + 2;
  const Floats flat = random.vector<float>(rows * components), base = random.vector<float>(rows);
  const Floats coefficients = random.vector<float>(components);
  std::vector<Stored> packed(size(ops::basis_tiles(rows) * ops::kBasisTile * components));
  ops::pack_basis(flat.data(), rows, components, packed.data(), [](float x) {
    if constexpr (std::is_same_v<Stored, Half>)
      return float_to_half(x);
    else
      return x;
  });
  ops::BasisArgs<float, Stored> a;
  a.basis = io.input(packed);
  a.rows = rows;
  a.components = a.count = components;
  a.coefficients = io.input(coefficients);
  a.base = io.input(base);
  a.values = io.template output<float>("values", rows);
  backend.basis_forward(a);
  a.first = 1;
  a.count = components - 2;
  a.base = a.values;
  backend.basis_forward(a);
  a.grad_values = a.base;
  std::vector<double> grad(size(components));
  backend.basis_backward(a, grad.data());
  io.result("range grad", grad.data(), a.count);
  a.first = 0;
  a.count = components;
  backend.basis_backward(a, grad.data());
  io.result("grad", grad.data(), a.count);
}

HRN_CASE(MorphableModelHalf, "morphable_model/half", 2e-5) { morphable_model<Half>(backend, io, sizes, seed); }
HRN_CASE(MorphableModelSingle, "morphable_model/single", 2e-5) { morphable_model<float>(backend, io, sizes, seed); }

// --- pose, projection, rasterizer -----------------------------------------------------------------------------------

HRN_CASE(PoseProject, "pose_project", 1e-5) {
  const auto s = make_scene<float>(sizes.grid, sizes.side, seed);
  auto a = s.camera;
  a.positions = io.input(s.positions);
  a.screen = io.template output<float>("screen", 3 * s.vertices);
  a.grad_screen = io.input(Random(seed).vector<float>(3 * s.vertices));
  a.grad_positions = io.template output<float>("grad_positions", 3 * s.vertices);
  backend.template for_each<ops::PoseProject::Forward>(s.vertices, a);
  backend.template for_each<ops::PoseProject::Backward>(s.vertices, a);
  double grad[7];
  backend.template reduce<ops::PoseProject::BackwardPose, 7>(s.vertices, a, grad);
  io.result("grad_pose", grad, 7);
}

/// The same screen positions on every backend: differences of projection must not look like differences of coverage.
Floats screen_of(const Scene<float>& s) {
  Floats screen(s.positions.size());
  auto a = s.camera;
  a.screen = screen.data();
  for (long v = 0; v < s.vertices; ++v) ops::PoseProject::forward(a, v);
  return screen;
}

template <class B>
ops::RasterizeArgs<float> raster_arguments(Buffers<B>& io, const Scene<float>& s, const Floats& screen, long side) {
  ops::RasterizeArgs<float> a;
  a.screen = io.input(screen);
  a.triangles = io.input(s.topology.triangles);
  a.vertex_count = s.vertices;
  a.triangle_count = s.triangles;
  a.width = a.height = static_cast<int>(side);
  a.triangle_id = io.template output<std::int32_t>("triangle_id", side * side);
  a.barycentrics = io.template output<float>("barycentrics", 2 * side * side);
  a.depth = io.template output<float>("depth", side * side);
  a.boxes = io.template output<ops::PixelBox>("boxes", s.triangles);
  return a;
}

HRN_CASE(RasterizeScene, "rasterize/scene", 0) {
  const auto s = make_scene<float>(sizes.grid, sizes.side, seed);
  auto a = raster_arguments(io, s, screen_of(s), sizes.side);
  a.cull_back_faces = seed % 2 == 0;
  backend.rasterize(a);
}

/// A picture up to 2016 px wide of a coarse mesh, so that triangles are large.
HRN_CASE(RasterizeLarge, "rasterize/large", 0) {
  const long side = 9 * sizes.side;
  const auto s = make_scene<float>(1 + sizes.grid / 20, side, seed);
  auto a = raster_arguments(io, s, screen_of(s), side);
  a.cull_back_faces = false;
  backend.rasterize(a);
}

HRN_CASE(RasterizeNothing, "rasterize/nothing", 0) {
  const auto s = make_scene<float>(sizes.grid, sizes.side, seed);
  auto a = raster_arguments(io, s, screen_of(s), sizes.side);
  backend.rasterize(a);
  a.triangle_count = 0;
  backend.rasterize(a);
}

/// Triangles of all sizes in all places, with every kind of bad vertex.
HRN_CASE(RasterizeWild, "rasterize/wild", 0) {
  Scene<float> s;
  Random random(seed);
  s.triangles = 8 + sizes.grid * 20;
  s.vertices = 2 * s.triangles;
  const auto side = static_cast<double>(sizes.side);
  Floats screen;
  for (long v = 0; v < s.vertices; ++v) {
    const double reach = std::pow(10.0, random.uniform(-1, v % 50 == 0 ? 7 : 1)) * side;
    screen.push_back(static_cast<float>(side / 2 + random.uniform() * reach));
    screen.push_back(static_cast<float>(side / 2 + random.uniform() * reach));
    screen.push_back(static_cast<float>(random.uniform(-5, 500)));
    // Exactly on pixel centres and edges, where the top-left rule decides.
    if (v % 3 == 0)
      for (int k = 1; k <= 2; ++k)
        screen[screen.size() - 1 - size(k)] = std::floor(2 * screen[screen.size() - 1 - size(k)]) / 2;
  }
  const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-40f, 0.0f};
  for (long k = 0; k < 7; ++k)
    for (long c = 0; c < 3; ++c) screen[size(random.below(s.vertices) * 3 + c)] = bad[k];
  for (long c = 0; c < 3 * s.triangles; ++c)
    s.topology.triangles.push_back(static_cast<std::int32_t>(random.below(s.vertices)));
  auto a = raster_arguments(io, s, screen, sizes.side);
  a.cull_back_faces = false;
  backend.rasterize(a);
}

// --- attributes -----------------------------------------------------------------------------------------------------

/// Triangle ids, barycentrics and boxes of a scene, from the reference.
struct Seen {
  std::vector<std::int32_t> id;
  Floats barycentrics;
  std::vector<ops::PixelBox> boxes;
};

Seen rasterized(const Scene<float>& s, const Floats& screen, long side) {
  Seen seen{std::vector<std::int32_t>(size(side * side)), Floats(size(2 * side * side)),
            std::vector<ops::PixelBox>(size(s.triangles))};
  ops::RasterizeArgs<float> a;
  a.screen = screen.data();
  a.triangles = s.topology.triangles.data();
  a.vertex_count = s.vertices;
  a.triangle_count = s.triangles;
  a.width = a.height = static_cast<int>(side);
  a.triangle_id = seen.id.data();
  a.barycentrics = seen.barycentrics.data();
  a.boxes = seen.boxes.data();
  ReferenceBackend().rasterize(a);
  return seen;
}

template <int C, class B>
void interpolate(B& backend, Buffers<B>& io, Sizes sizes, std::uint64_t seed) {
  const auto s = make_scene<float>(sizes.grid, sizes.side, seed);
  const Floats screen = screen_of(s);
  const Seen seen = rasterized(s, screen, sizes.side);
  Random random(seed);
  const long pixels = sizes.side * sizes.side;
  ops::InterpolateArgs<float> a;
  a.triangles = io.input(s.topology.triangles);
  a.triangle_id = io.input(seen.id);
  a.barycentrics = io.input(seen.barycentrics);
  a.attributes = io.input(random.vector<float>(C * s.vertices));
  a.pixels = io.template output<float>("pixels", C * pixels);
  a.width = sizes.side;
  a.boxes = io.input(seen.boxes);
  a.grad_pixels = io.input(random.vector<float>(C * pixels));
  a.attribute_slots = io.template output<float>("attribute_slots", 3 * C * s.triangles);
  a.screen = io.input(screen);
  a.screen_slots = io.template output<float>("screen_slots", 9 * s.triangles);
  backend.template for_each<typename ops::Interpolate<C>::Forward>(pixels, a);
  backend.template for_each<typename ops::Interpolate<C>::Backward>(s.triangles, a);
  backend.template for_each<typename ops::Interpolate<C>::BackwardScreen>(s.triangles, a);
  backend.template for_each<typename ops::Interpolate<C>::BackwardScreenAdd>(s.triangles, a);
  auto both = a;
  both.attribute_slots = io.template output<float>("attribute_slots of both", 3 * C * s.triangles);
  both.screen_slots = io.template output<float>("screen_slots of both", 9 * s.triangles);
  backend.template for_each<typename ops::Interpolate<C>::BackwardBoth>(s.triangles, both);
  ops::CornerGatherArgs<float> g;
  g.corner_offsets = io.input(s.topology.corner_offsets);
  g.corners = io.input(s.topology.corners);
  g.slots = a.attribute_slots;
  g.values = io.template output<float>("grad_attributes", C * s.vertices);
  backend.template for_each<typename ops::CornerGather<C>::Set>(s.vertices, g);
  backend.template for_each<typename ops::CornerGather<C>::Add>(s.vertices, g);
}

HRN_CASE(Interpolate3, "interpolate/3", 1e-4) { interpolate<3>(backend, io, sizes, seed); }
HRN_CASE(Interpolate6, "interpolate/6", 1e-4) { interpolate<6>(backend, io, sizes, seed); }

HRN_CASE(UvSample, "uv_sample", 1e-4) {
  Random random(seed);
  const long n = (sizes.grid + 1) * (sizes.grid + 1), texels = sizes.side + 1;
  Floats uvs = random.vector<float>(2 * n, -0.2, 1.2);
  uvs[0] = NAN;
  const auto taps = ops::build_uv_taps(uvs.data(), n, texels);
  ops::UvSampleArgs<float> a;
  a.size = texels;
  a.taps = io.input(taps.taps);
  a.map = io.input(random.vector<float>(3 * texels * texels));
  a.values = io.template output<float>("values", 3 * n);
  a.texel_offsets = io.input(taps.texel_offsets);
  a.samples = io.input(taps.samples);
  a.grad_values = io.input(random.vector<float>(3 * n));
  a.grad_map = io.template output<float>("grad_map", 3 * texels * texels);
  backend.template for_each<ops::UvSample<3>::Forward>(n, a);
  backend.template for_each<ops::UvSample<3>::ForwardAdd>(n, a);
  backend.template for_each<ops::UvSample<3>::Backward>(texels * texels, a);
  ops::TextureSampleArgs<float> t;
  t.size = texels;
  t.map = a.map;
  t.uvs = io.input(uvs);
  t.values = io.template output<float>("texture", 3 * n);
  backend.template for_each<ops::UvSample<3>::Forward>(n, t);
}

HRN_CASE(Normals, "normals", 1e-4) {
  const auto s = make_scene<float>(sizes.grid, sizes.side, seed);
  ops::NormalsArgs<float> a;
  a.triangles = io.input(s.topology.triangles);
  a.corner_offsets = io.input(s.topology.corner_offsets);
  a.corners = io.input(s.topology.corners);
  a.positions = io.input(s.positions);
  a.crosses = io.template output<float>("crosses", 3 * s.triangles);
  a.normals = io.template output<float>("normals", 3 * s.vertices);
  a.grad_normals = io.input(Random(seed).vector<float>(3 * s.vertices));
  a.grad_sums = io.template output<float>("grad_sums", 3 * s.vertices);
  a.position_slots = io.template output<float>("position_slots", 9 * s.triangles);
  backend.template for_each<ops::Normals::ForwardFace>(s.triangles, a);
  backend.template for_each<ops::Normals::ForwardVertex>(s.vertices, a);
  backend.template for_each<ops::Normals::BackwardVertex>(s.vertices, a);
  backend.template for_each<ops::Normals::BackwardFace>(s.triangles, a);
}

HRN_CASE(DetailNormals, "detail_normals", 1e-4) {
  Random random(seed);
  const long texels = sizes.side, n = texels * texels;
  Floats positions, normals;
  std::vector<std::uint8_t> valid;
  for (long i = 0; i < n; ++i) {
    positions.insert(positions.end(), {static_cast<float>(i % texels), -static_cast<float>(i / texels),
                                       static_cast<float>(random.uniform(-0.2, 0.2))});
    const Vec3<float> m{static_cast<float>(random.uniform(-0.3, 0.3)), static_cast<float>(random.uniform(-0.3, 0.3)),
                        1};
    normals.insert(normals.end(), {m.x / length(m), m.y / length(m), m.z / length(m)});
    valid.push_back(random.below(10) > 0 ? 1 : 0);
  }
  ops::DetailNormalsArgs<float> a;
  a.size = texels;
  a.valid = io.input(valid);
  a.positions = io.input(positions);
  a.normals = io.input(normals);
  a.displacement = io.input(random.vector<float>(n, -0.3, 0.3));
  a.detail_normals = io.template output<float>("detail_normals", 3 * n);
  a.grad_normals = io.input(random.vector<float>(3 * n));
  a.grad_tangents = io.template output<float>("grad_tangents", 6 * n);
  a.grad_displacement = io.template output<float>("grad_displacement", n);
  backend.template for_each<ops::DetailNormals::Forward>(n, a);
  backend.template for_each<ops::DetailNormals::BackwardTangents>(n, a);
  backend.template for_each<ops::DetailNormals::Backward>(n, a);
}

HRN_CASE(Shade, "shade", 1e-5) {
  const auto s = make_scene<float>(sizes.grid, sizes.side, seed);
  Random random(seed);
  ops::ShadeArgs<float> a;
  a.albedo = io.input(random.vector<float>(3 * s.vertices, 0, 1));
  a.normals = io.input(random.vector<float>(3 * s.vertices));
  std::copy(s.camera.rotation, s.camera.rotation + 9, a.rotation);
  const Floats lighting = random.vector<float>(27);
  std::copy(lighting.begin(), lighting.end(), a.lighting);
  a.colours = io.template output<float>("colours", 3 * s.vertices);
  a.grad_colours = io.input(random.vector<float>(3 * s.vertices));
  a.grad_albedo = io.template output<float>("grad_albedo", 3 * s.vertices);
  a.grad_normals = io.template output<float>("grad_normals", 3 * s.vertices);
  backend.template for_each<ops::Shade::Forward>(s.vertices, a);
  backend.template for_each<ops::Shade::Backward>(s.vertices, a);
  double grad[ops::Shade::kReduced];
  backend.template reduce<ops::Shade::BackwardLight, ops::Shade::kReduced>(s.vertices, a, grad);
  io.result("grad_light", grad, ops::Shade::kReduced);
}

}  // namespace
}  // namespace hrn::test
