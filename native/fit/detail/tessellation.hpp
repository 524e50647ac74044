// A finer mesh of the head for the displacement map: long edges of the face are halved until there are about as many
// triangles as were asked for. The same for every head of a model.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "fit/head/model.hpp"

namespace hrn::fit {

/// Vertices of the model come first, in their order, then one per halved edge; `parents` are its ends, which come
/// before it.
struct Tessellation {
  long base_vertices = 0;
  std::vector<std::uint32_t> parents;         // [new vertices][2]
  std::vector<std::uint32_t> triangles;       // [T][3], those of a part together, parts in the model's order
  std::vector<std::uint32_t> part_triangles;  // [parts]
  std::vector<float> uvs;                     // [vertices][2]
  long vertex_count() const { return base_vertices + static_cast<long>(parents.size() / 2); }
};

/// At least the model's own triangles, and about `triangle_count`.
Tessellation tessellate(const Model& model, long triangle_count);

struct DetailedMesh {
  std::vector<float> positions;  // [vertices][3], mm
  std::vector<float> normals;    // [vertices][3], unit
};
/// The head with its map: `positions` [V][3] and unit `normals` [V][3] of the model's vertices, `map` [size][size] in
/// mm along the normal. Between the vertices the smooth surface follows their normals (Vlachos et al. 2001, "Curved PN
/// triangles").
DetailedMesh displaced_mesh(const Tessellation& tessellation, std::span<const float> positions,
                            std::span<const float> normals, std::span<const float> map, long size);

}  // namespace hrn::fit
