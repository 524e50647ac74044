// Which CUDA devices are usable.
#include "backends/cuda/device.hpp"

#include "framework.hpp"

namespace hrn::test {
namespace {

constexpr std::size_t kNeeded = std::size_t{700} << 20;

HRN_TEST("device/code runs on its own architecture and on later ones of the same major version") {
  CHECK(cuda_targets_run_on("80-real", 8, 0));
  CHECK(cuda_targets_run_on("80-real", 8, 6));
  CHECK(!cuda_targets_run_on("86-real", 8, 0));
  CHECK(!cuda_targets_run_on("80-real", 9, 0));
  CHECK(cuda_targets_run_on("100-real", 10, 3));
  CHECK(!cuda_targets_run_on("", 9, 0));
  CHECK(cuda_targets_run_on("90a-real", 9, 0));
  CHECK(!cuda_targets_run_on("90a-real", 9, 1));
}

HRN_TEST("device/PTX runs on every later architecture") {
  CHECK(cuda_targets_run_on("80", 12, 0));
  CHECK(cuda_targets_run_on("80-virtual", 9, 0));
  CHECK(!cuda_targets_run_on("80", 7, 5));
  CHECK(cuda_targets_run_on("75-real,80-real,86-real,89-real,90-real,100-real,120", 12, 1));
  CHECK(!cuda_targets_run_on("75-real,80-real,86-real,89-real,90-real,100-real,120", 11, 0));
}

HRN_TEST("device/a device's architecture, mode and memory must suffice") {
  CudaDevice device{.index = 0, .name = "A", .major = 8, .minor = 6, .total_bytes = std::size_t{8} << 30};
  report.equal(cuda_device_problem(device, "80-real,90", kNeeded), std::string(), "suffices");
  CHECK(cuda_device_problem(device, "90", kNeeded) ==
        "architecture 8.6 is not supported by this build (compiled for 90)");
  device.free_bytes = kNeeded - (std::size_t{1} << 20);
  const std::string problem = cuda_device_problem(device, "80", kNeeded);
  const std::string needed = std::to_string(kNeeded >> 20), room = std::to_string(device.free_bytes >> 20);
  report.equal(problem, "too little memory: " + needed + " MB needed, " + room + " MB free", "memory");
  device.prohibited = true;
  CHECK(cuda_device_problem(device, "80", kNeeded).find("prohibited") != std::string::npos);
}

HRN_TEST("device/one that failed in this process is not chosen again") {
  CudaDevice device{.index = 71, .name = "A", .major = 9, .minor = 0, .total_bytes = std::size_t{8} << 30};
  report.equal(cuda_device_problem(device, "90", kNeeded), std::string(), "before");
  note_cuda_failure(71, "waiting for the GPU: unspecified launch failure");
  note_cuda_failure(71, "whatever came of that");
  CHECK(cuda_device_problem(device, "90", kNeeded)
            .starts_with("it failed earlier in this process (waiting for the GPU: unspecified launch failure)"));
  device.index = 72;
  report.equal(cuda_device_problem(device, "90", kNeeded), std::string(), "another device");
}

HRN_TEST("device/probing tells either a usable device or a reason") {
  const CudaStatus status = probe_cuda(kNeeded);
  bool usable = false;
  for (const CudaDevice& device : status.devices) usable = usable || device.usable();
  CHECK(status.unusable().empty() == usable);
  CHECK(status.devices.empty() == !status.reason.empty());
  CHECK(status.built == (status.runtime_version > 0));
}

HRN_TEST("device/every device's reason is told where none can be used") {
  CudaStatus status;
  status.devices.push_back({.index = 0, .name = "A", .reason = "old"});
  status.devices.push_back({.index = 1, .name = "B", .reason = "full"});
  report.equal(status.unusable(), std::string("A: old; B: full"), "reasons");
  status.devices[1].reason.clear();
  report.equal(status.unusable(), std::string(), "reasons");
}

}  // namespace
}  // namespace hrn::test
