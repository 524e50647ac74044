// The colours of scalp and hairline.
#pragma once
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/texture/texture.hpp"
#include "imaging/face_view.hpp"

namespace hrn::fit {

/// Sets `paint` ([V][4], as texture_paint returns it) where hair grows: to the colour of the hair that is seen there or
/// beside the face. Leaves it alone where the scalp is bare or hardly seen.
void paint_scalp(std::vector<float>& paint, const Model& model, const TextureProblem& problem,
                 const imaging::FaceView& view, ThreadPool& pool);

}  // namespace hrn::fit
