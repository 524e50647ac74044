// The reference's face model, checked and repacked once and shared by the fits.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "backends/backend.hpp"
#include "core/array.hpp"
#include "core/half.hpp"
#include "core/topology.hpp"
#include "core/uploaded.hpp"

namespace hrn::fit::reference {

/// As people have it: decimetres, y up, z towards the camera.
struct ModelSource {
  long identity = 0, expression = 0, albedo = 0;
  std::span<const float> mean;             // [V][3]
  std::span<const float> shape_basis;      // [identity + expression][V][3]
  std::span<const float> mean_albedo;      // [V][3], 0..1
  std::span<const float> albedo_basis;     // [albedo][V][3]
  std::span<const std::uint32_t> indices;  // [T][3]
  std::span<const float> uvs;              // [V][2], origin bottom left
  std::span<const std::uint32_t> keypoints;
};

struct Model {
  long vertices = 0, triangles = 0, identity = 0, expression = 0, albedo = 0;
  std::vector<float> mean, mean_albedo, uvs;
  HostArray<Half> shape_basis, albedo_basis;  // ops::pack_basis layout
  Topology topology;
  std::vector<std::uint32_t> keypoints;
};

/// Throws Error(invalid_argument) where the parts do not fit together.
Model build_model(const ModelSource& source);

/// The model as kernels read it: pointers into the memory of the backend that runs them.
struct ModelArrays {
  const float* mean = nullptr;
  const float* mean_albedo = nullptr;
  const Half* shape_basis = nullptr;
  const Half* albedo_basis = nullptr;
  const std::int32_t* triangles = nullptr;
  const std::int32_t* corner_offsets = nullptr;
  const std::int32_t* corners = nullptr;
};

/// The model's own memory, for the CPU.
inline ModelArrays host_arrays(const Model& m) {
  return {m.mean.data(),
          m.mean_albedo.data(),
          m.shape_basis.data(),
          m.albedo_basis.data(),
          m.topology.triangles.data(),
          m.topology.corner_offsets.data(),
          m.topology.corners.data()};
}

/// A copy in a device's memory. The backend must outlive it.
template <Backend B>
class ResidentModel {
  template <class T>
  using Array = typename B::template Array<T>;

 public:
  ResidentModel(const Model& m, B& backend)
      : mean_(uploaded(backend, m.mean)),
        mean_albedo_(uploaded(backend, m.mean_albedo)),
        shape_basis_(uploaded(backend, m.shape_basis)),
        albedo_basis_(uploaded(backend, m.albedo_basis)),
        triangles_(uploaded(backend, m.topology.triangles)),
        corner_offsets_(uploaded(backend, m.topology.corner_offsets)),
        corners_(uploaded(backend, m.topology.corners)) {}

  ModelArrays arrays() const {
    return {mean_.data(),      mean_albedo_.data(),    shape_basis_.data(), albedo_basis_.data(),
            triangles_.data(), corner_offsets_.data(), corners_.data()};
  }

 private:
  Array<float> mean_, mean_albedo_;
  Array<Half> shape_basis_, albedo_basis_;
  Array<std::int32_t> triangles_, corner_offsets_, corners_;
};

}  // namespace hrn::fit::reference
