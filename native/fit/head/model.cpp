#include "fit/head/model.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/error.hpp"
#include "ops/morphable_model.hpp"

namespace hrn::fit {
namespace {

// Far above any real head, far below what could exhaust memory by a forged header.
constexpr long kMaxVertices = 1'000'000, kMaxTriangles = 4'000'000, kMaxComponents = 2048, kMaxLandmarks = 10'000;

[[noreturn]] void corrupt(std::string_view what, std::string_view problem) {
  throw Error(ErrorCode::model_corrupt, "morphable model: " + std::string(what) + " " + std::string(problem) +
                                            "; reinstall the package or pass an intact model");
}

void check_range(std::string_view what, long value, long min, long max) {
  if (value < min || value > max)
    corrupt(what, "is " + std::to_string(value) + ", expected " + std::to_string(min) + " to " + std::to_string(max));
}

template <class T>
void check_size(std::string_view what, std::span<const T> data, long expected) {
  if (data.size() != static_cast<size_t>(expected))
    corrupt(what, "has " + std::to_string(data.size()) + " elements, expected " + std::to_string(expected));
}

void check_finite(std::string_view what, std::span<const float> data) {
  for (const float v : data)
    if (!std::isfinite(v)) corrupt(what, "contains a value that is not finite");
}

void check_finite(std::string_view what, std::span<const std::uint16_t> halfs) {
  for (const std::uint16_t h : halfs)
    if ((h & 0x7c00u) == 0x7c00u) corrupt(what, "contains a value that is not finite");
}

void check_indices(std::string_view what, std::span<const std::uint32_t> indices, long bound) {
  for (const std::uint32_t i : indices)
    if (i >= static_cast<size_t>(bound))
      corrupt(what, "contains index " + std::to_string(i) + ", expected below " + std::to_string(bound));
}

void check_floats(std::string_view what, std::span<const float> data, long expected) {
  check_size(what, data, expected);
  check_finite(what, data);
}

void check_landmarks(const std::string& what, const LandmarkSet& set, long vertex_count) {
  check_range(what + ".count", set.count, 0, kMaxLandmarks);
  check_size(what + ".vertices", std::span(set.vertices), 3 * set.count);
  check_indices(what + ".vertices", set.vertices, vertex_count);
  check_floats(what + ".weights", set.weights, 3 * set.count);
  check_floats(what + ".sigmaMm", set.sigma_mm, set.count);
  check_size(what + ".dynamic", std::span(set.dynamic), set.count);
  for (const float s : set.sigma_mm)
    if (!(s > 0)) corrupt(what + ".sigmaMm", "must be positive");
}

void check(const ModelSource& s) {
  check_range("vertexCount", s.vertex_count, 3, kMaxVertices);
  check_range("triangleCount", s.triangle_count, 1, kMaxTriangles);
  check_range("identity.count", s.identity_count, 0, kMaxComponents);
  check_range("expression.count", s.expression_count, 0, kMaxComponents);
  check_range("albedo.count", s.albedo_count, 0, kMaxComponents);
  const long rows = 3 * s.vertex_count;
  check_floats("mean", s.mean, rows);
  check_size("identity.halfs", s.identity, rows * s.identity_count);
  check_size("expression.halfs", s.expression, rows * s.expression_count);
  check_size("albedo.halfs", s.albedo, rows * s.albedo_count);
  check_finite("identity.halfs", s.identity);
  check_finite("expression.halfs", s.expression);
  check_finite("albedo.halfs", s.albedo);
  check_floats("albedo.mean", s.albedo_mean, rows);
  check_floats("expression.mean", s.expression_mean, s.expression_count);
  check_floats("expression.sigma", s.expression_sigma, s.expression_count);
  check_floats("expression.min", s.expression_min, s.expression_count);
  check_floats("expression.max", s.expression_max, s.expression_count);
  for (size_t i = 0; i < s.expression_sigma.size(); ++i)
    if (!(s.expression_sigma[i] > 0) || !(s.expression_min[i] <= s.expression_max[i]))
      corrupt("expression", "needs sigma above 0 and min not above max for every component");
  check_size("triangles", s.triangles, 3 * s.triangle_count);
  check_indices("triangles", s.triangles, s.vertex_count);
  check_floats("uvs", s.uvs, 2 * s.vertex_count);
  check_size("regions", s.regions, s.vertex_count);
  check_size("mirror", s.mirror, s.vertex_count);
  check_indices("mirror", s.mirror, s.vertex_count);
  check_floats("deformable", s.deformable, s.vertex_count);
  for (const Part& p : s.parts)
    if (p.first_triangle < 0 || p.triangle_count < 0 || p.first_triangle > s.triangle_count - p.triangle_count)
      corrupt("parts", "contains a run of triangles outside the mesh: " + p.name);
  check_landmarks("dense", s.dense, s.vertex_count);
  check_landmarks("ibug68", s.ibug68, s.vertex_count);
}

HostArray<float> copy(std::span<const float> data) {
  HostArray<float> out(data.size());
  std::copy(data.begin(), data.end(), out.begin());
  return out;
}

// Packs the halfs of one basis behind `first` components that the caller packs itself.
void pack(std::span<const std::uint16_t> halfs, long rows, long count, long first, long total, HostArray<Half>& out) {
  for (long tile = 0; tile < ops::basis_tiles(rows); ++tile) {
    const long begin = tile * ops::kBasisTile, n = std::min(ops::kBasisTile, rows - begin);
    for (long k = 0; k < count; ++k) {
      const std::uint16_t* in = halfs.data() + k * rows + begin;
      Half* to = out.data() + (tile * total + first + k) * ops::kBasisTile;
      for (long r = 0; r < n; ++r) to[r].bits = in[r];
    }
  }
}

}  // namespace

namespace {

float packed_value(const HostArray<Half>& basis, long components, long component, long row) {
  const long tile = row / ops::kBasisTile;
  const long i = (tile * components + component) * ops::kBasisTile + row % ops::kBasisTile;
  return half_to_float(basis[static_cast<size_t>(i)]);
}

}  // namespace

float Model::shape_value(long component, long row) const {
  return packed_value(shape_basis, shape_count(), component, row);
}

float Model::albedo_value(long component, long row) const {
  return packed_value(albedo_basis, albedo_count, component, row);
}

std::shared_ptr<const Model> build_model(const ModelSource& s) {
  check(s);
  auto model = std::make_shared<Model>();
  Model& m = *model;
  m.vertex_count = s.vertex_count;
  m.triangle_count = s.triangle_count;
  m.identity_count = s.identity_count;
  m.expression_count = s.expression_count;
  m.albedo_count = s.albedo_count;
  m.mean = copy(s.mean);
  m.albedo_mean = copy(s.albedo_mean);
  m.uvs = copy(s.uvs);
  m.deformable = copy(s.deformable);
  m.expression_mean.assign(s.expression_mean.begin(), s.expression_mean.end());
  m.expression_sigma.assign(s.expression_sigma.begin(), s.expression_sigma.end());
  m.expression_min.assign(s.expression_min.begin(), s.expression_min.end());
  m.expression_max.assign(s.expression_max.begin(), s.expression_max.end());
  m.regions.assign(s.regions.begin(), s.regions.end());
  m.mirror.assign(s.mirror.begin(), s.mirror.end());
  m.parts = s.parts;
  m.dense = s.dense;
  m.ibug68 = s.ibug68;
  m.topology = build_topology(s.triangles.data(), s.triangle_count, s.vertex_count);

  const long rows = 3 * s.vertex_count, tiles = ops::basis_tiles(rows);
  m.shape_basis = HostArray<Half>(static_cast<size_t>(tiles * m.shape_count() * ops::kBasisTile));
  pack(s.identity, rows, s.identity_count, 0, m.shape_count(), m.shape_basis);
  pack(s.expression, rows, s.expression_count, s.identity_count, m.shape_count(), m.shape_basis);
  m.albedo_basis = HostArray<Half>(static_cast<size_t>(tiles * s.albedo_count * ops::kBasisTile));
  pack(s.albedo, rows, s.albedo_count, 0, s.albedo_count, m.albedo_basis);

  m.dense_points = surface_points(m, m.dense.vertices.data(), m.dense.weights.data(), m.dense.count);
  return model;
}

SurfacePoints surface_points(const Model& m, const std::uint32_t* vertices, const float* weights, long count) {
  const long shape = m.shape_count();
  SurfacePoints p;
  p.count = count;
  p.mean.assign(static_cast<size_t>(3 * count), 0.0f);
  p.basis.assign(static_cast<size_t>(3 * count * shape), 0.0f);
  for (long i = 0; i < count; ++i)
    for (long j = 0; j < 3; ++j) {
      const long vertex = static_cast<long>(vertices[3 * i + j]);
      const float weight = weights[3 * i + j];
      if (weight == 0) continue;
      for (long axis = 0; axis < 3; ++axis) {
        const long row = 3 * vertex + axis;
        p.mean[static_cast<size_t>(3 * i + axis)] += weight * m.mean[static_cast<size_t>(row)];
        float* out = p.basis.data() + (3 * i + axis) * shape;
        for (long k = 0; k < shape; ++k) out[k] += weight * m.shape_value(k, row);
      }
    }
  return p;
}

}  // namespace hrn::fit
