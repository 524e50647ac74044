// Every backward of ops/ against central differences.
#include <memory>

#include "backends/cpu/cpu_backend.hpp"
#include "gradient.hpp"
#include "ops/corner_gather.hpp"
#include "ops/detail_normals.hpp"
#include "ops/interpolate.hpp"
#include "ops/normals.hpp"
#include "ops/shade.hpp"
#include "ops/unit_normals.hpp"
#include "ops/uv_taps.hpp"
#include "scene.hpp"

namespace hrn::test {
namespace {

using Vector = std::vector<double>;

std::size_t size(long n) { return static_cast<std::size_t>(n); }

struct Cpu {
  ThreadPool pool{2};
  CpuBackend backend{pool};
};

/// rotation = exp(w) * rotation, by Rodrigues' formula.
void rotate_by(double rotation[9], const Vector& w) {
  const double angle = std::sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2]);
  const double s = angle > 0 ? std::sin(angle) / angle : 1,
               c = angle > 0 ? (1 - std::cos(angle)) / (angle * angle) : 0.5;
  const double x = w[0], y = w[1], z = w[2];
  const double e[9] = {1 - c * (y * y + z * z), c * x * y - s * z,       c * x * z + s * y,
                       c * x * y + s * z,       1 - c * (x * x + z * z), c * y * z - s * x,
                       c * x * z - s * y,       c * y * z + s * x,       1 - c * (x * x + y * y)};
  double out[9];
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      out[3 * i + j] = e[3 * i] * rotation[j] + e[3 * i + 1] * rotation[3 + j] + e[3 * i + 2] * rotation[6 + j];
  std::copy(out, out + 9, rotation);
}

/// Corner slots summed to vertices.
template <int C>
Vector gather(CpuBackend& cpu, const Topology& topology, const Vector& slots) {
  Vector out(size(topology.vertex_count * C));
  cpu.for_each<typename ops::CornerGather<C>::Set>(
      topology.vertex_count,
      ops::CornerGatherArgs<double>{topology.corner_offsets.data(), topology.corners.data(), slots.data(), out.data()});
  return out;
}

HRN_TEST("gradient/morphable_model") {
  const long rows = 3 * 70, components = 9;
  Random random(3);
  const Vector flat = random.vector<double>(rows * components);
  Vector packed(size(ops::basis_tiles(rows) * ops::kBasisTile * components));
  ops::pack_basis(flat.data(), rows, components, packed.data(), [](double x) { return x; });
  Vector coefficients = random.vector<double>(4), base = random.vector<double>(rows), values(size(rows)),
         weights = random.vector<double>(rows), gradient(4);
  ops::BasisArgs<double, double> a;
  a.basis = packed.data();
  a.rows = rows;
  a.components = components;
  a.first = 3;
  a.count = 4;
  a.coefficients = coefficients.data();
  a.base = base.data();
  a.values = values.data();
  a.grad_values = weights.data();
  const auto forward = [&] {
    for (long tile = 0; tile < ops::basis_tiles(rows); ++tile) ops::MorphableModel::forward(a, tile);
    return weighted_sum(weights, values);
  };
  forward();
  // Against the definition, so that packing is checked too.
  for (const long r : {0L, 63L, 64L, 209L}) {
    double want = base[size(r)];
    for (long k = 0; k < 4; ++k) want += coefficients[size(k)] * flat[size((3 + k) * rows + r)];
    report.near(values[size(r)], want, 1e-12, "value");
  }
  for (long tile = 0; tile < ops::basis_tiles(rows); ++tile) ops::MorphableModel::backward(a, tile, gradient.data());
  check_gradient(report, "coefficients", coefficients, gradient, forward);
}

HRN_TEST("gradient/pose_project") {
  Cpu cpu;
  Scene<double> s = make_scene<double>(9, 224, 5);
  // One vertex in front of the near plane, where the depth is clamped.
  s.positions[2] = 599.9;
  s.positions[0] = 3;
  Random random(6);
  Vector screen(s.positions.size()), weights = random.vector<double>(3 * s.vertices), grad(s.positions.size());
  Vector pose(7);  // axis-angle, translation, log focal length, as offsets
  const auto arguments = [&] {
    auto a = s.camera;
    a.near_mm = 20;
    rotate_by(a.rotation, pose);
    for (size_t i = 0; i < 3; ++i) a.translation[i] += pose[3 + i];
    a.focal_px *= std::exp(pose[6]);
    a.screen = screen.data();
    a.grad_screen = weights.data();
    a.grad_positions = grad.data();
    return a;
  };
  const auto loss = [&] {
    cpu.backend.for_each<ops::PoseProject::Forward>(s.vertices, arguments());
    return weighted_sum(weights, screen);
  };
  cpu.backend.for_each<ops::PoseProject::Backward>(s.vertices, arguments());
  check_gradient(report, "positions", s.positions, grad, loss, {1e-4, 1e-6, 400});
  Vector grad_pose(7);
  cpu.backend.reduce<ops::PoseProject::BackwardPose, 7>(s.vertices, arguments(), grad_pose.data());
  check_gradient(report, "pose", pose, grad_pose, loss, {1e-6, 1e-6, 7});
}

HRN_TEST("gradient/normals") {
  Cpu cpu;
  Scene<double> s = make_scene<double>(8, 224, 7);
  Vector crosses(size(3 * s.triangles)), normals(s.positions.size()), sums(s.positions.size()),
      slots(size(9 * s.triangles));
  const Vector weights = Random(8).vector<double>(3 * s.vertices);
  ops::NormalsArgs<double> a;
  a.triangles = s.topology.triangles.data();
  a.corner_offsets = s.topology.corner_offsets.data();
  a.corners = s.topology.corners.data();
  a.positions = s.positions.data();
  a.crosses = crosses.data();
  a.normals = normals.data();
  a.grad_normals = weights.data();
  a.grad_sums = sums.data();
  a.position_slots = slots.data();
  const auto loss = [&] {
    cpu.backend.for_each<ops::Normals::ForwardFace>(s.triangles, a);
    cpu.backend.for_each<ops::Normals::ForwardVertex>(s.vertices, a);
    return weighted_sum(weights, normals);
  };
  loss();
  for (long v = 0; v < s.vertices; ++v) {
    report.near(length(load3(normals.data(), v)), 1, 1e-12, "length");
    CHECK(normals[size(3 * v + 2)] > 0);  // out of the dome
  }
  cpu.backend.for_each<ops::Normals::BackwardVertex>(s.vertices, a);
  cpu.backend.for_each<ops::Normals::BackwardFace>(s.triangles, a);
  check_gradient(report, "positions", s.positions, gather<3>(cpu.backend, s.topology, slots), loss);
}

HRN_TEST("gradient/unit normals") {
  Cpu cpu;
  Scene<double> s = make_scene<double>(8, 224, 7);
  Vector units(size(3 * s.triangles)), normals(s.positions.size()), sums(s.positions.size()),
      slots(size(9 * s.triangles));
  const Vector weights = Random(8).vector<double>(3 * s.vertices);
  ops::NormalsArgs<double> a;
  a.triangles = s.topology.triangles.data();
  a.corner_offsets = s.topology.corner_offsets.data();
  a.corners = s.topology.corners.data();
  a.positions = s.positions.data();
  a.crosses = units.data();
  a.normals = normals.data();
  a.grad_normals = weights.data();
  a.grad_sums = sums.data();
  a.position_slots = slots.data();
  const auto loss = [&] {
    cpu.backend.for_each<ops::UnitNormals::ForwardFace>(s.triangles, a);
    cpu.backend.for_each<ops::Normals::ForwardVertex>(s.vertices, a);
    return weighted_sum(weights, normals);
  };
  loss();
  for (long t = 0; t < s.triangles; ++t) report.near(length(load3(units.data(), t)), 1, 1e-12, "length");
  cpu.backend.for_each<ops::Normals::BackwardVertex>(s.vertices, a);
  cpu.backend.for_each<ops::UnitNormals::BackwardFace>(s.triangles, a);
  check_gradient(report, "positions", s.positions, gather<3>(cpu.backend, s.topology, slots), loss);
}

HRN_TEST("gradient/normals of degenerate triangles are finite") {
  Cpu cpu;
  Scene<double> s = make_scene<double>(2, 224, 7);
  for (double& p : s.positions) p = 1;
  Vector crosses(size(3 * s.triangles)), normals(s.positions.size()), sums(s.positions.size());
  const Vector weights(s.positions.size(), 1.0);
  ops::NormalsArgs<double> a;
  a.triangles = s.topology.triangles.data();
  a.corner_offsets = s.topology.corner_offsets.data();
  a.corners = s.topology.corners.data();
  a.positions = s.positions.data();
  a.crosses = crosses.data();
  a.normals = normals.data();
  a.grad_normals = weights.data();
  a.grad_sums = sums.data();
  cpu.backend.for_each<ops::Normals::ForwardFace>(s.triangles, a);
  cpu.backend.for_each<ops::Normals::ForwardVertex>(s.vertices, a);
  cpu.backend.for_each<ops::Normals::BackwardVertex>(s.vertices, a);
  for (long v = 0; v < s.vertices; ++v) {
    report.equal(normals[size(3 * v + 2)], 1.0, "normal");
    report.equal(sums[size(3 * v)], 0.0, "gradient");
  }
}

HRN_TEST("gradient/shade") {
  Cpu cpu;
  const long n = 37;
  Random random(9);
  Vector albedo = random.vector<double>(3 * n, 0, 1), normals = random.vector<double>(3 * n),
         lighting = random.vector<double>(27), turn(3);
  Vector colours(size(3 * n)), grad_albedo(size(3 * n)), grad_normals(size(3 * n)), grad(30);
  const Vector weights = random.vector<double>(3 * n);
  const auto camera = make_scene<double>(1, 224, 1).camera;
  const auto arguments = [&] {
    ops::ShadeArgs<double> a;
    a.albedo = albedo.data();
    a.normals = normals.data();
    std::copy(camera.rotation, camera.rotation + 9, a.rotation);
    rotate_by(a.rotation, turn);
    std::copy(lighting.begin(), lighting.end(), a.lighting);
    a.colours = colours.data();
    a.grad_colours = weights.data();
    a.grad_albedo = grad_albedo.data();
    a.grad_normals = grad_normals.data();
    return a;
  };
  const auto loss = [&] {
    cpu.backend.for_each<ops::Shade::Forward>(n, arguments());
    return weighted_sum(weights, colours);
  };
  cpu.backend.for_each<ops::Shade::Backward>(n, arguments());
  cpu.backend.reduce<ops::Shade::BackwardLight, ops::Shade::kReduced>(n, arguments(), grad.data());
  check_gradient(report, "albedo", albedo, grad_albedo, loss, {1e-5, 1e-6, 111});
  check_gradient(report, "normals", normals, grad_normals, loss, {1e-5, 1e-6, 111});
  check_gradient(report, "lighting", lighting, {grad.begin(), grad.begin() + 27}, loss);
  check_gradient(report, "rotation", turn, {grad.begin() + 27, grad.end()}, loss);
}

HRN_TEST("gradient/uv_sample") {
  Cpu cpu;
  const long n = 200, texels = 12;
  Random random(10);
  Vector uvs = random.vector<double>(2 * n, -0.1, 1.1), map = random.vector<double>(texels * texels * 3);
  std::vector<std::uint8_t> used(size(n), 1);
  used[7] = 0;
  uvs[20] = uvs[21] = 1.0;
  const auto taps = ops::build_uv_taps(uvs.data(), n, texels, used.data());
  Vector values(size(3 * n)), grad(map.size());
  const Vector weights = random.vector<double>(3 * n);
  ops::UvSampleArgs<double> a;
  a.size = texels;
  a.taps = taps.taps.data();
  a.map = map.data();
  a.values = values.data();
  a.texel_offsets = taps.texel_offsets.data();
  a.samples = taps.samples.data();
  a.grad_values = weights.data();
  a.grad_map = grad.data();
  const auto loss = [&] {
    cpu.backend.for_each<ops::UvSample<3>::Forward>(n, a);
    return weighted_sum(weights, values);
  };
  loss();
  report.equal(values[21], 0.0, "unused sample");
  report.near(values[30], map[map.size() - 3], 1e-12, "corner of the map");
  cpu.backend.for_each<ops::UvSample<3>::Backward>(texels * texels, a);
  check_gradient(report, "map", map, grad, loss, {1e-5, 1e-6, 500});
}

HRN_TEST("gradient/detail_normals") {
  Cpu cpu;
  const long texels = 9, n = texels * texels;
  Random random(11);
  Vector positions, normals, displacement = random.vector<double>(n, -0.2, 0.2);
  for (long i = 0; i < n; ++i) {
    const Vec3<double> p{static_cast<double>(i % texels), -static_cast<double>(i / texels), random.uniform(-0.3, 0.3)};
    const Vec3<double> m{random.uniform(-0.3, 0.3), random.uniform(-0.3, 0.3), 1};
    const Vec3<double> unit = (1 / length(m)) * m;
    positions.insert(positions.end(), {p.x, p.y, p.z});
    normals.insert(normals.end(), {unit.x, unit.y, unit.z});
  }
  std::vector<std::uint8_t> valid(size(n), 1);
  for (const long hole : {0L, 13L, 40L, 41L, 80L}) valid[size(hole)] = 0;
  Vector out(size(3 * n)), tangents(size(6 * n)), grad(size(n));
  const Vector weights = random.vector<double>(3 * n);
  ops::DetailNormalsArgs<double> a;
  a.size = texels;
  a.valid = valid.data();
  a.positions = positions.data();
  a.normals = normals.data();
  a.displacement = displacement.data();
  a.detail_normals = out.data();
  a.grad_normals = weights.data();
  a.grad_tangents = tangents.data();
  a.grad_displacement = grad.data();
  const auto loss = [&] {
    cpu.backend.for_each<ops::DetailNormals::Forward>(n, a);
    return weighted_sum(weights, out);
  };
  loss();
  for (long i = 0; i < n; ++i) CHECK(dot(load3(out.data(), i), load3(normals.data(), i)) > 0);
  cpu.backend.for_each<ops::DetailNormals::BackwardTangents>(n, a);
  cpu.backend.for_each<ops::DetailNormals::Backward>(n, a);
  check_gradient(report, "displacement", displacement, grad, loss, {1e-5, 1e-6, 100});
}

/// Colours interpolated at pixels whose triangle is fixed and whose barycentrics are computed from the screen positions
/// in double: the function whose gradient interpolate.hpp states.
HRN_TEST("gradient/interpolate") {
  Cpu cpu;
  const long side = 40;
  Scene<double> s = make_scene<double>(7, side, 12);
  // Strong perspective, so that depths matter.
  s.camera.translation[2] = 150;
  s.camera.focal_px = 40;
  Vector screen(s.positions.size());
  s.camera.screen = screen.data();
  cpu.backend.for_each<ops::PoseProject::Forward>(s.vertices, s.camera);
  const std::vector<float> screen_float(screen.begin(), screen.end());
  std::vector<std::int32_t> id(size(side * side));
  std::vector<float> barycentrics_float(size(2 * side * side)), depth(size(side * side));
  std::vector<ops::PixelBox> boxes(size(s.triangles));
  ops::RasterizeArgs<float> raster;
  raster.screen = screen_float.data();
  raster.triangles = s.topology.triangles.data();
  raster.vertex_count = s.vertices;
  raster.triangle_count = s.triangles;
  raster.width = raster.height = static_cast<int>(side);
  raster.triangle_id = id.data();
  raster.barycentrics = barycentrics_float.data();
  raster.depth = depth.data();
  raster.boxes = boxes.data();
  cpu.backend.rasterize(raster);

  Vector barycentrics(size(2 * side * side)), attributes = Random(13).vector<double>(3 * s.vertices),
                                              pixels(size(3 * side * side));
  const Vector weights = Random(14).vector<double>(3 * side * side);
  const auto exact_barycentrics = [&] {
    for (long pixel = 0; pixel < side * side; ++pixel) {
      const long t = id[size(pixel)];
      if (t < 0) continue;
      Vec3<double> p[3];
      for (int i = 0; i < 3; ++i) p[i] = load3(screen.data(), s.topology.triangles[size(3 * t + i)]);
      const double x = static_cast<double>(pixel % side) + 0.5, y = static_cast<double>(pixel / side) + 0.5;
      double weight[3], sum = 0;
      for (int i = 0; i < 3; ++i) {
        const auto &b = p[(i + 1) % 3], &c = p[(i + 2) % 3];
        weight[i] = ((c.x - b.x) * (y - b.y) - (c.y - b.y) * (x - b.x)) / p[i].z;
        sum += weight[i];
      }
      barycentrics[size(2 * pixel)] = weight[0] / sum;
      barycentrics[size(2 * pixel + 1)] = weight[1] / sum;
    }
  };
  exact_barycentrics();
  long seen = 0;
  for (long pixel = 0; pixel < side * side; ++pixel) {
    if (id[size(pixel)] < 0) continue;
    ++seen;
    for (long k = 2 * pixel; k < 2 * pixel + 2; ++k)
      report.near(static_cast<double>(barycentrics_float[size(k)]), barycentrics[size(k)], 0.03,
                  "rasterizer's barycentrics");
  }
  CHECK(seen > 400);

  Vector attribute_slots(size(9 * s.triangles)), screen_slots(size(9 * s.triangles), 0.0);
  ops::InterpolateArgs<double> a;
  a.triangles = s.topology.triangles.data();
  a.triangle_id = id.data();
  a.barycentrics = barycentrics.data();
  a.attributes = attributes.data();
  a.pixels = pixels.data();
  a.width = side;
  a.boxes = boxes.data();
  a.grad_pixels = weights.data();
  a.attribute_slots = attribute_slots.data();
  a.screen = screen.data();
  a.screen_slots = screen_slots.data();
  const auto loss = [&] {
    exact_barycentrics();
    cpu.backend.for_each<ops::Interpolate<3>::Forward>(side * side, a);
    return weighted_sum(weights, pixels);
  };
  loss();
  cpu.backend.for_each<ops::Interpolate<3>::Backward>(s.triangles, a);
  cpu.backend.for_each<ops::Interpolate<3>::BackwardScreen>(s.triangles, a);
  // Both at once are the same.
  auto both = a;
  std::vector<double> attribute_both(attribute_slots.size()), screen_both(screen_slots.size());
  both.attribute_slots = attribute_both.data();
  both.screen_slots = screen_both.data();
  cpu.backend.for_each<ops::Interpolate<3>::BackwardBoth>(s.triangles, both);
  for (std::size_t i = 0; i < attribute_both.size(); ++i) {
    report.near(attribute_both[i], attribute_slots[i], 1e-12, "attribute gradient of both");
    report.near(screen_both[i], screen_slots[i], 1e-12, "screen gradient of both");
  }
  check_gradient(report, "attributes", attributes, gather<3>(cpu.backend, s.topology, attribute_slots), loss);
  check_gradient(report, "screen", screen, gather<3>(cpu.backend, s.topology, screen_slots), loss, {1e-5, 1e-5, 192});
}

}  // namespace
}  // namespace hrn::test
