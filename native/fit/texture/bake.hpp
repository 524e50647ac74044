// Texture recovery: one square colour map over the model's UV layout, taken from the photo where the photo shows the
// surface, from the mirrored side where it does not, and from the fitted albedo and light elsewhere. On any backend.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "backends/backend.hpp"
#include "core/cancel.hpp"
#include "fit/texture/pull_push.hpp"
#include "fit/texture/ratio.hpp"
#include "fit/texture/texel.hpp"

namespace hrn::fit {

struct UnwrapArgs {
  TextureBakeArgs bake;
  float* screen;  // out [vertices][3]
};
// Per vertex: where it lies in the texture, for the rasterizer. Texel centres are at +0.5.
struct UnwrapVertex {
  HRN_HD static void run(const UnwrapArgs& a, long v) {
    for (long k = 0; k < 2; ++k) a.screen[3 * v + k] = a.bake.uvs[2 * v + k] * static_cast<float>(a.bake.size);
    a.screen[3 * v + 2] = 1;
  }
};

// Writes [size][size][3] sRGB bytes, rows from v = 0, to the host's `rgb`. Throws hrn::Error when cancelled.
template <class B>
void bake_texture(const TextureBakeArgs& bake, std::uint8_t* rgb, B& backend, const Cancel& cancel) {
  using texture::Confidence;
  using texture::Texel;
  const long size = bake.size, texels = size * size;
  const long seen = static_cast<long>(bake.seen.width) * bake.seen.height;
  const auto floats = [&](long n) { return backend.template alloc<float>(static_cast<std::size_t>(n)); };
  const auto bytes = [&](long n) { return backend.template alloc<std::uint8_t>(static_cast<std::size_t>(n)); };

  // Which triangle owns each texel: the mesh drawn into its own UV layout, which is bijective.
  auto owner = backend.template alloc<std::int32_t>(static_cast<std::size_t>(texels));
  auto weights = floats(2 * texels);
  {
    auto screen = floats(3 * bake.vertices);
    backend.template for_each<UnwrapVertex>(bake.vertices, UnwrapArgs{bake, screen.data()});
    ops::RasterizeArgs<float> raster;
    raster.screen = screen.data();
    raster.triangles = bake.indices;
    raster.vertex_count = bake.vertices;
    raster.triangle_count = bake.triangles;
    raster.width = raster.height = bake.size;
    raster.cull_back_faces = false;
    raster.triangle_id = owner.data();
    raster.barycentrics = weights.data();
    backend.rasterize(raster);
  }
  cancel.check();

  // A fitted outline is never exact, and one pixel of background on a cheek is seen at once.
  auto edge = bytes(seen), along = bytes(seen);
  auto safe = floats(seen);
  const long radius =
      std::clamp<long>(std::lround(0.012 * static_cast<double>(std::max(bake.seen.width, bake.seen.height))), 2, 100);
  const texture::ConfidenceArgs margin{bake.seen, radius, edge.data(), along.data(), safe.data()};
  backend.template for_each<Confidence::Edge>(seen, margin);
  backend.template for_each<Confidence::Along>(bake.seen.height, margin);
  backend.template for_each<Confidence::Margin>(seen, margin);
  cancel.check();

  auto photo = floats(4 * texels);
  auto posed = floats(8 * bake.vertices);
  auto facts = bytes(bake.triangles);
  const long block = std::max(1L, size / 128), side = (size + block - 1) / block;
  auto witness = bytes(texels);
  WeightedMaps<B> block_means(side, 6, bake.island_count + 1, backend), half((size + 1) / 2, 3, 1, backend);
  auto fill = floats(3 * bake.vertices);
  auto out = backend.output(rgb, static_cast<std::size_t>(3 * texels));
  const texture::TexelArgs args{
      bake,
      owner.data(),
      weights.data(),
      posed.data(),
      facts.data(),
      safe.data(),
      static_cast<float>(radius) / bake.seen.scale,
      photo.data(),
      witness.data(),
      block,
      side,
      block_means.values.data(),
      block_means.weights.data(),
      fill.data(),
      {size, half.size, half.channels, nullptr, nullptr, half.values.data(), half.weights.data()},
      out.data()};
  backend.template for_each<Texel::Pose>(bake.vertices, args);
  backend.template for_each<Texel::Facts>(bake.triangles, args);
  backend.template for_each<Texel::Photo>(texels, args);
  cancel.check();
  backend.template for_each<texture::BlockMeans>(side * side, args);
  backend.template for_each<texture::Hints>(side * ((side + 1) / 2), args);
  pull_push(block_means, backend);
  {
    using texture::Ratio;
    auto start = floats(4 * bake.vertices), from = floats(3 * bake.vertices), to = floats(3 * bake.vertices);
    texture::RatioArgs ratio{args, start.data(), from.data(), to.data()};
    backend.template for_each<Ratio::Start>(bake.vertices, ratio);
    for (int step = 0; step < Ratio::kSteps; ++step) {
      backend.template for_each<Ratio::Step>(bake.vertices, ratio);
      std::swap(ratio.from, ratio.to);
    }
    backend.template for_each<Ratio::Apply>(bake.vertices, ratio);
  }
  backend.template for_each<Texel::Blend>(half.texels(), args);
  cancel.check();
  pull_push(half, backend);
  backend.template for_each<Texel::Fill>(texels, args);
  backend.deliver(out);
}

}  // namespace hrn::fit
