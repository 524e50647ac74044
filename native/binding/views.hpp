// jointLandmarkFit, jointPhotometricFit, registerViews, jointDeformationFit and the class TextureBlend: several views
// of one person. See lib/native/views.ts.
#pragma once
#include <napi.h>

namespace hrn::binding {

void register_views(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
