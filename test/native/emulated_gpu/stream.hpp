// Work that waits on streams until somebody waits for it.
#pragma once
#include <functional>

#include "cuda_runtime_api.h"

namespace emulated_gpu {

bool is_capturing(cudaStream_t stream);
/// Puts work on a stream, or into the graph that it is captured into. It is not run on a device that has failed.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);
/// The same for work that is run on a failed device too.
cudaError_t append(cudaStream_t stream, std::function<void()> work);

}  // namespace emulated_gpu
