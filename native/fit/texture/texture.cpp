#include "fit/texture/texture.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "backends/cpu/cpu_backend.hpp"
#include "core/error.hpp"
#include "fit/parameters/fit.hpp"
#include "fit/texture/fit.hpp"

namespace hrn::fit {
namespace {

constexpr Requirement require{"texture"};

}  // namespace

void check_texture_problem(const Model& model, const TextureProblem& p, std::span<const std::uint8_t> rgb) {
  require(p.positions.size() == 3 * static_cast<std::size_t>(model.vertex_count), "three positions per vertex");
  for (const float v : p.positions) require(std::isfinite(v), "finite positions");
  require(static_cast<long>(p.albedo.size()) == model.albedo_count, "one value per albedo component");
  for (const double v : p.albedo) require(std::isfinite(v), "finite albedo coefficients");
  for (const double v : p.lighting) require(std::isfinite(v), "finite light");
  check_camera(p.camera);
  require(p.size >= 16 && p.size <= 8192, "a texture of 16 to 8192 texels");
  require(rgb.size() == 3 * static_cast<std::size_t>(p.size) * static_cast<std::size_t>(p.size),
          "room for the texture");
  require(p.lids.empty() || static_cast<long>(p.lids.size()) == model.vertex_count,
          "a share of the lids' way per vertex");
  for (const float v : p.lids) require(v >= 0 && v <= 1, "shares of the lids' way of 0 to 1");
  require(p.worn.empty() || static_cast<long>(p.worn.size()) == model.expression_count, "a weight per expression");
  for (const double v : p.worn) require(std::isfinite(v), "finite weights of expressions");
  require(p.sights.empty() || static_cast<long>(p.sights.size()) == model.vertex_count, "a sight per vertex");
  for (const std::uint8_t s : p.sights) require(s < kSights, "sights of 0 to " + std::to_string(kSights - 1));
  const PersonMask& mask = p.person;
  require(mask.values.empty() ||
              (mask.width > 0 && mask.height > 0 &&
               mask.values.size() == static_cast<std::size_t>(mask.width) * static_cast<std::size_t>(mask.height)),
          "a person mask of width x height");
  for (const float v : mask.values) require(v >= 0 && v <= 1, "person mask values of 0 to 1");
  require(mask.skin.empty() || mask.skin.size() == mask.values.size(), "a skin mask like the person mask");
  for (const float v : mask.skin) require(v >= 0 && v <= 1, "skin mask values of 0 to 1");
  require(mask.opening.empty() || mask.opening.size() == mask.values.size(), "an opening mask like the person mask");
  for (const float v : mask.opening) require(v >= 0 && v <= 1, "opening mask values of 0 to 1");
  require(mask.hair.empty() || mask.hair.size() == mask.values.size(), "a hair mask like the person mask");
  for (const float v : mask.hair) require(v >= 0 && v <= 1, "hair mask values of 0 to 1");
  require(p.albedo_rgb.empty() || p.albedo_rgb.size() == rgb.size(), "room for the texture without light");
  require(p.paint.empty() || static_cast<long>(p.paint.size()) == 4 * model.vertex_count, "a paint per vertex");
  for (const float v : p.paint) require(v >= 0 && v <= 1, "paint of 0 to 1");
  for (const float v : mask.from_photo) require(std::isfinite(v), "a finite affine map to the person mask");
}

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

std::vector<float> recover_texture(const Model& model, const imaging::Image& photo, const TextureProblem& problem,
                                   std::span<std::uint8_t> rgb, ThreadPool& pool, const Cancel& cancel) {
  check_texture_problem(model, problem, rgb);
  CpuBackend backend(pool);
  return run_texture(model, host_arrays(model), photo, problem, rgb.data(), backend, cancel);
}

}  // namespace hrn::fit
