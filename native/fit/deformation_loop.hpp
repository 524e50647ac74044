// One iteration of the deformation fit on any backend: forward to pixels, losses, backward to the maps.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/backend.hpp"
#include "core/vec.hpp"
#include "fit/deformation.hpp"
#include "fit/landmark_targets.hpp"
#include "losses/contour.hpp"
#include "losses/landmark.hpp"
#include "losses/photometric.hpp"
#include "ops/corner_gather.hpp"
#include "ops/interpolate.hpp"
#include "ops/normals.hpp"
#include "ops/pose_project.hpp"
#include "ops/rasterize.hpp"
#include "ops/shade.hpp"
#include "ops/uv_sample.hpp"
#include "ops/uv_taps.hpp"

namespace hrn::fit {

// values = base + scale * offset, per vertex, and the step back.
struct DisplaceArgs {
  const float* base;    // in, [V][3]
  const float* scale;   // in, [V]; null: 1
  const float* offset;  // in, [V][3]
  float* values;        // out, [V][3]
  const float* first;   // in, [V][3], gradients of values
  const float* second;  // in, [V][3]; added to first; may be null
  float* grad_offset;   // out, [V][3]
};
struct Displace {
  struct Forward {
    HRN_HD static void run(const DisplaceArgs& a, long v) {
      const float s = a.scale != nullptr ? a.scale[v] : 1.f;
      for (long k = 3 * v; k < 3 * v + 3; ++k) a.values[k] = a.base[k] + s * a.offset[k];
    }
  };
  struct Backward {
    HRN_HD static void run(const DisplaceArgs& a, long v) {
      const float s = a.scale != nullptr ? a.scale[v] : 1.f;
      for (long k = 3 * v; k < 3 * v + 3; ++k)
        a.grad_offset[k] = s * (a.first[k] + (a.second != nullptr ? a.second[k] : 0.f));
    }
  };
};

template <class B>
class DeformationLoop {
  template <class T>
  using Array = typename B::template Array<T>;

 public:
  DeformationLoop(const Model& model, const DeformationProblem& problem, const float* albedo, B& backend)
      : model_(model),
        problem_(problem),
        backend_(backend),
        matcher_(model, problem),
        vertices_(model.vertex_count),
        triangles_(model.triangle_count),
        pixels_(static_cast<long>(problem.level.size) * problem.level.size) {
    const auto v3 = [&] { return backend.template alloc<float>(static_cast<std::size_t>(3 * vertices_)); };
    const auto px = [&](long channels) {
      return backend.template alloc<float>(static_cast<std::size_t>(channels * pixels_));
    };
    for (Array<float>* array :
         {&base_, &positions_, &offset_, &normals_, &screen_, &base_albedo_, &albedo_, &colours_, &grad_colours_,
          &grad_screen_, &grad_albedo_, &grad_normals_, &grad_sums_, &grad_positions_, &grad_projected_})
      *array = v3();
    crosses_ = backend.template alloc<float>(static_cast<std::size_t>(3 * triangles_));
    slots_ = backend.template alloc<float>(static_cast<std::size_t>(9 * triangles_));
    boxes_ = backend.template alloc<ops::PixelBox>(static_cast<std::size_t>(triangles_));
    triangle_id_ = backend.template alloc<std::int32_t>(static_cast<std::size_t>(pixels_));
    barycentrics_ = px(2);
    rendered_ = px(3);
    grad_rendered_ = px(3);
    landmark_slots_ = backend.template alloc<float>(static_cast<std::size_t>(9 * model.dense.count));
    backend.upload(base_, problem.positions.data(), problem.positions.size());
    backend.upload(base_albedo_, albedo, static_cast<std::size_t>(3 * vertices_));
    taps_ = ops::build_uv_taps(model.uvs.data(), vertices_, problem.map_size, nullptr);
    if (problem.contour_weight > 0) {
      rows_.resize(static_cast<std::size_t>(problem.level.size));
      columns_.resize(static_cast<std::size_t>(problem.level.size));
      losses::mask_spans(problem.level.mask.data(), problem.level.size, problem.level.size, 0.5f, rows_.data(),
                         columns_.data());
    }
  }

  // Positions, normals, pixels and colours for the given maps, [size][size][3] each.
  void forward(const float* shape_map, const float* colour_map) {
    sample(shape_map, offset_);
    displace(base_, model_.deformable.data(), positions_);
    sample(colour_map, offset_);
    displace(base_albedo_, nullptr, albedo_);
    backend_.template for_each<ops::Normals::ForwardFace>(triangles_, normals_args());
    backend_.template for_each<ops::Normals::ForwardVertex>(vertices_, normals_args());
    backend_.template for_each<ops::PoseProject::Forward>(vertices_, project_args());
    backend_.rasterize(raster_args());
    backend_.template for_each<ops::Shade::Forward>(vertices_, shade_args());
    backend_.template for_each<typename ops::Interpolate<3>::Forward>(pixels_, interpolate_args());
  }

  // Looks anew where the silhouette is; after forward().
  void match_landmarks() { targets_ = &matcher_.match(screen_.data(), normals_.data(), positions_.data()); }

  // The colour noise from the difference that is left; after forward().
  void update_sigma() {
    double mask = 0;
    for (const float m : problem_.level.mask) mask += static_cast<double>(m);
    const double sigma = problem_.photo.sigma(photometric_error());
    photo_scale_ = mask > 0 ? 0.5 * problem_.photo.effective_samples / (mask * sigma * sigma) : 0;
  }

  // The data term, after forward(), match_landmarks() and update_sigma().
  double energy() {
    double photo[losses::Photometric::kReduced], landmark[1];
    backend_.template reduce<losses::Photometric::Forward, losses::Photometric::kReduced>(pixels_, photo_args(), photo);
    backend_.template reduce<losses::Landmark::Forward, 1>(model_.dense.count, landmark_args(), landmark);
    return photo_scale_ * photo[0] + 0.5 * landmark[0];
  }

  // Gradient of the data term by both maps; after the same.
  void backward(float* grad_shape_map, float* grad_colour_map) {
    backend_.template for_each<losses::Photometric::Backward>(pixels_, photo_args());
    auto interpolate = interpolate_args();
    interpolate.attribute_slots = slots_.data();
    backend_.template for_each<typename ops::Interpolate<3>::Backward>(triangles_, interpolate);
    gather<typename ops::CornerGather<3>::Set>(grad_colours_);
    interpolate.screen_slots = slots_.data();
    backend_.template for_each<typename ops::Interpolate<3>::BackwardScreen>(triangles_, interpolate);
    gather<typename ops::CornerGather<3>::Set>(grad_screen_);

    backend_.template for_each<losses::Landmark::Backward>(model_.dense.count, landmark_args());
    ops::CornerGatherArgs<float> landmarks;
    landmarks.corner_offsets = targets_->slot_offsets.data();
    landmarks.corners = targets_->slots.data();
    landmarks.slots = landmark_slots_.data();
    landmarks.values = grad_screen_.data();
    backend_.template for_each<typename ops::CornerGather<3>::Add>(vertices_, landmarks);
    if (!rows_.empty()) backend_.template for_each<losses::Contour::Backward>(vertices_, contour_args());

    backend_.template for_each<ops::Shade::Backward>(vertices_, shade_args());
    backend_.template for_each<ops::Normals::BackwardVertex>(vertices_, normals_args());
    backend_.template for_each<ops::Normals::BackwardFace>(triangles_, normals_args());
    gather<typename ops::CornerGather<3>::Set>(grad_positions_);
    backend_.template for_each<ops::PoseProject::Backward>(vertices_, project_args());

    pull_back(grad_positions_.data(), grad_projected_.data(), model_.deformable.data(), grad_shape_map);
    pull_back(grad_albedo_.data(), nullptr, nullptr, grad_colour_map);
  }

  const Array<float>& positions() const { return positions_; }

  // Mean absolute colour difference inside the mask, after forward().
  double photometric_error() const {
    double sum = 0, weight = 0;
    for (long i = 0; i < pixels_; ++i) {
      const std::size_t k = static_cast<std::size_t>(i);
      if (triangle_id_[k] < 0) continue;
      const double m = static_cast<double>(problem_.level.mask[k]);
      for (std::size_t c = 0; c < 3; ++c)
        sum += m * std::abs(static_cast<double>(rendered_[3 * k + c] - problem_.level.rgb[3 * k + c])) / 3;
      weight += m;
    }
    return weight > 0 ? sum / weight : 0;
  }

 private:
  void sample(const float* map, Array<float>& values) {
    ops::UvSampleArgs<float> args;
    args.size = problem_.map_size;
    args.taps = taps_.taps.data();
    args.map = map;
    args.values = values.data();
    backend_.template for_each<typename ops::UvSample<3>::Forward>(vertices_, args);
  }
  void displace(const Array<float>& base, const float* scale, Array<float>& values) {
    const DisplaceArgs args{base.data(), scale, offset_.data(), values.data(), nullptr, nullptr, nullptr};
    backend_.template for_each<Displace::Forward>(vertices_, args);
  }
  void pull_back(const float* first, const float* second, const float* scale, float* grad_map) {
    const DisplaceArgs args{nullptr, scale, nullptr, nullptr, first, second, offset_.data()};
    backend_.template for_each<Displace::Backward>(vertices_, args);
    ops::UvSampleArgs<float> sample;
    sample.size = problem_.map_size;
    sample.texel_offsets = taps_.texel_offsets.data();
    sample.samples = taps_.samples.data();
    sample.grad_values = offset_.data();
    sample.grad_map = grad_map;
    backend_.template for_each<typename ops::UvSample<3>::Backward>(problem_.map_size * problem_.map_size, sample);
  }
  template <class K>
  void gather(Array<float>& values) {
    ops::CornerGatherArgs<float> args;
    args.corner_offsets = model_.topology.corner_offsets.data();
    args.corners = model_.topology.corners.data();
    args.slots = slots_.data();
    args.values = values.data();
    backend_.template for_each<K>(vertices_, args);
  }

  ops::NormalsArgs<float> normals_args() {
    ops::NormalsArgs<float> a;
    a.triangles = model_.topology.triangles.data();
    a.corner_offsets = model_.topology.corner_offsets.data();
    a.corners = model_.topology.corners.data();
    a.positions = positions_.data();
    a.crosses = crosses_.data();
    a.normals = normals_.data();
    a.grad_normals = grad_normals_.data();
    a.grad_sums = grad_sums_.data();
    a.position_slots = slots_.data();
    return a;
  }
  ops::PoseProjectArgs<float> project_args() {
    ops::PoseProjectArgs<float> a;
    const CameraPose& camera = problem_.camera;
    const PhotometricLevel& crop = problem_.level;
    a.positions = positions_.data();
    for (std::size_t i = 0; i < 9; ++i) a.rotation[i] = static_cast<float>(camera.rotation[i]);
    for (std::size_t i = 0; i < 3; ++i) a.translation[i] = static_cast<float>(camera.translation[i]);
    a.focal_px = static_cast<float>(camera.focal_px) * crop.scale;
    a.centre_px[0] = (static_cast<float>(camera.principal_px[0]) - crop.x0) * crop.scale;
    a.centre_px[1] = (static_cast<float>(camera.principal_px[1]) - crop.y0) * crop.scale;
    a.screen = screen_.data();
    a.grad_screen = grad_screen_.data();
    a.grad_positions = grad_projected_.data();
    return a;
  }
  ops::RasterizeArgs<float> raster_args() {
    ops::RasterizeArgs<float> a;
    a.screen = screen_.data();
    a.triangles = model_.topology.triangles.data();
    a.vertex_count = vertices_;
    a.triangle_count = triangles_;
    a.width = a.height = problem_.level.size;
    a.triangle_id = triangle_id_.data();
    a.barycentrics = barycentrics_.data();
    a.boxes = boxes_.data();
    return a;
  }
  ops::ShadeArgs<float> shade_args() {
    ops::ShadeArgs<float> a;
    a.albedo = albedo_.data();
    a.normals = normals_.data();
    for (std::size_t i = 0; i < 9; ++i) a.rotation[i] = static_cast<float>(problem_.camera.rotation[i]);
    for (std::size_t i = 0; i < 27; ++i) a.lighting[i] = static_cast<float>(problem_.lighting[i]);
    a.colours = colours_.data();
    a.grad_colours = grad_colours_.data();
    a.grad_albedo = grad_albedo_.data();
    a.grad_normals = grad_normals_.data();
    return a;
  }
  ops::InterpolateArgs<float> interpolate_args() {
    ops::InterpolateArgs<float> a;
    a.triangles = model_.topology.triangles.data();
    a.triangle_id = triangle_id_.data();
    a.barycentrics = barycentrics_.data();
    a.attributes = colours_.data();
    a.pixels = rendered_.data();
    a.width = problem_.level.size;
    a.boxes = boxes_.data();
    a.grad_pixels = grad_rendered_.data();
    a.screen = screen_.data();
    return a;
  }
  losses::PhotometricArgs<float> photo_args() {
    losses::PhotometricArgs<float> a;
    a.rendered = rendered_.data();
    a.target = problem_.level.rgb.data();
    a.weight = problem_.level.mask.data();
    a.triangle_id = triangle_id_.data();
    a.form = losses::PhotometricForm::geman_mcclure;
    a.robust_scale = static_cast<float>(problem_.photo.robust);
    a.grad_scale = static_cast<float>(photo_scale_);
    a.grad_rendered = grad_rendered_.data();
    return a;
  }
  losses::LandmarkArgs<float> landmark_args() {
    losses::LandmarkArgs<float> a;
    a.screen = screen_.data();
    a.vertices = targets_->vertices.data();
    a.barycentrics = targets_->weights.data();
    a.target = targets_->target.data();
    a.precision = targets_->precision.data();
    a.form = losses::Robust::huber;
    a.robust_scale = 2;
    a.grad_scale = 0.5f;
    a.slots = landmark_slots_.data();
    return a;
  }
  losses::ContourArgs<float> contour_args() {
    losses::ContourArgs<float> a;
    a.screen = screen_.data();
    a.weight = model_.deformable.data();
    a.rows = rows_.data();
    a.columns = columns_.data();
    a.width = a.height = problem_.level.size;
    a.grad_scale = static_cast<float>(problem_.contour_weight / static_cast<double>(vertices_));
    a.grad_screen = grad_screen_.data();
    return a;
  }

  const Model& model_;
  const DeformationProblem& problem_;
  B& backend_;
  LandmarkMatcher matcher_;
  const LandmarkTargets* targets_ = nullptr;
  long vertices_, triangles_, pixels_;
  double photo_scale_ = 0;
  ops::UvTaps<float> taps_;
  std::vector<losses::MaskSpan<float>> rows_, columns_;
  Array<float> base_, positions_, offset_, normals_, crosses_, screen_, base_albedo_, albedo_, colours_;
  Array<float> grad_colours_, grad_screen_, grad_albedo_, grad_normals_, grad_sums_, grad_positions_, grad_projected_;
  Array<float> slots_, landmark_slots_, barycentrics_, rendered_, grad_rendered_;
  Array<ops::PixelBox> boxes_;
  Array<std::int32_t> triangle_id_;
};

}  // namespace hrn::fit
