// The function detailFit: see lib/native/detail.ts.
#pragma once
#include <napi.h>

namespace hrn::binding {

void register_detail(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
