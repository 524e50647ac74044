// Expressions of one head as files hold them: where each moves the surface, and turns its normals.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/cancel.hpp"
#include "core/half.hpp"

namespace hrn::rig {

/// What weight 1 of a shape adds to the positions, [V][3], mm: as the model stores it, or floats where `halfs` is
/// empty.
struct ShapeOffsets {
  std::span<const std::uint16_t> halfs;
  std::span<const float> floats;
};

struct BlendShapeArgs {
  std::span<const float> positions;        // [V][3], mm: the head without the shapes
  std::span<const std::uint32_t> indices;  // [T][3], below V, counter-clockwise from outside
  std::vector<ShapeOffsets> shapes;
  double least_mm = 0;      // of halfs: what is shorter is their rounding noise; floats are taken as they are
  double least_normal = 0;  // changes of a unit normal that are shorter are left out
};

/// Vectors that are not zero, of several sets one after the other.
struct SparseVectors {
  std::vector<std::uint32_t> ends;      // [sets]: where each ends
  std::vector<std::uint32_t> vertices;  // ascending within a set
  std::vector<float> values;            // [vertices][3]

  void end_set() { ends.push_back(static_cast<std::uint32_t>(vertices.size())); }
};

struct BlendShapes {
  std::vector<float> normals;  // [V][3], unit: of the head without the shapes
  SparseVectors position_offsets, normal_offsets;
};

/// Throws Error(cancelled).
BlendShapes blend_shapes(const BlendShapeArgs& args, const Cancel& cancel);

}  // namespace hrn::rig
