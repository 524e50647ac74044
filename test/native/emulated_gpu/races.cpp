#include "races.hpp"

#include <link.h>

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "device.hpp"

namespace emulated_gpu {
namespace {

constexpr std::uint32_t kMany = ~0u;
constexpr std::uint32_t kWarp = 32;

/// The last access of a kind to four bytes. `thread` and `block` are kMany once several had it without an order.
struct Access {
  Moment at;
  std::uint8_t bytes = 0;  // a bit each
};
struct Word {
  std::uintptr_t key = 0;  // address / 4
  Access write, read;
};

/// Where the thread-local variables of this binary lie for the calling thread, shared memory among them.
struct Locals {
  std::uintptr_t begin = 0, end = 0;

  Locals() { dl_iterate_phdr(&Locals::find, this); }
  bool contain(std::uintptr_t address) const { return address >= begin && address < end; }

 private:
  static int find(dl_phdr_info* binary, std::size_t, void* out) {
    Locals& self = *static_cast<Locals*>(out);
    for (int i = 0; i < binary->dlpi_phnum; ++i) {
      if (binary->dlpi_phdr[i].p_type != PT_TLS || binary->dlpi_tls_data == nullptr) continue;
      self.begin = reinterpret_cast<std::uintptr_t>(binary->dlpi_tls_data);
      self.end = self.begin + binary->dlpi_phdr[i].p_memsz;
      if (self.contain(reinterpret_cast<std::uintptr_t>(&moment))) return 1;
    }
    self.begin = self.end = 0;
    return 0;
  }
};
bool is_shared(std::uintptr_t key) {
  thread_local const Locals locals;
  return locals.contain(4 * key);
}

/// Whether something sets an order between an access of before and the moment.
bool ordered(const Moment& before, std::uintptr_t key) {
  if (before.launch != moment.launch) return true;
  if (before.block != moment.block) return is_shared(key);  // every block has its own
  if (before.barrier != moment.barrier || before.thread == moment.thread) return true;
  return before.thread != kMany && before.thread / kWarp == moment.thread / kWarp && before.shuffle != moment.shuffle;
}

class Memory {
 public:
  Memory() : words_(std::size_t{1} << 16) {}

  Word& at(std::uintptr_t key) {
    if (moment.launch != launch_) {
      launch_ = moment.launch;
      used_ = 0;
    }
    if (2 * used_ > words_.size()) grow();
    return place(words_, key);
  }

 private:
  // Words of earlier launches are as good as free.
  Word& place(std::vector<Word>& words, std::uintptr_t key) {
    const std::size_t mask = words.size() - 1;
    std::size_t i = (key * 0x9e3779b97f4a7c15u >> 20) & mask;
    while (is_live(words[i]) && words[i].key != key) i = (i + 1) & mask;
    if (!is_live(words[i])) {
      words[i] = Word{key, {}, {}};
      words[i].write.at.launch = words[i].read.at.launch = 0;
      ++used_;
    }
    return words[i];
  }
  bool is_live(const Word& word) const { return word.write.at.launch == launch_ || word.read.at.launch == launch_; }
  void grow() {
    std::vector<Word> larger(2 * words_.size());
    used_ = 0;
    for (const Word& word : words_)
      if (is_live(word)) place(larger, word.key) = word;
    words_.swap(larger);
  }

  std::vector<Word> words_;
  std::uint32_t launch_ = 0;
  std::size_t used_ = 0;
};

std::string text(const Moment& m) {
  const auto number = [](std::uint32_t n) { return n == kMany ? std::string("several") : std::to_string(n); };
  return "thread " + number(m.thread) + " of block " + number(m.block);
}

void report(const char* what, std::uintptr_t address, const Moment& before) {
  char place[32];
  std::snprintf(place, sizeof place, "%#zx", static_cast<std::size_t>(address));
  fail_device(cudaErrorLaunchFailure, std::string("race, ") + what + " in " +
                                          (is_shared(address / 4) ? "shared" : "global") + " memory at " + place +
                                          ": " + text(before) + ", " + text(moment));
}

void look(std::uintptr_t key, std::uint8_t bytes, bool write) {
  thread_local Memory memory;
  Word& word = memory.at(key);
  if ((word.write.bytes & bytes) != 0 && !ordered(word.write.at, key))
    report(write ? "write after write" : "read after write", 4 * key, word.write.at);
  if (write) {
    if ((word.read.bytes & bytes) != 0 && !ordered(word.read.at, key))
      report("write after read", 4 * key, word.read.at);
    word.write = {moment, bytes};
    return;
  }
  Access& read = word.read;
  const Moment before = read.at;
  const bool alone = ordered(before, key);
  read = {moment, static_cast<std::uint8_t>(alone ? bytes : read.bytes | bytes)};
  if (alone) return;
  if (before.thread != moment.thread || before.block != moment.block) read.at.thread = kMany;
  if (before.block != moment.block) read.at.block = kMany;
}

[[gnu::always_inline]] inline void access(const void* memory, std::size_t size, bool write) {
  if (moment.launch == 0) return;
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(memory);
  if (first >= stack_begin && first < stack_end) return;
  for (std::uintptr_t a = first; a < first + size;) {
    const std::uintptr_t word = a / 4, end = 4 * word + 4 < first + size ? 4 * word + 4 : first + size;
    look(word, static_cast<std::uint8_t>(((1u << (end - a)) - 1) << (a - 4 * word)), write);
    a = end;
  }
}

}  // namespace
}  // namespace emulated_gpu

// What code compiled with -fsanitize=thread calls.
extern "C" {
#define HRN_ACCESS(size)                                                              \
  void __tsan_read##size(void* p) { emulated_gpu::access(p, size, false); }           \
  void __tsan_write##size(void* p) { emulated_gpu::access(p, size, true); }           \
  void __tsan_unaligned_read##size(void* p) { emulated_gpu::access(p, size, false); } \
  void __tsan_unaligned_write##size(void* p) { emulated_gpu::access(p, size, true); } \
  void __tsan_volatile_read##size(void* p) { emulated_gpu::access(p, size, false); }  \
  void __tsan_volatile_write##size(void* p) { emulated_gpu::access(p, size, true); }
HRN_ACCESS(1)
HRN_ACCESS(2)
HRN_ACCESS(4)
HRN_ACCESS(8)
HRN_ACCESS(16)
void __tsan_read_range(void* p, std::size_t size) { emulated_gpu::access(p, size, false); }
void __tsan_write_range(void* p, std::size_t size) { emulated_gpu::access(p, size, true); }
void __tsan_vptr_update(void*, void*) {}
void __tsan_vptr_read(void*) {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}
// Atomics of the host's part of a file; those of kernels are in block.cpp.
#define HRN_ATOMIC(bits, T)                                                                                         \
  T __tsan_atomic##bits##_load(const volatile T* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }           \
  void __tsan_atomic##bits##_store(volatile T* p, T v, int) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }           \
  T __tsan_atomic##bits##_exchange(volatile T* p, T v, int) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); } \
  T __tsan_atomic##bits##_fetch_add(volatile T* p, T v, int) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); } \
  T __tsan_atomic##bits##_fetch_sub(volatile T* p, T v, int) { return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST); } \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile T* p, T* e, T v, int, int) {                           \
    return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                         \
  }                                                                                                                 \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile T* p, T* e, T v, int, int) {                             \
    return __atomic_compare_exchange_n(p, e, v, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                          \
  }
HRN_ATOMIC(8, std::uint8_t)
HRN_ATOMIC(32, std::uint32_t)
HRN_ATOMIC(64, std::uint64_t)
}
