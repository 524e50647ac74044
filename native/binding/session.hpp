// The JavaScript class Session: see session.cpp.
#pragma once
#include <napi.h>

namespace hrn::binding {

void register_session(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
