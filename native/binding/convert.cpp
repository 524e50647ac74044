#include "binding/convert.hpp"

#include <algorithm>
#include <cmath>

namespace hrn::binding {

std::string describe(const Napi::Value& value) {
  if (value.IsTypedArray()) {
    const auto array = value.As<Napi::TypedArray>();
    static constexpr const char* kNames[] = {"Int8Array",    "Uint8Array",    "Uint8ClampedArray", "Int16Array",
                                             "Uint16Array",  "Int32Array",    "Uint32Array",       "Float32Array",
                                             "Float64Array", "BigInt64Array", "BigUint64Array"};
    const auto kind = static_cast<std::size_t>(array.TypedArrayType());
    const std::string name = kind < std::size(kNames) ? kNames[kind] : "typed array";
    return "a " + name + " of " + std::to_string(array.ElementLength());
  }
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return "a boolean";
    case napi_number:
      return value.ToString().Utf8Value();
    case napi_string:
      return "a string";
    case napi_symbol:
      return "a symbol";
    case napi_function:
      return "a function";
    case napi_bigint:
      return "a bigint";
    default:
      return value.IsArray() ? "an array" : "an object";
  }
}

void reject(std::string_view expected, std::string_view name, const Napi::Value& got) {
  throw Error(ErrorCode::invalid_argument,
              "expected " + std::string(expected) + " for " + std::string(name) + ", got " + describe(got));
}

Napi::Object object_of(const Napi::Value& value, std::string_view name) {
  if (!value.IsObject() || value.IsFunction()) reject("an object", name, value);
  return value.As<Napi::Object>();
}

Napi::Value field(const Napi::Object& object, const char* name) { return object.Get(name); }

bool boolean_of(const Napi::Value& value, std::string_view name) {
  if (!value.IsBoolean()) reject("a boolean", name, value);
  return value.As<Napi::Boolean>().Value();
}

std::string string_of(const Napi::Value& value, std::string_view name) {
  if (!value.IsString()) reject("a string", name, value);
  return value.As<Napi::String>().Utf8Value();
}

double number_of(const Napi::Value& value, std::string_view name, double min, double max) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  // Written so that NaN fails.
  if (!(number >= min && number <= max && std::isfinite(number))) {
    reject("a number from " + std::to_string(min) + " to " + std::to_string(max), name, value);
  }
  return number;
}

long integer_of(const Napi::Value& value, std::string_view name, long min, long max) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (!(number >= static_cast<double>(min) && number <= static_cast<double>(max) && std::trunc(number) == number)) {
    reject("a whole number from " + std::to_string(min) + " to " + std::to_string(max), name, value);
  }
  return static_cast<long>(number);
}

std::vector<float> finite_floats_of(const Napi::Value& value, std::string_view name, std::size_t length) {
  const auto view = view_of<float>(value, name, length);
  const auto bad = std::find_if(view.begin(), view.end(), [](float x) { return !std::isfinite(x); });
  if (bad != view.end()) {
    throw Error(ErrorCode::invalid_argument, "expected finite numbers for " + std::string(name) + ", got " +
                                                 std::to_string(*bad) + " at " + std::to_string(bad - view.begin()));
  }
  return {view.begin(), view.end()};
}

std::vector<std::uint32_t> indices_of(const Napi::Value& value, std::string_view name, std::uint32_t bound,
                                      std::size_t length) {
  const auto view = view_of<std::uint32_t>(value, name, length);
  const auto bad = std::find_if(view.begin(), view.end(), [&](std::uint32_t i) { return i >= bound; });
  if (bad != view.end()) {
    throw Error(ErrorCode::invalid_argument, "expected indices below " + std::to_string(bound) + " for " +
                                                 std::string(name) + ", got " + std::to_string(*bad) + " at " +
                                                 std::to_string(bad - view.begin()));
  }
  return {view.begin(), view.end()};
}

}  // namespace hrn::binding
