#include "backends/cuda/device.hpp"

#include <cctype>
#include <cstdlib>
#include <sstream>

namespace hrn {

std::string CudaStatus::unusable() const {
  if (devices.empty()) return reason;
  std::string why;
  for (const CudaDevice& device : devices) {
    if (device.usable()) return {};
    why += (why.empty() ? "" : "; ") + device.name + ": " + device.reason;
  }
  return why;
}

bool cuda_targets_run_on(const std::string& targets, int major, int minor) {
  std::istringstream list(targets);
  for (std::string target; std::getline(list, target, ',');) {
    const int version = std::atoi(target.c_str());
    const bool machine_code = target.find("-virtual") == std::string::npos;
    const bool ptx = target.find("-real") == std::string::npos;
    const bool exact = target.find('a') < target.find('-');  // 90a: code that uses what only 9.0 has
    if (exact ? version == 10 * major + minor
              : (machine_code && version / 10 == major && version % 10 <= minor) ||
                    (ptx && version <= 10 * major + minor))
      return true;
  }
  return false;
}

#if !defined(HRN_CUDA)
CudaStatus probe_cuda() {
  CudaStatus status;
  status.reason = "this build of hrn has no CUDA backend; it was compiled where nvcc was missing";
  return status;
}
#endif

}  // namespace hrn
