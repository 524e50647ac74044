// The one exception type that native code throws on purpose; the binding turns it into the JavaScript HrnError.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

namespace hrn {

// A subset of HrnErrorCode in lib/errors.ts; a test compares the two.
enum class ErrorCode {
  invalid_argument,
  out_of_memory,
  model_corrupt,
  native_unavailable,
  device_unavailable,
  device_failed,
  fit_failed,
  disposed,
  cancelled,
  internal,
};

inline constexpr ErrorCode kErrorCodes[] = {
    ErrorCode::invalid_argument,   ErrorCode::out_of_memory, ErrorCode::model_corrupt, ErrorCode::native_unavailable,
    ErrorCode::device_unavailable, ErrorCode::device_failed, ErrorCode::fit_failed,    ErrorCode::disposed,
    ErrorCode::cancelled,          ErrorCode::internal,
};

constexpr const char* error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "INVALID_ARGUMENT";
    case ErrorCode::out_of_memory:
      return "OUT_OF_MEMORY";
    case ErrorCode::model_corrupt:
      return "MODEL_CORRUPT";
    case ErrorCode::native_unavailable:
      return "NATIVE_UNAVAILABLE";
    case ErrorCode::device_unavailable:
      return "DEVICE_UNAVAILABLE";
    case ErrorCode::device_failed:
      return "DEVICE_FAILED";
    case ErrorCode::fit_failed:
      return "FIT_FAILED";
    case ErrorCode::disposed:
      return "DISPOSED";
    case ErrorCode::cancelled:
      return "CANCELLED";
    case ErrorCode::internal:
      return "INTERNAL";
  }
  return "INTERNAL";
}

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

// What a part of the code asks of its arguments: after `constexpr Requirement require{"coarse fit"};`
// `require(count == 478, "478 landmarks")` throws invalid_argument "coarse fit: expected 478 landmarks" otherwise.
struct Requirement {
  std::string_view asker;

  void operator()(bool condition, std::string_view expected) const {
    if (condition) return;
    throw Error(ErrorCode::invalid_argument, std::string(asker).append(": expected ").append(expected));
  }
};

}  // namespace hrn
