// The CUDA backend: every verb of backends/backend.hpp as kernels on one stream of one GPU.
//
// An op's per-element source is the CPU's: for_each launches one thread an element. Reductions have a fixed shape
// (blocks of fixed elements, added in order by the last block to finish), so a result does not change between runs.
#pragma once
#include <algorithm>
#include <cstring>
#include <memory>

#include "backends/backend.hpp"
#include "backends/cuda/check.hpp"
#include "backends/cuda/device_array.hpp"
#include "backends/cuda/launch.cuh"
#include "backends/cuda/rasterizer.cuh"
#include "backends/cuda/reduce.cuh"
#include "backends/cuda/staging.hpp"
#include "backends/cuda/stream.hpp"

namespace hrn {

namespace cuda {

template <class K, class A>
__global__ void each_kernel(long n, const __grid_constant__ A args) {
  const long i = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) K::run(args, i);
}

}  // namespace cuda

/// One thread of the host at a time. All arrays, graphs and results belong to the backend's stream and must not outlive
/// it.
class CudaBackend {
 public:
  template <class T>
  using Array = cuda::DeviceArray<T>;

  /// `device` as CUDA numbers them. Throws Error(device_failed).
  explicit CudaBackend(int device) : lanes_{Lane(device), Lane(device)} {}
  CudaBackend(const CudaBackend&) = delete;
  CudaBackend& operator=(const CudaBackend&) = delete;
  /// Waits for a job that was given up: a graph on the first stream uses memory that is freed on the second.
  ~CudaBackend() {
    for (const Lane& lane : lanes_) (void)cudaStreamSynchronize(lane.stream.get());
  }

  static constexpr const char* name() { return "cuda"; }
  cudaStream_t stream() const { return lanes_[lane_].stream.get(); }

  template <class T>
  Array<T> alloc(std::size_t n) const {
    Array<T> array(n, stream());
    fill_zero(array);
    return array;
  }
  /// Copies before it returns: `from` may change or go away.
  template <class T>
  void upload(Array<T>& to, const T* from, std::size_t n) const {
    if (n > 0) cuda::check(cudaMemcpyAsync(to.data(), from, n * sizeof(T), cudaMemcpyHostToDevice, stream()), "upload");
  }
  template <class T>
  Array<T> borrow(const T* from, std::size_t n) const {
    Array<T> array(n, stream());
    upload(array, from, n);
    return array;
  }
  template <class T>
  void download(T* to, const Array<T>& from, std::size_t n) const {
    if (n > 0) fetch(to, from.data(), n);
  }
  /// download() of the array that was sent last, in two parts: the copy goes on while the host does something else.
  template <class T>
  void send(const Array<T>& from, std::size_t n) {
    staging_.send(from.data(), n * sizeof(T), lanes_[lane_].stream);
  }
  template <class T>
  void receive(T* to) const {
    staging_.receive(to, lanes_[lane_].stream);
  }
  template <class T>
  struct Output {
    Array<T> array;
    T* to;
    T* data() { return array.data(); }
  };
  template <class T>
  Output<T> output(T* to, std::size_t n) const {
    return {Array<T>(n, stream()), to};
  }
  template <class T>
  void deliver(Output<T>& from) const {
    // The system makes fresh pages when they are first written to: here, while the GPU still works.
    constexpr std::size_t kPage = 4096;
    auto* bytes = reinterpret_cast<volatile std::byte*>(from.to);
    for (std::size_t i = 0; i < from.array.size() * sizeof(T); i += kPage) bytes[i] = std::byte{0};
    download(from.to, from.array, from.array.size());
  }
  template <class T>
  void fill_zero(Array<T>& array) const {
    if (!array.empty())
      cuda::check(cudaMemsetAsync(static_cast<void*>(array.data()), 0, array.size() * sizeof(T), stream()),
                  "clearing device memory");
  }
  /// Until everything asked for is done. Throws what went wrong on the way.
  void wait() const { lanes_[lane_].stream.wait(); }

  template <class K, class A>
  void for_each(long n, const A& args) const {
    constexpr unsigned kThreads = 128;
    if (n <= 0) return;
    cuda::launch("starting a kernel", stream(), cuda::blocks_for(n, kThreads), kThreads, cuda::each_kernel<K, A>, n,
                 args);
  }

  template <class K, int N, class A>
  void reduce(long n, const A& args, double* out) {
    double* result = reinterpret_cast<double*>(lanes_[lane_].partial.data());
    reduce_to<K, N>(n, args, result);
    fetch(out, result, std::size_t{N});
  }
  /// As reduce(), into N doubles of device memory, without waiting.
  template <class K, int N, class A>
  void reduce_to(long n, const A& args, double* out) {
    static_assert(N <= cuda::kMaxReduced);
    cuda::reduce<K, N>(n, args, sums(), lanes_[lane_].ticket.data(), out, stream());
  }

  template <class First, class Second>
  void concurrently(First&& first, Second&& second) {
    lanes_[1].event.record(lanes_[0].stream.get());
    lanes_[1].event.wait(lanes_[1].stream.get());
    first();
    lane_ = 1;
    try {
      second();
    } catch (...) {
      lane_ = 0;
      throw;
    }
    lane_ = 0;
    lanes_[0].event.record(lanes_[1].stream.get());
    lanes_[0].event.wait(lanes_[0].stream.get());
  }
  template <class Work>
  cuda::Graph record(Work&& work) {
    return cuda::Graph(stream(), work);
  }

  void basis_forward(const ops::BasisArgs<float, Half>& a);
  void basis_forward(const ops::BasisArgs<float, float>& a);
  void basis_backward(const ops::BasisArgs<float, Half>& a, double* grad_coefficients);
  void basis_backward(const ops::BasisArgs<float, float>& a, double* grad_coefficients);
  /// As basis_backward(), into a.count doubles of device memory, without waiting.
  void basis_backward_to(const ops::BasisArgs<float, Half>& a, double* grad_coefficients);
  void basis_backward_to(const ops::BasisArgs<float, float>& a, double* grad_coefficients);

  void rasterize(const ops::RasterizeArgs<float>& a) { rasterizer_.run(a, stream()); }

 private:
  // The first kilobyte for results on their way to the host, the rest for partial sums of reductions.
  static constexpr std::size_t kResultBytes = 1024;
  static constexpr std::size_t kPartialBytes = kResultBytes + sizeof(double) * cuda::kMaxReduced * cuda::kReduceBlocks;
  double* sums() { return reinterpret_cast<double*>(lanes_[lane_].partial.data() + kResultBytes); }

  /// Waits.
  template <class T>
  void fetch(T* to, const T* from, std::size_t n) const {
    staging_.fetch(to, from, n * sizeof(T), lanes_[lane_].stream);
  }
  template <class Stored>
  void run_basis_forward(const ops::BasisArgs<float, Stored>& a);
  template <class Stored>
  void run_basis_backward(const ops::BasisArgs<float, Stored>& a, double* grad_coefficients);
  double* basis_scratch(std::size_t n);

  /// A stream with what its reductions need. The first is the backend's; the second serves concurrently().
  struct Lane {
    explicit Lane(int device) : stream(device), partial(kPartialBytes, stream.get()), ticket(1, stream.get()) {
      cuda::check(cudaMemsetAsync(ticket.data(), 0, sizeof(unsigned), stream.get()), "clearing device memory");
    }
    cuda::Stream stream;
    Array<std::byte> partial;
    Array<unsigned> ticket;
    cuda::Event event;
  };

  Lane lanes_[2];
  cuda::Staging staging_;
  int lane_ = 0;
  Array<double> basis_partial_;
  CudaRasterizer rasterizer_;
};

static_assert(Backend<CudaBackend>);

}  // namespace hrn
