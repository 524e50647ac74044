// IEEE 754 binary16 as plain bits. Bases are stored in it: half the memory traffic at 11 bits of precision.
#pragma once
#include <cstdint>
#include <cstring>

#include "core/host_device.hpp"

namespace hrn {

struct Half {
  std::uint16_t bits;
};

HRN_HD float half_to_float(Half h) {
#if defined(__aarch64__) && !defined(__CUDA_ARCH__)
  __fp16 half;  // every arm64 processor converts it
  std::memcpy(&half, &h.bits, sizeof half);
  return static_cast<float>(half);
#else
  // Shift exponent and mantissa into place, then rebias by a multiplication, which also normalises subnormals.
  const std::uint32_t magnitude = static_cast<std::uint32_t>(h.bits & 0x7fffu) << 13;
  float value;
  std::memcpy(&value, &magnitude, sizeof value);
  value *= 0x1p112f;
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if (value >= 65536.0f) bits |= 0x7f800000u;  // infinity and NaN keep an all-ones exponent
  bits |= static_cast<std::uint32_t>(h.bits & 0x8000u) << 16;
  std::memcpy(&value, &bits, sizeof value);
  return value;
#endif
}

/// Rounds to nearest, ties to even; overflows to infinity.
HRN_HD Half float_to_half(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const std::uint16_t sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 0x477ff000u) return {static_cast<std::uint16_t>(sign | 0x7c00u)};
  if (magnitude < 0x38800000u) {
    // Subnormal: adding 0.5 aligns the mantissa so that the float addition itself does the rounding.
    float shifted;
    std::memcpy(&shifted, &magnitude, sizeof shifted);
    shifted += 0.5f;
    std::memcpy(&magnitude, &shifted, sizeof magnitude);
    return {static_cast<std::uint16_t>(sign | (magnitude - 0x3f000000u))};
  }
  magnitude += 0xfffu + ((magnitude >> 13) & 1u);
  return {static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000u) >> 13))};
}

/// Rounds to nearest, ties away from zero; overflows to infinity. For finite values.
HRN_HD Half float_to_half_away(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const std::uint32_t normal = (magnitude + 0x1000u - 0x38000000u) >> 13;
  // Subnormal halfs are multiples of 2^-24: scaled by it nothing is lost.
  float size;
  std::memcpy(&size, &magnitude, sizeof size);
  const float scaled = (size < 0x1p-14f ? size : 0x1p-14f) * 0x1p24f;
  const std::int32_t whole = static_cast<std::int32_t>(scaled);
  const std::uint32_t subnormal =
      static_cast<std::uint32_t>(whole) + (scaled - static_cast<float>(whole) >= 0.5f ? 1u : 0u);
  const std::uint32_t half = magnitude < 0x38800000u ? subnormal : magnitude >= 0x477ff000u ? 0x7c00u : normal;
  return {static_cast<std::uint16_t>(half | (bits >> 16 & 0x8000u))};
}

/// Reads a stored basis value, whatever its storage type, as the real type of the computation.
template <class Real>
HRN_HD Real stored_value(Half h) {
  return static_cast<Real>(half_to_float(h));
}
template <class Real>
HRN_HD Real stored_value(float x) {
  return static_cast<Real>(x);
}
template <class Real>
HRN_HD Real stored_value(double x) {
  return static_cast<Real>(x);
}

}  // namespace hrn
