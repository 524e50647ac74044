// Draws triangles into one tile of the image, held in small buffers that stay in the first-level cache.
#pragma once
#include <cstdint>

#include "core/isa.hpp"
#include "ops/rasterize.hpp"

namespace hrn {

/// Pixels [x0, x1) x [y0, y1) of the image; pixel (x, y) is at (y - y0) * stride + x - x0 of every buffer. Rows have
/// room for kPadding more pixels, which take what vector instructions draw beyond x1.
struct RasterTile {
  static constexpr int kPadding = 8;

  int x0, y0, x1, y1, stride;
  float* inverse_depth;    // 0 where nothing was drawn
  std::int32_t* triangle;  // -1 where nothing was drawn
  float* barycentrics[2];

  /// Floats that the buffers of a tile of `side` px take.
  static constexpr long floats(int side) { return 4L * side * (side + kPadding); }
  static RasterTile at(float* memory, int side, int x0, int y0, int width, int height);

  void clear();
  void draw(const ops::Rasterize::Vertex& a, const ops::Rasterize::Vertex& b, const ops::Rasterize::Vertex& c,
            std::int32_t t, ops::PixelBox box, Isa isa);
  /// Copies the tile to the image.
  void resolve(const ops::RasterizeArgs<float>& image) const;
};

}  // namespace hrn
