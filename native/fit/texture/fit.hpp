// The texture stage on any backend: normals, fitted colours and visibility of the final head, then the bake.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "fit/head/surface.hpp"
#include "fit/texture/bake.hpp"
#include "fit/texture/texture.hpp"
#include "ops/pose_project.hpp"

namespace hrn::fit {

/// Throws Error(invalid_argument).
void check_texture_problem(const Model& model, const TextureProblem& problem, std::span<const std::uint8_t> rgb);

/// Part of the photo that shows the head, px.
struct Window {
  double x0, y0, width, height;
};
Window window_of(const Model& model, const TextureProblem& problem, const imaging::Image& photo);

/// A checked problem.
template <class B>
std::vector<float> run_texture(const Model& model, const ModelArrays& arrays, const imaging::Image& photo,
                               const TextureProblem& problem, std::uint8_t* rgb, B& backend, const Cancel& cancel) {
  HeadSurface<B> surface(model, arrays, backend);
  surface.set_positions(problem.positions);
  const auto& normals = surface.update_normals();
  surface.update_albedo(problem.albedo);
  const auto& colours = surface.update_colours(problem.camera, problem.lighting);
  cancel.check();

  // Visibility is smoother than colour: a raster of this side is fine enough for any photo.
  constexpr double kMaxSide = 1024;
  const Window window = window_of(model, problem, photo);
  const double scale = std::min(1.0, kMaxSide / std::max(window.width, window.height));
  TextureBakeArgs bake;
  bake.seen.width = std::max(1, static_cast<int>(std::ceil(window.width * scale)));
  bake.seen.height = std::max(1, static_cast<int>(std::ceil(window.height * scale)));
  bake.seen.depth =
      surface.look(problem.camera.cropped(scale, window.x0, window.y0), bake.seen.width, bake.seen.height).depth.data();
  bake.seen.scale = static_cast<float>(scale);
  bake.seen.x0 = static_cast<float>(window.x0);
  bake.seen.y0 = static_cast<float>(window.y0);
  cancel.check();

  std::vector<std::uint8_t> islands(static_cast<std::size_t>(model.triangle_count));
  for (std::size_t part = 0; part < model.parts.size(); ++part) {
    const auto first = islands.begin() + model.parts[part].first_triangle;
    std::fill(first, first + model.parts[part].triangle_count, static_cast<std::uint8_t>(part));
  }
  const auto island = backend.borrow(islands.data(), islands.size());
  bake.vertices = model.vertex_count;
  bake.triangles = model.triangle_count;
  bake.positions = surface.positions().data();
  bake.normals = normals.data();
  bake.uvs = arrays.uvs;
  bake.shaded = colours.data();
  bake.indices = arrays.triangles;
  bake.corner_offsets = arrays.corner_offsets;
  bake.corners = arrays.corners;
  bake.islands = island.data();
  bake.island_count = static_cast<int>(model.parts.size());
  const auto sights = backend.borrow(problem.sights.data(), problem.sights.size());
  if (!problem.sights.empty()) bake.sights = sights.data();
  for (std::size_t i = 0; i < 9; ++i) bake.camera.rotation[i] = static_cast<float>(problem.camera.rotation[i]);
  for (std::size_t i = 0; i < 3; ++i) bake.camera.translation[i] = static_cast<float>(problem.camera.translation[i]);
  bake.camera.focal = static_cast<float>(problem.camera.focal_px);
  bake.camera.cx = static_cast<float>(problem.camera.principal_px[0]);
  bake.camera.cy = static_cast<float>(problem.camera.principal_px[1]);
  // The rows that the window and the samples on its border read.
  const long first = std::max(0L, static_cast<long>(window.y0) - 2),
             last = std::min(photo.height, static_cast<long>(window.y0 + window.height) + 3);
  const std::size_t row = static_cast<std::size_t>(photo.width * photo.channels);
  const auto pixels = backend.borrow(photo.pixels.data() + static_cast<std::size_t>(first) * row,
                                     static_cast<std::size_t>(last - first) * row);
  bake.photo = pixels.data();
  bake.first_row = static_cast<int>(first);
  bake.width = static_cast<int>(photo.width);
  bake.height = static_cast<int>(photo.height);
  bake.channels = static_cast<int>(photo.channels);
  const auto person = backend.borrow(problem.person.values.data(), problem.person.values.size());
  const auto skin = backend.borrow(problem.person.skin.data(), problem.person.skin.size());
  const auto opening = backend.borrow(problem.person.opening.data(), problem.person.opening.size());
  const auto paint = backend.borrow(problem.paint.data(), problem.paint.size());
  if (!problem.paint.empty()) bake.paint = paint.data();
  bake.colourless = problem.colourless;
  if (!problem.person.values.empty()) {
    bake.person = person.data();
    if (!problem.person.opening.empty()) bake.opening = opening.data();
    if (!problem.person.skin.empty()) bake.skin = skin.data();
    bake.person_width = problem.person.width;
    bake.person_height = problem.person.height;
    std::copy(problem.person.from_photo.begin(), problem.person.from_photo.end(), bake.person_from_photo);
  }
  bake.size = problem.size;
  bake_texture(bake, rgb, backend, cancel);
  std::vector<float> on_host(normals.size());
  backend.download(on_host.data(), normals, on_host.size());
  return on_host;
}

}  // namespace hrn::fit
