// The texture stage on any backend: normals, fitted colours and visibility of the final head, then the bake.
#pragma once
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "fit/head/surface.hpp"
#include "fit/texture/bake.hpp"
#include "fit/texture/creases.hpp"
#include "fit/texture/even_scalp.hpp"
#include "fit/texture/texture.hpp"
#include "ops/pose_project.hpp"

namespace hrn::fit {

/// Part of the photo that shows the head, px.
struct Window {
  double x0, y0, width, height;
};
Window window_of(const Model& model, const TextureProblem& problem, const imaging::Image& photo);

/// A bake and what its pointers point to, in the backend's memory. Everything given must outlive it.
template <class B>
class PreparedBake {
 public:
  /// A checked problem.
  PreparedBake(const Model& model, const ModelArrays& arrays, const imaging::Image& photo,
               const TextureProblem& problem, B& backend, const Cancel& cancel)
      : albedo_mean_(even_scalp_mean(model, problem.albedo, problem.paint)),
        mean_(backend.borrow(albedo_mean_.data(), albedo_mean_.size())),
        surface_(model, with_mean(arrays, mean_.data()), backend),
        backend_(backend) {
    surface_.set_positions(problem.positions);
    const auto& normals = surface_.update_normals();
    const auto& albedo = surface_.update_albedo(problem.albedo);
    const auto& colours = surface_.update_colours(problem.camera, problem.lighting);
    cancel.check();

    // Visibility is smoother than colour: a raster of this side is fine enough for any photo.
    constexpr double kMaxSide = 1024;
    const Window window = window_of(model, problem, photo);
    const double scale = std::min(1.0, kMaxSide / std::max(window.width, window.height));
    bake_.seen.width = std::max(1, static_cast<int>(std::ceil(window.width * scale)));
    bake_.seen.height = std::max(1, static_cast<int>(std::ceil(window.height * scale)));
    bake_.seen.depth =
        surface_.look(problem.camera.cropped(scale, window.x0, window.y0), bake_.seen.width, bake_.seen.height)
            .depth.data();
    bake_.seen.scale = static_cast<float>(scale);
    bake_.seen.x0 = static_cast<float>(window.x0);
    bake_.seen.y0 = static_cast<float>(window.y0);
    cancel.check();

    islands_.resize(static_cast<std::size_t>(model.triangle_count));
    for (std::size_t part = 0; part < model.parts.size(); ++part) {
      const auto first = islands_.begin() + model.parts[part].first_triangle;
      std::fill(first, first + model.parts[part].triangle_count, static_cast<std::uint8_t>(part));
    }
    island_.emplace(backend.borrow(islands_.data(), islands_.size()));
    bake_.vertices = model.vertex_count;
    bake_.triangles = model.triangle_count;
    bake_.positions = surface_.positions().data();
    bake_.normals = normals.data();
    bake_.uvs = arrays.uvs;
    bake_.shaded = colours.data();
    bake_.albedo = albedo.data();
    // Irradiance of the constant harmonic of light 1, as in ops::Shade.
    constexpr float kConstantHarmonic = 0.886227f;
    for (std::size_t k = 0; k < 3; ++k)
      bake_.ambient[k] = kConstantHarmonic * static_cast<float>(problem.lighting[9 * k]);
    bake_.indices = arrays.triangles;
    bake_.corner_offsets = arrays.corner_offsets;
    bake_.corners = arrays.corners;
    bake_.islands = island_->data();
    bake_.island_count = static_cast<int>(model.parts.size());
    sights_.emplace(backend.borrow(problem.sights.data(), problem.sights.size()));
    if (!problem.sights.empty()) bake_.sights = sights_->data();
    for (std::size_t i = 0; i < 9; ++i) bake_.camera.rotation[i] = static_cast<float>(problem.camera.rotation[i]);
    for (std::size_t i = 0; i < 3; ++i) bake_.camera.translation[i] = static_cast<float>(problem.camera.translation[i]);
    bake_.camera.focal = static_cast<float>(problem.camera.focal_px);
    bake_.camera.cx = static_cast<float>(problem.camera.principal_px[0]);
    bake_.camera.cy = static_cast<float>(problem.camera.principal_px[1]);
    // The rows that the window and the samples on its border read.
    const long first = std::max(0L, static_cast<long>(window.y0) - 2),
               last = std::min(photo.height, static_cast<long>(window.y0 + window.height) + 3);
    const std::size_t row = static_cast<std::size_t>(photo.width * photo.channels);
    pixels_.emplace(backend.borrow(photo.pixels.data() + static_cast<std::size_t>(first) * row,
                                   static_cast<std::size_t>(last - first) * row));
    bake_.photo = pixels_->data();
    bake_.first_row = static_cast<int>(first);
    bake_.width = static_cast<int>(photo.width);
    bake_.height = static_cast<int>(photo.height);
    bake_.channels = static_cast<int>(photo.channels);
    person_.emplace(backend.borrow(problem.person.values.data(), problem.person.values.size()));
    skin_.emplace(backend.borrow(problem.person.skin.data(), problem.person.skin.size()));
    hair_.emplace(backend.borrow(problem.person.hair.data(), problem.person.hair.size()));
    opening_.emplace(backend.borrow(problem.person.opening.data(), problem.person.opening.size()));
    paint_.emplace(backend.borrow(problem.paint.data(), problem.paint.size()));
    if (!problem.paint.empty()) bake_.paint = paint_->data();
    bake_.tone = problem.tone;
    if (!problem.albedo_rgb.empty() && !problem.worn.empty()) {
      creases_of_ = creases(model, problem.positions, problem.worn);
      creases_.emplace(backend.borrow(creases_of_.data(), creases_of_.size()));
      bake_.creases = creases_->data();
    }
    if (!problem.person.values.empty()) {
      bake_.person = person_->data();
      if (!problem.person.opening.empty()) bake_.opening = opening_->data();
      if (!problem.person.skin.empty()) bake_.skin = skin_->data();
      if (!problem.person.hair.empty()) bake_.hair = hair_->data();
      bake_.person_width = problem.person.width;
      bake_.person_height = problem.person.height;
      std::copy(problem.person.from_photo.begin(), problem.person.from_photo.end(), bake_.person_from_photo);
    }
    bake_.size = problem.size;
  }
  PreparedBake(const PreparedBake&) = delete;
  PreparedBake& operator=(const PreparedBake&) = delete;

  const TextureBakeArgs& bake() const { return bake_; }
  /// The vertices' unit normals [V][3], on the host.
  std::vector<float> normals() {
    const auto& normals = surface_.update_normals();
    std::vector<float> on_host(normals.size());
    backend_.download(on_host.data(), normals, on_host.size());
    return on_host;
  }

 private:
  using Bytes = decltype(std::declval<B&>().borrow(static_cast<const std::uint8_t*>(nullptr), std::size_t{}));
  using Floats = decltype(std::declval<B&>().borrow(static_cast<const float*>(nullptr), std::size_t{}));

  static ModelArrays with_mean(ModelArrays arrays, const float* albedo_mean) {
    arrays.albedo_mean = albedo_mean;
    return arrays;
  }

  std::vector<float> albedo_mean_;
  Floats mean_;
  HeadSurface<B> surface_;
  B& backend_;
  TextureBakeArgs bake_;
  std::vector<std::uint8_t> islands_;
  std::optional<Bytes> island_, sights_, pixels_;
  std::vector<float> creases_of_;
  std::optional<Floats> person_, skin_, hair_, opening_, paint_, creases_;
};

/// A checked problem.
template <class B>
std::vector<float> run_texture(const Model& model, const ModelArrays& arrays, const imaging::Image& photo,
                               const TextureProblem& problem, std::uint8_t* rgb, B& backend, const Cancel& cancel) {
  PreparedBake<B> prepared(model, arrays, photo, problem, backend, cancel);
  bake_texture(prepared.bake(), rgb, backend, cancel, problem.albedo_rgb.empty() ? nullptr : problem.albedo_rgb.data());
  return prepared.normals();
}

}  // namespace hrn::fit
