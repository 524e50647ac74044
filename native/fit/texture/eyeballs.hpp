// Eyeballs as they look from everywhere: the photo shows a part of them, behind lids and lashes and with the lamp's
// reflection. The iris is read from it, freed of those and completed to a disc; the white of the eye has its colour.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/head/model.hpp"
#include "fit/texture/texture.hpp"
#include "imaging/image.hpp"

namespace hrn::fit {

/// What the landmark network says of one eye, pixels of the photo.
struct EyeSight {
  std::vector<std::array<double, 2>> lids;      // rim of the opening, once around
  std::array<std::array<double, 2>, 5> iris{};  // its centre, then four points on its rim
  double shut = 0;                              // 0 open to 1 shut; a shut eye shows nothing
};

/// Paints the parts leftEye and rightEye of a texture that recover_texture() wrote to `rgb` and, unless that is empty,
/// to problem.albedo_rgb. `eyes`: the subject's left one and right one. Models without such parts are left alone.
/// Throws Error(invalid_argument). Bit-identical for any thread count.
void paint_eyeballs(const Model& model, const imaging::Image& photo, const TextureProblem& problem,
                    const std::array<EyeSight, 2>& eyes, std::span<std::uint8_t> rgb, ThreadPool& pool);

}  // namespace hrn::fit
