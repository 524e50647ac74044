// HRN_EMULATED_GPU in the environment, for tests of what happens when a GPU fails; a list of
//   fail=N          the N-th operation (kernel, copy, fill) of the process fails, and everything after it
//   memory=MEGABYTES
#include "device.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace emulated_gpu {
namespace {

// The value behind `name=`; `absent` where there is none.
long setting(const std::string& name, long absent) {
  const char* all = std::getenv("HRN_EMULATED_GPU");
  std::istringstream list(all == nullptr ? "" : all);
  for (std::string entry; std::getline(list, entry, ',');)
    if (entry.starts_with(name + '=')) return std::stol(entry.substr(name.size() + 1));
  return absent;
}

std::atomic<int> failure{cudaSuccess};
std::atomic<long> operations{0};
thread_local cudaError_t last = cudaSuccess;

}  // namespace

void fail_device(cudaError_t error, const std::string& what) {
  int none = cudaSuccess;
  if (failure.compare_exchange_strong(none, error)) std::fprintf(stderr, "emulated GPU: %s\n", what.c_str());
}
cudaError_t device_error() { return static_cast<cudaError_t>(failure.load()); }
cudaError_t returned(cudaError_t error) {
  if (error == cudaSuccess) error = device_error();
  if (error != cudaSuccess) last = error;
  return error;
}

void count_operation() {
  static const long fatal = setting("fail", 0);
  if (++operations == fatal) fail_device(cudaErrorLaunchFailure, "told to fail");
}
std::size_t device_bytes() {
  static const long megabytes = setting("memory", 4096);
  return static_cast<std::size_t>(megabytes) << 20;
}

}  // namespace emulated_gpu

using emulated_gpu::returned;

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorNotReady:
      return "cudaErrorNotReady";
    case cudaErrorIllegalAddress:
      return "cudaErrorIllegalAddress";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureUnjoined:
      return "cudaErrorStreamCaptureUnjoined";
  }
  return "an unknown error";
}
const char* cudaGetErrorString(cudaError_t) { return "reported by the emulated GPU"; }

// What a call got wrong is forgotten when asked for; what broke the device is not.
cudaError_t cudaGetLastError() {
  const cudaError_t error =
      emulated_gpu::device_error() != cudaSuccess ? emulated_gpu::device_error() : emulated_gpu::last;
  emulated_gpu::last = cudaSuccess;
  return error;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return returned(device == 0 ? cudaSuccess : cudaErrorInvalidDevice); }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return returned(cudaErrorInvalidDevice);
  *properties = {"emulated GPU of the tests", 9, 0, emulated_gpu::device_bytes()};
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = cudaComputeModeDefault;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetPCIBusId(char* id, int size, int) {
  std::snprintf(id, static_cast<std::size_t>(size), "0000:00:00.0");
  return cudaSuccess;
}
