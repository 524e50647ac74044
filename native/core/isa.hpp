// Instruction sets chosen at run time. Loops are compiled once per set by function attributes, so that one binary uses
// AVX2 where it exists and still runs where it does not, and no inline function is ever compiled for the wrong machine.
#pragma once

#if (defined(__x86_64__) || defined(_M_X64)) && defined(__GNUC__)
#define HRN_X86 1
/// The floating-point part of x86-64-v3.
#define HRN_TARGET_AVX2 __attribute__((target("avx,avx2,fma,f16c,bmi,bmi2")))
/// Of x86-64-v4, for the few loops that its wider registers make twice as fast.
#define HRN_TARGET_AVX512 __attribute__((target("avx,avx2,fma,f16c,bmi,bmi2,avx512f,avx512vl,avx512bw,avx512dq")))
#else
#define HRN_X86 0
#define HRN_TARGET_AVX2
#define HRN_TARGET_AVX512
#endif

namespace hrn {

enum class Isa { baseline, avx2 };

/// The best set of this machine.
inline Isa detect_isa() {
#if HRN_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
      __builtin_cpu_supports("bmi2"))
    return Isa::avx2;
#endif
  return Isa::baseline;
}

inline bool has_avx512() {
#if HRN_X86
  __builtin_cpu_init();
  return detect_isa() == Isa::avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

inline const char* isa_name(Isa isa) { return isa == Isa::avx2 ? "avx2" : "baseline"; }

}  // namespace hrn
