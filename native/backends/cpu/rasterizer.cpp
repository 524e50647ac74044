// Triangles are binned to square tiles in two passes over fixed chunks (count, then fill at exact positions), then
// every tile is drawn by one thread into its own small depth buffer. The (depth, triangle) key makes the order within a
// tile irrelevant, so nothing depends on the thread count.
#include "backends/cpu/rasterizer.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "core/error.hpp"

namespace hrn {

using ops::PixelBox;
using ops::Rasterize;
using Args = ops::RasterizeArgs<float>;

namespace {

constexpr long kVertexChunk = 4096;
constexpr long kMaxTriangleChunks = 64;

}  // namespace

struct CpuRasterizer::Frame {
  Args args;
  Rasterize::Vertex* vertices;
  PixelBox* boxes;
  std::int32_t* bin_starts;
  std::int32_t* bin_ends;
  std::int32_t* entries;
  std::uint64_t* keys;
  long triangle_chunk;  // triangles per chunk
  long chunks;
  int tile_shift;  // log2 of the tile side, px
  int tiles_x, tiles_y;

  int tiles() const { return tiles_x * tiles_y; }
  /// One per tile, and one for triangles over more than 2 x 2 tiles, which every tile looks at.
  int bins() const { return tiles() + 1; }

  /// Calls visit(bin) for the bins of a box that is not empty.
  template <class Visit>
  void for_bins(const PixelBox& box, Visit visit) const {
    const int x0 = box.x0 >> tile_shift, x1 = (box.x1 - 1) >> tile_shift;
    const int y0 = box.y0 >> tile_shift, y1 = (box.y1 - 1) >> tile_shift;
    if (x1 - x0 > 1 || y1 - y0 > 1) return visit(tiles());
    for (int y = y0; y <= y1; ++y)
      for (int x = x0; x <= x1; ++x) visit(y * tiles_x + x);
  }
};

void CpuRasterizer::run(const Args& args, ThreadPool& pool) {
  if (args.width < 1 || args.height < 1 || args.width > ops::kMaxImageSide || args.height > ops::kMaxImageSide)
    throw Error(ErrorCode::invalid_argument, "expected an image of 1 to 8192 px a side, got " +
                                                 std::to_string(args.width) + " x " + std::to_string(args.height));
  if (!(args.near_mm > 0)) throw Error(ErrorCode::invalid_argument, "expected a near plane above 0 mm");
  if (args.triangle_count > std::numeric_limits<std::int32_t>::max() / 4)
    throw Error(ErrorCode::invalid_argument, "too many triangles to rasterize");

  Frame frame{};
  frame.args = args;
  frame.triangle_chunk = std::max(1024L, (args.triangle_count + kMaxTriangleChunks - 1) / kMaxTriangleChunks);
  frame.chunks = (args.triangle_count + frame.triangle_chunk - 1) / frame.triangle_chunk;
  // The smallest tiles of which there are at most 1024: enough for every core, few enough to scan.
  for (frame.tile_shift = 5;; ++frame.tile_shift) {
    const int side = 1 << frame.tile_shift;
    frame.tiles_x = (args.width + side - 1) / side;
    frame.tiles_y = (args.height + side - 1) / side;
    if (frame.tiles() <= 1024) break;
  }
  reserve(frame, pool.threads());
  frame.vertices = vertices_.data();
  frame.boxes = args.boxes != nullptr ? args.boxes : boxes_.data();
  frame.bin_starts = bin_starts_.data();
  frame.bin_ends = bin_ends_.data();
  frame.entries = entries_.data();
  frame.keys = keys_.data();

  pool.parallel_for((args.vertex_count + kVertexChunk - 1) / kVertexChunk, snap_vertices, &frame);
  pool.parallel_for(frame.chunks, count_bins, &frame);
  std::int32_t position = 0;
  for (int bin = 0; bin < frame.bins(); ++bin) {
    for (long chunk = 0; chunk < frame.chunks; ++chunk) {
      std::int32_t& start = frame.bin_starts[chunk * frame.bins() + bin];
      position += std::exchange(start, position);
    }
    frame.bin_ends[bin] = position;
  }
  pool.parallel_for(frame.chunks, fill_bins, &frame);
  pool.parallel_for(frame.tiles(), draw_tile, &frame);
}

void CpuRasterizer::reserve(const Frame& frame, int threads) {
  const auto grow = [](auto& array, long size) {
    if (static_cast<long>(array.size()) < size)
      array = std::remove_reference_t<decltype(array)>(static_cast<std::size_t>(size));
  };
  grow(vertices_, frame.args.vertex_count);
  if (frame.args.boxes == nullptr) grow(boxes_, frame.args.triangle_count);
  grow(bin_starts_, frame.chunks * frame.bins());
  grow(bin_ends_, frame.bins());
  grow(entries_, 4 * frame.args.triangle_count);
  grow(keys_, static_cast<long>(threads) << (2 * frame.tile_shift));
}

void CpuRasterizer::snap_vertices(void* data, long chunk, int) {
  const Frame& frame = *static_cast<Frame*>(data);
  const long end = std::min(frame.args.vertex_count, (chunk + 1) * kVertexChunk);
  const float* screen = frame.args.screen;
  const float near_mm = frame.args.near_mm;
  Rasterize::Vertex* vertices = frame.vertices;
  for (long v = chunk * kVertexChunk; v < end; ++v) vertices[v] = Rasterize::snap(screen + 3 * v, near_mm);
}

void CpuRasterizer::count_bins(void* data, long chunk, int) {
  const Frame& frame = *static_cast<Frame*>(data);
  const Args& a = frame.args;
  std::int32_t* counts = frame.bin_starts + chunk * frame.bins();
  std::fill_n(counts, frame.bins(), 0);
  const long end = std::min(a.triangle_count, (chunk + 1) * frame.triangle_chunk);
  for (long t = chunk * frame.triangle_chunk; t < end; ++t) {
    const std::int32_t* corner = a.triangles + 3 * t;
    const PixelBox box = Rasterize::box(frame.vertices[corner[0]], frame.vertices[corner[1]], frame.vertices[corner[2]],
                                        a.width, a.height, a.cull_back_faces);
    frame.boxes[t] = box;
    if (box.x0 < box.x1) frame.for_bins(box, [&](int bin) { ++counts[bin]; });
  }
}

void CpuRasterizer::fill_bins(void* data, long chunk, int) {
  const Frame& frame = *static_cast<Frame*>(data);
  std::int32_t* positions = frame.bin_starts + chunk * frame.bins();
  const long end = std::min(frame.args.triangle_count, (chunk + 1) * frame.triangle_chunk);
  for (long t = chunk * frame.triangle_chunk; t < end; ++t) {
    const PixelBox box = frame.boxes[t];
    if (box.x0 < box.x1)
      frame.for_bins(box, [&](int bin) { frame.entries[positions[bin]++] = static_cast<std::int32_t>(t); });
  }
}

namespace {

/// One tile being drawn: pixels [x0, x1) x [y0, y1) of the image.
struct Tile {
  const Args& args;
  std::uint64_t* keys;  // rows of `stride`, (0, 0) at (x0, y0)
  int stride;
  int x0, y0, x1, y1;
};

template <class Int>
void draw_triangle(const Tile& tile, const Rasterize::Vertex* vertices, std::int32_t t, PixelBox box) {
  const std::int32_t* corner = tile.args.triangles + 3L * t;
  const int x0 = std::max<int>(box.x0, tile.x0), x1 = std::min<int>(box.x1, tile.x1);
  const int y0 = std::max<int>(box.y0, tile.y0), y1 = std::min<int>(box.y1, tile.y1);
  const auto edges = Rasterize::setup<Int>(vertices[corner[0]], vertices[corner[1]], vertices[corner[2]], x0, y0);
  Int row0 = edges.start[0], row1 = edges.start[1], row2 = edges.start[2];
  for (int y = y0; y < y1; ++y) {
    Int e0 = row0, e1 = row1, e2 = row2;
    std::uint64_t* keys = tile.keys + (y - tile.y0) * tile.stride - tile.x0;
    float* barycentrics = tile.args.barycentrics + 2L * y * tile.args.width;
    for (int x = x0; x < x1; ++x) {
      // All three at least `least`: no sign bit in any difference.
      if (((e0 - edges.least[0]) | (e1 - edges.least[1]) | (e2 - edges.least[2])) >= 0) {
        const Rasterize::Fragment f = Rasterize::fragment(edges, e0, e1, e2);
        const std::uint64_t key = Rasterize::key(f.inverse_depth, t);
        if (f.inverse_depth > 0 && key < keys[x]) {
          keys[x] = key;
          barycentrics[2 * x] = f.barycentric[0];
          barycentrics[2 * x + 1] = f.barycentric[1];
        }
      }
      e0 += edges.step_x[0];
      e1 += edges.step_x[1];
      e2 += edges.step_x[2];
    }
    row0 += edges.step_y[0];
    row1 += edges.step_y[1];
    row2 += edges.step_y[2];
  }
}

void resolve(const Tile& tile) {
  const Args& a = tile.args;
  for (int y = tile.y0; y < tile.y1; ++y) {
    const std::uint64_t* keys = tile.keys + (y - tile.y0) * tile.stride - tile.x0;
    const long row = static_cast<long>(y) * a.width;
    for (int x = tile.x0; x < tile.x1; ++x) {
      const bool seen = keys[x] != Rasterize::kEmpty;
      a.triangle_id[row + x] = seen ? static_cast<std::int32_t>(keys[x] & 0x7fffffffu) : -1;
      if (a.depth != nullptr)
        a.depth[row + x] = seen ? Rasterize::key_depth(keys[x]) : std::numeric_limits<float>::infinity();
    }
  }
}

}  // namespace

void CpuRasterizer::draw_tile(void* data, long index, int worker) {
  const Frame& frame = *static_cast<Frame*>(data);
  const Args& a = frame.args;
  const int side = 1 << frame.tile_shift;
  const int x0 = static_cast<int>(index % frame.tiles_x) * side, y0 = static_cast<int>(index / frame.tiles_x) * side;
  const Tile tile{a,
                  frame.keys + (static_cast<long>(worker) << (2 * frame.tile_shift)),
                  side,
                  x0,
                  y0,
                  std::min(x0 + side, a.width),
                  std::min(y0 + side, a.height)};
  std::fill_n(tile.keys, side * (tile.y1 - tile.y0), Rasterize::kEmpty);
  for (int y = tile.y0; y < tile.y1; ++y)
    std::fill_n(a.barycentrics + 2 * (static_cast<long>(y) * a.width + tile.x0), 2 * (tile.x1 - tile.x0), 0.0f);

  const auto draw = [&](std::int32_t t) {
    const PixelBox box = frame.boxes[t];
    if (box.x0 >= tile.x1 || box.x1 <= tile.x0 || box.y0 >= tile.y1 || box.y1 <= tile.y0) return;
    const std::int32_t* corner = a.triangles + 3L * t;
    if (Rasterize::is_small(frame.vertices[corner[0]], frame.vertices[corner[1]], frame.vertices[corner[2]]))
      draw_triangle<std::int32_t>(tile, frame.vertices, t, box);
    else
      draw_triangle<std::int64_t>(tile, frame.vertices, t, box);
  };
  for (const long bin : {index, static_cast<long>(frame.tiles())}) {
    const std::int32_t begin = bin == 0 ? 0 : frame.bin_ends[bin - 1];
    for (std::int32_t i = begin; i < frame.bin_ends[bin]; ++i) draw(frame.entries[i]);
  }
  resolve(tile);
}

}  // namespace hrn
