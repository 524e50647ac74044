// One iteration of the deformation fit on any backend: forward to pixels, losses, backward to the maps.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/backend.hpp"
#include "core/uploaded.hpp"
#include "core/vec.hpp"
#include "fit/deformation/deformation.hpp"
#include "fit/deformation/energy_log.hpp"
#include "fit/deformation/landmark_targets.hpp"
#include "fit/head/model_arrays.hpp"
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

/// One photo and the parametric fit to it, in the backend's memory.
template <class B>
struct DeformationSight {
  /// A checked problem, which must outlive it.
  DeformationSight(const Model& model, const DeformationProblem& asked, B& backend)
      : problem(asked),
        base(uploaded(backend, asked.positions)),
        target(uploaded(backend, asked.level.rgb)),
        mask(uploaded(backend, asked.level.mask)) {
    const LandmarkTargets targets = landmark_targets(model, asked);
    landmark_target = uploaded(backend, targets.target);
    landmark_precision = uploaded(backend, targets.precision);
    for (const float m : asked.level.mask) mask_sum += static_cast<double>(m);
  }

  const DeformationProblem& problem;
  typename B::template Array<float> base, target, mask, landmark_target, landmark_precision;
  double mask_sum = 0, photo_scale = 0;
};

/// What every op of an iteration reads and writes.
struct DeformationArgs {
  long vertices = 0, triangles = 0, pixels = 0, landmarks = 0, texels = 0;
  ops::UvSampleArgs<float> sample_shape, sample_colour;
  DisplaceArgs displace_shape, displace_colour;
  ops::NormalsArgs<float> normals;
  ops::PoseProjectArgs<float> project;
  ops::ShadeArgs<float> shade;
  ops::InterpolateArgs<float> interpolate;
  losses::PhotometricArgs<float> photo;
  losses::LandmarkArgs<float> landmark;
  ops::CornerGatherArgs<float> gather_colours, gather_screen, gather_landmarks;
  float* grad_positions = nullptr;  // [V][3], through the normals
};

template <class B>
class DeformationLoop {
  template <class T>
  using Array = typename B::template Array<T>;

 public:
  /// `arrays`: the model in the backend's memory; `albedo`: there too, [V][3].
  DeformationLoop(const Model& model, const ModelArrays& arrays, const DeformationProblem& problem,
                  const Array<float>& albedo, B& backend)
      : arrays_(arrays),
        own_(model, problem, backend),
        seen_(&own_),
        map_size_(problem.map_size),
        backend_(backend),
        base_albedo_(albedo),
        vertices_(model.vertex_count),
        triangles_(model.triangle_count),
        pixels_(static_cast<long>(problem.level.size) * problem.level.size) {
    const auto v3 = [&] { return backend.template alloc<float>(static_cast<std::size_t>(3 * vertices_)); };
    const auto px = [&](long channels) {
      return backend.template alloc<float>(static_cast<std::size_t>(channels * pixels_));
    };
    for (Array<float>* array :
         {&positions_, &offset_, &normals_, &screen_, &albedo_, &colours_, &grad_colours_, &grad_screen_, &grad_albedo_,
          &grad_normals_, &grad_sums_, &grad_positions_, &grad_projected_})
      *array = v3();
    crosses_ = backend.template alloc<float>(static_cast<std::size_t>(3 * triangles_));
    slots_ = backend.template alloc<float>(static_cast<std::size_t>(9 * triangles_));
    screen_slots_ = backend.template alloc<float>(static_cast<std::size_t>(9 * triangles_));
    boxes_ = backend.template alloc<ops::PixelBox>(static_cast<std::size_t>(triangles_));
    triangle_id_ = backend.template alloc<std::int32_t>(static_cast<std::size_t>(pixels_));
    barycentrics_ = px(2);
    rendered_ = px(3);
    grad_rendered_ = px(3);
    const LandmarkTargets targets = landmark_targets(model, problem);
    landmarks_ = static_cast<long>(targets.vertices.size() / 3);
    landmark_slots_ = backend.template alloc<float>(9 * static_cast<std::size_t>(landmarks_));
    landmark_vertices_ = uploaded(backend, targets.vertices);
    landmark_weights_ = uploaded(backend, targets.weights);
    landmark_offsets_ = uploaded(backend, targets.slot_offsets);
    landmark_corners_ = uploaded(backend, targets.slots);
    photo_gain_ = backend.template alloc<float>(1);
    sums_ = backend.template alloc<double>(kDataSums);
    const auto taps = ops::build_uv_taps(model.uvs.data(), vertices_, problem.map_size, nullptr);
    taps_ = uploaded(backend_, taps.taps);
    texel_offsets_ = uploaded(backend_, taps.texel_offsets);
    samples_ = uploaded(backend_, taps.samples);
  }

  /// Looks at another photo, of a crop of the same size; what forward() made before is of the one before.
  void look_at(DeformationSight<B>& sight) {
    seen_ = &sight;
    upload_gain();
  }

  // Positions, normals, pixels and colours for the given maps, [size][size][3] each.
  void forward(const float* shape_map, const float* colour_map) {
    sample(shape_map, offset_);
    displace(seen_->base, arrays_.deformable, positions_);
    sample(colour_map, offset_);
    displace(base_albedo_, nullptr, albedo_);
    backend_.template for_each<ops::Normals::ForwardFace>(triangles_, normals_args());
    backend_.template for_each<ops::Normals::ForwardVertex>(vertices_, normals_args());
    backend_.template for_each<ops::PoseProject::Forward>(vertices_, project_args());
    rasterize();
    backend_.template for_each<ops::Shade::Forward>(vertices_, shade_args());
    interpolate();
  }

  // The colour noise from the difference that is left; after forward().
  void update_sigma() {
    DeformationSight<B>& s = *seen_;
    const PhotometricOptions& photo = s.problem.photo;
    const double sigma = photo.sigma(photometric_error());
    s.photo_scale = s.mask_sum > 0 ? 0.5 * photo.effective_samples / (s.mask_sum * sigma * sigma) : 0;
    upload_gain();
  }

  // The sums of the data term; after forward() and update_sigma().
  void sum_energy() {
    backend_.template reduce_to<losses::Photometric::Forward, losses::Photometric::kReduced>(pixels_, photo_args(),
                                                                                             sums_.data());
    backend_.template reduce_to<losses::Landmark::Forward, 1>(landmarks_, landmark_args(),
                                                              sums_.data() + losses::Photometric::kReduced);
  }
  const Array<double>& sums() const { return sums_; }
  const Array<float>& photo_gain() const { return photo_gain_; }

  // The data term now.
  double energy() {
    sum_energy();
    double sums[kDataSums];
    backend_.download(sums, sums_, kDataSums);
    return data_term(sums, seen_->photo_scale);
  }

  // Gradient of the data term by both maps; after the same.
  void backward(float* grad_shape_map, float* grad_colour_map) {
    backend_.template for_each<losses::Photometric::Backward>(pixels_, photo_args());
    auto interpolated = interpolate_args();
    interpolated.attribute_slots = slots_.data();
    interpolated.screen_slots = screen_slots_.data();
    backend_.template for_each<typename ops::Interpolate<3>::BackwardBoth>(triangles_, interpolated);
    gather<typename ops::CornerGather<3>::Set>(slots_, grad_colours_);
    gather<typename ops::CornerGather<3>::Set>(screen_slots_, grad_screen_);

    backend_.template for_each<losses::Landmark::Backward>(landmarks_, landmark_args());
    backend_.template for_each<typename ops::CornerGather<3>::Add>(vertices_, landmark_gather_args());

    backend_.template for_each<ops::Shade::Backward>(vertices_, shade_args());
    backend_.template for_each<ops::Normals::BackwardVertex>(vertices_, normals_args());
    backend_.template for_each<ops::Normals::BackwardFace>(triangles_, normals_args());
    gather<typename ops::CornerGather<3>::Set>(slots_, grad_positions_);
    backend_.template for_each<ops::PoseProject::Backward>(vertices_, project_args());

    pull_back(grad_positions_.data(), grad_projected_.data(), arrays_.deformable, grad_shape_map);
    pull_back(grad_albedo_.data(), nullptr, nullptr, grad_colour_map);
  }

  const Array<float>& positions() const { return positions_; }

  // For one who runs the ops of an iteration himself. `colour_offset`: scratch, [V][3].
  DeformationArgs arguments(const float* shape_map, const float* colour_map, float* grad_shape_map,
                            float* grad_colour_map, float* colour_offset) {
    DeformationArgs a;
    a.vertices = vertices_;
    a.triangles = triangles_;
    a.pixels = pixels_;
    a.landmarks = landmarks_;
    a.texels = map_size_ * map_size_;
    a.sample_shape = sample_args(shape_map, offset_.data(), grad_shape_map);
    a.sample_colour = sample_args(colour_map, colour_offset, grad_colour_map);
    a.displace_shape = {seen_->base.data(),     arrays_.deformable,     offset_.data(), positions_.data(),
                        grad_positions_.data(), grad_projected_.data(), offset_.data()};
    a.displace_colour = {base_albedo_.data(), nullptr, colour_offset, albedo_.data(),
                         grad_albedo_.data(), nullptr, colour_offset};
    a.normals = normals_args();
    a.project = project_args();
    a.shade = shade_args();
    a.interpolate = interpolate_args();
    a.interpolate.attribute_slots = slots_.data();
    a.interpolate.screen_slots = screen_slots_.data();
    a.photo = photo_args();
    a.landmark = landmark_args();
    a.gather_colours = gather_args(slots_, grad_colours_);
    a.gather_screen = gather_args(screen_slots_, grad_screen_);
    a.gather_landmarks = landmark_gather_args();
    a.grad_positions = grad_positions_.data();
    return a;
  }
  void rasterize() { backend_.rasterize(raster_args()); }
  void interpolate() { backend_.template for_each<typename ops::Interpolate<3>::Forward>(pixels_, interpolate_args()); }

  // Mean absolute colour difference inside the mask, after forward().
  double photometric_error() {
    double sums[losses::Photometric::kReduced];
    backend_.template reduce<losses::Photometric::Difference, losses::Photometric::kReduced>(pixels_, photo_args(),
                                                                                             sums);
    return sums[1] > 0 ? sums[0] / sums[1] : 0;
  }

 private:
  void upload_gain() {
    const float gain = static_cast<float>(seen_->photo_scale);
    backend_.upload(photo_gain_, &gain, 1);
  }

  void sample(const float* map, Array<float>& values) {
    backend_.template for_each<typename ops::UvSample<3>::Forward>(vertices_, sample_args(map, values.data(), nullptr));
  }
  void displace(const Array<float>& base, const float* scale, Array<float>& values) {
    const DisplaceArgs args{base.data(), scale, offset_.data(), values.data(), nullptr, nullptr, nullptr};
    backend_.template for_each<Displace::Forward>(vertices_, args);
  }
  void pull_back(const float* first, const float* second, const float* scale, float* grad_map) {
    const DisplaceArgs args{nullptr, scale, nullptr, nullptr, first, second, offset_.data()};
    backend_.template for_each<Displace::Backward>(vertices_, args);
    backend_.template for_each<typename ops::UvSample<3>::Backward>(map_size_ * map_size_,
                                                                    sample_args(nullptr, offset_.data(), grad_map));
  }
  template <class K>
  void gather(const Array<float>& slots, Array<float>& values) {
    backend_.template for_each<K>(vertices_, gather_args(slots, values));
  }

  // `values` are what is sampled, and the gradients of it.
  ops::UvSampleArgs<float> sample_args(const float* map, float* values, float* grad_map) {
    return {map_size_, taps_.data(), map, values, texel_offsets_.data(), samples_.data(), values, grad_map};
  }
  ops::CornerGatherArgs<float> gather_args(const Array<float>& slots, Array<float>& values) {
    return {arrays_.corner_offsets, arrays_.corners, slots.data(), values.data()};
  }
  ops::CornerGatherArgs<float> landmark_gather_args() {
    return {landmark_offsets_.data(), landmark_corners_.data(), landmark_slots_.data(), grad_screen_.data()};
  }

  ops::NormalsArgs<float> normals_args() {
    ops::NormalsArgs<float> a;
    a.triangles = arrays_.triangles;
    a.corner_offsets = arrays_.corner_offsets;
    a.corners = arrays_.corners;
    a.positions = positions_.data();
    a.crosses = crosses_.data();
    a.normals = normals_.data();
    a.grad_normals = grad_normals_.data();
    a.grad_sums = grad_sums_.data();
    a.position_slots = slots_.data();
    return a;
  }
  ops::PoseProjectArgs<float> project_args() {
    const PhotometricLevel& crop = seen_->problem.level;
    ops::PoseProjectArgs<float> a =
        seen_->problem.camera
            .cropped(static_cast<double>(crop.scale), static_cast<double>(crop.x0), static_cast<double>(crop.y0))
            .projection();
    a.positions = positions_.data();
    a.screen = screen_.data();
    a.grad_screen = grad_screen_.data();
    a.grad_positions = grad_projected_.data();
    return a;
  }
  ops::RasterizeArgs<float> raster_args() {
    ops::RasterizeArgs<float> a;
    a.screen = screen_.data();
    a.triangles = arrays_.triangles;
    a.vertex_count = vertices_;
    a.triangle_count = triangles_;
    a.width = a.height = seen_->problem.level.size;
    a.triangle_id = triangle_id_.data();
    a.barycentrics = barycentrics_.data();
    a.boxes = boxes_.data();
    return a;
  }
  ops::ShadeArgs<float> shade_args() {
    ops::ShadeArgs<float> a;
    a.albedo = albedo_.data();
    a.normals = normals_.data();
    for (std::size_t i = 0; i < 9; ++i) a.rotation[i] = static_cast<float>(seen_->problem.camera.rotation[i]);
    for (std::size_t i = 0; i < 27; ++i) a.lighting[i] = static_cast<float>(seen_->problem.lighting[i]);
    a.colours = colours_.data();
    a.grad_colours = grad_colours_.data();
    a.grad_albedo = grad_albedo_.data();
    a.grad_normals = grad_normals_.data();
    return a;
  }
  ops::InterpolateArgs<float> interpolate_args() {
    ops::InterpolateArgs<float> a;
    a.triangles = arrays_.triangles;
    a.triangle_id = triangle_id_.data();
    a.barycentrics = barycentrics_.data();
    a.attributes = colours_.data();
    a.pixels = rendered_.data();
    a.width = seen_->problem.level.size;
    a.boxes = boxes_.data();
    a.grad_pixels = grad_rendered_.data();
    a.screen = screen_.data();
    return a;
  }
  losses::PhotometricArgs<float> photo_args() {
    losses::PhotometricArgs<float> a;
    a.rendered = rendered_.data();
    a.target = seen_->target.data();
    a.weight = seen_->mask.data();
    a.triangle_id = triangle_id_.data();
    a.form = losses::PhotometricForm::geman_mcclure;
    a.robust_scale = static_cast<float>(seen_->problem.photo.robust);
    a.saturates = true;
    a.gain = photo_gain_.data();
    a.grad_rendered = grad_rendered_.data();
    return a;
  }
  losses::LandmarkArgs<float> landmark_args() {
    losses::LandmarkArgs<float> a;
    a.screen = screen_.data();
    a.vertices = landmark_vertices_.data();
    a.barycentrics = landmark_weights_.data();
    a.target = seen_->landmark_target.data();
    a.precision = seen_->landmark_precision.data();
    a.form = losses::Robust::huber;
    a.robust_scale = 2;
    a.grad_scale = 0.5f;
    a.slots = landmark_slots_.data();
    return a;
  }

  const ModelArrays arrays_;
  DeformationSight<B> own_;
  DeformationSight<B>* seen_;
  const long map_size_;
  B& backend_;
  const Array<float>& base_albedo_;
  long vertices_, triangles_, pixels_, landmarks_;
  Array<ops::UvTap<float>> taps_;
  Array<std::int32_t> texel_offsets_;
  Array<ops::TexelSample<float>> samples_;
  Array<float> positions_, offset_, normals_, crosses_, screen_, albedo_, colours_;
  Array<float> grad_colours_, grad_screen_, grad_albedo_, grad_normals_, grad_sums_, grad_positions_, grad_projected_;
  Array<float> slots_, screen_slots_, landmark_slots_, barycentrics_, rendered_, grad_rendered_, photo_gain_;
  Array<float> landmark_weights_;
  Array<std::int32_t> landmark_vertices_, landmark_offsets_, landmark_corners_;
  Array<double> sums_;
  Array<ops::PixelBox> boxes_;
  Array<std::int32_t> triangle_id_;
};

}  // namespace hrn::fit
