#include "fit/views/sheet.hpp"

#include <algorithm>
#include <cmath>

#include "backends/cpu/cpu_backend.hpp"
#include "core/vec.hpp"
#include "fit/head/surface.hpp"
#include "fit/parameters/least_squares.hpp"

namespace hrn::fit {
namespace {

/// What of red, green and blue is looked at; and light below which skin tells nothing.
constexpr float kGrey[] = {0.3f, 0.6f, 0.1f}, kDark = 0.15f;
/// Cosine towards the camera from which skin tells something, and from which it does in full.
constexpr float kLeastFacing = 0.25f, kFullFacing = 0.55f;

}  // namespace

bool takes_part(const Model& model, std::size_t v) {
  const Region region = static_cast<Region>(model.regions[v]);
  return model.deformable[v] > 0.3f && region != Region::ears && region != Region::neck && region != Region::scalp;
}

Layout lay_out(const Model& model, ThreadPool& pool) {
  CpuBackend backend(pool);
  std::vector<float> screen(3 * static_cast<std::size_t>(model.vertex_count), 1.f);
  for (std::size_t v = 0; v < screen.size() / 3; ++v)
    for (std::size_t k = 0; k < 2; ++k) screen[3 * v + k] = model.uvs[2 * v + k] * static_cast<float>(kSheetSide);
  std::vector<std::int32_t> triangles;
  for (const Part& part : model.parts) {
    if (part.name != "skin") continue;
    for (long t = part.first_triangle; t < part.first_triangle + part.triangle_count; ++t) {
      const std::int32_t* corners = model.topology.triangles.data() + 3 * t;
      const auto moves = [&](std::int32_t v) { return takes_part(model, static_cast<std::size_t>(v)); };
      if (std::all_of(corners, corners + 3, moves)) triangles.insert(triangles.end(), corners, corners + 3);
    }
  }
  std::vector<std::int32_t> owner(kSheetTexels);
  std::vector<float> barycentrics(2 * kSheetTexels), depth(kSheetTexels);
  ops::RasterizeArgs<float> raster;
  raster.screen = screen.data();
  raster.triangles = triangles.data();
  raster.vertex_count = model.vertex_count;
  raster.triangle_count = static_cast<long>(triangles.size() / 3);
  raster.width = raster.height = static_cast<int>(kSheetSide);
  raster.near_mm = 0.5f;
  raster.cull_back_faces = false;
  raster.triangle_id = owner.data();
  raster.barycentrics = barycentrics.data();
  raster.depth = depth.data();
  backend.rasterize(raster);
  Layout layout{std::vector<std::int32_t>(3 * kSheetTexels, -1), std::vector<float>(3 * kSheetTexels, 0.f)};
  for (std::size_t i = 0; i < kSheetTexels; ++i) {
    if (owner[i] < 0) continue;
    std::copy_n(triangles.data() + 3 * owner[i], 3, layout.corners.data() + 3 * i);
    const float a = barycentrics[2 * i], b = barycentrics[2 * i + 1];
    const float weights[3] = {a, b, 1 - a - b};
    std::copy_n(weights, 3, layout.weights.data() + 3 * i);
  }
  return layout;
}

Sheet lay_out_photo(const Model& model, const RegisteredView& view, const Layout& layout, ThreadPool& pool) {
  CpuBackend backend(pool);
  HeadSurface<CpuBackend> surface(model, host_arrays(model), backend);
  surface.set_positions(view.positions);
  const auto& normals = surface.update_normals();
  const auto& albedo = surface.update_albedo({});
  const auto& colours = surface.update_colours(view.camera, view.lighting);
  const std::vector<float> visible = visible_vertices(model, look_at_surface(surface, backend, view.camera));
  const std::size_t count = static_cast<std::size_t>(model.vertex_count);
  std::vector<float> pixels(2 * count), seen(count), light(count);
  for (std::size_t v = 0; v < count; ++v) {
    const Vec3<float> p = load3(view.positions.data(), static_cast<long>(v)),
                      n = load3(normals.data(), static_cast<long>(v));
    const Vec3<double> at = view.camera.transform({double(p.x), double(p.y), double(p.z)});
    const Vec3<double> normal = view.camera.rotate({double(n.x), double(n.y), double(n.z)});
    double pixel[2];
    view.camera.project(at, pixel);
    for (std::size_t k = 0; k < 2; ++k) pixels[2 * v + k] = static_cast<float>(pixel[k]);
    float lit = 0, own = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      lit += kGrey[k] * colours[3 * v + k];
      own += kGrey[k] * albedo[3 * v + k];
    }
    light[v] = std::max(kDark, lit / std::max(own, 1e-3f));
    const float facing = static_cast<float>(-dot(normal, at) / std::sqrt(dot(at, at)));
    seen[v] = visible[v] * std::clamp((facing - kLeastFacing) / (kFullFacing - kLeastFacing), 0.f, 1.f);
  }
  Sheet sheet;
  for (Plane* plane : {&sheet.x, &sheet.y, &sheet.grey, &sheet.weight, &sheet.u, &sheet.v, &sheet.relief})
    plane->assign(kSheetTexels, 0.f);
  const PhotometricLevel& level = view.level;
  const long size = level.size;
  for_texels(pool, [&](std::size_t i) {
    if (!layout.has(i)) return;
    sheet.x[i] = layout.mix(i, [&](std::size_t v) { return pixels[2 * v]; });
    sheet.y[i] = layout.mix(i, [&](std::size_t v) { return pixels[2 * v + 1]; });
    const float x = level.scale * (sheet.x[i] - level.x0) - 0.5f, y = level.scale * (sheet.y[i] - level.y0) - 0.5f;
    if (!(x >= 0 && y >= 0 && x < static_cast<float>(size - 1) && y < static_cast<float>(size - 1))) return;
    const long column = static_cast<long>(x), row = static_cast<long>(y);
    const float right = x - static_cast<float>(column), down = y - static_cast<float>(row);
    const float shares[4] = {(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down};
    float grey = 0, mask = 0;
    for (int k = 0; k < 4; ++k) {
      const std::size_t at = static_cast<std::size_t>((row + k / 2) * size + column + k % 2);
      for (std::size_t c = 0; c < 3; ++c) grey += shares[k] * kGrey[c] * level.rgb[3 * at + c];
      mask += shares[k] * level.mask[at];
    }
    sheet.grey[i] = grey / layout.mix(i, [&](std::size_t v) { return light[v]; });
    sheet.weight[i] = mask * layout.mix(i, [&](std::size_t v) { return seen[v]; });
  });
  return sheet;
}

}  // namespace hrn::fit
