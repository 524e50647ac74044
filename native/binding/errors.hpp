// Native exceptions to JavaScript errors.
#pragma once
#include <napi.h>

#include <exception>
#include <string>
#include <utility>

#include "core/error.hpp"

namespace hrn::binding {

// State of one JavaScript environment (main thread or worker); never global.
struct AddonData {
  Napi::FunctionReference error_class;  // HrnError, handed over by lib/native/load.ts
};

// An HrnError(code, message); before its class was handed over, an Error with a `code`.
Napi::Error js_error(Napi::Env env, ErrorCode code, const std::string& message);

// The same for whatever was caught.
Napi::Error js_error(Napi::Env env, std::exception_ptr caught);

// Runs f; whatever it throws leaves as a JavaScript exception. Every entry point goes through this.
template <class F>
auto guarded(Napi::Env env, F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw js_error(env, std::current_exception());
  }
}

// exports[name] = a function that runs Function guarded.
template <Napi::Value (*Function)(const Napi::CallbackInfo&)>
void export_function(Napi::Env env, Napi::Object exports, const char* name) {
  const auto call = [](const Napi::CallbackInfo& info) { return guarded(info.Env(), [&] { return Function(info); }); };
  exports.Set(name, Napi::Function::New(env, call, name));
}

}  // namespace hrn::binding
