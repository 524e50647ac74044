#include "core/topology.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

namespace hrn {
namespace {

std::size_t index(long i) { return static_cast<std::size_t>(i); }

/// Turns per-vertex counts, stored one place to the right, into offsets.
void prefix_sum(std::vector<std::int32_t>& offsets) {
  for (std::size_t v = 1; v < offsets.size(); ++v) offsets[v] += offsets[v - 1];
}

}  // namespace

Topology build_topology(const std::uint32_t* triangles, long triangle_count, long vertex_count) {
  constexpr long kMax = std::numeric_limits<std::int32_t>::max() / 3;
  if (vertex_count < 0 || triangle_count < 0 || vertex_count > kMax || triangle_count > kMax)
    throw std::invalid_argument("mesh too large for 32-bit indices");
  Topology t;
  t.vertex_count = vertex_count;
  t.triangle_count = triangle_count;
  t.triangles.resize(index(3 * triangle_count));
  t.corner_offsets.assign(index(vertex_count + 1), 0);
  for (long c = 0; c < 3 * triangle_count; ++c) {
    if (triangles[c] >= static_cast<std::uint32_t>(vertex_count))
      throw std::invalid_argument("triangle " + std::to_string(c / 3) + " refers to vertex " +
                                  std::to_string(triangles[c]) + " of " + std::to_string(vertex_count));
    t.triangles[index(c)] = static_cast<std::int32_t>(triangles[c]);
    ++t.corner_offsets[triangles[c] + 1];
  }
  prefix_sum(t.corner_offsets);
  t.corners.resize(index(3 * triangle_count));
  std::vector<std::int32_t> cursor(t.corner_offsets.begin(), t.corner_offsets.end() - 1);
  for (long c = 0; c < 3 * triangle_count; ++c) t.corners[index(cursor[triangles[c]]++)] = static_cast<std::int32_t>(c);

  std::vector<std::uint64_t> keys;
  keys.reserve(index(3 * triangle_count));
  for (long f = 0; f < triangle_count; ++f) {
    for (int c = 0; c < 3; ++c) {
      const std::uint64_t a = triangles[3 * f + c];
      const std::uint64_t b = triangles[3 * f + (c + 1) % 3];
      if (a != b) keys.push_back(std::min(a, b) << 32 | std::max(a, b));
    }
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  t.edges.reserve(2 * keys.size());
  t.neighbour_offsets.assign(index(vertex_count + 1), 0);
  for (const std::uint64_t key : keys) {
    const auto a = static_cast<std::int32_t>(key >> 32);
    const auto b = static_cast<std::int32_t>(key & 0xffffffffu);
    t.edges.push_back(a);
    t.edges.push_back(b);
    ++t.neighbour_offsets[index(a) + 1];
    ++t.neighbour_offsets[index(b) + 1];
  }
  prefix_sum(t.neighbour_offsets);
  t.neighbours.resize(t.edges.size());
  cursor.assign(t.neighbour_offsets.begin(), t.neighbour_offsets.end() - 1);
  // Edges are sorted by (smaller, larger): first all smaller neighbours of a vertex, then all larger ones, ascending.
  for (std::size_t e = 0; e < t.edges.size(); e += 2) t.neighbours[index(cursor[index(t.edges[e + 1])]++)] = t.edges[e];
  for (std::size_t e = 0; e < t.edges.size(); e += 2) t.neighbours[index(cursor[index(t.edges[e])]++)] = t.edges[e + 1];
  return t;
}

}  // namespace hrn
