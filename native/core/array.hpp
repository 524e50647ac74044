// Owned host memory, 64-byte aligned (one cache line, one AVX-512 register) and zeroed. Large arrays ask for huge
// pages: scattered reads of pixels and vertices otherwise spend much of their time on address translation.
#pragma once
#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace hrn {

namespace detail {

constexpr std::size_t kHugePage = std::size_t{1} << 21;

constexpr std::align_val_t array_alignment(std::size_t bytes) {
  return std::align_val_t{bytes >= 2 * kHugePage ? kHugePage : 64};
}

inline void* allocate_zeroed(std::size_t bytes) {
  void* data = ::operator new(bytes, array_alignment(bytes));
#if defined(__linux__)
  // Only advice: where it is refused the array works as well, with small pages.
  if (bytes >= 2 * kHugePage) (void)madvise(data, bytes, MADV_HUGEPAGE);
#endif
  std::memset(data, 0, bytes);
  return data;
}

}  // namespace detail

template <class T>
class HostArray {
  static_assert(std::is_trivially_copyable_v<T>, "arrays hold plain data");

 public:
  HostArray() = default;
  explicit HostArray(std::size_t size) : size_(size) {
    if (size == 0) return;
    if (size > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_alloc();
    data_ = static_cast<T*>(detail::allocate_zeroed(size * sizeof(T)));
  }
  HostArray(HostArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  HostArray& operator=(HostArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  HostArray(const HostArray&) = delete;
  HostArray& operator=(const HostArray&) = delete;
  ~HostArray() {
    if (data_ != nullptr) ::operator delete(data_, detail::array_alignment(size_ * sizeof(T)));
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace hrn
