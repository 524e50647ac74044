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
  Staging() {
    void* memory = nullptr;
    check(cudaHostAlloc(&memory, kBytes + kSentBytes, cudaHostAllocDefault), "allocating pinned memory");
    memory_ = static_cast<std::byte*>(memory);
  }
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

  /// Begins the same copy and returns; receive() ends the one that was sent last, whatever was fetched in between.
  /// `from` must not change until then.
  void send(const void* from, std::size_t bytes, const Stream& stream) {
    from_ = from;
    bytes_ = bytes;
    if (bytes <= kSentBytes)
      check(cudaMemcpyAsync(memory_ + kBytes, from, bytes, cudaMemcpyDeviceToHost, stream.get()), "download");
  }
  void receive(void* to, const Stream& stream) const {
    if (bytes_ > kSentBytes) return fetch(to, from_, bytes_, stream);
    stream.wait();
    std::memcpy(to, memory_ + kBytes, bytes_);
  }

 private:
  // What a view of 512 px shows fits in the first, and in the second the photometric normal equations.
  static constexpr std::size_t kBytes = std::size_t{1} << 20, kSentBytes = kBytes / 2;
  std::byte* memory_ = nullptr;
  const void* from_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace hrn::cuda
