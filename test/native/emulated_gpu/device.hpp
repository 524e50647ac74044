// The emulated GPU as a whole: its state, and how it is told to fail.
#pragma once
#include <string>

#include "cuda_runtime_api.h"

namespace emulated_gpu {

/// From now on every call fails, as after a fault of a real GPU; `what` goes to standard error.
void fail_device(cudaError_t error, const std::string& what);
/// Success, or what the device failed with.
cudaError_t device_error();
/// Remembers `error` for cudaGetLastError() and returns it.
cudaError_t returned(cudaError_t error);

/// One more operation is to run; it may be the one that HRN_EMULATED_GPU asks to fail.
void count_operation();
/// Of memory.
std::size_t device_bytes();

/// Whether all bytes lie within one live allocation.
bool is_allocated(const void* memory, std::size_t bytes);

}  // namespace emulated_gpu
