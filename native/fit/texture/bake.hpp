// Texture recovery: one square colour map over the model's UV layout, taken from the photo where the photo shows the
// surface, from the mirrored side where it does not, and from the fitted albedo and light elsewhere. On any backend.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "core/cancel.hpp"
#include "fit/texture/albedo.hpp"
#include "fit/texture/grain_maker.hpp"
#include "fit/texture/pull_push.hpp"
#include "fit/texture/ratio.hpp"
#include "fit/texture/texel.hpp"

namespace hrn::fit {

// Larger textures than 2048 x 2048 are worked on in bands of rows, a fourth of that each.
constexpr long kTexelsAtATime = 1L << 22, kBandShare = 4;

struct UnwrapArgs {
  TextureBakeArgs bake;
  float first_row;
  float* screen;  // out [vertices][3]
};
// Per vertex: where it lies in the texture, for the rasterizer. Texel centres are at +0.5.
struct UnwrapVertex {
  HRN_HD static void run(const UnwrapArgs& a, long v) {
    for (long k = 0; k < 2; ++k) a.screen[3 * v + k] = a.bake.uvs[2 * v + k] * static_cast<float>(a.bake.size);
    a.screen[3 * v + 1] -= a.first_row;
    a.screen[3 * v + 2] = 1;
  }
};

// What the texels are: whose, what photos show of them, and the colours made of that. All bakes are of one size, mesh
// and layout.
// What is known of the texels of some rows: whose they are, and what a photo shows of them.
template <class B>
struct TexelMemory {
  typename B::template Array<std::int32_t> owner;
  typename B::template Array<float> weights;
  typename B::template Array<std::uint16_t> photo;
  typename B::template Array<std::uint8_t> witness, strands;
};

template <class B>
class TextureBaker {
  template <class T>
  using Array = typename B::template Array<T>;

 public:
  // `layout`: a bake, of which mesh and layout count. `rows`: that are worked on at a time, a multiple of
  // `row_step(size)` or all of them. `kept`: of a baker with the same layout and all rows, which is done; or nothing.
  TextureBaker(const TextureBakeArgs& layout, long rows, B& backend, TexelMemory<B>&& kept = {})
      : backend_(backend), size_(layout.size), rows_(rows), islands_(layout.island_count), texels_(std::move(kept)) {
    const bool is_known = texels_.owner.size() > 0;
    if (!is_known) {
      texels_.owner = backend.template alloc<std::int32_t>(static_cast<std::size_t>(texels()));
      texels_.weights = floats(2 * texels());
      texels_.photo = backend.template alloc<std::uint16_t>(static_cast<std::size_t>(4 * texels()));
      texels_.witness = bytes(texels());
      texels_.strands = bytes(texels());
    }
    posed_ = floats(8 * layout.vertices);
    facts_ = bytes(layout.triangles);
    spacing_ = floats(layout.triangles);
    screen_ = floats(3 * layout.vertices);
    if (!is_known && !in_bands()) own(layout);
  }

  // A block of the low frequencies: so many texels a side.
  static long block_of(long size) { return std::max(1L, size / 128); }
  static long row_step(long size) { return 2 * block_of(size); }

  // What the bake's photo shows. Throws hrn::Error when cancelled.
  void see(const TextureBakeArgs& bake, const Cancel& cancel) {
    using texture::Confidence;
    const long seen = static_cast<long>(bake.seen.width) * bake.seen.height;
    // A fitted outline is never exact, and one pixel of background on a cheek is seen at once.
    auto edge = bytes(seen), along = bytes(seen);
    safe_ = floats(seen);
    const long radius =
        std::clamp<long>(std::lround(0.012 * static_cast<double>(std::max(bake.seen.width, bake.seen.height))), 2, 100);
    const texture::ConfidenceArgs margin{bake.seen, radius, edge.data(), along.data(), safe_.data()};
    backend_.template for_each<Confidence::Edge>(seen, margin);
    backend_.template for_each<Confidence::Along>(bake.seen.height, margin);
    backend_.template for_each<Confidence::Margin>(seen, margin);
    cancel.check();
    border_ = static_cast<float>(radius) / bake.seen.scale;
    texture::TexelArgs args = arguments(bake);
    pose(args);
    if (!in_bands()) backend_.template for_each<texture::Texel::Photo>(texels(), args);
    cancel.check();
  }

  // Where the bake's camera sees the mesh, without its photo.
  void pose(const texture::TexelArgs& args) {
    backend_.template for_each<texture::Texel::Pose>(args.bake.vertices, args);
    backend_.template for_each<texture::Texel::Facts>(args.bake.triangles, args);
  }

  // Writes [size][size][3] sRGB bytes, rows from v = 0, to the host's `rgb`, for the bake that was posed last, and the
  // same without light to `albedo` unless that is null. `evens`: what the photo shows where the surface falls away from
  // the camera is evened with the rest. Throws hrn::Error when cancelled.
  void finish(const TextureBakeArgs& bake, std::uint8_t* rgb, const Cancel& cancel, std::uint8_t* albedo = nullptr,
              bool evens = true) {
    using texture::Texel;
    const long block = block_of(size_), side = (size_ + block - 1) / block, all = size_ * size_;
    WeightedMaps<B> block_means(side, 6, islands_ + 1, backend_), half((size_ + 1) / 2, 3, 1, backend_);
    auto fill = floats(3 * bake.vertices), evened = floats(3 * bake.vertices);
    auto inside = bytes(all);
    auto out = backend_.output(rgb, static_cast<std::size_t>(3 * all));
    texture::TexelArgs args = arguments(bake);
    args.block = block;
    args.side = side;
    args.block_means = block_means.values.data();
    args.block_weight = block_means.weights.data();
    args.fill = fill.data();
    args.half = {size_, half.size, half.channels, nullptr, nullptr, half.values.data(), half.weights.data()};
    args.inside = inside.data();
    args.bytes = out.data();
    auto grain_sums = floats(texture::kGrainSums * side * side);
    in_rows(args, cancel, [&](const texture::TexelArgs& rows, long, long blocks) {
      backend_.template for_each<texture::BlockMeans>(blocks, rows);
      backend_.template for_each<texture::GrainStats>(blocks, texture::GrainStatsArgs{rows, grain_sums.data()});
    });
    args.grain = grain_of(args, grain_sums, cancel);
    backend_.template for_each<texture::Hints>(side * ((side + 1) / 2), args);
    pull_push(block_means, backend_);
    {
      using texture::Ratio;
      auto start = floats(4 * bake.vertices), from = floats(3 * bake.vertices), to = floats(3 * bake.vertices);
      texture::RatioArgs ratio{args, start.data(), from.data(), to.data(), 1, evens ? evened.data() : nullptr};
      backend_.template for_each<Ratio::Start>(bake.vertices, ratio);
      for (int step = 0; step < Ratio::kSteps; ++step) {
        backend_.template for_each<Ratio::Step>(bake.vertices, ratio);
        std::swap(ratio.from, ratio.to);
        ratio.pace = static_cast<float>(
            step == 0 ? 1 / (1 - 0.5 * Ratio::kSlowest * Ratio::kSlowest)
                      : 1 / (1 - 0.25 * Ratio::kSlowest * Ratio::kSlowest * static_cast<double>(ratio.pace)));
      }
      backend_.template for_each<Ratio::Apply>(bake.vertices, ratio);
    }
    if (evens) args.evened = evened.data();
    texture::AlbedoArgs unlit{args, bake.albedo, {}, nullptr, nullptr, nullptr};
    for (int k = 0; k < 3; ++k) unlit.ambient[k] = bake.ambient[k];
    const long means = albedo != nullptr ? 7 * side * side : 0;
    auto from = floats(means), to = floats(means);
    unlit.from = from.data();
    unlit.to = to.data();
    in_rows(args, cancel, [&](const texture::TexelArgs& rows, long coarse, long blocks) {
      backend_.template for_each<Texel::Blend>(coarse, rows);
      unlit.texels = rows;
      if (albedo != nullptr) backend_.template for_each<texture::Albedo::Means>(blocks, unlit);
    });
    pull_push(half, backend_);
    backend_.template for_each<Texel::Fill>(all, args);
    if (albedo != nullptr) finish_albedo(unlit, args, half, albedo, cancel);
    backend_.deliver(out);
  }

  // Of the texels; what only finish() needs is left out.
  texture::TexelArgs arguments(const TextureBakeArgs& bake) {
    texture::TexelArgs args{};
    args.bake = bake;
    args.posed = posed_.data();
    args.facts = facts_.data();
    args.spacing = spacing_.data();
    args.safe = safe_.data();
    args.border = border_;
    point(args, 0);
    return args;
  }
  // Of the rows.
  long texels() const { return rows_ * size_; }
  // For the next baker; this one is done.
  TexelMemory<B> release() { return std::move(texels_); }

 private:
  bool in_bands() const { return rows_ < size_; }
  Array<float> floats(long n) { return backend_.template alloc<float>(static_cast<std::size_t>(n)); }
  Array<std::uint8_t> bytes(long n) { return backend_.template alloc<std::uint8_t>(static_cast<std::size_t>(n)); }

  // Makes the arrays those of the rows from `first` on.
  void point(texture::TexelArgs& args, long first) {
    const long before = first * size_;
    args.first_row = first;
    args.owner = texels_.owner.data() - before;
    args.weights = texels_.weights.data() - 2 * before;
    args.photo = texels_.photo.data() - 4 * before;
    args.witness = texels_.witness.data() - before;
    args.strands = texels_.strands.data() - before;
  }

  // Which triangle owns each texel of the rows: the mesh drawn into its own UV layout, which is bijective.
  void own(const TextureBakeArgs& bake, long first = 0) {
    backend_.template for_each<UnwrapVertex>(bake.vertices,
                                             UnwrapArgs{bake, static_cast<float>(first), screen_.data()});
    ops::RasterizeArgs<float> raster;
    raster.screen = screen_.data();
    raster.triangles = bake.indices;
    raster.vertex_count = bake.vertices;
    raster.triangle_count = bake.triangles;
    raster.width = static_cast<int>(size_);
    raster.height = static_cast<int>(std::min(rows_, size_ - first));
    raster.cull_back_faces = false;
    raster.triangle_id = texels_.owner.data();
    raster.barycentrics = texels_.weights.data();
    backend_.rasterize(raster);
  }

  // visit(args of some rows, coarse texels there, blocks there), from the first rows to the last, those alone that hold
  // rows from `begin` to before `end`. What the photo shows is worked out anew for every visit where the rows are not
  // all there are.
  template <class Visit>
  void in_rows(texture::TexelArgs args, const Cancel& cancel, Visit&& visit, long begin = 0, long end = 1L << 30) {
    const long block = block_of(size_), side = (size_ + block - 1) / block;
    for (long first = begin / rows_ * rows_; first < std::min(size_, end); first += rows_) {
      const long rows = std::min(rows_, size_ - first);
      point(args, first);
      if (in_bands()) {
        own(args.bake, first);
        backend_.template for_each<texture::Texel::Photo>(rows * size_, args);
      }
      visit(args, (rows + 1) / 2 * ((size_ + 1) / 2), (rows + block - 1) / block * side);
      cancel.check();
    }
  }

  // The largest power of two that is not above.
  static long floor_of_two(long value) { return static_cast<long>(std::bit_floor(static_cast<unsigned long>(value))); }

  // Of what the blocks show of skin and hair.
  texture::Grain grain_of(const texture::TexelArgs& args, const Array<float>& sums, const Cancel& cancel) {
    // Textures whose blocks are smaller have no room for it.
    constexpr long kLeastBlock = 4, kParts = 4, kCells = 8;
    texture::Grain grain;
    if (args.block < kLeastBlock) return grain;
    std::vector<float> on_host(sums.size());
    backend_.download(on_host.data(), sums, on_host.size());
    grain.strands = texture::strands_of(on_host, args.block);
    if (grain.strands > 0) {
      growth_ = floats(3 * args.bake.vertices);
      pattern_ = floats(2L * texture::kStrandRows * texture::kStrandColumns);
      const texture::HairArgs hair{args.bake.positions, growth_.data(), pattern_.data()};
      backend_.template for_each<texture::HairLayout::Grow>(args.bake.vertices, hair);
      backend_.template for_each<texture::HairLayout::Strands>(texture::kStrandRows * texture::kStrandColumns, hair);
      grain.growth = growth_.data();
      grain.pattern = pattern_.data();
    }
    const auto patch = texture::choose_patch(on_host, args.side, args.block);
    if (!patch) return grain;
    using texture::GrainLayout;
    const long texels_there = patch->side * patch->side, cell = floor_of_two(patch->side / kParts),
               tile = kCells * cell;
    auto light = floats(texels_there), rows = floats(texels_there), fine = floats(texels_there), surface = floats(9);
    tile_ = floats(tile * tile);
    texture::GrainPatchArgs layout{args,        *patch,         0,           args.block,  cell, tile, light.data(),
                                   rows.data(), surface.data(), fine.data(), tile_.data()};
    in_rows(
        args, cancel,
        [&](const texture::TexelArgs& there, long, long) {
          layout.texels = there;
          layout.last_row = there.first_row + rows_;
          backend_.template for_each<GrainLayout::Light>(texels_there, layout);
        },
        patch->y, patch->y + patch->side);
    backend_.template for_each<GrainLayout::Rows>(texels_there, layout);
    backend_.template for_each<GrainLayout::Fine>(texels_there, layout);
    backend_.template for_each<GrainLayout::Tile>(tile * tile, layout);
    float places[9];
    backend_.download(places, surface, 9);
    const auto across = [&](long k) { return length(load3(places, k) - load3(places, 0)); };
    const float mm = 0.5f * (across(1) + across(2));
    if (!(mm > 0)) return grain;
    grain.tile = tile_.data();
    grain.side = static_cast<int>(tile);
    grain.per_mm = static_cast<float>(patch->side / 2) / mm;
    return grain;
  }

  // The baked texture without its light, to the host's `rgb`. `half`: the coarse level, which it uses again.
  void finish_albedo(texture::AlbedoArgs unlit, const texture::TexelArgs& args, WeightedMaps<B>& half,
                     std::uint8_t* rgb, const Cancel& cancel) {
    using texture::Albedo;
    auto out = backend_.output(rgb, static_cast<std::size_t>(3 * size_ * size_));
    unlit.bytes = out.data();
    unlit.texels = args;
    for (int step = 0; step < Albedo::kSmoothing; ++step) {
      backend_.template for_each<Albedo::Smooth>(args.side * args.side, unlit);
      std::swap(unlit.from, unlit.to);
    }
    in_rows(args, cancel, [&](const texture::TexelArgs& rows, long coarse, long) {
      unlit.texels = rows;
      backend_.template for_each<Albedo::Blend>(coarse, unlit);
    });
    pull_push(half, backend_);
    unlit.texels = args;
    backend_.template for_each<Albedo::Fill>(size_ * size_, unlit);
    backend_.deliver(out);
  }

  B& backend_;
  long size_, rows_;
  int islands_;
  float border_ = 0;
  TexelMemory<B> texels_;
  Array<float> posed_, screen_, safe_, spacing_, tile_, growth_, pattern_;
  Array<std::uint8_t> facts_;
};

// Writes [size][size][3] sRGB bytes, rows from v = 0, to the host's `rgb`, and the same without light to `albedo`
// unless that is null. Throws hrn::Error when cancelled.
template <class B>
void bake_texture(const TextureBakeArgs& bake, std::uint8_t* rgb, B& backend, const Cancel& cancel,
                  std::uint8_t* albedo = nullptr, long most_texels = kTexelsAtATime) {
  const long size = bake.size, step = TextureBaker<B>::row_step(size);
  const long rows =
      size * size <= most_texels ? size : std::min(size, std::max(1L, most_texels / kBandShare / size / step) * step);
  TextureBaker<B> baker(bake, rows, backend);
  cancel.check();
  baker.see(bake, cancel);
  baker.finish(bake, rgb, cancel, albedo);
}

}  // namespace hrn::fit
