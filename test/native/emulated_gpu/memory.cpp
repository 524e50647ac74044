// Device memory is the host's, full of NaNs at first, and every copy is checked against what is allocated.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <vector>

#include "device.hpp"
#include "stream.hpp"

using namespace emulated_gpu;

namespace {

struct Allocations {
  std::mutex mutex;
  std::map<std::uintptr_t, std::size_t> bytes_at;
  std::size_t total = 0;
};
Allocations& allocations() {
  static Allocations instance;
  return instance;
}

std::uintptr_t address(const void* memory) { return reinterpret_cast<std::uintptr_t>(memory); }

void release(void* memory) {
  {
    const std::lock_guard lock(allocations().mutex);
    const auto found = allocations().bytes_at.find(address(memory));
    if (found == allocations().bytes_at.end()) {
      fail_device(cudaErrorIllegalAddress, "freed what is not allocated");
      return;
    }
    allocations().total -= found->second;
    allocations().bytes_at.erase(found);
  }
  std::free(memory);
}

void copy(void* to, const void* from, std::size_t bytes, bool to_device, bool from_device) {
  if ((to_device && !is_allocated(to, bytes)) || (from_device && !is_allocated(from, bytes)))
    fail_device(cudaErrorIllegalAddress, "copied beyond what is allocated");
  else
    std::memcpy(to, from, bytes);
}

}  // namespace

namespace emulated_gpu {

bool is_allocated(const void* memory, std::size_t bytes) {
  const std::lock_guard lock(allocations().mutex);
  auto after = allocations().bytes_at.upper_bound(address(memory));
  if (after == allocations().bytes_at.begin()) return false;
  const auto [start, size] = *std::prev(after);
  return address(memory) + bytes <= start + size;
}

}  // namespace emulated_gpu

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int) {
  *pool = nullptr;
  return returned(cudaSuccess);
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return returned(cudaSuccess); }

cudaError_t cudaMallocAsync(void** memory, std::size_t bytes, cudaStream_t stream) {
  if (device_error() != cudaSuccess) return returned(device_error());
  if (is_capturing(stream)) return returned(cudaErrorStreamCaptureUnsupported);
  const std::lock_guard lock(allocations().mutex);
  if (bytes > device_bytes() - allocations().total) return returned(cudaErrorMemoryAllocation);
  *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (*memory == nullptr) return returned(cudaErrorMemoryAllocation);
  std::memset(*memory, 0xff, bytes);
  allocations().bytes_at.emplace(address(*memory), bytes);
  allocations().total += bytes;
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned) {
  if (device_error() != cudaSuccess) return returned(device_error());
  *memory = std::malloc(bytes);
  return returned(*memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess);
}
cudaError_t cudaFreeHost(void* memory) {
  std::free(memory);
  return returned(cudaSuccess);
}
// Also on a failed device, so that nothing leaks; a real one does the same.
cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream) {
  if (is_capturing(stream)) return returned(cudaErrorStreamCaptureUnsupported);
  return returned(append(stream, [=] { release(memory); }));
}

// From and to memory of the host that is not pinned: what goes up is read at once, what comes down is there after the
// next wait at the earliest.
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (kind == cudaMemcpyDeviceToDevice) return enqueue(stream, [=] { copy(to, from, bytes, true, true); });
  if (is_capturing(stream)) return returned(cudaErrorStreamCaptureUnsupported);
  if (kind == cudaMemcpyDeviceToHost) return enqueue(stream, [=] { copy(to, from, bytes, false, true); });
  const auto* first = static_cast<const std::byte*>(from);
  return enqueue(stream, [=, values = std::vector<std::byte>(first, first + bytes)] {
    copy(to, values.data(), bytes, true, false);
  });
}
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
  return enqueue(stream, [=] {
    if (!is_allocated(memory, bytes))
      fail_device(cudaErrorIllegalAddress, "filled beyond what is allocated");
    else
      std::memset(memory, value, bytes);
  });
}
