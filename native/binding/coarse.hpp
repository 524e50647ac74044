// coarseFit(context, model, problem, onProgress?): the landmark fit as one job.
#pragma once
#include <napi.h>

namespace hrn::binding {

void register_coarse(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
