// A CUDA stream of one device, and work recorded once to be run many times.
#pragma once
#include <cuda_runtime_api.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "backends/cuda/check.hpp"

namespace hrn::cuda {

class Stream {
 public:
  /// Makes `device` the current one of the calling thread; freed memory stays in the process for the next job.
  explicit Stream(int device) {
    check(cudaSetDevice(device), "choosing the GPU");
    cudaMemPool_t pool;
    check(cudaDeviceGetDefaultMemPool(&pool, device), "finding the GPU's memory pool");
    std::uint64_t keep = std::uint64_t{1} << 30;
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep), "setting up the GPU's memory pool");
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
    if (const cudaError_t failed = cudaEventCreateWithFlags(&reached_, cudaEventBlockingSync | cudaEventDisableTiming);
        failed != cudaSuccess) {
      (void)cudaStreamDestroy(stream_);
      check(failed, "making an event");
    }
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    // Work in flight reads memory that goes away with the owner.
    (void)cudaStreamSynchronize(stream_);
    (void)cudaEventDestroy(reached_);
    (void)cudaStreamDestroy(stream_);
  }
  cudaStream_t get() const { return stream_; }

  /// Until everything put on the stream is done; throws what went wrong on the way. A short wait asks again and again,
  /// which notices the end soonest; a long one leaves the processor to other faces in flight.
  void wait() const {
    constexpr std::chrono::microseconds kPatience{200};
    const auto asleep = std::chrono::steady_clock::now() + kPatience;
    do {
      const cudaError_t status = cudaStreamQuery(stream_);
      if (status != cudaErrorNotReady) return check(status, "waiting for the GPU");
      std::this_thread::yield();
    } while (std::chrono::steady_clock::now() < asleep);
    check(cudaEventRecord(reached_, stream_), "waiting for the GPU");
    check(cudaEventSynchronize(reached_), "waiting for the GPU");
  }

 private:
  cudaStream_t stream_ = nullptr;
  cudaEvent_t reached_ = nullptr;
};

/// A point in the work of a stream that another one can wait for.
class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { (void)cudaEventDestroy(event_); }

  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "recording an event"); }
  void wait(cudaStream_t stream) { check(cudaStreamWaitEvent(stream, event_, 0), "waiting for an event"); }

 private:
  cudaEvent_t event_ = nullptr;
};

/// What `work` puts on the stream, as one graph. `work` must not wait, allocate or copy from pageable memory.
class Graph {
 public:
  template <class Work>
  Graph(cudaStream_t stream, Work&& work) : stream_(stream) {
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "recording a graph");
    cudaGraph_t graph = nullptr;
    try {
      work();
    } catch (...) {
      (void)cudaStreamEndCapture(stream, &graph);
      if (graph != nullptr) (void)cudaGraphDestroy(graph);
      throw;
    }
    check(cudaStreamEndCapture(stream, &graph), "recording a graph");
    const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
    (void)cudaGraphGetNodes(graph, nullptr, &nodes_);
    (void)cudaGraphDestroy(graph);
    check(status, "preparing a graph");
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() { (void)cudaGraphExecDestroy(executable_); }

  void operator()() { check(cudaGraphLaunch(executable_, stream_), "starting a graph"); }
  std::size_t nodes() const { return nodes_; }

 private:
  cudaStream_t stream_;
  cudaGraphExec_t executable_ = nullptr;
  std::size_t nodes_ = 0;
};

}  // namespace hrn::cuda
