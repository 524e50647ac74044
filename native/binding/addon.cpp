// The addon's entry point: every binding file registers its functions here; lib/native/binding.ts mirrors them.
#include <napi.h>

#include <iterator>

#include "binding/coarse.hpp"
#include "binding/context.hpp"
#include "binding/convert.hpp"
#include "binding/detail.hpp"
#include "binding/device.hpp"
#include "binding/errors.hpp"
#include "binding/face.hpp"
#include "binding/hair.hpp"
#include "binding/image.hpp"
#include "binding/model.hpp"
#include "binding/reference.hpp"
#include "binding/refine.hpp"
#include "binding/render.hpp"
#include "binding/rig.hpp"
#include "binding/session.hpp"
#include "binding/views.hpp"
#include "core/isa.hpp"
#include "inference/runtime.hpp"

namespace hrn::binding {
namespace {

// Backends that this binary contains, best first; the CPU is always there and last.
constexpr const char* kBackends[] = {
#if defined(HRN_CUDA)
    "cuda",
#endif
    "cpu",
};

Napi::Value backends(const Napi::CallbackInfo& info) {
  auto list = Napi::Array::New(info.Env());
  for (uint32_t i = 0; i < std::size(kBackends); ++i) list.Set(i, kBackends[i]);
  return list;
}

Napi::Value isa(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), isa_name(detect_isa())); }

Napi::Value error_codes(const Napi::CallbackInfo& info) {
  auto list = Napi::Array::New(info.Env());
  for (uint32_t i = 0; i < std::size(kErrorCodes); ++i) list.Set(i, error_code_name(kErrorCodes[i]));
  return list;
}

// setErrorClass(class): what native errors are thrown as, constructed with (code, message).
Napi::Value set_error_class(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) reject("a class", "errorClass", info[0]);
  info.Env().GetInstanceData<AddonData>()->error_class = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  inference::refuse_telemetry();
  env.SetInstanceData(new AddonData);
  export_function<backends>(env, exports, "backends");
  export_function<isa>(env, exports, "isa");
  export_function<error_codes>(env, exports, "errorCodes");
  export_function<set_error_class>(env, exports, "setErrorClass");
  register_context(env, exports);
  register_device(env, exports);
  register_image(env, exports);
  register_face(env, exports);
  register_render(env, exports);
  register_session(env, exports);
  register_model(env, exports);
  register_coarse(env, exports);
  register_reference(env, exports);
  register_refine(env, exports);
  register_detail(env, exports);
  register_hair(env, exports);
  register_views(env, exports);
  register_rig(env, exports);
  return exports;
}

}  // namespace
}  // namespace hrn::binding

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) { return hrn::binding::init(env, exports); }
NODE_API_MODULE(hrn, init_addon)
