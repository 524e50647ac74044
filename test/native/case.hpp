// The case table: op x sizes x seed, each run on every backend. A case is checked for
//   parity     its outputs equal the reference backend's within the case's tolerance (integers exactly),
//   threads    1, 2, 3 and 5 threads give the same bytes,
//   guards     nothing outside the output buffers was written.
//
// The files with the cases are compiled once for the processor and, through cuda_*_cases.cu, once for the GPU. A new op
// is one HRN_CASE.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#ifdef __CUDACC__
#include "backends/cuda/cuda_backend.cuh"
#endif
#include "backends/cpu/cpu_backend.hpp"
#include "framework.hpp"
#include "reference_backend.hpp"

namespace hrn::test {

struct Sizes {
  long grid;  // of the scene: (grid + 1)^2 vertices
  long side;  // of images, px
};

/// What a run left behind: one entry per output buffer.
struct Output {
  std::string name;
  std::vector<std::byte> bytes;
  bool is_float = false;  // else compared exactly
  bool is_double = false;
  bool guards_hold = true;
};

/// The buffers of one run on one backend. Outputs lie between two guard regions and are filled with a pattern first, so
/// that an element that was never written shows.
template <class B>
class Buffers {
 public:
  explicit Buffers(B& backend) : backend_(backend) {}

  template <class T>
  const T* input(const std::vector<T>& values) {
    auto holder = std::make_shared<Holder<T>>();
    holder->array = backend_.template alloc<T>(values.size());
    backend_.upload(holder->array, values.data(), values.size());
    keep_.push_back(holder);
    return holder->array.data();
  }

  /// Uninitialised on purpose (except for the pattern).
  template <class T>
  T* output(const std::string& name, long n) {
    auto holder = std::make_shared<Holder<T>>();
    const std::size_t count = static_cast<std::size_t>(n), guard = 64;
    std::vector<T> pattern(count + 2 * guard);
    std::memset(static_cast<void*>(pattern.data()), kPattern, pattern.size() * sizeof(T));
    holder->array = backend_.template alloc<T>(pattern.size());
    backend_.upload(holder->array, pattern.data(), pattern.size());
    finish_.push_back([this, holder, name, count] {
      std::vector<T> all(count + 128);
      backend_.download(all.data(), holder->array, all.size());
      Output out;
      out.name = name;
      out.is_float = std::is_floating_point_v<T>;
      out.is_double = std::is_same_v<T, double>;
      const auto* bytes = reinterpret_cast<const std::byte*>(all.data());
      const std::size_t skip = 64 * sizeof(T), size = count * sizeof(T);
      for (std::size_t i = 0; i < skip; ++i)
        if (bytes[i] != std::byte{kPattern} || bytes[skip + size + i] != std::byte{kPattern}) out.guards_hold = false;
      out.bytes.assign(bytes + skip, bytes + skip + size);
      return out;
    });
    return holder->array.data() + guard;
  }

  /// A reduction's result, already on the host.
  void result(const std::string& name, const double* values, long n) {
    Output out;
    out.name = name;
    out.is_float = out.is_double = true;
    const auto* bytes = reinterpret_cast<const std::byte*>(values);
    out.bytes.assign(bytes, bytes + static_cast<std::size_t>(n) * sizeof(double));
    finish_.push_back([out] { return out; });
  }

  std::vector<Output> finish() const {
    std::vector<Output> outputs;
    for (const auto& f : finish_) outputs.push_back(f());
    return outputs;
  }

 private:
  static constexpr unsigned char kPattern = 0xa5;
  template <class T>
  struct Holder {
    typename B::template Array<T> array;
  };
  B& backend_;
  std::vector<std::shared_ptr<void>> keep_;
  std::vector<std::function<Output()>> finish_;
};

struct Case {
  const char* op;
  double tolerance;  // of floats, relative to the largest value of the buffer
  Sizes sizes;
  std::uint64_t seed;
  std::vector<Output> (*reference)(Sizes, std::uint64_t);
  // Where the case is compiled for it.
  std::vector<Output> (*cpu)(Sizes, std::uint64_t, int threads, Isa);
  std::vector<Output> (*cuda)(Sizes, std::uint64_t);
};

/// Registers the tests of a case, kept for the life of the program.
int add_case(const Case& c);

/// Sizes and seeds that every op runs with: one element, one tile, ragged, and a realistic one.
inline constexpr Sizes kSizes[] = {{1, 1}, {5, 33}, {31, 97}, {137, 224}};

template <class Body, class B>
std::vector<Output> run_case(B& backend, Sizes sizes, std::uint64_t seed) {
  Buffers<B> io(backend);
  Body::template run<B>(backend, io, sizes, seed);
  return io.finish();
}

template <class Body>
int add_cases(const char* op, double tolerance) {
  std::uint64_t seed = 1;
  for (const Sizes sizes : kSizes) {
    Case c{op, tolerance, sizes, seed++, nullptr, nullptr, nullptr};
    c.reference = [](Sizes n, std::uint64_t s) {
      ReferenceBackend backend;
      return run_case<Body>(backend, n, s);
    };
#ifdef __CUDACC__
    c.cuda = [](Sizes n, std::uint64_t s) {
      CudaBackend backend(0);
      return run_case<Body>(backend, n, s);
    };
#else
    c.cpu = [](Sizes n, std::uint64_t s, int threads, Isa isa) {
      ThreadPool pool(threads);
      CpuBackend backend(pool, isa);
      return run_case<Body>(backend, n, s);
    };
#endif
    add_case(c);
  }
  return 0;
}

}  // namespace hrn::test

/// HRN_CASE(name_of_struct, "op/direction", tolerance) { body with `backend`, `io`, `sizes`, `seed` }
#define HRN_CASE(Name, op, tolerance)                                                              \
  struct Name {                                                                                    \
    template <class B>                                                                             \
    static void run(B& backend, Buffers<B>& io, Sizes sizes, [[maybe_unused]] std::uint64_t seed); \
  };                                                                                               \
  [[maybe_unused]] static const int added_##Name = hrn::test::add_cases<Name>(op, tolerance);      \
  template <class B>                                                                               \
  void Name::run(B& backend, Buffers<B>& io, Sizes sizes, [[maybe_unused]] std::uint64_t seed)
