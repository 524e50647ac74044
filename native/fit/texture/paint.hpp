// Colours of this person that parts of the head have where the photo does not show them: hair, lips.
#pragma once
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/head/model.hpp"
#include "fit/texture/texture.hpp"
#include "imaging/face_view.hpp"

namespace hrn::fit {

/// [V][4]: colour, sRGB-encoded 0..1, and how far it is known, 0..1. The scalp has the colour of the hair that is seen
/// on it, unless it is bare or hardly seen; lips that the photo shows parted over teeth go on as their seen part ends;
/// upper lids have the colour of the skin about their eye. Reads the problem's positions, camera, sights and masks,
/// which must be set.
std::vector<float> texture_paint(const Model& model, const TextureProblem& problem, const imaging::FaceView& view,
                                 ThreadPool& pool);

}  // namespace hrn::fit
