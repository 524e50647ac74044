// referenceFit: the reference's fitting loop, one job. See lib/native/reference.ts.
#pragma once
#include <napi.h>

namespace hrn::binding {

void register_reference(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
