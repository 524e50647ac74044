// The functions blendShapes, ownOffsets, spreadValues and layoutMap: see lib/native/rig.ts.
#pragma once
#include <napi.h>

namespace hrn::binding {

void register_rig(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
