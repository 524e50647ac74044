// Which CUDA devices there are, and whether this binary can use them. Declared and callable in every build: one without
// CUDA, and a machine without driver, answer with the reason.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace hrn {

struct CudaDevice {
  int index = 0;  // as CUDA counts, after CUDA_VISIBLE_DEVICES
  std::string name;
  int major = 0, minor = 0;     // compute capability
  std::size_t total_bytes = 0;  // memory
  std::size_t free_bytes = 0;   // 0 where unknown: the driver's management library is absent
  bool prohibited = false;      // by its compute mode, which an administrator sets
  std::string reason = {};      // why it cannot be used; empty where it can

  bool usable() const { return reason.empty(); }
};

struct CudaStatus {
  bool built = false;       // this binary contains the backend
  std::string targets;      // architectures it was compiled for, "80-real,90": as CMake writes them
  int runtime_version = 0;  // 13000 is 13.0; 0 without
  int driver_version = 0;   // newest CUDA version that the driver serves, 13000 is 13.0; 0 without a driver
  std::string driver_name;  // the driver's own version, "580.65.06"; empty where unknown
  std::vector<CudaDevice> devices;
  std::string reason;  // why there is no device at all; empty where there is one, usable or not

  /// Why no device can be used; empty where one can.
  std::string unusable() const;
};

/// Remembers that a job failed on a device: what goes wrong there mostly leaves the whole process unable to use it, so
/// it is not to be chosen again. Any thread.
void note_cuda_failure(int index, const std::string& what);
/// The first failure noted in this process; empty where there was none.
std::string noted_cuda_failure(int index);

/// Asks the driver, every time. Creates no CUDA context (no memory is taken on any device); any thread. A device is
/// usable with `bytes_needed` of free memory.
CudaStatus probe_cuda(std::size_t bytes_needed);

/// Whether code for `targets` (as CMake writes them) runs on compute capability major.minor: machine code of the same
/// major version and no higher minor version, or PTX of no higher version.
bool cuda_targets_run_on(const std::string& targets, int major, int minor);

/// Why `device`, of which all but `reason` is known, cannot run code for `targets` in `bytes_needed` of memory; empty
/// where it can.
std::string cuda_device_problem(const CudaDevice& device, const std::string& targets, std::size_t bytes_needed);

}  // namespace hrn
