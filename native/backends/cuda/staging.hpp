// The way of results from the GPU to the host.
#pragma once
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstring>

#include "backends/cuda/check.hpp"
#include "backends/cuda/stream.hpp"

namespace hrn::cuda {

/// Memory of the host that the GPU writes to by itself. A copy to any other memory keeps a processor busy from the call
/// to its end, all the work before it included.
class Staging {
 public:
  Staging() { check(cudaHostAlloc(&memory_, kBytes, cudaHostAllocDefault), "allocating pinned memory"); }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() { (void)cudaFreeHost(memory_); }

  /// `bytes` from device memory, once everything put on the stream is done.
  void fetch(void* to, const void* from, std::size_t bytes, const Stream& stream) const {
    const bool fits = bytes <= kBytes;
    // The driver stages what is large in several pieces, so that their copies overlap.
    if (!fits) stream.wait();
    check(cudaMemcpyAsync(fits ? memory_ : to, from, bytes, cudaMemcpyDeviceToHost, stream.get()), "download");
    stream.wait();
    if (fits) std::memcpy(to, memory_, bytes);
  }

 private:
  // The photometric normal equations fit, and what a view of 512 px shows.
  static constexpr std::size_t kBytes = std::size_t{1} << 20;
  void* memory_ = nullptr;
};

}  // namespace hrn::cuda
