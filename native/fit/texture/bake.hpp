// Texture recovery: one square colour map over the model's UV layout, taken from the photo where the photo shows the
// surface, from the mirrored side where it does not, and from the fitted albedo and light elsewhere. On any backend.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "backends/backend.hpp"
#include "core/cancel.hpp"
#include "fit/texture/albedo.hpp"
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

// The baked texture without its light, to the host's `rgb`. `half`: the coarse level of `args`, which it uses again.
template <class B>
void bake_albedo(const texture::TexelArgs& args, WeightedMaps<B>& half, std::uint8_t* rgb, B& backend,
                 const Cancel& cancel) {
  using texture::Albedo;
  const long blocks = args.side * args.side, size = args.bake.size;
  const auto floats = [&](long n) { return backend.template alloc<float>(static_cast<std::size_t>(n)); };
  auto from = floats(7 * blocks), to = floats(7 * blocks);
  auto out = backend.output(rgb, static_cast<std::size_t>(3 * size * size));
  texture::AlbedoArgs albedo{args, args.bake.albedo, {}, from.data(), to.data(), out.data()};
  for (int k = 0; k < 3; ++k) albedo.ambient[k] = args.bake.ambient[k];
  backend.template for_each<Albedo::Means>(blocks, albedo);
  for (int step = 0; step < Albedo::kSmoothing; ++step) {
    backend.template for_each<Albedo::Smooth>(blocks, albedo);
    std::swap(albedo.from, albedo.to);
  }
  cancel.check();
  backend.template for_each<Albedo::Blend>(half.texels(), albedo);
  pull_push(half, backend);
  backend.template for_each<Albedo::Fill>(size * size, albedo);
  backend.deliver(out);
}

// What the texels are: whose, what photos show of them, and the colours made of that. All bakes are of one size, mesh
// and layout.
template <class B>
class TextureBaker {
  template <class T>
  using Array = typename B::template Array<T>;

 public:
  // `layout`: a bake, of which mesh and layout count.
  TextureBaker(const TextureBakeArgs& layout, B& backend)
      : backend_(backend), size_(layout.size), texels_(size_ * size_), islands_(layout.island_count) {
    owner_ = backend.template alloc<std::int32_t>(static_cast<std::size_t>(texels_));
    weights_ = floats(2 * texels_);
    // Which triangle owns each texel: the mesh drawn into its own UV layout, which is bijective.
    auto screen = floats(3 * layout.vertices);
    backend.template for_each<UnwrapVertex>(layout.vertices, UnwrapArgs{layout, screen.data()});
    ops::RasterizeArgs<float> raster;
    raster.screen = screen.data();
    raster.triangles = layout.indices;
    raster.vertex_count = layout.vertices;
    raster.triangle_count = layout.triangles;
    raster.width = raster.height = layout.size;
    raster.cull_back_faces = false;
    raster.triangle_id = owner_.data();
    raster.barycentrics = weights_.data();
    backend.rasterize(raster);
    photo_ = floats(4 * texels_);
    posed_ = floats(8 * layout.vertices);
    facts_ = bytes(layout.triangles);
    witness_ = bytes(texels_);
    strands_ = bytes(texels_);
  }

  // What the bake's photo shows. Throws hrn::Error when cancelled.
  void see(const TextureBakeArgs& bake, const Cancel& cancel) {
    using texture::Confidence;
    const long seen = static_cast<long>(bake.seen.width) * bake.seen.height;
    // A fitted outline is never exact, and one pixel of background on a cheek is seen at once.
    auto edge = bytes(seen), along = bytes(seen);
    auto safe = floats(seen);
    const long radius =
        std::clamp<long>(std::lround(0.012 * static_cast<double>(std::max(bake.seen.width, bake.seen.height))), 2, 100);
    const texture::ConfidenceArgs margin{bake.seen, radius, edge.data(), along.data(), safe.data()};
    backend_.template for_each<Confidence::Edge>(seen, margin);
    backend_.template for_each<Confidence::Along>(bake.seen.height, margin);
    backend_.template for_each<Confidence::Margin>(seen, margin);
    cancel.check();
    texture::TexelArgs args = arguments(bake);
    args.safe = safe.data();
    args.border = static_cast<float>(radius) / bake.seen.scale;
    pose(args);
    backend_.template for_each<texture::Texel::Photo>(texels_, args);
    cancel.check();
  }

  // Where the bake's camera sees the mesh, without its photo.
  void pose(const texture::TexelArgs& args) {
    backend_.template for_each<texture::Texel::Pose>(args.bake.vertices, args);
    backend_.template for_each<texture::Texel::Facts>(args.bake.triangles, args);
  }

  // Writes [size][size][3] sRGB bytes, rows from v = 0, to the host's `rgb`, for the bake that was posed last, and the
  // same without light to `albedo` unless that is null. Throws hrn::Error when cancelled.
  void finish(const TextureBakeArgs& bake, std::uint8_t* rgb, const Cancel& cancel, std::uint8_t* albedo = nullptr) {
    using texture::Texel;
    const long block = std::max(1L, size_ / 128), side = (size_ + block - 1) / block;
    WeightedMaps<B> block_means(side, 6, islands_ + 1, backend_), half((size_ + 1) / 2, 3, 1, backend_);
    auto fill = floats(3 * bake.vertices);
    auto out = backend_.output(rgb, static_cast<std::size_t>(3 * texels_));
    texture::TexelArgs args = arguments(bake);
    args.block = block;
    args.side = side;
    args.block_means = block_means.values.data();
    args.block_weight = block_means.weights.data();
    args.fill = fill.data();
    args.half = {size_, half.size, half.channels, nullptr, nullptr, half.values.data(), half.weights.data()};
    args.bytes = out.data();
    backend_.template for_each<texture::BlockMeans>(side * side, args);
    backend_.template for_each<texture::Hints>(side * ((side + 1) / 2), args);
    pull_push(block_means, backend_);
    {
      using texture::Ratio;
      auto start = floats(4 * bake.vertices), from = floats(3 * bake.vertices), to = floats(3 * bake.vertices);
      texture::RatioArgs ratio{args, start.data(), from.data(), to.data()};
      backend_.template for_each<Ratio::Start>(bake.vertices, ratio);
      for (int step = 0; step < Ratio::kSteps; ++step) {
        backend_.template for_each<Ratio::Step>(bake.vertices, ratio);
        std::swap(ratio.from, ratio.to);
      }
      backend_.template for_each<Ratio::Apply>(bake.vertices, ratio);
    }
    backend_.template for_each<Texel::Blend>(half.texels(), args);
    cancel.check();
    pull_push(half, backend_);
    backend_.template for_each<Texel::Fill>(texels_, args);
    if (albedo != nullptr) bake_albedo(args, half, albedo, backend_, cancel);
    backend_.deliver(out);
  }

  // Of the texels; what only see() or finish() needs is left out.
  texture::TexelArgs arguments(const TextureBakeArgs& bake) {
    texture::TexelArgs args{};
    args.bake = bake;
    args.owner = owner_.data();
    args.weights = weights_.data();
    args.posed = posed_.data();
    args.facts = facts_.data();
    args.photo = photo_.data();
    args.witness = witness_.data();
    args.strands = strands_.data();
    return args;
  }
  long texels() const { return texels_; }

 private:
  Array<float> floats(long n) { return backend_.template alloc<float>(static_cast<std::size_t>(n)); }
  Array<std::uint8_t> bytes(long n) { return backend_.template alloc<std::uint8_t>(static_cast<std::size_t>(n)); }

  B& backend_;
  long size_, texels_;
  int islands_;
  Array<std::int32_t> owner_;
  Array<float> weights_, photo_, posed_;
  Array<std::uint8_t> facts_, witness_, strands_;
};

// Writes [size][size][3] sRGB bytes, rows from v = 0, to the host's `rgb`, and the same without light to `albedo`
// unless that is null. Throws hrn::Error when cancelled.
template <class B>
void bake_texture(const TextureBakeArgs& bake, std::uint8_t* rgb, B& backend, const Cancel& cancel,
                  std::uint8_t* albedo = nullptr) {
  TextureBaker<B> baker(bake, backend);
  cancel.check();
  baker.see(bake, cancel);
  baker.finish(bake, rgb, cancel, albedo);
}

}  // namespace hrn::fit
