// Eight floats at a time, for the loops that read halfs: AVX2's registers with HRN_TARGET_AVX2, two of NEON's on arm64,
// whose every processor has them.
#pragma once
#include "core/half.hpp"
#include "core/isa.hpp"

#if HRN_X86 || HRN_NEON

#if HRN_X86
#include <immintrin.h>
#endif

/// On functions that use EightFloats: inlined, as how vectors are passed depends on the instruction set.
#define HRN_EIGHT_FLOATS HRN_TARGET_AVX2 inline __attribute__((always_inline))

namespace hrn {

#if HRN_X86

using EightFloats = __m256;

HRN_EIGHT_FLOATS EightFloats load8(const Half* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
HRN_EIGHT_FLOATS EightFloats load8(const float* from) { return _mm256_loadu_ps(from); }
HRN_EIGHT_FLOATS void store8(EightFloats values, float* to) { _mm256_storeu_ps(to, values); }
HRN_EIGHT_FLOATS EightFloats broadcast8(float value) { return _mm256_set1_ps(value); }
HRN_EIGHT_FLOATS EightFloats add(EightFloats a, EightFloats b) { return _mm256_add_ps(a, b); }
/// a * b + c, rounded once.
HRN_EIGHT_FLOATS EightFloats multiply_add(EightFloats a, EightFloats b, EightFloats c) {
  return _mm256_fmadd_ps(a, b, c);
}

#else

struct EightFloats {
  typedef float Four __attribute__((vector_size(16)));
  Four half[2];
};

HRN_EIGHT_FLOATS EightFloats load8(const Half* from) {
  typedef __fp16 FourHalfs __attribute__((vector_size(8)));
  FourHalfs halfs[2];
  std::memcpy(halfs, from, sizeof halfs);
  return {{__builtin_convertvector(halfs[0], EightFloats::Four), __builtin_convertvector(halfs[1], EightFloats::Four)}};
}
HRN_EIGHT_FLOATS EightFloats load8(const float* from) {
  EightFloats values;
  std::memcpy(&values, from, sizeof values);
  return values;
}
HRN_EIGHT_FLOATS void store8(const EightFloats& values, float* to) { std::memcpy(to, &values, sizeof values); }
HRN_EIGHT_FLOATS EightFloats broadcast8(float value) {
  const EightFloats::Four four = {value, value, value, value};
  return {{four, four}};
}
HRN_EIGHT_FLOATS EightFloats add(const EightFloats& a, const EightFloats& b) {
  return {{a.half[0] + b.half[0], a.half[1] + b.half[1]}};
}
/// a * b + c; compilers make one instruction of it, which rounds once.
HRN_EIGHT_FLOATS EightFloats multiply_add(const EightFloats& a, const EightFloats& b, const EightFloats& c) {
  return {{a.half[0] * b.half[0] + c.half[0], a.half[1] * b.half[1] + c.half[1]}};
}

#endif

}  // namespace hrn

#endif
