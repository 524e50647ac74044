// Triangles are binned to square tiles in two passes over fixed chunks (count, then fill at exact positions), then
// every tile is drawn by one thread into its own small depth buffer. The (depth, triangle) key makes the order within a
// tile irrelevant, so nothing depends on the thread count.
#include "backends/cpu/rasterizer.hpp"

#include <algorithm>

#include "backends/cpu/raster_tile.hpp"
#include "ops/raster_arguments.hpp"

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
  float* tile_memory;
  Isa isa;
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

void CpuRasterizer::run(const Args& args, ThreadPool& pool, Isa isa) {
  ops::check_raster_arguments(args);

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
  frame.tile_memory = tile_memory_.data();
  frame.isa = isa;

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
  grow(tile_memory_, threads * RasterTile::floats(1 << frame.tile_shift));
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

void CpuRasterizer::draw_tile(void* data, long index, int worker) {
  const Frame& frame = *static_cast<Frame*>(data);
  const Args& a = frame.args;
  const int side = 1 << frame.tile_shift;
  RasterTile tile = RasterTile::at(frame.tile_memory + worker * RasterTile::floats(side), side,
                                   static_cast<int>(index % frame.tiles_x) * side,
                                   static_cast<int>(index / frame.tiles_x) * side, a.width, a.height);
  tile.clear();
  for (const long bin : {index, static_cast<long>(frame.tiles())}) {
    const std::int32_t begin = bin == 0 ? 0 : frame.bin_ends[bin - 1];
    for (std::int32_t i = begin; i < frame.bin_ends[bin]; ++i) {
      const std::int32_t t = frame.entries[i];
      const std::int32_t* corner = a.triangles + 3L * t;
      tile.draw(frame.vertices[corner[0]], frame.vertices[corner[1]], frame.vertices[corner[2]], t, frame.boxes[t],
                frame.isa);
    }
  }
  tile.resolve(a);
}

}  // namespace hrn
