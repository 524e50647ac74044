// Instruction sets chosen at run time. Loops are compiled once per set by function attributes, so that one binary uses
// AVX2 where it exists and still runs where it does not, and no inline function is ever compiled for the wrong machine.
#pragma once

#if (defined(__x86_64__) || defined(_M_X64)) && defined(__GNUC__)
#include <cpuid.h>

#define HRN_X86 1
#define HRN_NEON 0
/// The floating-point part of x86-64-v3.
#define HRN_TARGET_AVX2 __attribute__((target("avx,avx2,fma,f16c,bmi,bmi2")))
/// Of x86-64-v4, for the few loops that its wider registers make twice as fast.
#define HRN_TARGET_AVX512 __attribute__((target("avx,avx2,fma,f16c,bmi,bmi2,avx512f,avx512vl,avx512bw,avx512dq")))
#else
#define HRN_X86 0
#if defined(__aarch64__) && defined(__GNUC__)
#define HRN_NEON 1  // part of every arm64 processor: nothing to choose at run time
#else
#define HRN_NEON 0
#endif
#define HRN_TARGET_AVX2
#define HRN_TARGET_AVX512
#endif

namespace hrn {

enum class Isa { baseline, avx2, neon };

namespace detail {

/// What the processor has and the system saves. Asked of the processor itself: the runtime library of some compilers
/// (zig's) answers 0 to __builtin_cpu_supports.
struct CpuFeatures {
  bool avx2 = false;    // all of HRN_TARGET_AVX2
  bool avx512 = false;  // all of HRN_TARGET_AVX512

  CpuFeatures() {
#if HRN_X86
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0) return;
    const unsigned wanted = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C;
    if ((c & wanted) != wanted) return;
    unsigned saved = 0;
    __asm__ volatile("xgetbv" : "=a"(saved) : "c"(0) : "edx");
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return;
    constexpr unsigned kWide = 0x06, kWidest = 0xe6;  // registers of 256 and of 512 bits, among those that are saved
    const auto has = [features = b](unsigned bits) { return (features & bits) == bits; };
    avx2 = (saved & kWide) == kWide && has(bit_AVX2 | bit_BMI | bit_BMI2);
    avx512 = avx2 && (saved & kWidest) == kWidest && has(bit_AVX512F | bit_AVX512VL | bit_AVX512BW | bit_AVX512DQ);
#endif
  }
};

inline const CpuFeatures& cpu_features() {
  static const CpuFeatures features;
  return features;
}

}  // namespace detail

/// The best set of this machine.
inline Isa detect_isa() {
  if (HRN_NEON) return Isa::neon;
  return detail::cpu_features().avx2 ? Isa::avx2 : Isa::baseline;
}

inline bool has_avx512() { return detail::cpu_features().avx512; }

inline const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::avx2:
      return "avx2";
    case Isa::neon:
      return "neon";
    default:
      return "baseline";
  }
}

}  // namespace hrn
