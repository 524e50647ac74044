#include "binding/errors.hpp"

#include <new>

namespace hrn::binding {

Napi::Error js_error(Napi::Env env, ErrorCode code, const std::string& message) {
  const Napi::String name = Napi::String::New(env, error_code_name(code));
  const auto* data = env.GetInstanceData<AddonData>();
  if (data != nullptr && !data->error_class.IsEmpty()) {
    return Napi::Error(env, data->error_class.New({name, Napi::String::New(env, message)}));
  }
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", name);
  return error;
}

Napi::Error js_error(Napi::Env env, std::exception_ptr caught) {
  try {
    std::rethrow_exception(std::move(caught));
  } catch (const Napi::Error& e) {
    return e;
  } catch (const Error& e) {
    return js_error(env, e.code(), e.what());
  } catch (const std::bad_alloc&) {
    return js_error(env, ErrorCode::out_of_memory, "not enough memory; use a smaller image or texture");
  } catch (const std::exception& e) {
    return js_error(env, ErrorCode::internal, e.what());
  } catch (...) {
    return js_error(env, ErrorCode::internal, "unknown native exception");
  }
}

}  // namespace hrn::binding
