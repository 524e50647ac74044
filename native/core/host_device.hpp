// Marks functions that every backend compiles from the same source.
#pragma once

#if defined(__CUDACC__)
#define HRN_HD __host__ __device__ __forceinline__
#else
#define HRN_HD inline __attribute__((always_inline))
#endif
