// Expressions as one person makes them: what a few told shapes leave of a fitted expression goes into those that are
// worn.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hrn::rig {

struct OwnOffsetsArgs {
  std::size_t vertex_count = 0;             // V
  std::span<const std::uint16_t> shapes;    // [K][V][3], half floats: what weight 1 adds, mm
  std::span<const float> missing;           // [K]: weights that are fitted and not told
  std::span<const float> rest;              // [V][3], mm: what is left besides
  std::span<const std::uint32_t> worn;      // indices below K of the shapes that take of the rest
  std::span<const float> weights;           // of each of those, above 0
  std::span<const std::uint32_t> vertices;  // those that are asked for, below V
};

/// What each worn shape takes at weight 1, [worn][V][3], mm: of a place's rest by how far it moves the place.
std::vector<float> own_offsets(const OwnOffsetsArgs& args);

}  // namespace hrn::rig
