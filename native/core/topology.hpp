// Connectivity of a triangle mesh, built once per mesh.
#pragma once
#include <cstdint>
#include <vector>

namespace hrn {

/// Corner 3 t + c is corner c of triangle t.
struct Topology {
  long vertex_count = 0;
  long triangle_count = 0;
  /// [T][3] vertex indices.
  std::vector<std::int32_t> triangles;
  /// [V + 1]; the corners at vertex v are corners[corner_offsets[v]] .. corners[corner_offsets[v + 1] - 1], ascending.
  std::vector<std::int32_t> corner_offsets;
  /// [3 T]
  std::vector<std::int32_t> corners;
  /// [E][2] undirected edges, smaller index first, sorted.
  std::vector<std::int32_t> edges;
  /// [V + 1] and [2 E]; the vertices that share an edge with v, ascending.
  std::vector<std::int32_t> neighbour_offsets;
  std::vector<std::int32_t> neighbours;
};

/// Throws std::invalid_argument if an index is out of range; degenerate triangles are allowed.
Topology build_topology(const std::uint32_t* triangles, long triangle_count, long vertex_count);

}  // namespace hrn
