// Owned host memory, 64-byte aligned (one cache line, one AVX-512 register) and zeroed. Large arrays are fresh pages of
// the system, which are zero already and cost nothing until a thread touches them.
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

constexpr std::align_val_t kAlignment{64};

// Bytes from which the system is asked for pages, and for large ones: a fault for every 4 kB of a texture's arrays took
// a tenth of its time.
constexpr std::size_t kPagesFrom = std::size_t{1} << 20, kLargePagesFrom = std::size_t{1} << 23;

inline void* allocate_zeroed(std::size_t bytes) {
#if defined(__linux__)
  if (bytes >= kPagesFrom) {
    void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    // Advice that may be refused.
    if (bytes >= kLargePagesFrom) (void)madvise(pages, bytes, MADV_HUGEPAGE);
    return pages;
  }
#endif
  void* data = ::operator new(bytes, kAlignment);
  std::memset(data, 0, bytes);
  return data;
}

inline void release(void* data, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__)
  if (bytes >= kPagesFrom) {
    (void)munmap(data, bytes);
    return;
  }
#endif
  ::operator delete(data, kAlignment);
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
    if (data_ != nullptr) detail::release(data_, size_ * sizeof(T));
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

/// Memory of somebody else, who must outlive the view.
template <class T>
struct HostView {
  const T* values;
  const T* data() const { return values; }
};

/// The same for writing.
template <class T>
struct HostOutput {
  T* values;
  T* data() const { return values; }
};

}  // namespace hrn
