#include "gpu.hpp"

#include "backends/cuda/device.hpp"
#include "fit/cuda_fits.hpp"

namespace hrn::test {

bool skip_without_gpu(Report& report) {
  static const std::string reason = probe_cuda(fit::cuda_bytes_needed()).unusable();
  if (!reason.empty()) report.skip("NO GPU TEST: " + reason);
  return !reason.empty();
}

}  // namespace hrn::test
