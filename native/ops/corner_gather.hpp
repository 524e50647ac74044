// The last step of every mesh gradient: triangles have written one slot per corner, vertices add up their corners in a
// fixed order. No atomics, and the same result for any number of threads.
#pragma once
#include <cstdint>

#include "core/host_device.hpp"

namespace hrn::ops {

template <class Real>
struct CornerGatherArgs {
  const std::int32_t* corner_offsets = nullptr;  // in, [V + 1]; see core/topology.hpp
  const std::int32_t* corners = nullptr;         // in, [3 T]
  const Real* slots = nullptr;                   // in, [3 T][C]
  Real* values = nullptr;                        // out, [V][C]
};

template <int C>
struct CornerGather {
  template <class Real>
  HRN_HD static void forward(const CornerGatherArgs<Real>& a, long v) {
    Real sum[C] = {};
    for (long j = a.corner_offsets[v]; j < a.corner_offsets[v + 1]; ++j) {
      const Real* slot = a.slots + static_cast<long>(a.corners[j]) * C;
      for (int c = 0; c < C; ++c) sum[c] += slot[c];
    }
    for (int c = 0; c < C; ++c) a.values[v * C + c] = sum[c];
  }

  /// Overwrites.
  struct Set {
    template <class Args>
    HRN_HD static void run(const Args& a, long v) {
      forward(a, v);
    }
  };
  /// Adds to what is there.
  struct Add {
    template <class Real>
    HRN_HD static void run(const CornerGatherArgs<Real>& a, long v) {
      Real before[C];
      for (int c = 0; c < C; ++c) before[c] = a.values[v * C + c];
      forward(a, v);
      for (int c = 0; c < C; ++c) a.values[v * C + c] += before[c];
    }
  };
};

}  // namespace hrn::ops
