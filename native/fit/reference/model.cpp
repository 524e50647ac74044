#include "fit/reference/model.hpp"

#include <algorithm>

#include "fit/reference/check.hpp"
#include "ops/morphable_model.hpp"

namespace hrn::fit::reference {
namespace {

HostArray<Half> packed(std::span<const float> components, long rows, long number) {
  HostArray<Half> out(static_cast<std::size_t>(ops::basis_tiles(rows) * number * ops::kBasisTile));
  ops::pack_basis(components.data(), rows, number, out.data(), [](float x) { return float_to_half(x); });
  return out;
}

}  // namespace

Model build_model(const ModelSource& s) {
  Model m;
  m.vertices = static_cast<long>(s.mean.size() / 3);
  m.triangles = static_cast<long>(s.indices.size() / 3);
  m.identity = s.identity;
  m.expression = s.expression;
  m.albedo = s.albedo;
  const long rows = 3 * m.vertices, shapes = s.identity + s.expression;
  check("mean", s.mean.size(), rows);
  check("shapeBasis", s.shape_basis.size(), rows * shapes);
  check("meanAlbedo", s.mean_albedo.size(), rows);
  check("albedoBasis", s.albedo_basis.size(), rows * s.albedo);
  check("triangles", s.indices.size(), 3 * m.triangles);
  check("uvs", s.uvs.size(), 2 * m.vertices);
  const auto inside = [&](std::uint32_t v) { return v < static_cast<std::uint32_t>(m.vertices); };
  if (!std::all_of(s.indices.begin(), s.indices.end(), inside) ||
      !std::all_of(s.keypoints.begin(), s.keypoints.end(), inside))
    throw Error(ErrorCode::invalid_argument, "expected triangles and keypoints of vertices of the model");
  m.mean.assign(s.mean.begin(), s.mean.end());
  m.mean_albedo.assign(s.mean_albedo.begin(), s.mean_albedo.end());
  m.uvs.assign(s.uvs.begin(), s.uvs.end());
  m.keypoints.assign(s.keypoints.begin(), s.keypoints.end());
  m.shape_basis = packed(s.shape_basis, rows, shapes);
  m.albedo_basis = packed(s.albedo_basis, rows, s.albedo);
  m.topology = build_topology(s.indices.data(), m.triangles, m.vertices);
  return m;
}

}  // namespace hrn::fit::reference
