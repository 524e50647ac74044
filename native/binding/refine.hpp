// The functions headShape, photometricFit, deformationFit and recoverTexture: see lib/native/refine.ts.
#pragma once
#include <napi.h>

namespace hrn::binding {

void register_refine(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
