// Errors of the CUDA runtime as hrn errors.
#pragma once
#include <cuda_runtime_api.h>

#include <string>

#include "core/error.hpp"

namespace hrn::cuda {

/// Throws Error(device_failed) with CUDA's name for the error, and Error(out_of_memory) for a full device. `what` was
/// being done.
inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  // Reported here; a later call must not see it again.
  (void)cudaGetLastError();
  const std::string text =
      std::string(what) + ": " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")";
  throw Error(status == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : ErrorCode::device_failed, text);
}

}  // namespace hrn::cuda
