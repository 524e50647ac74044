// Eyeballs as they look from everywhere: the photo shows a part of them, behind lids and lashes and with the lamp's
// reflection. The iris is read from it, freed of those and completed to a disc; the white of the eye has its colour.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "core/thread_pool.hpp"
#include "fit/head/model.hpp"
#include "fit/texture/iris.hpp"
#include "fit/texture/texture.hpp"
#include "imaging/image.hpp"

namespace hrn::fit {

/// What the photo shows of the subject's left eye and right eye, nothing where the model has no such parts.
using SeenEyes = std::array<EyeColours, 2>;

/// Reads the eyes of the problem's head, `eyes`: left and right. Throws Error(invalid_argument). Bit-identical for any
/// thread count.
SeenEyes read_eyes(const Model& model, const imaging::Image& photo, const TextureProblem& problem,
                   const std::array<EyeSight, 2>& eyes, ThreadPool& pool);

/// Paints the parts leftEye and rightEye of a texture that recover_texture() wrote to `rgb` and, unless that is empty,
/// to problem.albedo_rgb. Models without such parts are left alone. Bit-identical for any thread count.
void paint_eyeballs(const Model& model, const TextureProblem& problem, const SeenEyes& seen,
                    std::span<std::uint8_t> rgb, ThreadPool& pool);

}  // namespace hrn::fit
