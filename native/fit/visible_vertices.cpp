#include "fit/visible_vertices.hpp"

#include <algorithm>

#include "ops/pose_project.hpp"

namespace hrn::fit {

VisibleVertices::VisibleVertices(const Model& model, ThreadPool& pool)
    : model_(model),
      backend_(pool),
      coefficients_(static_cast<std::size_t>(model.shape_count())),
      positions_(static_cast<std::size_t>(3 * model.vertex_count)),
      screen_(static_cast<std::size_t>(3 * model.vertex_count)),
      barycentrics_(static_cast<std::size_t>(2 * kSide * kSide)),
      triangle_id_(static_cast<std::size_t>(kSide * kSide)),
      visible_(static_cast<std::size_t>(model.vertex_count)) {}

const std::vector<std::uint8_t>& VisibleVertices::find(const CameraPose& camera, const double* coefficients,
                                                       long identity_count) {
  std::fill(coefficients_.begin(), coefficients_.end(), 0.f);
  for (long k = 0; k < identity_count + model_.expression_count; ++k) {
    const long component = k < identity_count ? k : k - identity_count + model_.identity_count;
    coefficients_[static_cast<std::size_t>(component)] = static_cast<float>(coefficients[k]);
  }
  ops::BasisArgs<float, Half> shape;
  shape.basis = model_.shape_basis.data();
  shape.rows = 3 * model_.vertex_count;
  shape.components = shape.count = model_.shape_count();
  shape.coefficients = coefficients_.data();
  shape.base = model_.mean.data();
  shape.values = positions_.data();
  backend_.basis_forward(shape);

  ops::PoseProjectArgs<float> project;
  project.positions = positions_.data();
  for (std::size_t i = 0; i < 9; ++i) project.rotation[i] = static_cast<float>(camera.rotation[i]);
  for (std::size_t i = 0; i < 3; ++i) project.translation[i] = static_cast<float>(camera.translation[i]);
  // Two and a half head widths fill the raster, wherever the head stands in the photo.
  constexpr double kFieldMm = 300;
  project.focal_px = static_cast<float>(kSide / kFieldMm * camera.translation[2]);
  project.centre_px[0] = static_cast<float>(0.5 * kSide - kSide / kFieldMm * camera.translation[0]);
  project.centre_px[1] = static_cast<float>(0.5 * kSide - kSide / kFieldMm * camera.translation[1]);
  project.screen = screen_.data();
  backend_.for_each<ops::PoseProject::Forward>(model_.vertex_count, project);

  ops::RasterizeArgs<float> raster;
  raster.screen = screen_.data();
  raster.triangles = model_.topology.triangles.data();
  raster.vertex_count = model_.vertex_count;
  raster.triangle_count = model_.triangle_count;
  raster.width = raster.height = kSide;
  raster.triangle_id = triangle_id_.data();
  raster.barycentrics = barycentrics_.data();
  backend_.rasterize(raster);

  std::fill(visible_.begin(), visible_.end(), std::uint8_t{0});
  for (const std::int32_t t : triangle_id_) {
    if (t < 0) continue;
    for (long k = 0; k < 3; ++k) visible_[static_cast<std::size_t>(raster.triangles[3L * t + k])] = 1;
  }
  return visible_;
}

}  // namespace hrn::fit
