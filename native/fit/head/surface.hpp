// The model's surface for given coefficients: positions, normals, colours under the fitted light, and what a camera
// sees of it. On any backend; results stay in its memory.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/backend.hpp"
#include "fit/head/camera_pose.hpp"
#include "fit/head/fitted_light.hpp"
#include "fit/head/model.hpp"
#include "fit/head/model_arrays.hpp"
#include "ops/normals.hpp"
#include "ops/pose_project.hpp"

namespace hrn::fit {

template <class B>
class HeadSurface {
  template <class T>
  using Array = typename B::template Array<T>;

 public:
  /// `arrays` is the model in the backend's memory. All three must outlive this object.
  HeadSurface(const Model& model, const ModelArrays& arrays, B& backend)
      : model_(model),
        arrays_(arrays),
        backend_(backend),
        coefficients_(
            backend.template alloc<float>(static_cast<std::size_t>(std::max(model.shape_count(), model.albedo_count)))),
        positions_(vertex_values()) {}

  // Positions from leading identity coefficients (missing ones are zero) and all expression coefficients.
  void set_shape(std::span<const double> identity, std::span<const double> expression) {
    std::vector<float> values(static_cast<std::size_t>(model_.shape_count()));
    for (std::size_t k = 0; k < identity.size(); ++k) values[k] = static_cast<float>(identity[k]);
    for (std::size_t k = 0; k < expression.size(); ++k)
      values[static_cast<std::size_t>(model_.identity_count) + k] = static_cast<float>(expression[k]);
    evaluate(values, arrays_.shape_basis, arrays_.mean, positions_);
  }
  // [V][3], mm, in the host's memory.
  void set_positions(std::span<const float> positions) {
    backend_.upload(positions_, positions.data(), positions.size());
  }
  const Array<float>& positions() const { return positions_; }

  // [V][3], unit, of the current positions.
  const Array<float>& update_normals() {
    if (normals_.empty()) {
      normals_ = vertex_values();
      crosses_ = backend_.template alloc<float>(static_cast<std::size_t>(3 * model_.triangle_count));
    }
    ops::NormalsArgs<float> args;
    args.triangles = arrays_.triangles;
    args.corner_offsets = arrays_.corner_offsets;
    args.corners = arrays_.corners;
    args.positions = positions_.data();
    args.crosses = crosses_.data();
    args.normals = normals_.data();
    backend_.template for_each<ops::Normals::ForwardFace>(model_.triangle_count, args);
    backend_.template for_each<ops::Normals::ForwardVertex>(model_.vertex_count, args);
    return normals_;
  }

  // [V][3], albedo for the given coefficients, sRGB-encoded; not clamped.
  const Array<float>& update_albedo(std::span<const double> albedo) {
    if (albedo_.empty()) albedo_ = vertex_values();
    std::vector<float> values(static_cast<std::size_t>(model_.albedo_count));
    for (std::size_t k = 0; k < albedo.size(); ++k) values[k] = static_cast<float>(albedo[k]);
    evaluate(values, arrays_.albedo_basis, arrays_.albedo_mean, albedo_);
    return albedo_;
  }

  // [V][3], albedo in the fitted light; after update_normals() and update_albedo().
  const Array<float>& update_colours(const CameraPose& camera, std::span<const double> lighting) {
    if (colours_.empty()) colours_ = vertex_values();
    FittedLightArgs args{};
    args.albedo = albedo_.data();
    args.normals = normals_.data();
    for (std::size_t i = 0; i < 9; ++i) args.rotation[i] = static_cast<float>(camera.rotation[i]);
    for (std::size_t i = 0; i < 27; ++i) args.lighting[i] = static_cast<float>(lighting[i]);
    args.colours = colours_.data();
    backend_.template for_each<FittedLight>(model_.vertex_count, args);
    return colours_;
  }

  // Rasterizes the current positions. `camera` is given for the raster's pixels.
  struct View {
    const Array<std::int32_t>& triangle_id;  // [height][width], -1 where nothing is seen
    const Array<float>& depth;               // [height][width], mm, infinity where nothing is seen
  };
  View look(const CameraPose& camera, int width, int height) {
    const std::size_t pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    if (triangle_id_.size() != pixels) {
      triangle_id_ = backend_.template alloc<std::int32_t>(pixels);
      depth_ = backend_.template alloc<float>(pixels);
      barycentrics_ = backend_.template alloc<float>(2 * pixels);
    }
    if (screen_.empty()) screen_ = vertex_values();
    ops::PoseProjectArgs<float> project = camera.projection();
    project.positions = positions_.data();
    project.screen = screen_.data();
    backend_.template for_each<ops::PoseProject::Forward>(model_.vertex_count, project);

    ops::RasterizeArgs<float> raster;
    raster.screen = screen_.data();
    raster.triangles = arrays_.triangles;
    raster.vertex_count = model_.vertex_count;
    raster.triangle_count = model_.triangle_count;
    raster.width = width;
    raster.height = height;
    raster.triangle_id = triangle_id_.data();
    raster.barycentrics = barycentrics_.data();
    raster.depth = depth_.data();
    backend_.rasterize(raster);
    return {triangle_id_, depth_};
  }

 private:
  Array<float> vertex_values() const {
    return backend_.template alloc<float>(static_cast<std::size_t>(3 * model_.vertex_count));
  }
  void evaluate(const std::vector<float>& coefficients, const Half* basis, const float* base, Array<float>& values) {
    backend_.upload(coefficients_, coefficients.data(), coefficients.size());
    ops::BasisArgs<float, Half> args;
    args.basis = basis;
    args.rows = 3 * model_.vertex_count;
    args.components = args.count = static_cast<long>(coefficients.size());
    args.coefficients = coefficients_.data();
    args.base = base;
    args.values = values.data();
    backend_.basis_forward(args);
  }

  const Model& model_;
  const ModelArrays arrays_;
  B& backend_;
  Array<float> coefficients_, positions_, normals_, crosses_, albedo_, colours_, screen_, barycentrics_, depth_;
  Array<std::int32_t> triangle_id_;
};

}  // namespace hrn::fit
