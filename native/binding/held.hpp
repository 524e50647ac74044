// Objects of native memory in JavaScript's hands: frozen, of a tag of their own, around a shared pointer.
#pragma once
#include <napi.h>

#include <memory>
#include <string_view>

#include "binding/convert.hpp"

namespace hrn::binding {

template <class T>
Napi::Object held_object(Napi::Env env, std::shared_ptr<const T>&& what, const napi_type_tag& tag) {
  using Held = std::shared_ptr<const T>;
  Napi::Object object = Napi::Object::New(env);
  if constexpr (requires { what->vertex_count; }) object.Set("vertexCount", static_cast<double>(what->vertex_count));
  auto held = std::make_unique<Held>(std::move(what));
  const auto release = [](napi_env, void* data, void*) { delete static_cast<Held*>(data); };
  if (napi_wrap(env, object, held.get(), release, nullptr, nullptr) != napi_ok) throw Napi::Error::New(env);
  held.release();
  object.TypeTag(&tag);
  object.Freeze();
  return object;
}

// Throws invalid_argument for anything else than an object of that tag; what: for the message.
template <class T>
std::shared_ptr<const T> held_of(const Napi::Value& value, const napi_type_tag& tag, std::string_view what) {
  void* held;
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&tag) ||
      napi_unwrap(value.Env(), value, &held) != napi_ok)
    reject(what, "model", value);
  return *static_cast<const std::shared_ptr<const T>*>(held);
}

}  // namespace hrn::binding
