// How the photo shows each vertex of a fitted head, for the texture.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/head/camera_pose.hpp"
#include "fit/head/model.hpp"
#include "fit/texture/texture.hpp"
#include "imaging/face_view.hpp"
#include "imaging/pixel_kinds.hpp"

namespace hrn::fit {

/// A Sight per vertex [V]. `positions`: [V][3], mm, head frame; `skin`: of the view's pixels, as PixelKinds has it;
/// `lids`: as TextureProblem has them. Throws Error(invalid_argument) where the view has other landmarks than the
/// model.
std::vector<std::uint8_t> texture_sights(const Model& model, std::span<const float> positions, const CameraPose& camera,
                                         const imaging::FaceView& view, const std::vector<float>& skin,
                                         const std::vector<float>& lids);

/// Sets what the texture stage takes from the photo's face: person mask, skin, hair, sights and paint. Throws
/// Error(invalid_argument).
void look_at_face(TextureProblem& problem, const Model& model, const imaging::FaceView& view,
                  const imaging::DenseClasses& classes, ThreadPool& pool);

}  // namespace hrn::fit
