// The model as kernels read it: pointers into the memory of the backend that runs them.
#pragma once
#include <cstdint>

#include "core/half.hpp"
#include "fit/head/model.hpp"

namespace hrn::fit {

struct ModelArrays {
  const float* mean = nullptr;         // [V][3], mm
  const Half* shape_basis = nullptr;   // ops::pack_basis layout
  const float* albedo_mean = nullptr;  // [V][3]
  const Half* albedo_basis = nullptr;  // ops::pack_basis layout
  const float* uvs = nullptr;          // [V][2]
  const float* deformable = nullptr;   // [V]
  const std::int32_t* triangles = nullptr;
  const std::int32_t* corner_offsets = nullptr;
  const std::int32_t* corners = nullptr;
};

/// The model's own memory, for the CPU.
inline ModelArrays host_arrays(const Model& m) {
  return {m.mean.data(),
          m.shape_basis.data(),
          m.albedo_mean.data(),
          m.albedo_basis.data(),
          m.uvs.data(),
          m.deformable.data(),
          m.topology.triangles.data(),
          m.topology.corner_offsets.data(),
          m.topology.corners.data()};
}

}  // namespace hrn::fit
