// Half precision in kernels (see cuda_runtime_api.h).
#pragma once
#include "core/half.hpp"
#include "cuda_runtime.h"

struct __attribute__((may_alias)) __half2 {
  hrn::Half x, y;
};
inline float2 __half22float2(__half2 pair) { return {hrn::half_to_float(pair.x), hrn::half_to_float(pair.y)}; }
