#include "fit/dense/normal_patches.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/vec.hpp"
#include "fit/head/basis_rows.hpp"

namespace hrn::fit {
namespace {

// Between centres, mm: about what the network resolves.
constexpr float kSpacingMm = 6.5f;
// Rings of triangles around a centre: its patch is some 8 mm wide.
constexpr int kRings = 2;
// Least deformability: skin of the face, neither lids nor the inside of the mouth.
constexpr float kFace = 0.6f;

std::vector<std::uint32_t> spread_centres(const Model& model) {
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t v = 0; v < static_cast<std::uint32_t>(model.vertex_count); ++v) {
    if (model.deformable[v] < kFace || static_cast<Region>(model.regions[v]) == Region::eyes) continue;
    const Vec3<float> p = load3(model.mean.data(), static_cast<long>(v));
    const bool apart = std::none_of(chosen.begin(), chosen.end(), [&](std::uint32_t other) {
      const Vec3<float> d = p - load3(model.mean.data(), static_cast<long>(other));
      return dot(d, d) < kSpacingMm * kSpacingMm;
    });
    if (apart) chosen.push_back(v);
  }
  return chosen;
}

std::vector<std::int32_t> triangles_around(const Topology& mesh, std::uint32_t centre) {
  std::vector<std::int32_t> vertices{static_cast<std::int32_t>(centre)}, triangles;
  for (int ring = 0; ring < kRings; ++ring) {
    triangles.clear();
    for (const std::int32_t v : vertices)
      for (std::int32_t c = mesh.corner_offsets[static_cast<std::size_t>(v)];
           c < mesh.corner_offsets[static_cast<std::size_t>(v) + 1]; ++c)
        triangles.push_back(mesh.corners[static_cast<std::size_t>(c)] / 3);
    std::sort(triangles.begin(), triangles.end());
    triangles.erase(std::unique(triangles.begin(), triangles.end()), triangles.end());
    vertices.clear();
    for (const std::int32_t t : triangles)
      for (int k = 0; k < 3; ++k) vertices.push_back(mesh.triangles[static_cast<std::size_t>(3 * t + k)]);
    std::sort(vertices.begin(), vertices.end());
    vertices.erase(std::unique(vertices.begin(), vertices.end()), vertices.end());
  }
  return triangles;
}

}  // namespace

NormalPatches::NormalPatches(const Model& model) {
  std::map<std::int32_t, std::int32_t> place;
  const auto placed = [&](std::int32_t v) {
    const auto [at, is_new] = place.try_emplace(v, static_cast<std::int32_t>(vertices.size()));
    if (is_new) vertices.push_back(static_cast<std::uint32_t>(v));
    return at->second;
  };
  for (const std::uint32_t centre : spread_centres(model)) {
    std::vector<std::pair<std::int32_t, std::int32_t>> directed;
    for (const std::int32_t t : triangles_around(model.topology, centre)) {
      const std::int32_t* corner = model.topology.triangles.data() + 3 * t;
      for (int k = 0; k < 3; ++k) directed.emplace_back(corner[k], corner[(k + 1) % 3]);
    }
    std::sort(directed.begin(), directed.end());
    const std::int32_t first = static_cast<std::int32_t>(edges.size());
    for (const auto& [a, b] : directed)
      if (!std::binary_search(directed.begin(), directed.end(), std::pair{b, a}))
        edges.push_back({placed(a), placed(b)});
    patches.push_back({centre, first, static_cast<std::int32_t>(edges.size()) - first});
  }
  columns = (model.shape_count() + kPackedStep - 1) / kPackedStep * kPackedStep;
  basis.resize(3 * vertices.size() * static_cast<std::size_t>(columns));
  for (std::size_t row = 0; row < 3 * vertices.size(); ++row)
    for (long k = 0; k < model.shape_count(); ++k)
      basis[row * static_cast<std::size_t>(columns) + static_cast<std::size_t>(k)] =
          float_to_half(model.shape_value(k, 3L * vertices[row / 3] + static_cast<long>(row % 3)));
}

}  // namespace hrn::fit
