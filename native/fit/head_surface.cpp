#include "fit/head_surface.hpp"

#include <algorithm>

#include "backends/cpu/cpu_backend.hpp"
#include "ops/normals.hpp"
#include "ops/pose_project.hpp"
#include "ops/shade.hpp"

namespace hrn::fit {
namespace {

template <class To, class From>
void copy_floats(const From& from, To* to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = static_cast<To>(from[i]);
}

}  // namespace

HeadSurface::HeadSurface(const Model& model, ThreadPool& pool)
    : model_(model),
      backend_(std::make_unique<CpuBackend>(pool)),
      coefficients_(static_cast<std::size_t>(std::max(model.shape_count(), model.albedo_count))),
      positions_(static_cast<std::size_t>(3 * model.vertex_count)) {}

HeadSurface::~HeadSurface() = default;

void HeadSurface::set_shape(std::span<const double> identity, std::span<const double> expression) {
  std::fill(coefficients_.begin(), coefficients_.end(), 0.f);
  copy_floats(identity, coefficients_.data());
  copy_floats(expression, coefficients_.data() + model_.identity_count);
  ops::BasisArgs<float, Half> args;
  args.basis = model_.shape_basis.data();
  args.rows = 3 * model_.vertex_count;
  args.components = args.count = model_.shape_count();
  args.coefficients = coefficients_.data();
  args.base = model_.mean.data();
  args.values = positions_.data();
  backend_->basis_forward(args);
}

void HeadSurface::set_positions(std::span<const float> positions) {
  std::copy(positions.begin(), positions.end(), positions_.begin());
}

const HostArray<float>& HeadSurface::update_normals() {
  if (normals_.empty()) {
    normals_ = HostArray<float>(positions_.size());
    crosses_ = HostArray<float>(static_cast<std::size_t>(3 * model_.triangle_count));
  }
  ops::NormalsArgs<float> args;
  args.triangles = model_.topology.triangles.data();
  args.corner_offsets = model_.topology.corner_offsets.data();
  args.corners = model_.topology.corners.data();
  args.positions = positions_.data();
  args.crosses = crosses_.data();
  args.normals = normals_.data();
  backend_->for_each<ops::Normals::ForwardFace>(model_.triangle_count, args);
  backend_->for_each<ops::Normals::ForwardVertex>(model_.vertex_count, args);
  return normals_;
}

const HostArray<float>& HeadSurface::update_albedo(std::span<const double> albedo) {
  if (albedo_.empty()) albedo_ = HostArray<float>(positions_.size());
  std::fill(coefficients_.begin(), coefficients_.end(), 0.f);
  copy_floats(albedo, coefficients_.data());
  ops::BasisArgs<float, Half> args;
  args.basis = model_.albedo_basis.data();
  args.rows = 3 * model_.vertex_count;
  args.components = args.count = model_.albedo_count;
  args.coefficients = coefficients_.data();
  args.base = model_.albedo_mean.data();
  args.values = albedo_.data();
  backend_->basis_forward(args);
  return albedo_;
}

const HostArray<float>& HeadSurface::update_colours(const CameraPose& camera, std::span<const double> lighting) {
  if (colours_.empty()) colours_ = HostArray<float>(positions_.size());
  ops::ShadeArgs<float> args;
  args.albedo = albedo_.data();
  args.normals = normals_.data();
  copy_floats(camera.rotation, args.rotation);
  copy_floats(lighting, args.lighting);
  args.colours = colours_.data();
  backend_->for_each<ops::Shade::Forward>(model_.vertex_count, args);
  return colours_;
}

HeadSurface::View HeadSurface::look(const CameraPose& camera, int width, int height) {
  const std::size_t pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  if (triangle_id_.size() != pixels) {
    triangle_id_ = HostArray<std::int32_t>(pixels);
    depth_ = HostArray<float>(pixels);
    barycentrics_ = HostArray<float>(2 * pixels);
  }
  if (screen_.empty()) screen_ = HostArray<float>(positions_.size());
  ops::PoseProjectArgs<float> project;
  project.positions = positions_.data();
  copy_floats(camera.rotation, project.rotation);
  copy_floats(camera.translation, project.translation);
  project.focal_px = static_cast<float>(camera.focal_px);
  copy_floats(camera.principal_px, project.centre_px);
  project.screen = screen_.data();
  backend_->for_each<ops::PoseProject::Forward>(model_.vertex_count, project);

  ops::RasterizeArgs<float> raster;
  raster.screen = screen_.data();
  raster.triangles = model_.topology.triangles.data();
  raster.vertex_count = model_.vertex_count;
  raster.triangle_count = model_.triangle_count;
  raster.width = width;
  raster.height = height;
  raster.triangle_id = triangle_id_.data();
  raster.barycentrics = barycentrics_.data();
  raster.depth = depth_.data();
  backend_->rasterize(raster);
  return {triangle_id_, depth_};
}

}  // namespace hrn::fit
