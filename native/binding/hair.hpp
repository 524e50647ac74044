// The function hairVolume: see lib/native/hair.ts.
#pragma once
#include <napi.h>

namespace hrn::binding {

void register_hair(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
