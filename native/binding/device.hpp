// What JavaScript is told of CUDA devices: see device.cpp.
#pragma once
#include <napi.h>

namespace hrn::binding {

void register_device(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
