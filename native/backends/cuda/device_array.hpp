// Owned memory of a GPU, allocated and freed in the order of one stream.
#pragma once
#include <cuda_runtime_api.h>

#include <cstddef>
#include <type_traits>
#include <utility>

#include "backends/cuda/check.hpp"

namespace hrn::cuda {

/// The stream must outlive the array.
template <class T>
class DeviceArray {
  static_assert(std::is_trivially_copyable_v<T>, "arrays hold plain data");

 public:
  DeviceArray() = default;
  DeviceArray(std::size_t size, cudaStream_t stream) : size_(size), stream_(stream) {
    if (size == 0) return;
    if (size > static_cast<std::size_t>(-1) / sizeof(T)) check(cudaErrorMemoryAllocation, "allocating device memory");
    void* data = nullptr;
    check(cudaMallocAsync(&data, size * sizeof(T), stream), "allocating device memory");
    data_ = static_cast<T*>(data);
  }
  DeviceArray(DeviceArray&& other) noexcept { swap(other); }
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    swap(other);
    return *this;
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  // A failure here has been, or will be, reported by the call that caused it.
  ~DeviceArray() {
    if (data_ != nullptr) (void)cudaFreeAsync(data_, stream_);
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void swap(DeviceArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(stream_, other.stream_);
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  cudaStream_t stream_ = nullptr;
};

}  // namespace hrn::cuda
