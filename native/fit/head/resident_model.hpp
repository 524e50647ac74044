// A copy of the model in a device's memory, made once and shared by all jobs of the device.
#pragma once
#include "backends/backend.hpp"
#include "core/uploaded.hpp"
#include "fit/head/model_arrays.hpp"

namespace hrn::fit {

template <Backend B>
class ResidentModel {
  template <class T>
  using Array = typename B::template Array<T>;

 public:
  /// Complete when the backend has done what it was asked for so far. The backend must outlive the copy.
  ResidentModel(const Model& m, B& backend)
      : mean_(uploaded(backend, m.mean)),
        albedo_mean_(uploaded(backend, m.albedo_mean)),
        uvs_(uploaded(backend, m.uvs)),
        deformable_(uploaded(backend, m.deformable)),
        shape_basis_(uploaded(backend, m.shape_basis)),
        albedo_basis_(uploaded(backend, m.albedo_basis)),
        triangles_(uploaded(backend, m.topology.triangles)),
        corner_offsets_(uploaded(backend, m.topology.corner_offsets)),
        corners_(uploaded(backend, m.topology.corners)) {}

  ModelArrays arrays() const {
    return {mean_.data(),       shape_basis_.data(), albedo_mean_.data(),    albedo_basis_.data(), uvs_.data(),
            deformable_.data(), triangles_.data(),   corner_offsets_.data(), corners_.data()};
  }

 private:
  Array<float> mean_, albedo_mean_, uvs_, deformable_;
  Array<Half> shape_basis_, albedo_basis_;
  Array<std::int32_t> triangles_, corner_offsets_, corners_;
};

}  // namespace hrn::fit
