// A copy of the model in a device's memory, made once and shared by all jobs of the device.
#pragma once
#include <vector>

#include "backends/backend.hpp"
#include "fit/model_arrays.hpp"

namespace hrn::fit {

template <Backend B>
class ResidentModel {
  template <class T>
  using Array = typename B::template Array<T>;

 public:
  /// Complete when the backend has done what it was asked for so far. The backend must outlive the copy.
  ResidentModel(const Model& m, B& backend)
      : mean_(copy(m.mean, backend)),
        albedo_mean_(copy(m.albedo_mean, backend)),
        uvs_(copy(m.uvs, backend)),
        deformable_(copy(m.deformable, backend)),
        shape_basis_(copy(m.shape_basis, backend)),
        albedo_basis_(copy(m.albedo_basis, backend)),
        triangles_(copy(m.topology.triangles, backend)),
        corner_offsets_(copy(m.topology.corner_offsets, backend)),
        corners_(copy(m.topology.corners, backend)) {}

  ModelArrays arrays() const {
    return {mean_.data(),       shape_basis_.data(), albedo_mean_.data(),    albedo_basis_.data(), uvs_.data(),
            deformable_.data(), triangles_.data(),   corner_offsets_.data(), corners_.data()};
  }

 private:
  template <class Source>
  static auto copy(const Source& from, B& backend) {
    using T = std::remove_cvref_t<decltype(*from.data())>;
    auto to = backend.template alloc<T>(from.size());
    backend.upload(to, from.data(), from.size());
    return to;
  }

  Array<float> mean_, albedo_mean_, uvs_, deformable_;
  Array<Half> shape_basis_, albedo_basis_;
  Array<std::int32_t> triangles_, corner_offsets_, corners_;
};

}  // namespace hrn::fit
