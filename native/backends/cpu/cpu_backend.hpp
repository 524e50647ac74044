// The CPU backend: every verb of backends/backend.hpp on one thread pool.
#pragma once
#include <algorithm>
#include <cstring>
#include <memory>

#include "backends/backend.hpp"
#include "backends/cpu/rasterizer.hpp"
#include "core/array.hpp"
#include "core/host_device.hpp"
#include "core/isa.hpp"
#include "core/thread_pool.hpp"

namespace hrn {

/// One of several sums of the same values side by side, for reductions whose `run` takes any `sum` with sum[k] += x:
/// the compiler then works on as many elements at a time.
constexpr int kSumLanes = 8;
struct LaneOfSums {
  double* first;
  HRN_HD double& operator[](int k) const { return first[k * kSumLanes]; }
};

class CpuBackend {
 public:
  template <class T>
  using Array = HostArray<T>;

  /// The pool must outlive the backend and serve no one else meanwhile.
  explicit CpuBackend(ThreadPool& pool, Isa isa = detect_isa()) : pool_(pool), isa_(isa) {}

  static constexpr const char* name() { return "cpu"; }
  int threads() const { return pool_.threads(); }
  ThreadPool& pool() const { return pool_; }
  Isa isa() const { return isa_; }

  template <class T>
  Array<T> alloc(std::size_t n) const {
    return Array<T>(n);
  }
  template <class T>
  void upload(Array<T>& to, const T* from, std::size_t n) const {
    if (n > 0) std::memcpy(to.data(), from, n * sizeof(T));
  }
  template <class T>
  void download(T* to, const Array<T>& from, std::size_t n) const {
    if (n > 0) std::memcpy(to, from.data(), n * sizeof(T));
  }
  /// The caller's memory as it is.
  template <class T>
  HostView<T> borrow(const T* from, std::size_t) const {
    return {from};
  }
  /// Kernels write into the host's memory itself.
  template <class T>
  HostOutput<T> output(T* to, std::size_t) const {
    return {to};
  }
  template <class T>
  void deliver(HostOutput<T>&) const {}
  template <class T>
  void fill_zero(Array<T>& array) const {
    if (!array.empty()) std::memset(static_cast<void*>(array.data()), 0, array.size() * sizeof(T));
  }

  template <class K, class A>
  void for_each(long n, const A& args) {
    constexpr long kGrain = grain<K>();
    Range range{&args, n, nullptr};
    pool_.parallel_for((n + kGrain - 1) / kGrain, isa_ == Isa::avx2 ? each_avx2<K, A> : each_baseline<K, A>, &range);
  }

  /// Chunk by chunk, so that a later kernel finds what an earlier one wrote in the cache.
  template <class... K, class... A>
  void in_turn(long n, const A&... args) {
    static_assert(((grain<K>() == kChunk) && ...));
    Range ranges[] = {{&args, n, nullptr}...};
    pool_.parallel_for((n + kChunk - 1) / kChunk,
                       isa_ == Isa::avx2 ? turns<each_avx2<K, A>...> : turns<each_baseline<K, A>...>, ranges);
  }

  template <class K, int N, class A>
  void reduce(long n, const A& args, double* out) {
    const long chunks = (n + kChunk - 1) / kChunk;
    Range range{&args, n, partial_sums(chunks * N)};
    pool_.parallel_for(chunks, isa_ == Isa::avx2 ? sum_avx2<K, N, A> : sum_baseline<K, N, A>, &range);
    std::fill_n(out, N, 0.0);
    for (long chunk = 0; chunk < chunks; ++chunk)
      for (int k = 0; k < N; ++k) out[k] = combine_partial<K>(out[k], range.partial[chunk * N + k]);
  }
  template <class K, int N, class A>
  void reduce_to(long n, const A& args, double* out) {
    reduce<K, N>(n, args, out);
  }

  template <class First, class Second>
  static void concurrently(First&& first, Second&& second) {
    first();
    second();
  }
  template <class Work>
  static Work record(Work work) {
    return work;
  }

  /// a.values = a.base + sum_k a.coefficients[k] * component[a.first + k].
  void basis_forward(const ops::BasisArgs<float, Half>& a);
  void basis_forward(const ops::BasisArgs<float, float>& a);
  /// grad_coefficients[a.count] (overwritten) = sum over rows of a.grad_values * component[a.first + k].
  void basis_backward(const ops::BasisArgs<float, Half>& a, double* grad_coefficients);
  void basis_backward(const ops::BasisArgs<float, float>& a, double* grad_coefficients);

  template <class Stored>
  void basis_backward_to(const ops::BasisArgs<float, Stored>& a, double* grad_coefficients) {
    basis_backward(a, grad_coefficients);
  }

  void rasterize(const ops::RasterizeArgs<float>& a) { rasterizer_.run(a, pool_, isa_); }

 private:
  // Chunk borders never depend on the thread count: vectorised bodies and scalar remainders may round differently.
  static constexpr long kChunk = 1024;

  template <class K>
  static constexpr long grain() {
    if constexpr (requires { K::kGrain; })
      return K::kGrain;
    else
      return kChunk;
  }

  struct Range {
    const void* args;
    long n;
    double* partial;
  };

  template <ThreadPool::Chunk... Each>
  static void turns(void* data, long chunk, int worker) {
    Range* range = static_cast<Range*>(data);
    (Each(range++, chunk, worker), ...);
  }

  // The loops themselves, always inlined like K::run, so that they are compiled for the instruction set of the caller.
  // ivdep states the contract of for_each. Kernels over maps walk along rows by themselves.
  template <class K, class A>
  HRN_HD static void run_range(const A& args, long begin, long end) {
    if constexpr (requires { K::run_range(args, begin, end); }) {
      K::run_range(args, begin, end);
    } else {
#pragma GCC ivdep
      for (long i = begin; i < end; ++i) K::run(args, i);
    }
  }
  template <class K, int N, class A>
  HRN_HD static void sum_range(const A& args, long begin, long end, double* sum) {
    if constexpr (requires { K::run_range(args, begin, end, sum); }) {
      K::run_range(args, begin, end, sum);
    } else if constexpr (requires { K::run(args, begin, LaneOfSums{}); }) {
      alignas(64) double lanes[N * kSumLanes] = {};
      long i = begin;
      for (; i + kSumLanes <= end; i += kSumLanes) {
#pragma GCC ivdep
#if !defined(__CUDACC__)
#pragma GCC unroll 1
#endif
        for (int lane = 0; lane < kSumLanes; ++lane) K::run(args, i + lane, LaneOfSums{lanes + lane});
      }
      for (int lane = 0; i < end; ++i, ++lane) K::run(args, i, LaneOfSums{lanes + lane});
      for (int k = 0; k < N; ++k)
        for (int lane = 0; lane < kSumLanes; ++lane) sum[k] += lanes[k * kSumLanes + lane];
    } else {
      for (long i = begin; i < end; ++i) K::run(args, i, sum);
    }
  }

  // Arguments are copied into the loop's function, where the compiler sees that no store can change them.
  template <class K, class A>
  HRN_TARGET_AVX2 static void each_avx2(void* data, long chunk, int) {
    const Range& range = *static_cast<const Range*>(data);
    const A args = *static_cast<const A*>(range.args);
    const long begin = chunk * grain<K>(), end = begin + grain<K>() < range.n ? begin + grain<K>() : range.n;
    run_range<K>(args, begin, end);
  }
  template <class K, class A>
  static void each_baseline(void* data, long chunk, int) {
    const Range& range = *static_cast<const Range*>(data);
    const A args = *static_cast<const A*>(range.args);
    const long begin = chunk * grain<K>(), end = begin + grain<K>() < range.n ? begin + grain<K>() : range.n;
    run_range<K>(args, begin, end);
  }
  template <class K, int N, class A>
  HRN_TARGET_AVX2 static void sum_avx2(void* data, long chunk, int) {
    const Range& range = *static_cast<const Range*>(data);
    const A args = *static_cast<const A*>(range.args);
    const long begin = chunk * kChunk, end = begin + kChunk < range.n ? begin + kChunk : range.n;
    double sum[N] = {};
    sum_range<K, N>(args, begin, end, sum);
    for (int k = 0; k < N; ++k) range.partial[chunk * N + k] = sum[k];
  }
  template <class K, int N, class A>
  static void sum_baseline(void* data, long chunk, int) {
    const Range& range = *static_cast<const Range*>(data);
    const A args = *static_cast<const A*>(range.args);
    const long begin = chunk * kChunk, end = begin + kChunk < range.n ? begin + kChunk : range.n;
    double sum[N] = {};
    sum_range<K, N>(args, begin, end, sum);
    for (int k = 0; k < N; ++k) range.partial[chunk * N + k] = sum[k];
  }

  /// Scratch that grows to the largest reduction seen.
  double* partial_sums(long size) {
    if (static_cast<long>(partial_.size()) < size) partial_ = HostArray<double>(static_cast<std::size_t>(size));
    return partial_.data();
  }

  template <class Stored>
  void run_basis_forward(const ops::BasisArgs<float, Stored>& a);
  template <class Stored>
  void run_basis_backward(const ops::BasisArgs<float, Stored>& a, double* grad_coefficients);

  ThreadPool& pool_;
  Isa isa_;
  HostArray<double> partial_;
  CpuRasterizer rasterizer_;
};

static_assert(Backend<CpuBackend>);

}  // namespace hrn
