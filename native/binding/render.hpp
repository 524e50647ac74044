// The function render: see render.cpp.
#pragma once
#include <napi.h>

namespace hrn::binding {

void register_render(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
