#include "fit/texture.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "backends/cpu/cpu_backend.hpp"
#include "core/error.hpp"
#include "fit/head_surface.hpp"
#include "fit/photometric_fit.hpp"
#include "fit/texture_bake.hpp"
#include "ops/pose_project.hpp"

namespace hrn::fit {
namespace {

void require(bool condition, const std::string& expected) {
  if (!condition) throw Error(ErrorCode::invalid_argument, "texture: expected " + expected);
}

void check(const Model& model, const TextureProblem& p) {
  require(p.positions.size() == 3 * static_cast<std::size_t>(model.vertex_count), "three positions per vertex");
  for (const float v : p.positions) require(std::isfinite(v), "finite positions");
  require(static_cast<long>(p.albedo.size()) == model.albedo_count, "one value per albedo component");
  for (const double v : p.albedo) require(std::isfinite(v), "finite albedo coefficients");
  for (const double v : p.lighting) require(std::isfinite(v), "finite light");
  check_camera(p.camera);
  require(p.size >= 16 && p.size <= 8192, "a texture of 16 to 8192 texels");
  const PersonMask& mask = p.person;
  require(mask.values.empty() ||
              (mask.width > 0 && mask.height > 0 &&
               mask.values.size() == static_cast<std::size_t>(mask.width) * static_cast<std::size_t>(mask.height)),
          "a person mask of width x height");
  for (const float v : mask.values) require(v >= 0 && v <= 1, "person mask values of 0 to 1");
  for (const float v : mask.from_photo) require(std::isfinite(v), "a finite affine map to the person mask");
}

// Part of the photo that shows the head.
struct Window {
  double x0, y0, width, height;
};

Window window_of(const Model& model, const TextureProblem& p, const imaging::Image& photo) {
  double box[4] = {1e9, 1e9, -1e9, -1e9};
  for (long v = 0; v < model.vertex_count; ++v) {
    const auto c = ops::PoseProject::rotate(
        p.camera.rotation.data(), Vec3<double>{static_cast<double>(p.positions[static_cast<std::size_t>(3 * v)]),
                                               static_cast<double>(p.positions[static_cast<std::size_t>(3 * v + 1)]),
                                               static_cast<double>(p.positions[static_cast<std::size_t>(3 * v + 2)])});
    const double z = c.z + p.camera.translation[2];
    if (!(z > 1)) continue;
    const double u = p.camera.focal_px * (c.x + p.camera.translation[0]) / z + p.camera.principal_px[0];
    const double w = p.camera.focal_px * (c.y + p.camera.translation[1]) / z + p.camera.principal_px[1];
    box[0] = std::min(box[0], u);
    box[1] = std::min(box[1], w);
    box[2] = std::max(box[2], u);
    box[3] = std::max(box[3], w);
  }
  const double x0 = std::clamp(std::floor(box[0]), 0.0, static_cast<double>(photo.width - 1));
  const double y0 = std::clamp(std::floor(box[1]), 0.0, static_cast<double>(photo.height - 1));
  return {x0, y0, std::clamp(std::ceil(box[2]) - x0, 1.0, static_cast<double>(photo.width) - x0),
          std::clamp(std::ceil(box[3]) - y0, 1.0, static_cast<double>(photo.height) - y0)};
}

}  // namespace

TextureResult recover_texture(const Model& model, const imaging::Image& photo, const TextureProblem& problem,
                              ThreadPool& pool, const Cancel& cancel) {
  check(model, problem);
  CpuBackend backend(pool);
  HeadSurface surface(model, host_arrays(model), backend);
  surface.set_positions(problem.positions);
  const HostArray<float>& normals = surface.update_normals();
  surface.update_albedo(problem.albedo);
  const HostArray<float>& colours = surface.update_colours(problem.camera, problem.lighting);
  cancel.check();

  // Visibility is smoother than colour: a raster of this side is fine enough for any photo.
  constexpr double kMaxSide = 1024;
  const Window window = window_of(model, problem, photo);
  const double scale = std::min(1.0, kMaxSide / std::max(window.width, window.height));
  const CameraPose camera = problem.camera.cropped(scale, window.x0, window.y0);
  TextureBakeArgs bake;
  bake.seen.width = std::max(1, static_cast<int>(std::ceil(window.width * scale)));
  bake.seen.height = std::max(1, static_cast<int>(std::ceil(window.height * scale)));
  bake.seen.depth = surface.look(camera, bake.seen.width, bake.seen.height).depth.data();
  bake.seen.scale = static_cast<float>(scale);
  bake.seen.x0 = static_cast<float>(window.x0);
  bake.seen.y0 = static_cast<float>(window.y0);
  cancel.check();

  std::vector<std::uint8_t> islands(static_cast<std::size_t>(model.triangle_count));
  for (std::size_t part = 0; part < model.parts.size(); ++part) {
    const auto first = islands.begin() + model.parts[part].first_triangle;
    std::fill(first, first + model.parts[part].triangle_count, static_cast<std::uint8_t>(part));
  }
  bake.vertices = model.vertex_count;
  bake.triangles = model.triangle_count;
  bake.positions = problem.positions.data();
  bake.normals = normals.data();
  bake.uvs = model.uvs.data();
  bake.shaded = colours.data();
  bake.indices = model.topology.triangles.data();
  bake.islands = islands.data();
  bake.island_count = static_cast<int>(model.parts.size());
  for (std::size_t i = 0; i < 9; ++i) bake.camera.rotation[i] = static_cast<float>(problem.camera.rotation[i]);
  for (std::size_t i = 0; i < 3; ++i) bake.camera.translation[i] = static_cast<float>(problem.camera.translation[i]);
  bake.camera.focal = static_cast<float>(problem.camera.focal_px);
  bake.camera.cx = static_cast<float>(problem.camera.principal_px[0]);
  bake.camera.cy = static_cast<float>(problem.camera.principal_px[1]);
  bake.photo = photo.pixels.data();
  bake.width = static_cast<int>(photo.width);
  bake.height = static_cast<int>(photo.height);
  bake.channels = static_cast<int>(photo.channels);
  if (!problem.person.values.empty()) {
    bake.person = problem.person.values.data();
    bake.person_width = problem.person.width;
    bake.person_height = problem.person.height;
    std::copy(problem.person.from_photo.begin(), problem.person.from_photo.end(), bake.person_from_photo);
  }
  bake.size = problem.size;
  return {bake_texture(bake, pool, cancel), std::vector<float>(normals.begin(), normals.end())};
}

}  // namespace hrn::fit
