// Values of vertices made smooth over the surface, and drawn over the texture's layout.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/cancel.hpp"

namespace hrn::rig {

/// Averages over neighbours where `free`, which leaves values smooth between those that are held.
/// values, free: [V]; triangles: [T][3], below V. Throws Error(cancelled).
std::vector<float> spread(std::span<const float> values, std::span<const std::uint8_t> free,
                          std::span<const std::uint32_t> triangles, int steps, const Cancel& cancel);

struct LayoutMapArgs {
  std::span<const float> values;             // [V], 0..1
  std::span<const float> uvs;                // [V][2], 0..1, origin top left
  std::span<const std::uint32_t> triangles;  // [T][3], below V
  int softening = 0;                         // means over the triangles around each vertex, so many times
  int size = 0;                              // texels a side
  std::uint8_t background = 0;               // where no triangle is
};

/// [size][size], 0..255. Throws Error(cancelled).
std::vector<std::uint8_t> layout_map(const LayoutMapArgs& args, const Cancel& cancel);

}  // namespace hrn::rig
