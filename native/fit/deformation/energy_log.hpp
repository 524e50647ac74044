// The data term of the deformation, kept per iteration in the backend's memory.
#pragma once
#include "core/host_device.hpp"
#include "losses/photometric.hpp"

namespace hrn::fit {

/// Sums that make up the data term: those of losses::Photometric, then that of losses::Landmark.
constexpr int kDataSums = losses::Photometric::kReduced + 1;

HRN_HD double data_term(const double* sums, double photo_scale) {
  return photo_scale * sums[0] + 0.5 * sums[losses::Photometric::kReduced];
}

/// Writes the data term of one iteration behind those of the iterations before.
struct EnergyLogArgs {
  const double* sums = nullptr;       // in, [kDataSums]
  const float* photo_gain = nullptr;  // in, [1]
  double* count = nullptr;            // in and out, [1]
  double* energy = nullptr;           // out, [iterations]
};
struct EnergyLog {
  HRN_HD static void run(const EnergyLogArgs& a, long) {
    a.energy[static_cast<long>(*a.count)] = data_term(a.sums, static_cast<double>(*a.photo_gain));
    *a.count += 1;
  }
};

}  // namespace hrn::fit
