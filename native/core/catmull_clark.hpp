// One Catmull-Clark step with smooth boundary curves, as a sparse matrix over the vertices of a coarse mesh (the cage).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace hrn {

/// Marks the missing fourth corner of a triangle in a list of quads.
inline constexpr std::uint16_t kNoVertex = 0xffff;

/// The matrix and the mesh that it yields. Vertices: those of the cage, then one per edge in order of first appearance,
/// then one per face.
struct Subdivision {
  long cage_count = 0, vertex_count = 0;
  std::vector<std::uint32_t> offsets;    // [vertex_count + 1]: where each row's entries start
  std::vector<std::uint16_t> columns;    // ascending within a row
  std::vector<float> weights;            // as columns
  std::vector<std::uint32_t> edges;      // [E][2], cage vertices, the smaller first
  std::vector<std::uint32_t> triangles;  // [T][3]; a face's are adjacent, two for each of its corners in order

  /// One column of positions or offsets: `out[vertex_count][3]` from `cage[cage_count][3]`.
  void apply(const float* cage, float* out) const;
  /// The same for `count` columns of half floats, `[count][..][3]`; rounds to the nearest, ties away from zero.
  void apply_halfs(const std::uint16_t* cage, long count, std::uint16_t* out) const;
};

/// `faces`: [F][4], counter-clockwise; a triangle has kNoVertex last. Throws Error(model_corrupt) where a vertex is not
/// below `cage_count`, a face repeats one, or two faces use an edge in the same direction.
Subdivision catmull_clark(long cage_count, std::span<const std::uint16_t> faces);

/// The mirror images of the subdivided vertices, from those of the cage's ([cage_count], each below it). Throws
/// Error(model_corrupt) where they do not map edges and faces onto each other.
std::vector<std::uint32_t> subdivided_mirror(const Subdivision& subdivision, std::span<const std::uint16_t> faces,
                                             std::span<const std::uint16_t> mirror);

}  // namespace hrn
