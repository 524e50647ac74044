#include "backends/cuda/device.hpp"

#include <cctype>
#include <cstdlib>
#include <map>
#include <mutex>
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

namespace {

struct Failures {
  std::mutex mutex;
  std::map<int, std::string> by_device;
};
// Of the process, like the failures themselves: every worker thread must see them.
Failures& failures() {
  static Failures instance;
  return instance;
}

}  // namespace

void note_cuda_failure(int index, const std::string& what) {
  const std::lock_guard lock(failures().mutex);
  failures().by_device.try_emplace(index, what);
}

std::string noted_cuda_failure(int index) {
  const std::lock_guard lock(failures().mutex);
  const auto found = failures().by_device.find(index);
  return found == failures().by_device.end() ? std::string() : found->second;
}

std::string cuda_device_problem(const CudaDevice& device, const std::string& targets, std::size_t bytes_needed) {
  const auto megabytes = [](std::size_t bytes) { return std::to_string(bytes >> 20) + " MB"; };
  if (!cuda_targets_run_on(targets, device.major, device.minor))
    return "architecture " + std::to_string(device.major) + "." + std::to_string(device.minor) +
           " is not supported by this build (compiled for " + targets + ")";
  if (const std::string failure = noted_cuda_failure(device.index); !failure.empty())
    return "it failed earlier in this process (" + failure + "); restart the process to use it again";
  if (device.prohibited) return "its compute mode is set to prohibited";
  const bool known = device.free_bytes > 0;
  const std::size_t room = known ? device.free_bytes : device.total_bytes;
  if (room < bytes_needed)
    return "too little memory: " + megabytes(bytes_needed) + " needed, " + megabytes(room) +
           (known ? " free" : " in all");
  return {};
}

#if !defined(HRN_CUDA)
CudaStatus probe_cuda(std::size_t) {
  CudaStatus status;
  status.reason = "this build of hrn has no CUDA backend; it was compiled where nvcc was missing";
  return status;
}
#endif

}  // namespace hrn
