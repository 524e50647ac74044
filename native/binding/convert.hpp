// JavaScript values to checked native ones, and back. Entry points may be called with anything: a wrong type, length,
// range or a NaN throws Error(invalid_argument) that says what was expected, of which argument, and what was got.
#pragma once
#include <napi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"

namespace hrn::binding {

// Short description of a value for a message: "a string", "a Float32Array of 12", ...
std::string describe(const Napi::Value& value);

[[noreturn]] void reject(std::string_view expected, std::string_view name, const Napi::Value& got);

Napi::Object object_of(const Napi::Value& value, std::string_view name);
Napi::Value field(const Napi::Object& object, const char* name);
bool boolean_of(const Napi::Value& value, std::string_view name);
std::string string_of(const Napi::Value& value, std::string_view name);
// Finite and in [min, max].
double number_of(const Napi::Value& value, std::string_view name, double min, double max);
// A whole number in [min, max].
long integer_of(const Napi::Value& value, std::string_view name, long min, long max);

template <class T>
struct TypedArrayKind;
#define HRN_TYPED_ARRAY_KIND(T, KIND, NAME)            \
  template <>                                          \
  struct TypedArrayKind<T> {                           \
    static constexpr napi_typedarray_type kind = KIND; \
    static constexpr std::string_view name = NAME;     \
  }
HRN_TYPED_ARRAY_KIND(float, napi_float32_array, "Float32Array");
HRN_TYPED_ARRAY_KIND(double, napi_float64_array, "Float64Array");
HRN_TYPED_ARRAY_KIND(std::uint8_t, napi_uint8_array, "Uint8Array");
HRN_TYPED_ARRAY_KIND(std::uint16_t, napi_uint16_array, "Uint16Array");
HRN_TYPED_ARRAY_KIND(std::uint32_t, napi_uint32_array, "Uint32Array");
HRN_TYPED_ARRAY_KIND(std::int32_t, napi_int32_array, "Int32Array");
#undef HRN_TYPED_ARRAY_KIND

inline constexpr std::size_t kAnyLength = static_cast<std::size_t>(-1);

// The elements of a typed array of exactly this element type and (unless kAnyLength) length. The view is valid only
// while JavaScript does not run: a job copies what it keeps (copy_of).
template <class T>
std::span<const T> view_of(const Napi::Value& value, std::string_view name, std::size_t length = kAnyLength) {
  const auto expected = [&] {
    std::string text = "a " + std::string(TypedArrayKind<T>::name);
    if (length != kAnyLength) text += " of " + std::to_string(length);
    return text;
  };
  if (!value.IsTypedArray()) reject(expected(), name, value);
  const auto array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() != TypedArrayKind<T>::kind) reject(expected(), name, value);
  const auto typed = array.As<Napi::TypedArrayOf<T>>();
  const std::size_t count = typed.ElementLength();
  if (length != kAnyLength && count != length) reject(expected(), name, value);
  return {count == 0 ? nullptr : typed.Data(), count};
}

template <class T>
std::vector<T> copy_of(const Napi::Value& value, std::string_view name, std::size_t length = kAnyLength) {
  const auto view = view_of<T>(value, name, length);
  return {view.begin(), view.end()};
}

// A typed array that a job reads where it lies, without a copy. For large arrays of the stages alone: until the job has
// ended nobody may write to it, resize or transfer it. Made and destroyed on the JavaScript thread.
template <class T>
class Borrowed {
 public:
  Borrowed(const Napi::Value& value, std::string_view name, std::size_t length = kAnyLength)
      : view_(view_of<T>(value, name, length)), kept_(Napi::Persistent(value.As<Napi::Object>())) {}
  std::span<const T> view() const { return view_; }

 private:
  std::span<const T> view_;
  Napi::ObjectReference kept_;
};

// As copy_of, and every element is finite.
std::vector<float> finite_floats_of(const Napi::Value& value, std::string_view name, std::size_t length = kAnyLength);

// As copy_of, and every element is below `bound`: for indices.
std::vector<std::uint32_t> indices_of(const Napi::Value& value, std::string_view name, std::uint32_t bound,
                                      std::size_t length = kAnyLength);

// A new typed array with a copy of the elements.
template <class T>
Napi::TypedArrayOf<T> typed_array(Napi::Env env, std::span<const T> data) {
  auto array = Napi::TypedArrayOf<T>::New(env, data.size(), TypedArrayKind<T>::kind);
  std::copy(data.begin(), data.end(), array.Data());
  return array;
}
template <class T>
Napi::TypedArrayOf<T> typed_array(Napi::Env env, const std::vector<T>& data) {
  return typed_array(env, std::span<const T>(data));
}
// The elements themselves, without a copy: the array owns them now, and cannot be transferred to another thread. For
// large arrays; where JavaScript may not hold foreign memory they are copied.
template <class T>
Napi::TypedArrayOf<T> adopted_array(Napi::Env env, std::vector<T>&& data) {
  auto* owned = new std::vector<T>(std::move(data));
  const auto release = [](napi_env, void*, void* hint) { delete static_cast<std::vector<T>*>(hint); };
  napi_value buffer;
  const std::size_t bytes = owned->size() * sizeof(T);
  if (bytes > 0 && napi_create_external_arraybuffer(env, owned->data(), bytes, release, owned, &buffer) == napi_ok)
    return Napi::TypedArrayOf<T>::New(env, owned->size(), Napi::ArrayBuffer(env, buffer), 0, TypedArrayKind<T>::kind);
  const std::unique_ptr<std::vector<T>> kept(owned);
  return typed_array(env, *kept);
}

template <class T, std::size_t N>
Napi::TypedArrayOf<T> typed_array(Napi::Env env, const std::array<T, N>& data) {
  return typed_array(env, std::span<const T>(data));
}

}  // namespace hrn::binding
