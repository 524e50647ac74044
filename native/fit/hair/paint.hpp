// The colours of a volume of hair.
#pragma once
#include <cstdint>
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/hair/sight.hpp"

namespace hrn::fit {

/// The texture, [kHairTextureHeight][kHairTextureWidth][3], sRGB, of a shell with these points, unit normals and
/// thicknesses at its nodes: the photo where it shows hair, elsewhere its colours carried on, with strands.
std::vector<std::uint8_t> hair_texture(const std::vector<Vec3<double>>& points,
                                       const std::vector<Vec3<double>>& normals, const std::vector<double>& thickness,
                                       const HairSight& sight, ThreadPool& pool);

}  // namespace hrn::fit
