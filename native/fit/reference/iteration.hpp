// One iteration of the reference's fitting loop (HRN's inference-and-fitting release): its model, its two offset maps,
// all its losses with their weights, every backward, Adam on every parameter.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "backends/backend.hpp"
#include "core/topology.hpp"
#include "fit/reference/model.hpp"
#include "fit/reference/problem.hpp"
#include "losses/edge_pull.hpp"
#include "losses/landmark.hpp"
#include "losses/photometric.hpp"
#include "losses/prior.hpp"
#include "losses/total_variation.hpp"
#include "ops/corner_gather.hpp"
#include "ops/interpolate.hpp"
#include "ops/morphable_model.hpp"
#include "ops/shade.hpp"
#include "ops/unit_normals.hpp"
#include "ops/uv_taps.hpp"
#include "optim/adam.hpp"

namespace hrn::fit::reference {

template <Backend B>
class Iteration {
 public:
  using Floats = typename B::template Array<float>;

  /// A parameter group: values, gradient and Adam's moments.
  struct Group {
    Floats values, grad, first, second;
    long size = 0;
  };

  /// arrays: the model's, in the backend's memory.
  Iteration(B& backend, const Model& m, const ModelArrays& arrays, const Problem& p)
      : backend_(backend), model_(m), arrays_(arrays), problem_(p) {
    const long v = m.vertices, t = m.triangles, pixels = p.side * p.side, shapes = m.identity + m.expression;
    taps_ = ops::build_uv_taps(map_places().data(), v, p.map);
    tap_ = upload(taps_.taps);
    texel_offsets_ = upload(taps_.texel_offsets);
    samples_ = upload(taps_.samples);

    const float* at = p.coefficients.data();
    make(shape_, shapes, at);
    make(albedo_, m.albedo, at + shapes);
    make(angles_, 3, at + shapes + m.albedo);
    make(light_, 27, at + shapes + m.albedo + 3);
    make(translation_, 3, at + shapes + m.albedo + 30);
    for (Group* g : {&shape_map_, &albedo_map_}) make(*g, 3 * p.map * p.map, nullptr);
    coefficient_grad_.resize(count(std::max(shape_.size, albedo_.size)));
    std::vector<float> weights(count(m.identity), 1.0f);
    weights.resize(count(shapes), 0.8f);
    shape_weights_ = upload(weights);
    for (Floats* values : {&positions_, &normals_, &screen_, &reflectance_, &colours_, &grad_positions_, &grad_normals_,
                           &grad_sums_, &grad_screen_, &grad_colours_, &grad_reflectance_})
      *values = floats(3 * v);
    crosses_ = floats(3 * t);
    inverse_lengths_ = floats(v);
    face_inverse_lengths_ = floats(t);
    slots_ = floats(9 * t);
    screen_slots_ = floats(9 * t);
    for (Floats* image : {&rendered_, &grad_rendered_}) *image = floats(3 * pixels);
    barycentrics_ = floats(2 * pixels);
    triangle_id_ = backend_.template alloc<std::int32_t>(count(pixels));
    boxes_ = backend_.template alloc<ops::PixelBox>(count(t));
    photo_ = upload(p.picture);
    rows_ = upload(p.rows);
    add_landmarks();
  }

  std::vector<Group*> groups() {
    return {&shape_, &albedo_, &angles_, &light_, &translation_, &shape_map_, &albedo_map_};
  }

  /// Losses and all gradients; the weighted sum of the losses.
  double evaluate() {
    forward();
    const double loss = image_losses();
    backward();
    return loss + priors();
  }

  /// One Adam step on every parameter.
  void update(float learning_rate) {
    ++step_;
    const auto args = [&](Group& g) {
      optim::AdamArgs<float> a;
      a.values = g.values.data();
      a.grad = g.grad.data();
      a.first = g.first.data();
      a.second = g.second.data();
      a.learning_rate = learning_rate;
      optim::Adam::set_step(a, step_);
      return a;
    };
    for (Group* g : {&shape_, &albedo_, &angles_, &light_, &translation_})
      backend_.template for_each<optim::Adam::Update>(g->size, args(*g));
    in_turn<optim::Adam::Update, optim::Adam::Update>(backend_, shape_map_.size, args(shape_map_), args(albedo_map_));
  }

  /// Positions and colours of the current parameters.
  void forward() {
    using Map = ops::UvSample<3>;
    const long v = model_.vertices;
    place_camera();
    backend_.basis_forward(basis_args(arrays_.shape_basis, shape_, arrays_.mean, positions_, grad_positions_));
    in_turn<Map::ForwardAdd, ops::PoseProject::Forward>(backend_, v, map_args(shape_map_, positions_, grad_positions_),
                                                        camera_);
    normals_args_ = {arrays_.triangles,
                     arrays_.corner_offsets,
                     arrays_.corners,
                     positions_.data(),
                     crosses_.data(),
                     normals_.data(),
                     grad_normals_.data(),
                     grad_sums_.data(),
                     slots_.data(),
                     inverse_lengths_.data(),
                     face_inverse_lengths_.data()};
    backend_.template for_each<ops::UnitNormals::ForwardFace>(model_.triangles, normals_args_);

    shade_args_.albedo = reflectance_.data();
    shade_args_.normals = normals_.data();
    std::copy_n(camera_.rotation, 9, shade_args_.rotation);
    backend_.download(shade_args_.lighting, light_.values, 27);
    for (int channel = 0; channel < 3; ++channel) shade_args_.lighting[9 * channel] += kAmbient;
    for (int i = 0; i < 27; ++i) shade_args_.lighting[i] *= light_scale(i);
    shade_args_.colours = colours_.data();
    shade_args_.grad_colours = grad_colours_.data();
    shade_args_.grad_albedo = grad_reflectance_.data();
    shade_args_.grad_normals = grad_normals_.data();
    backend_.basis_forward(
        basis_args(arrays_.albedo_basis, albedo_, arrays_.mean_albedo, reflectance_, grad_reflectance_));
    in_turn<Map::ForwardAdd, ops::Normals::ForwardVertex, ops::Shade::Forward>(
        backend_, v, map_args(albedo_map_, reflectance_, grad_reflectance_), normals_args_, shade_args_);

    ops::RasterizeArgs<float> raster;
    raster.screen = screen_.data();
    raster.triangles = arrays_.triangles;
    raster.vertex_count = v;
    raster.triangle_count = model_.triangles;
    raster.width = raster.height = static_cast<int>(problem_.side);
    raster.triangle_id = triangle_id_.data();
    raster.barycentrics = barycentrics_.data();
    raster.boxes = boxes_.data();
    backend_.rasterize(raster);

    interpolate_args_.triangles = arrays_.triangles;
    interpolate_args_.triangle_id = triangle_id_.data();
    interpolate_args_.barycentrics = barycentrics_.data();
    interpolate_args_.attributes = colours_.data();
    interpolate_args_.pixels = rendered_.data();
    interpolate_args_.width = problem_.side;
    interpolate_args_.boxes = boxes_.data();
    interpolate_args_.grad_pixels = grad_rendered_.data();
    interpolate_args_.attribute_slots = slots_.data();
    interpolate_args_.screen = screen_.data();
    interpolate_args_.screen_slots = screen_slots_.data();
    backend_.template for_each<ops::Interpolate<3>::Forward>(problem_.side * problem_.side, interpolate_args_);
  }

  std::vector<float> positions() { return downloaded(positions_, 3 * model_.vertices); }
  std::vector<float> colours() { return downloaded(colours_, 3 * model_.vertices); }
  std::vector<float> values(const Group& g) { return downloaded(g.values, g.size); }
  std::vector<float> gradient(const Group& g) { return downloaded(g.grad, g.size); }

 private:
  static constexpr double kPhoto = 1.92, kLandmark = 0.0016 * 0.1, kCoefficient = 0.0003, kAlbedoCoefficient = 0.017,
                          kLight = 10, kSmooth = 1e4, kSpread = 5e4, kTexture = 10, kContour = 20;
  // What the reference adds to the first light coefficient of every channel.
  static constexpr float kAmbient = 0.8f;
  // In front of the camera, decimetres.
  static constexpr float kNear = 0.01f;

  // The reference's basis functions over those of shade.hpp, by their order.
  static float light_scale(int i) {
    const int k = i % 9;
    return k == 0 ? 1.0f : k < 4 ? 1.7320508f : 2.8284271f;
  }

  static std::size_t count(long n) { return static_cast<std::size_t>(n); }
  Floats floats(long n) { return backend_.template alloc<float>(count(n)); }
  template <class T>
  auto upload(const std::vector<T>& values) {
    auto array = backend_.template alloc<T>(values.size());
    backend_.upload(array, values.data(), values.size());
    return array;
  }
  std::vector<float> downloaded(const Floats& from, long n) {
    std::vector<float> out(count(n));
    backend_.download(out.data(), from, out.size());
    return out;
  }
  void make(Group& g, long n, const float* values) {
    g.size = n;
    for (Floats* a : {&g.values, &g.grad, &g.first, &g.second}) *a = floats(n);
    if (values != nullptr) backend_.upload(g.values, values, count(n));
  }
  // The reference reads a map at (u size, size - v size) between texels at whole numbers; ours lie at halves.
  std::vector<float> map_places() const {
    std::vector<float> places(model_.uvs.size());
    const float half = 0.5f / static_cast<float>(problem_.map);
    for (std::size_t i = 0; i < places.size(); i += 2) {
      places[i] = model_.uvs[i] + half;
      places[i + 1] = 1 - model_.uvs[i + 1] + half;
    }
    return places;
  }

  // Single vertices with the reference's weights: 20 at the lower bridge of the nose and the inner lips.
  void add_landmarks() {
    const long n = static_cast<long>(model_.keypoints.size());
    std::vector<std::uint32_t> points;
    std::vector<float> barycentrics, precision, target;
    for (long i = 0; i < n; ++i) {
      points.insert(points.end(), 3, model_.keypoints[count(i)]);
      barycentrics.insert(barycentrics.end(), {1, 0, 0});
      const float weight = (i >= 28 && i < 31) || i >= n - 8 ? 20.0f : 1.0f;
      precision.insert(precision.end(), {weight, 0, weight});
      target.push_back(problem_.landmarks[count(2 * i)]);
      target.push_back(static_cast<float>(problem_.side) - problem_.landmarks[count(2 * i + 1)]);
    }
    const Topology landmarks = build_topology(points.data(), n, model_.vertices);
    landmark_vertices_ = upload(landmarks.triangles);
    landmark_offsets_ = upload(landmarks.corner_offsets);
    landmark_corners_ = upload(landmarks.corners);
    landmark_barycentrics_ = upload(barycentrics);
    landmark_precision_ = upload(precision);
    landmark_target_ = upload(target);
    landmark_slots_ = floats(9 * n);
  }

  // Camera frame: the reference's, turned by half a circle about x. Rotation Rz Ry Rx.
  void place_camera() {
    float angle[3], shift[3];
    backend_.download(angle, angles_.values, 3);
    backend_.download(shift, translation_.values, 3);
    const double cx = std::cos(angle[0]), sx = std::sin(angle[0]), cy = std::cos(angle[1]), sy = std::sin(angle[1]),
                 cz = std::cos(angle[2]), sz = std::sin(angle[2]);
    const double r[9] = {cz * cy,
                         cz * sy * sx - sz * cx,
                         cz * sy * cx + sz * sx,
                         sz * cy,
                         sz * sy * sx + cz * cx,
                         sz * sy * cx - cz * sx,
                         -sy,
                         cy * sx,
                         cy * cx};
    for (int i = 0; i < 9; ++i) camera_.rotation[i] = static_cast<float>(i < 3 ? r[i] : -r[i]);
    // The turns' axes in the camera frame: about x after the turns about y and z, about y after that about z.
    const double axes[9] = {cz * cy, sz * cy, -sy, -sz, cz, 0, 0, 0, 1};
    for (int i = 0; i < 9; ++i) turn_axes_[i] = i % 3 == 0 ? axes[i] : -axes[i];
    camera_.translation[0] = shift[0];
    camera_.translation[1] = -shift[1];
    camera_.translation[2] = static_cast<float>(problem_.camera_distance) - shift[2];
    camera_.focal_px = static_cast<float>(problem_.focal);
    camera_.centre_px[0] = camera_.centre_px[1] = static_cast<float>(problem_.side) / 2;
    camera_.near_mm = kNear;
    camera_.positions = positions_.data();
    camera_.screen = screen_.data();
    camera_.grad_screen = grad_screen_.data();
    camera_.grad_positions = grad_positions_.data();
  }

  ops::BasisArgs<float, Half> basis_args(const Half* packed, const Group& group, const float* base, Floats& values,
                                         const Floats& grad) const {
    ops::BasisArgs<float, Half> a;
    a.basis = packed;
    a.rows = 3 * model_.vertices;
    a.components = a.count = group.size;
    a.coefficients = group.values.data();
    a.base = base;
    a.values = values.data();
    a.grad_values = grad.data();
    return a;
  }
  ops::UvSampleArgs<float> map_args(Group& group, Floats& values, const Floats& grad) const {
    ops::UvSampleArgs<float> a;
    a.size = problem_.map;
    a.taps = tap_.data();
    a.map = group.values.data();
    a.values = values.data();
    a.texel_offsets = texel_offsets_.data();
    a.samples = samples_.data();
    a.grad_values = grad.data();
    a.grad_map = group.grad.data();
    return a;
  }
  ops::CornerGatherArgs<float> gather_args(const Floats& slots, Floats& values) const {
    return {arrays_.corner_offsets, arrays_.corners, slots.data(), values.data()};
  }

  // Losses of the image and of the screen positions; leaves gradients of both and of the vertices.
  double image_losses() {
    const long pixels = problem_.side * problem_.side, v = model_.vertices;
    losses::PhotometricArgs<float> photo;
    photo.rendered = rendered_.data();
    photo.target = photo_.data();
    photo.triangle_id = triangle_id_.data();
    photo.grad_rendered = grad_rendered_.data();
    double sums[losses::Photometric::kReduced];
    backend_.template reduce<losses::Photometric::Forward, losses::Photometric::kReduced>(pixels, photo, sums);
    const double seen = std::max(sums[1], 1.0);
    photo.grad_scale = static_cast<float>(kPhoto / seen);
    backend_.template for_each<losses::Photometric::Backward>(pixels, photo);
    backend_.template for_each<ops::Interpolate<3>::BackwardBoth>(model_.triangles, interpolate_args_);

    const long n = static_cast<long>(model_.keypoints.size());
    losses::LandmarkArgs<float> landmark;
    landmark.screen = screen_.data();
    landmark.vertices = landmark_vertices_.data();
    landmark.barycentrics = landmark_barycentrics_.data();
    landmark.target = landmark_target_.data();
    landmark.precision = landmark_precision_.data();
    landmark.grad_scale = static_cast<float>(kLandmark / static_cast<double>(n));
    landmark.slots = landmark_slots_.data();
    const double distance = both<losses::Landmark>(n, landmark);

    losses::EdgePullArgs<float> contour;
    contour.screen = screen_.data();
    contour.rows = rows_.data();
    contour.side = problem_.side;
    contour.grad_scale = static_cast<float>(kContour / static_cast<double>(v));
    contour.grad_screen = grad_screen_.data();
    using Gather = ops::CornerGather<3>;
    in_turn<Gather::Set, ops::Shade::Backward, Gather::Set, Gather::Add, losses::EdgePull::Backward,
            ops::PoseProject::Backward, ops::Normals::BackwardVertex>(
        backend_, v, gather_args(slots_, grad_colours_), shade_args_, gather_args(screen_slots_, grad_screen_),
        ops::CornerGatherArgs<float>{landmark_offsets_.data(), landmark_corners_.data(), landmark_slots_.data(),
                                     grad_screen_.data()},
        contour, camera_, normals_args_);
    double outside;
    backend_.template reduce<losses::EdgePull::Forward, 1>(v, contour, &outside);
    return kPhoto * sums[0] / seen + kLandmark * distance / static_cast<double>(n) +
           kContour * outside / static_cast<double>(v);
  }

  void backward() {
    const long v = model_.vertices, texels = problem_.map * problem_.map;
    double light[ops::Shade::kReduced], pose[7];
    backend_.template reduce<ops::Shade::BackwardLight, ops::Shade::kReduced>(v, shade_args_, light);
    backend_.template reduce<ops::PoseProject::BackwardPose, 7>(v, camera_, pose);
    backend_.template for_each<ops::UnitNormals::BackwardFace>(model_.triangles, normals_args_);
    backend_.template for_each<ops::CornerGather<3>::Add>(v, gather_args(slots_, grad_positions_));
    for (int k = 0; k < 3; ++k) pose[k] += light[27 + k];
    for (int i = 0; i < 27; ++i) light[i] *= static_cast<double>(light_scale(i));
    set_grad(light_, light);
    double turns[3];
    for (int k = 0; k < 3; ++k)
      turns[k] = turn_axes_[3 * k] * pose[0] + turn_axes_[3 * k + 1] * pose[1] + turn_axes_[3 * k + 2] * pose[2];
    set_grad(angles_, turns);
    const double shift[3] = {pose[3], -pose[4], -pose[5]};
    set_grad(translation_, shift);

    // In the forward's order turned round: the basis read last is in the cache.
    backend_.basis_backward(
        basis_args(arrays_.albedo_basis, albedo_, arrays_.mean_albedo, reflectance_, grad_reflectance_),
        coefficient_grad_.data());
    set_grad(albedo_, coefficient_grad_.data());
    backend_.basis_backward(basis_args(arrays_.shape_basis, shape_, arrays_.mean, positions_, grad_positions_),
                            coefficient_grad_.data());
    set_grad(shape_, coefficient_grad_.data());
    using Map = ops::UvSample<3>;
    in_turn<Map::Backward, Map::Backward>(backend_, texels, map_args(shape_map_, positions_, grad_positions_),
                                          map_args(albedo_map_, reflectance_, grad_reflectance_));
  }

  // Everything that needs no image; adds to the gradients of the parameters.
  double priors() {
    const losses::CoefficientPriorArgs<float> shape{shape_.values.data(), nullptr, shape_weights_.data(),
                                                    static_cast<float>(kCoefficient), shape_.grad.data()};
    double sum = both<losses::CoefficientPrior>(shape_.size, shape);
    const losses::CoefficientPriorArgs<float> albedo{albedo_.values.data(), nullptr, nullptr,
                                                     static_cast<float>(kCoefficient * kAlbedoCoefficient),
                                                     albedo_.grad.data()};
    sum += both<losses::CoefficientPrior>(albedo_.size, albedo);
    const losses::LightPriorArgs<float> light{light_.values.data(), static_cast<float>(kLight), light_.grad.data()};
    sum += both<losses::LightPrior>(losses::LightPrior::kCount, light);

    using Smooth = losses::TotalVariation<3>;
    const long texels = problem_.map * problem_.map;
    losses::TotalVariationArgs<float> smooth;
    smooth.size = problem_.map;
    smooth.map = shape_map_.values.data();
    smooth.weight = static_cast<float>(kSmooth);
    smooth.spread_weight = static_cast<float>(kSpread);
    smooth.grad_map = shape_map_.grad.data();
    double sums[Smooth::kReduced];
    backend_.template reduce<Smooth::Forward, Smooth::kReduced>(texels, smooth, sums);
    const auto variation = Smooth::value(sums, problem_.map);
    smooth.mean_vertical = static_cast<float>(variation.mean_vertical);
    smooth.mean_horizontal = static_cast<float>(variation.mean_horizontal);
    backend_.template for_each<Smooth::Backward>(texels, smooth);
    sum += kSmooth * variation.total_variation + kSpread * variation.spread;

    const losses::TexturePriorArgs<float> texture{albedo_map_.values.data(), losses::TexturePriorForm::absolute,
                                                  static_cast<float>(kTexture / static_cast<double>(albedo_map_.size)),
                                                  albedo_map_.grad.data()};
    return sum + both<losses::TexturePrior>(albedo_map_.size, texture);
  }

  // Value and gradient of a loss that reduces to one number.
  template <class Loss, class Args>
  double both(long n, const Args& args) {
    double value;
    backend_.template reduce<typename Loss::Forward, 1>(n, args, &value);
    backend_.template for_each<typename Loss::Backward>(n, args);
    return value;
  }

  void set_grad(Group& g, const double* values) {
    host_grad_.resize(count(g.size));
    std::copy_n(values, g.size, host_grad_.begin());
    backend_.upload(g.grad, host_grad_.data(), host_grad_.size());
  }

  B& backend_;
  const Model& model_;
  const ModelArrays arrays_;
  const Problem& problem_;
  ops::PoseProjectArgs<float> camera_;
  double turn_axes_[9] = {};
  ops::UvTaps<float> taps_;
  typename B::template Array<ops::UvTap<float>> tap_;
  typename B::template Array<ops::TexelSample<float>> samples_;
  typename B::template Array<std::int32_t> texel_offsets_, triangle_id_, landmark_vertices_, landmark_offsets_,
      landmark_corners_;
  typename B::template Array<ops::PixelBox> boxes_;
  typename B::template Array<losses::MaskSpan<float>> rows_;
  Floats shape_weights_, positions_, normals_, crosses_, inverse_lengths_, face_inverse_lengths_, screen_, reflectance_,
      colours_, rendered_, barycentrics_, photo_, slots_, screen_slots_, grad_positions_, grad_normals_, grad_sums_,
      grad_screen_, grad_colours_, grad_reflectance_, grad_rendered_, landmark_barycentrics_, landmark_precision_,
      landmark_target_, landmark_slots_;
  Group shape_, albedo_, angles_, light_, translation_, shape_map_, albedo_map_;
  ops::NormalsArgs<float> normals_args_;
  ops::ShadeArgs<float> shade_args_;
  ops::InterpolateArgs<float> interpolate_args_;
  std::vector<double> coefficient_grad_;
  std::vector<float> host_grad_;
  long step_ = 0;
};

}  // namespace hrn::fit::reference
