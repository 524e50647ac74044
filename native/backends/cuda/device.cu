#include <cuda_runtime.h>
#include <dlfcn.h>

#include "backends/cuda/device.hpp"

namespace hrn {
namespace {

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// NVIDIA's management library, part of the driver: the one way to learn of free memory without taking some.
class Management {
 public:
  Management() : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
    const auto init = function<int()>("nvmlInit_v2");
    initialised_ = init != nullptr && init() == 0;
  }
  ~Management() {
    const auto shutdown = function<int()>("nvmlShutdown");
    if (initialised_ && shutdown != nullptr) shutdown();
    if (library_ != nullptr) dlclose(library_);
  }
  Management(const Management&) = delete;
  Management& operator=(const Management&) = delete;

  std::string driver_name() const {
    const auto get = function<int(char*, unsigned)>("nvmlSystemGetDriverVersion");
    char name[80] = "";
    return initialised_ && get != nullptr && get(name, sizeof name) == 0 ? name : "";
  }

  // 0 where unknown.
  std::size_t free_bytes(const char* pci_bus_id) const {
    struct Memory {
      unsigned long long total, free, used;
    };
    const auto find = function<int(const char*, void**)>("nvmlDeviceGetHandleByPciBusId_v2");
    const auto get = function<int(void*, Memory*)>("nvmlDeviceGetMemoryInfo");
    void* device = nullptr;
    Memory memory{};
    if (!initialised_ || find == nullptr || get == nullptr || find(pci_bus_id, &device) != 0) return 0;
    return get(device, &memory) == 0 ? memory.free : 0;
  }

 private:
  template <class F>
  F* function(const char* name) const {
    return library_ == nullptr ? nullptr : reinterpret_cast<F*>(dlsym(library_, name));
  }

  void* library_;
  bool initialised_ = false;
};

int attribute(cudaDeviceAttr which, int index) {
  int value = 0;
  return cudaDeviceGetAttribute(&value, which, index) == cudaSuccess ? value : 0;
}

CudaDevice describe(int index, const std::string& targets, std::size_t bytes_needed, const Management& management) {
  CudaDevice device;
  device.index = index;
  device.name = "CUDA device " + std::to_string(index);
  cudaDeviceProp properties{};
  if (const cudaError_t failed = cudaGetDeviceProperties(&properties, index); failed != cudaSuccess) {
    device.reason = std::string("the driver does not describe it: ") + cudaGetErrorName(failed);
    return device;
  }
  device.name = properties.name;
  device.major = properties.major;
  device.minor = properties.minor;
  device.total_bytes = properties.totalGlobalMem;
  char bus[32] = "";
  if (cudaDeviceGetPCIBusId(bus, sizeof bus, index) == cudaSuccess) device.free_bytes = management.free_bytes(bus);
  device.prohibited = attribute(cudaDevAttrComputeMode, index) == cudaComputeModeProhibited;
  device.reason = cuda_device_problem(device, targets, bytes_needed);
  return device;
}

std::string no_device(cudaError_t failed, const CudaStatus& status) {
  if (status.driver_version == 0) return "no NVIDIA driver: libcuda.so.1 cannot be loaded";
  if (status.driver_version < status.runtime_version / 1000 * 1000)
    return "the NVIDIA driver is too old: it serves CUDA " + version_text(status.driver_version) +
           ", this build needs " + version_text(status.runtime_version / 1000 * 1000);
  if (failed == cudaErrorNoDevice || failed == cudaSuccess) return "the driver finds no NVIDIA device";
  return std::string("the NVIDIA driver failed: ") + cudaGetErrorName(failed) + " (" + cudaGetErrorString(failed) + ")";
}

}  // namespace

CudaStatus probe_cuda(std::size_t bytes_needed) {
  CudaStatus status;
  status.built = true;
  status.targets = HRN_CUDA_TARGETS;
  cudaRuntimeGetVersion(&status.runtime_version);
  if (cudaDriverGetVersion(&status.driver_version) != cudaSuccess) status.driver_version = 0;
  int count = 0;
  const cudaError_t failed = cudaGetDeviceCount(&count);
  static_cast<void>(cudaGetLastError());
  if (failed != cudaSuccess || count == 0) {
    status.reason = no_device(failed, status);
    return status;
  }
  const Management management;
  status.driver_name = management.driver_name();
  for (int i = 0; i < count; ++i) status.devices.push_back(describe(i, status.targets, bytes_needed, management));
  static_cast<void>(cudaGetLastError());
  return status;
}

}  // namespace hrn
