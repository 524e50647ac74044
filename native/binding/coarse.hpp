// coarseFit(context, model, problem, onProgress?): the landmark fit as one job.
#pragma once
#include <napi.h>

#include "fit/landmarks/coarse.hpp"

namespace hrn::binding {

// The lib/native/coarse.ts CoarseProblem; only types are checked, sizes and ranges by the fit, which knows the model.
fit::CoarseProblem coarse_problem_of(const Napi::Value& value);

// The lib/native/coarse.ts CoarseFit.
Napi::Value coarse_result(Napi::Env env, fit::CoarseResult&& result);

void register_coarse(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
