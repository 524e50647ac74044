// A photographed synthetic head: what the photometric fit, the deformation fit and the texture stage start from.
#pragma once
#include <array>
#include <functional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "fit/deformation/deformation.hpp"
#include "fit/detail/detail.hpp"
#include "fit/head/model.hpp"
#include "fit/parameters/fit.hpp"
#include "fit/texture/texture.hpp"
#include "imaging/image.hpp"

namespace hrn::test {

/// Few components and vertices: made once, shared by the tests.
const fit::Model& small_head();

/// Every coefficient of the head in the photo, its light and its camera.
struct PhotoTruth {
  fit::CameraPose camera;  // of a square photo of kPhotoSide pixels
  std::vector<double> identity, expression, albedo;
  std::array<double, 27> lighting{};
  std::vector<float> positions;  // [V][3], mm
  std::vector<float> rendered;   // [side][side][3], what the head looks like
  std::vector<float> inner;      // [side][side], 1 well inside the head's outline, else 0
  std::vector<double> pixels;    // [n][2], the dense landmarks
};
constexpr int kPhotoSide = 144;

const PhotoTruth& photo_truth();
/// The truth as a state, and what a camera that the head fills sees of a state.
fit::HeadState true_state();
/// A state after a step of one unknown, in ParameterLayout's order with a free focal length.
fit::HeadState stepped(fit::HeadState state, int unknown, double step);
fit::HeadView view_of(const fit::HeadState& state);

/// Problems whose solution is the truth; they start at the mean shape (photometric) or at the true parameters.
fit::PhotometricProblem photometric_problem();
fit::DeformationProblem deformation_problem();
fit::TextureProblem texture_problem();
/// Of the true head, for a photo of it that shows more than its shape.
fit::DetailProblem detail_problem();
/// Bytes of a problem's texture.
inline std::size_t room_for(const fit::TextureProblem& problem) {
  return 3 * static_cast<std::size_t>(problem.size) * static_cast<std::size_t>(problem.size);
}
imaging::Image photo_image();

/// Name of the error code that `run` throws; "no error".
std::string error_of(const std::function<void()>& run);

}  // namespace hrn::test
