// One whole iteration of the reference's fitting loop (HRN's inference-and-fitting release) from our ops: its model
// sizes, its two 300 x 300 x 3 offset maps, all its losses with their weights, every backward, Adam on every parameter.
// Not part of the product, which fits differently; the benchmark times it, a test checks its gradients as a whole.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "backends/backend.hpp"
#include "losses/contour.hpp"
#include "losses/landmark.hpp"
#include "losses/photometric.hpp"
#include "losses/prior.hpp"
#include "losses/total_variation.hpp"
#include "ops/corner_gather.hpp"
#include "ops/interpolate.hpp"
#include "ops/normals.hpp"
#include "ops/shade.hpp"
#include "ops/uv_taps.hpp"
#include "optim/adam.hpp"
#include "random.hpp"
#include "scene.hpp"

namespace hrn::test {

struct ReferenceSizes {
  long grid = 188;  // (grid + 1)^2 = 35,721 vertices, 70,688 triangles
  long identity = 80, expression = 64, albedo = 80;
  long image = 224, map = 300, landmarks = 68;
};

template <Backend B>
class ReferenceIteration {
 public:
  using Floats = typename B::template Array<float>;

  /// A parameter group: values, gradient and Adam's moments.
  struct Group {
    Floats values, grad, first, second;
    long size = 0;
  };

  ReferenceIteration(B& backend, const ReferenceSizes& sizes)
      : backend_(backend), sizes_(sizes), scene_(make_scene<float>(sizes.grid, sizes.image, 5)) {
    Random random(6);
    const long v = scene_.vertices, t = scene_.triangles, pixels = sizes.image * sizes.image;
    mean_ = upload(scene_.positions);
    mean_albedo_ = upload(std::vector<float>(count(3 * v), 0.6f));
    shape_basis_ = basis(sizes.identity + sizes.expression, 0.3, random);
    albedo_basis_ = basis(sizes.albedo, 0.01, random);
    taps_ = ops::build_uv_taps(scene_.uvs.data(), v, sizes.map);
    tap_ = upload(taps_.taps);
    texel_offsets_ = upload(taps_.texel_offsets);
    samples_ = upload(taps_.samples);
    triangles_ = upload(scene_.topology.triangles);
    corner_offsets_ = upload(scene_.topology.corner_offsets);
    corners_ = upload(scene_.topology.corners);

    make(shape_, sizes.identity + sizes.expression);
    make(albedo_, sizes.albedo);
    coefficient_grad_.resize(count(std::max(shape_.size, albedo_.size)));
    make(light_, 27);
    make(pose_, 6);
    for (Group* g : {&shape_map_, &albedo_map_}) make(*g, 3 * sizes.map * sizes.map);
    const float lighting[27] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    backend_.upload(light_.values, lighting, 27);
    std::vector<float> weights(count(sizes.identity), 1.0f);
    weights.resize(count(sizes.identity + sizes.expression), 0.8f);
    shape_weights_ = upload(weights);
    for (Floats* values : {&positions_, &normals_, &screen_, &reflectance_, &colours_, &grad_positions_, &grad_normals_,
                           &grad_sums_, &grad_screen_, &grad_colours_, &grad_reflectance_})
      *values = floats(3 * v);
    crosses_ = floats(3 * t);
    slots_ = floats(9 * t);
    screen_slots_ = floats(9 * t);
    for (Floats* image : {&rendered_, &grad_rendered_}) *image = floats(3 * pixels);
    barycentrics_ = floats(2 * pixels);
    triangle_id_ = backend_.template alloc<std::int32_t>(count(pixels));
    boxes_ = backend_.template alloc<ops::PixelBox>(count(t));
    photo_ = upload(random.vector<float>(3 * pixels, 0.3, 0.9));

    // Landmarks are single vertices with the reference's weights: 20 at the bridge of the nose and the inner lips.
    std::vector<std::uint32_t> points;
    std::vector<float> barycentrics, precision;
    for (long i = 0; i < sizes.landmarks; ++i) {
      const auto vertex = static_cast<std::uint32_t>(random.below(v));
      points.insert(points.end(), 3, vertex);
      barycentrics.insert(barycentrics.end(), {1, 0, 0});
      const bool heavy = (i >= 28 && i < 31) || i >= sizes.landmarks - 8;
      precision.insert(precision.end(), {heavy ? 20.0f : 1.0f, 0, heavy ? 20.0f : 1.0f});
    }
    const Topology landmarks = build_topology(points.data(), sizes.landmarks, v);
    landmark_vertices_ = upload(landmarks.triangles);
    landmark_offsets_ = upload(landmarks.corner_offsets);
    landmark_corners_ = upload(landmarks.corners);
    landmark_barycentrics_ = upload(barycentrics);
    landmark_precision_ = upload(precision);
    landmark_slots_ = floats(9 * sizes.landmarks);
    const auto edge = static_cast<float>(sizes.image);
    landmark_target_ = upload(random.vector<float>(2 * sizes.landmarks, 0.2 * edge, 0.8 * edge));
    // Narrower than the head, so that the contour term has work.
    rows_ = upload(std::vector<losses::MaskSpan<float>>(count(sizes.image), {0.18f * edge, 0.82f * edge}));
  }

  std::vector<Group*> groups() { return {&shape_, &albedo_, &light_, &pose_, &shape_map_, &albedo_map_}; }

  /// Losses and all gradients; the weighted sum of the losses.
  double evaluate() {
    forward();
    const double loss = image_losses() + geometry_losses();
    backward();
    return loss + priors();
  }

  /// One Adam step on every parameter.
  void update(float learning_rate) {
    ++step_;
    for (Group* g : groups()) {
      optim::AdamArgs<float> a;
      a.values = g->values.data();
      a.grad = g->grad.data();
      a.first = g->first.data();
      a.second = g->second.data();
      a.learning_rate = learning_rate;
      optim::Adam::set_step(a, step_);
      backend_.template for_each<optim::Adam::Update>(g->size, a);
    }
    apply_pose();
  }

  /// Moves the increments of `pose` (rotation, translation) into the camera.
  void apply_pose() {
    float w[6];
    const float zero[6] = {};
    backend_.download(w, pose_.values, 6);
    backend_.upload(pose_.values, zero, 6);
    float* r = scene_.camera.rotation;
    const float angle = std::sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2]);
    const float s = angle > 1e-6f ? std::sin(angle) / angle : 1.0f;
    const float c = angle > 1e-6f ? (1 - std::cos(angle)) / (angle * angle) : 0.5f;
    for (int j = 0; j < 3; ++j) {
      const Vec3<float> column{r[j], r[3 + j], r[6 + j]}, axis{w[0], w[1], w[2]};
      const Vec3<float> once = cross(axis, column), turned = column + s * once + c * cross(axis, once);
      r[j] = turned.x;
      r[3 + j] = turned.y;
      r[6 + j] = turned.z;
    }
    for (int k = 0; k < 3; ++k) scene_.camera.translation[k] += w[3 + k];
  }

  const ops::PoseProjectArgs<float>& camera() const { return scene_.camera; }
  void set_camera(const ops::PoseProjectArgs<float>& camera) { scene_.camera = camera; }

 private:
  static constexpr double kPhoto = 1.92, kLandmark = 0.0016 * 0.1, kCoefficient = 0.0003, kAlbedoCoefficient = 0.017,
                          kLight = 10, kSmooth = 1e4, kSpread = 5e4, kTexture = 10, kContour = 20;

  static std::size_t count(long n) { return static_cast<std::size_t>(n); }
  Floats floats(long n) { return backend_.template alloc<float>(count(n)); }
  template <class T>
  auto upload(const std::vector<T>& values) {
    auto array = backend_.template alloc<T>(values.size());
    backend_.upload(array, values.data(), values.size());
    return array;
  }
  void make(Group& g, long n) {
    g.size = n;
    for (Floats* a : {&g.values, &g.grad, &g.first, &g.second}) *a = floats(n);
  }
  auto basis(long components, double scale, Random& random) {
    const long rows = 3 * scene_.vertices, tiles = ops::basis_tiles(rows);
    std::vector<Half> packed(count(tiles * components * ops::kBasisTile));
    for (Half& h : packed) h = float_to_half(static_cast<float>(random.uniform(-scale, scale)));
    return upload(packed);
  }

  ops::BasisArgs<float, Half> basis_args(const typename B::template Array<Half>& packed, const Group& group,
                                         const Floats& base, Floats& values, const Floats& grad) const {
    ops::BasisArgs<float, Half> a;
    a.basis = packed.data();
    a.rows = 3 * scene_.vertices;
    a.components = a.count = group.size;
    a.coefficients = group.values.data();
    a.base = base.data();
    a.values = values.data();
    a.grad_values = grad.data();
    return a;
  }
  ops::UvSampleArgs<float> map_args(Group& group, Floats& values, const Floats& grad) const {
    ops::UvSampleArgs<float> a;
    a.size = sizes_.map;
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
    return {corner_offsets_.data(), corners_.data(), slots.data(), values.data()};
  }

  void forward() {
    const long v = scene_.vertices;
    backend_.basis_forward(basis_args(shape_basis_, shape_, mean_, positions_, grad_positions_));
    backend_.template for_each<ops::UvSample<3>::ForwardAdd>(v, map_args(shape_map_, positions_, grad_positions_));
    backend_.basis_forward(basis_args(albedo_basis_, albedo_, mean_albedo_, reflectance_, grad_reflectance_));
    backend_.template for_each<ops::UvSample<3>::ForwardAdd>(v, map_args(albedo_map_, reflectance_, grad_reflectance_));

    normals_args_ = {triangles_.data(), corner_offsets_.data(), corners_.data(),   positions_.data(), crosses_.data(),
                     normals_.data(),   grad_normals_.data(),   grad_sums_.data(), slots_.data()};
    backend_.template for_each<ops::Normals::ForwardFace>(scene_.triangles, normals_args_);
    backend_.template for_each<ops::Normals::ForwardVertex>(v, normals_args_);

    scene_.camera.positions = positions_.data();
    scene_.camera.screen = screen_.data();
    scene_.camera.grad_screen = grad_screen_.data();
    scene_.camera.grad_positions = grad_positions_.data();
    backend_.template for_each<ops::PoseProject::Forward>(v, scene_.camera);

    shade_args_.albedo = reflectance_.data();
    shade_args_.normals = normals_.data();
    std::copy_n(scene_.camera.rotation, 9, shade_args_.rotation);
    backend_.download(shade_args_.lighting, light_.values, 27);
    shade_args_.colours = colours_.data();
    shade_args_.grad_colours = grad_colours_.data();
    shade_args_.grad_albedo = grad_reflectance_.data();
    shade_args_.grad_normals = grad_normals_.data();
    backend_.template for_each<ops::Shade::Forward>(v, shade_args_);

    ops::RasterizeArgs<float> raster;
    raster.screen = screen_.data();
    raster.triangles = triangles_.data();
    raster.vertex_count = v;
    raster.triangle_count = scene_.triangles;
    raster.width = raster.height = static_cast<int>(sizes_.image);
    raster.triangle_id = triangle_id_.data();
    raster.barycentrics = barycentrics_.data();
    raster.boxes = boxes_.data();
    backend_.rasterize(raster);

    interpolate_args_.triangles = triangles_.data();
    interpolate_args_.triangle_id = triangle_id_.data();
    interpolate_args_.barycentrics = barycentrics_.data();
    interpolate_args_.attributes = colours_.data();
    interpolate_args_.pixels = rendered_.data();
    interpolate_args_.width = sizes_.image;
    interpolate_args_.boxes = boxes_.data();
    interpolate_args_.grad_pixels = grad_rendered_.data();
    interpolate_args_.attribute_slots = slots_.data();
    interpolate_args_.screen = screen_.data();
    interpolate_args_.screen_slots = screen_slots_.data();
    backend_.template for_each<ops::Interpolate<3>::Forward>(sizes_.image * sizes_.image, interpolate_args_);
  }

  // Photometric loss; leaves gradients of the vertex colours and of the screen positions.
  double image_losses() {
    const long pixels = sizes_.image * sizes_.image;
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
    backend_.template for_each<ops::Interpolate<3>::BackwardBoth>(scene_.triangles, interpolate_args_);
    backend_.template for_each<ops::CornerGather<3>::Set>(scene_.vertices, gather_args(slots_, grad_colours_));
    backend_.template for_each<ops::CornerGather<3>::Set>(scene_.vertices, gather_args(screen_slots_, grad_screen_));
    return kPhoto * sums[0] / seen;
  }

  // Landmark and contour loss; add to the gradient of the screen positions.
  double geometry_losses() {
    const long v = scene_.vertices, n = sizes_.landmarks;
    losses::LandmarkArgs<float> landmark;
    landmark.screen = screen_.data();
    landmark.vertices = landmark_vertices_.data();
    landmark.barycentrics = landmark_barycentrics_.data();
    landmark.target = landmark_target_.data();
    landmark.precision = landmark_precision_.data();
    landmark.grad_scale = static_cast<float>(kLandmark / static_cast<double>(n));
    landmark.slots = landmark_slots_.data();
    const double distance = both<losses::Landmark>(n, landmark);
    backend_.template for_each<ops::CornerGather<3>::Add>(
        v, ops::CornerGatherArgs<float>{landmark_offsets_.data(), landmark_corners_.data(), landmark_slots_.data(),
                                        grad_screen_.data()});
    losses::ContourArgs<float> contour;
    contour.screen = screen_.data();
    contour.rows = rows_.data();
    contour.width = contour.height = sizes_.image;
    contour.grad_scale = static_cast<float>(kContour / static_cast<double>(v));
    contour.grad_screen = grad_screen_.data();
    const double outside = both<losses::Contour>(v, contour);
    return kLandmark * distance / static_cast<double>(n) + kContour * outside / static_cast<double>(v);
  }

  void backward() {
    const long v = scene_.vertices, texels = sizes_.map * sizes_.map;
    backend_.template for_each<ops::Shade::Backward>(v, shade_args_);
    double light[ops::Shade::kReduced], pose[7];
    backend_.template reduce<ops::Shade::BackwardLight, ops::Shade::kReduced>(v, shade_args_, light);
    backend_.template for_each<ops::PoseProject::Backward>(v, scene_.camera);
    backend_.template reduce<ops::PoseProject::BackwardPose, 7>(v, scene_.camera, pose);
    backend_.template for_each<ops::Normals::BackwardVertex>(v, normals_args_);
    backend_.template for_each<ops::Normals::BackwardFace>(scene_.triangles, normals_args_);
    backend_.template for_each<ops::CornerGather<3>::Add>(v, gather_args(slots_, grad_positions_));
    for (int k = 0; k < 3; ++k) pose[k] += light[27 + k];
    set_grad(light_, light);
    set_grad(pose_, pose);

    backend_.basis_backward(basis_args(shape_basis_, shape_, mean_, positions_, grad_positions_),
                            coefficient_grad_.data());
    set_grad(shape_, coefficient_grad_.data());
    backend_.basis_backward(basis_args(albedo_basis_, albedo_, mean_albedo_, reflectance_, grad_reflectance_),
                            coefficient_grad_.data());
    set_grad(albedo_, coefficient_grad_.data());
    backend_.template for_each<ops::UvSample<3>::Backward>(texels, map_args(shape_map_, positions_, grad_positions_));
    backend_.template for_each<ops::UvSample<3>::Backward>(texels,
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
    const long texels = sizes_.map * sizes_.map;
    losses::TotalVariationArgs<float> smooth;
    smooth.size = sizes_.map;
    smooth.map = shape_map_.values.data();
    smooth.weight = static_cast<float>(kSmooth);
    smooth.spread_weight = static_cast<float>(kSpread);
    smooth.grad_map = shape_map_.grad.data();
    double sums[Smooth::kReduced];
    backend_.template reduce<Smooth::Forward, Smooth::kReduced>(texels, smooth, sums);
    const auto variation = Smooth::value(sums, sizes_.map);
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
  ReferenceSizes sizes_;
  Scene<float> scene_;
  ops::UvTaps<float> taps_;
  typename B::template Array<ops::UvTap<float>> tap_;
  typename B::template Array<ops::TexelSample<float>> samples_;
  typename B::template Array<std::int32_t> texel_offsets_, triangles_, corner_offsets_, corners_, triangle_id_,
      landmark_vertices_, landmark_offsets_, landmark_corners_;
  typename B::template Array<Half> shape_basis_, albedo_basis_;
  typename B::template Array<ops::PixelBox> boxes_;
  typename B::template Array<losses::MaskSpan<float>> rows_;
  Floats mean_, mean_albedo_, shape_weights_, positions_, normals_, crosses_, screen_, reflectance_, colours_,
      rendered_, barycentrics_, photo_, slots_, screen_slots_, grad_positions_, grad_normals_, grad_sums_, grad_screen_,
      grad_colours_, grad_reflectance_, grad_rendered_, landmark_barycentrics_, landmark_precision_, landmark_target_,
      landmark_slots_;
  Group shape_, albedo_, light_, pose_, shape_map_, albedo_map_;
  ops::NormalsArgs<float> normals_args_;
  ops::ShadeArgs<float> shade_args_;
  ops::InterpolateArgs<float> interpolate_args_;
  std::vector<double> coefficient_grad_;
  std::vector<float> host_grad_;
  long step_ = 0;
};

}  // namespace hrn::test
