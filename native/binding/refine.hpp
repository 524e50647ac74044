// The functions headShape, photometricFit, deformationFit and recoverTexture: see lib/native/refine.ts.
#pragma once
#include <napi.h>

#include "fit/deformation/deformation.hpp"
#include "fit/head/camera_pose.hpp"
#include "fit/parameters/fit.hpp"
#include "fit/texture/texture.hpp"

namespace hrn::binding {

// The lib/native/refine.ts NativeCamera; throws invalid_argument.
fit::CameraPose camera_of(const Napi::Value& value);
// The lib/native/refine.ts PhotometricLevel.
fit::PhotometricLevel level_of(const Napi::Value& value);
// The lib/native/refine.ts PhotometricProblem, levels of none allowed; only types are checked.
fit::PhotometricProblem photometric_problem_of(const Napi::Value& value);
// The lib/native/refine.ts PhotometricFit.
Napi::Value photometric_result(Napi::Env env, fit::PhotometricResult&& result);
// The lib/native/refine.ts DeformationProblem; only types are checked.
fit::DeformationProblem deformation_problem_of(const Napi::Value& value);
// The lib/native/refine.ts TextureProblem without its face; only types are checked.
fit::TextureProblem texture_problem_of(const Napi::Value& value);

void register_refine(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
