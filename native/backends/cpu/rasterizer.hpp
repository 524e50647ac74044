// Tile-binned rasterizer on the CPU.
#pragma once
#include <cstdint>

#include "core/array.hpp"
#include "core/isa.hpp"
#include "core/thread_pool.hpp"
#include "ops/rasterize.hpp"

namespace hrn {

/// Holds the scratch memory, which grows to the largest job seen: an iteration that repeats allocates nothing.
class CpuRasterizer {
 public:
  /// Throws Error(invalid_argument) on an image size outside 1..8192 or a near plane that is not above zero.
  /// Triangle indices are not checked.
  void run(const ops::RasterizeArgs<float>& args, ThreadPool& pool, Isa isa);

 private:
  struct Frame;
  void reserve(const Frame& frame, int threads);
  static void snap_vertices(void* frame, long chunk, int worker);
  static void count_bins(void* frame, long chunk, int worker);
  static void fill_bins(void* frame, long chunk, int worker);
  static void draw_tile(void* frame, long tile, int worker);

  HostArray<ops::Rasterize::Vertex> vertices_;  // [V]
  HostArray<ops::PixelBox> boxes_;              // [T], when the caller wants none
  HostArray<std::int32_t> bin_starts_;          // [chunks][bins], counts, then positions in entries_
  HostArray<std::int32_t> bin_ends_;            // [bins + 1]
  HostArray<std::int32_t> entries_;             // triangles by bin
  HostArray<float> tile_memory_;                // [threads], see RasterTile
};

}  // namespace hrn
