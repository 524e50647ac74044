// The detail fit on any backend: coarse to fine, and on every level the shading is linearised about the map so far.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "fit/detail/constants.hpp"
#include "fit/detail/detail.hpp"
#include "fit/detail/finish.hpp"
#include "fit/detail/height_solver.hpp"
#include "fit/detail/shading_rows.hpp"
#include "fit/detail/surface_texels.hpp"
#include "fit/head/surface.hpp"

namespace hrn::fit {

namespace detail {

/// One step from coarse to fine: a map of `size` texels a side and the photo at about one pixel a texel.
struct Level {
  long size = 0;
  long side = 0;           // pixels of the raster
  std::vector<float> rgb;  // [side][side][3]
  double pixels_per_mm = 0;
};
/// What the photo can decide.
struct Resolved {
  std::vector<Level> levels;  // coarse first
  double pixels_per_mm = 0;   // at the middle of the face
  bool is_grey = false;       // without hues
};
/// The host's part of a fit. Throws Error(invalid_argument) where the problem does not fit together.
Resolved resolve(const Model& model, const imaging::Image& photo, const DetailProblem& problem, ThreadPool& pool);
/// The part of a map of `size` texels a side that may be displaced, symmetric about the middle column.
Box box_of(const Model& model, long size);
/// Light [3][9] from the sums of ShadingRow::Light, its parts in order.
std::array<float, 27> solved_light(const double* sums);
/// How shading is told from pigment: see RowArgs.
struct Separation {
  std::array<float, 3> share;
  std::array<float, 6> doubt;
};
Separation separation();

}  // namespace detail

/// A problem and what was resolved for it.
template <class B>
DetailResult run_detail(const Model& model, const ModelArrays& arrays, const DetailProblem& problem,
                        const detail::Resolved& resolved, B& backend, const Cancel& cancel, const Progress& progress) {
  using namespace detail;
  const std::vector<Level>& levels = resolved.levels;
  const auto floats = [&](long n) { return backend.template alloc<float>(static_cast<std::size_t>(n)); };
  const auto bytes = [&](long n) { return backend.template alloc<std::uint8_t>(static_cast<std::size_t>(n)); };

  HeadSurface<B> surface(model, arrays, backend);
  surface.set_positions(problem.positions);
  const auto& normals = surface.update_normals();
  const auto& albedo = surface.update_albedo(problem.albedo);
  constexpr long kDepthSide = 1024;
  const auto& depth = surface
                          .look(problem.camera.cropped(static_cast<double>(kDepthSide) / problem.square.side,
                                                       problem.square.x0, problem.square.y0),
                                static_cast<int>(kDepthSide), static_cast<int>(kDepthSide))
                          .depth;
  auto posed = floats(6 * model.vertex_count);
  const auto skin = backend.borrow(problem.skin.data(), problem.skin.size());
  const Separation apart = separation();
  const float hue_trust = resolved.is_grey ? kGreyTrust : 1.f;

  DetailResult result;
  result.pixels_per_mm = resolved.pixels_per_mm;
  typename B::template Array<float> coarse, coarse_seen;
  Box coarse_box;
  std::array<float, 27> lighting{};
  int done = 0;
  const int steps = static_cast<int>(levels.size()) + 1;
  for (const Level& level : levels) {
    cancel.check();
    progress.report(done++, steps);
    const bool is_first = &level == levels.data(), is_last = &level == &levels.back();
    const Box box = box_of(model, level.size);
    const long n = box.texels(), all = level.size * level.size;

    auto pixel = floats(2 * n), normal = floats(3 * n), along_u = floats(3 * n), along_v = floats(3 * n),
         metric = floats(3 * n), area = floats(n), log_albedo = floats(3 * n), allowed = floats(n), facing = floats(n);
    SurfaceTexelArgs look;
    look.box = box;
    look.vertices = model.vertex_count;
    look.skin_triangles = model.parts.front().triangle_count;
    look.positions = surface.positions().data();
    look.normals = normals.data();
    look.albedo = albedo.data();
    look.uvs = arrays.uvs;
    look.deformable = arrays.deformable;
    look.triangles = arrays.triangles;
    const CameraPose camera = problem.camera.cropped(static_cast<double>(level.side) / problem.square.side,
                                                     problem.square.x0, problem.square.y0);
    for (std::size_t k = 0; k < 9; ++k) look.rotation[k] = static_cast<float>(camera.rotation[k]);
    for (std::size_t k = 0; k < 3; ++k) look.translation[k] = static_cast<float>(camera.translation[k]);
    look.focal = static_cast<float>(camera.focal_px);
    look.cx = static_cast<float>(camera.principal_px[0]);
    look.cy = static_cast<float>(camera.principal_px[1]);
    look.depth = depth.data();
    look.depth_side = kDepthSide;
    look.depth_scale = static_cast<float>(kDepthSide) / static_cast<float>(level.side);
    look.posed = posed.data();
    look.pixel = pixel.data();
    look.normal = normal.data();
    look.along_u = along_u.data();
    look.along_v = along_v.data();
    look.metric = metric.data();
    look.area = area.data();
    look.log_albedo = log_albedo.data();
    look.allowed = allowed.data();
    look.facing = facing.data();
    if (is_first) backend.template for_each<SurfaceTexel::Pose>(model.vertex_count, look);
    {
      auto owner = backend.template alloc<std::int32_t>(static_cast<std::size_t>(all));
      auto weights = floats(2 * all);
      auto screen = floats(3 * model.vertex_count);
      backend.template for_each<LayoutVertex>(model.vertex_count,
                                              LayoutArgs{arrays.uvs, static_cast<float>(level.size), screen.data()});
      ops::RasterizeArgs<float> raster;
      raster.screen = screen.data();
      raster.triangles = arrays.triangles;
      raster.vertex_count = model.vertex_count;
      raster.triangle_count = model.triangle_count;
      raster.width = raster.height = static_cast<int>(level.size);
      raster.cull_back_faces = false;
      raster.triangle_id = owner.data();
      raster.barycentrics = weights.data();
      backend.rasterize(raster);
      look.owner = owner.data();
      look.weights = weights.data();
      backend.template for_each<SurfaceTexel::Look>(n, look);
    }
    cancel.check();

    auto photo = floats(3 * n), trust = floats(n), unexplained = floats(3 * n), weight = floats(n), slope_u = floats(n),
         slope_v = floats(n), shift = floats(n), height = floats(n), sky = floats(n), lifts = floats(n),
         shared = floats(n), wide = floats(n), predicted = floats(n), doubtful = floats(2 * n),
         strength = floats(3 * n), target = floats(n);
    auto active = bytes(n);
    const auto rgb = backend.borrow(level.rgb.data(), level.rgb.size());
    if (!coarse.empty())
      for (float* to : {height.data(), wide.data()})
        backend.template for_each<Resample>(n, ResampleArgs{coarse_box, box, coarse.data(), to, false});
    const double texel_mm = kTexelMm * 1024 / static_cast<double>(level.size);
    const long block = std::max(1L, std::lround(kSmoothMm / 2 / texel_mm));
    SmoothGridOf<B> smooth(box, block, 3, static_cast<float>(kSmoothMm / (texel_mm * static_cast<double>(block))),
                           backend, kBins, kBinWidth);
    const long grain_block = std::max(1L, std::lround(kGrainMm / 2 / texel_mm));
    SmoothGridOf<B> grain(box, grain_block, 1,
                          static_cast<float>(kGrainMm / (texel_mm * static_cast<double>(grain_block))), backend);
    const long doubt_block = std::max(1L, std::lround(kDoubtMm / 2 / texel_mm));
    SmoothGridOf<B> doubts(box, doubt_block, 2,
                           static_cast<float>(kDoubtMm / (texel_mm * static_cast<double>(doubt_block))), backend);
    const long strength_block = std::max(1L, std::lround(kStrengthMm / 2 / texel_mm));
    SmoothGridOf<B> strengths(box, strength_block, 3,
                              static_cast<float>(kStrengthMm / (texel_mm * static_cast<double>(strength_block))),
                              backend);
    const long broad_block = std::max(1L, std::lround(kBroadMm / 2 / texel_mm));
    SmoothGridOf<B> broad(box, broad_block, 1,
                          static_cast<float>(kBroadMm / (texel_mm * static_cast<double>(broad_block))), backend);
    RowArgs rows;
    rows.box = box;
    rows.pixel = pixel.data();
    rows.normal = normal.data();
    rows.along_u = along_u.data();
    rows.along_v = along_v.data();
    rows.area = area.data();
    rows.allowed = allowed.data();
    rows.facing = facing.data();
    rows.log_albedo = log_albedo.data();
    rows.rgb = rgb.data();
    rows.side = level.side;
    rows.pixels_per_mm = static_cast<float>(level.pixels_per_mm);
    rows.skin = skin.data();
    rows.skin_side = problem.skin_size;
    std::copy(apart.share.begin(), apart.share.end(), rows.share);
    std::copy(apart.doubt.begin(), apart.doubt.end(), rows.doubt);
    rows.chroma_limit = kChromaLimit;
    rows.hue_trust = hue_trust;
    rows.limit = kLimit;
    rows.height = height.data();
    rows.wide = wide.data();
    rows.doubtful = doubtful.data();
    rows.faint = kFaint;
    rows.fine_sky = kFineSky;
    rows.active = active.data();
    rows.smooth = smooth.args;
    rows.grain = grain.args;
    rows.grain_limit = kGrainLimit * static_cast<float>(texel_mm * texel_mm / (kTexelMm * kTexelMm));
    rows.photo = photo.data();
    rows.trust = trust.data();
    rows.is_active = active.data();
    rows.unexplained = unexplained.data();
    rows.weight = weight.data();
    rows.slope_u = slope_u.data();
    rows.slope_v = slope_v.data();
    rows.sky = kSky;
    rows.sky_slope = sky.data();
    rows.lift = kLift;
    rows.lift_unseen = kLiftUnseen;
    rows.lifts = lifts.data();
    rows.shared = shared.data();
    rows.doubts = doubts.args;
    rows.predicted = predicted.data();
    rows.strength = strength.data();
    rows.strengths = strengths.args;
    rows.target = target.data();
    rows.broad = broad.args;
    rows.fine_noise = kFineNoise;
    rows.broad_noise = kBroadNoise;
    rows.fine_misplaced = kFineMisplacedMm;
    rows.broad_misplaced = kBroadMisplacedMm;
    rows.shift = shift.data();
    backend.template for_each<ShadingRow::Photo>(n, rows);
    backend.template for_each<ShadingRow::Grain>(n, rows);
    grain.smooth(shift.data(), weight.data(), backend);
    if (is_first) {
      constexpr int kLightSteps = 6;
      for (int step = 0; step < kLightSteps; ++step) {
        double sums[45 + 27];
        backend.template reduce<ShadingRow::Light<0>, ShadingRow::Light<0>::kSums>(n, rows, sums);
        backend.template reduce<ShadingRow::Light<1>, ShadingRow::Light<1>::kSums>(n, rows, sums + 24);
        backend.template reduce<ShadingRow::Light<2>, ShadingRow::Light<2>::kSums>(n, rows, sums + 45);
        lighting = solved_light(sums);
        std::copy(lighting.begin(), lighting.end(), rows.lighting);
      }
    }
    std::copy(lighting.begin(), lighting.end(), rows.lighting);
    backend.template for_each<ShadingRow::Predict>(n, rows);

    auto residual = floats(n), direction = floats(n), product = floats(n), flux = floats(HeightSystem::kFlux * n),
         diagonal = floats(n);
    HeightArgs system;
    system.box = box;
    system.tilt = kTilt;
    system.bend = kBend;
    system.lift = lifts.data();
    system.sky = sky.data();
    system.active = active.data();
    system.slope_u = slope_u.data();
    system.slope_v = slope_v.data();
    system.shift = shift.data();
    system.weight = weight.data();
    system.area = area.data();
    system.metric = metric.data();
    system.height = height.data();
    system.residual = residual.data();
    system.direction = direction.data();
    system.product = product.data();
    system.flux = flux.data();
    system.diagonal = diagonal.data();
    // What is wide takes many steps to level out, which on coarse maps are cheap.
    const int iterations = static_cast<int>(kIterations * 1024 / level.size);
    for (int turn = 0; turn < (is_last ? 1 : 2); ++turn) {
      backend.template for_each<ShadingRow::Explain>(n, rows);
      smooth.smooth(unexplained.data(), trust.data(), backend);
      backend.template for_each<ShadingRow::Doubt>(n, rows);
      doubts.smooth(doubtful.data(), weight.data(), backend);
      broad.smooth(target.data(), weight.data(), backend);
      backend.template for_each<ShadingRow::Strength>(n, rows);
      strengths.smooth(strength.data(), weight.data(), backend);
      backend.template for_each<ShadingRow::Weigh>(n, rows);
      result.iterations += solve_heights(system, iterations, kTolerance, backend, cancel);
    }
    coarse = std::move(height);
    coarse_box = box;
    result.solved_size = static_cast<int>(level.size);
    if (!is_last) continue;

    // Finished on the last level, whose surface is at hand.
    const long fold_block = std::max(1L, std::lround(kFoldMm / 2 / texel_mm));
    const float fold_blur = static_cast<float>(kFoldMm / (texel_mm * static_cast<double>(fold_block)));
    const long fade_block = std::max(1L, std::lround(kFadeMm / 2 / texel_mm));
    SmoothGridOf<B> trusts(box, fade_block, 1,
                           static_cast<float>(kFadeMm / (texel_mm * static_cast<double>(fade_block))), backend),
        folds(box, fold_block, 1, fold_blur, backend);
    auto finished = floats(n);
    coarse_seen = floats(n);
    FinishArgs finish{box,         coarse.data(), trust.data(),  allowed.data(),     active.data(),
                      trusts.args, folds.args,    weight.data(), coarse_seen.data(), finished.data()};
    backend.template for_each<Finish::Count>(n, finish);
    trusts.smooth(trust.data(), weight.data(), backend);
    backend.template for_each<Finish::Seen>(n, finish);
    folds.smooth(coarse.data(), weight.data(), backend);
    backend.template for_each<Finish::Map>(n, finish);
    coarse = std::move(finished);
  }
  cancel.check();
  progress.report(done, steps);
  const Box whole{problem.size, 0, 0, problem.size, problem.size};
  result.map.resize(static_cast<std::size_t>(whole.texels()));
  result.seen.resize(result.map.size());
  auto out = backend.output(result.map.data(), result.map.size());
  backend.template for_each<Resample>(whole.texels(),
                                      ResampleArgs{coarse_box, whole, coarse.data(), out.data(), false});
  backend.deliver(out);
  auto seen = backend.output(result.seen.data(), result.seen.size());
  backend.template for_each<Resample>(whole.texels(),
                                      ResampleArgs{coarse_box, whole, coarse_seen.data(), seen.data(), true});
  backend.deliver(seen);
  result.tessellation =
      model.tessellations.get(problem.triangles, [&] { return tessellate(model, problem.triangles); });
  std::vector<float> smooth_normals(normals.size());
  backend.download(smooth_normals.data(), normals, smooth_normals.size());
  result.mesh = displaced_mesh(*result.tessellation, problem.positions, smooth_normals, result.map, problem.size);
  return result;
}

}  // namespace hrn::fit
