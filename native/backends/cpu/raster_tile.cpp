#include "backends/cpu/raster_tile.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#if HRN_X86
#include <immintrin.h>
#endif

namespace hrn {

using ops::PixelBox;
using ops::Rasterize;

namespace {

/// Draws over what lies behind.
void write(const RasterTile& tile, long i, std::int32_t t, float inverse_depth, float b0, float b1) {
  if (!Rasterize::in_front(inverse_depth, t, tile.inverse_depth[i], tile.triangle[i])) return;
  tile.inverse_depth[i] = inverse_depth;
  tile.triangle[i] = t;
  tile.barycentrics[0][i] = b0;
  tile.barycentrics[1][i] = b1;
}

/// A box of one pixel: half of the triangles of a head in a small picture.
inline void draw_pixel(const RasterTile& tile, const Rasterize::Vertex& a, const Rasterize::Vertex& b,
                       const Rasterize::Vertex& c, std::int32_t t, int x, int y) {
  const auto e = Rasterize::setup<std::int32_t>(a, b, c, x, y);
  if (((e.start[0] - e.least[0]) | (e.start[1] - e.least[1]) | (e.start[2] - e.least[2])) < 0) return;
  const Rasterize::Fragment f = Rasterize::fragment(e, e.start[0], e.start[1], e.start[2]);
  write(tile, static_cast<long>(y - tile.y0) * tile.stride + x - tile.x0, t, f.inverse_depth, f.barycentric[0],
        f.barycentric[1]);
}

template <class Int>
void draw_scalar(const RasterTile& tile, const Rasterize::Edges<Int>& edges, std::int32_t t, PixelBox box) {
  Int row[3] = {edges.start[0], edges.start[1], edges.start[2]};
  for (int y = box.y0; y < box.y1; ++y) {
    Int e0 = row[0], e1 = row[1], e2 = row[2];
    const long first = static_cast<long>(y - tile.y0) * tile.stride - tile.x0;
    for (int x = box.x0; x < box.x1; ++x) {
      // All three at least `least`: no sign bit in any difference.
      if (((e0 - edges.least[0]) | (e1 - edges.least[1]) | (e2 - edges.least[2])) >= 0) {
        const Rasterize::Fragment f = Rasterize::fragment(edges, e0, e1, e2);
        write(tile, first + x, t, f.inverse_depth, f.barycentric[0], f.barycentric[1]);
      }
      e0 += edges.step_x[0];
      e1 += edges.step_x[1];
      e2 += edges.step_x[2];
    }
    for (int i = 0; i < 3; ++i) row[i] += edges.step_y[i];
  }
}

#if HRN_X86

#define HRN_TARGET_NO_FMA __attribute__((target("avx2")))

/// Boxes of up to 4 pixels wide, two rows at a time. Covered pixels are few and written one by one: wide stores that
/// overlap those of the triangle before would make every load wait.
HRN_TARGET_NO_FMA void draw_narrow_avx2(const RasterTile& tile, const Rasterize::Edges<std::int32_t>& edges,
                                        std::int32_t t, PixelBox box) {
  const __m256i lane_x = _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3), lane_y = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  __m256i e[3], least[3], down[3];
  __m256 weight[3];
  for (int i = 0; i < 3; ++i) {
    const __m256i across = _mm256_mullo_epi32(_mm256_set1_epi32(edges.step_x[i]), lane_x);
    const __m256i along = _mm256_mullo_epi32(_mm256_set1_epi32(edges.step_y[i]), lane_y);
    e[i] = _mm256_add_epi32(_mm256_set1_epi32(edges.start[i]), _mm256_add_epi32(across, along));
    least[i] = _mm256_set1_epi32(edges.least[i]);
    down[i] = _mm256_set1_epi32(2 * edges.step_y[i]);
    weight[i] = _mm256_set1_ps(edges.weight[i]);
  }
  alignas(32) float inverse_depth[8], b0[8], b1[8];
  const unsigned columns = 0x11u * ((1u << (box.x1 - box.x0)) - 1u);
  for (int y = box.y0; y < box.y1; y += 2) {
    const __m256i outside =
        _mm256_or_si256(_mm256_or_si256(_mm256_sub_epi32(e[0], least[0]), _mm256_sub_epi32(e[1], least[1])),
                        _mm256_sub_epi32(e[2], least[2]));
    unsigned covered = ~static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(outside))) & columns;
    if (y + 1 == box.y1) covered &= 0xfu;
    const __m256 w0 = _mm256_mul_ps(_mm256_cvtepi32_ps(e[0]), weight[0]);
    const __m256 w1 = _mm256_mul_ps(_mm256_cvtepi32_ps(e[1]), weight[1]);
    const __m256 w2 = _mm256_mul_ps(_mm256_cvtepi32_ps(e[2]), weight[2]);
    const __m256 sum = _mm256_add_ps(_mm256_add_ps(w0, w1), w2);
    const __m256 depth = _mm256_div_ps(_mm256_set1_ps(1.0f), sum);
    _mm256_store_ps(inverse_depth, sum);
    _mm256_store_ps(b0, _mm256_mul_ps(w0, depth));
    _mm256_store_ps(b1, _mm256_mul_ps(w1, depth));
    const long first = static_cast<long>(y - tile.y0) * tile.stride + box.x0 - tile.x0;
    for (; covered != 0; covered &= covered - 1) {
      const int lane = __builtin_ctz(covered);
      const long i = first + (lane & 3) + (lane >> 2) * tile.stride;
      write(tile, i, t, inverse_depth[lane], b0[lane], b1[lane]);
    }
    for (int k = 0; k < 3; ++k) e[k] = _mm256_add_epi32(e[k], down[k]);
  }
}

/// Eight pixels of a row at a time, step by step what Rasterize::fragment and in_front do. Without FMA on purpose.
HRN_TARGET_NO_FMA void draw_avx2(const RasterTile& tile, const Rasterize::Edges<std::int32_t>& edges, std::int32_t t,
                                 PixelBox box) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i id = _mm256_set1_epi32(t);
  const __m256 one = _mm256_set1_ps(1.0f);
  __m256i row[3], least[3], step[3], down[3];
  __m256 weight[3];
  for (int i = 0; i < 3; ++i) {
    row[i] = _mm256_add_epi32(_mm256_set1_epi32(edges.start[i]),
                              _mm256_mullo_epi32(_mm256_set1_epi32(edges.step_x[i]), lanes));
    least[i] = _mm256_set1_epi32(edges.least[i]);
    step[i] = _mm256_set1_epi32(8 * edges.step_x[i]);
    down[i] = _mm256_set1_epi32(edges.step_y[i]);
    weight[i] = _mm256_set1_ps(edges.weight[i]);
  }
  for (int y = box.y0; y < box.y1; ++y) {
    __m256i e[3] = {row[0], row[1], row[2]};
    long i = static_cast<long>(y - tile.y0) * tile.stride + box.x0 - tile.x0;
    for (int x = box.x0; x < box.x1; x += 8, i += 8) {
      // The sign bit is set outside. Pixels beyond the box are outside, or in the padding of the tile.
      const __m256i outside =
          _mm256_or_si256(_mm256_or_si256(_mm256_sub_epi32(e[0], least[0]), _mm256_sub_epi32(e[1], least[1])),
                          _mm256_sub_epi32(e[2], least[2]));
      const __m256 w0 = _mm256_mul_ps(_mm256_cvtepi32_ps(e[0]), weight[0]);
      const __m256 w1 = _mm256_mul_ps(_mm256_cvtepi32_ps(e[1]), weight[1]);
      const __m256 w2 = _mm256_mul_ps(_mm256_cvtepi32_ps(e[2]), weight[2]);
      const __m256 inverse_depth = _mm256_add_ps(_mm256_add_ps(w0, w1), w2);
      const __m256 drawn_depth = _mm256_loadu_ps(tile.inverse_depth + i);
      auto* const ids = reinterpret_cast<__m256i*>(tile.triangle + i);
      const __m256i drawn_id = _mm256_loadu_si256(ids);
      const __m256 nearer = _mm256_cmp_ps(inverse_depth, drawn_depth, _CMP_GT_OQ);
      const __m256 level = _mm256_cmp_ps(inverse_depth, drawn_depth, _CMP_EQ_OQ);
      const __m256 lower = _mm256_castsi256_ps(_mm256_cmpgt_epi32(drawn_id, id));
      const __m256 front = _mm256_or_ps(nearer, _mm256_and_ps(level, lower));
      const __m256 draw = _mm256_andnot_ps(_mm256_castsi256_ps(_mm256_srai_epi32(outside, 31)), front);
      if (_mm256_movemask_ps(draw) != 0) {
        const __m256 depth = _mm256_div_ps(one, inverse_depth);
        float* const b0 = tile.barycentrics[0] + i;
        float* const b1 = tile.barycentrics[1] + i;
        _mm256_storeu_ps(tile.inverse_depth + i, _mm256_blendv_ps(drawn_depth, inverse_depth, draw));
        _mm256_storeu_si256(ids, _mm256_blendv_epi8(drawn_id, id, _mm256_castps_si256(draw)));
        _mm256_storeu_ps(b0, _mm256_blendv_ps(_mm256_loadu_ps(b0), _mm256_mul_ps(w0, depth), draw));
        _mm256_storeu_ps(b1, _mm256_blendv_ps(_mm256_loadu_ps(b1), _mm256_mul_ps(w1, depth), draw));
      }
      for (int k = 0; k < 3; ++k) e[k] = _mm256_add_epi32(e[k], step[k]);
    }
    for (int k = 0; k < 3; ++k) row[k] = _mm256_add_epi32(row[k], down[k]);
  }
}

#elif HRN_NEON

/// Four pixels of a row at a time, step by step what Rasterize::fragment and in_front do.
void draw_neon(const RasterTile& tile, const Rasterize::Edges<std::int32_t>& edges, std::int32_t t, PixelBox box) {
  typedef float Floats __attribute__((vector_size(16)));
  typedef std::int32_t Ints __attribute__((vector_size(16)));
  constexpr int kLanes = 4;
  // (Lambdas are inlined; masks are all ones or zeros, as comparisons make them.)
  const auto load = [](const auto* from, auto& to) { std::memcpy(&to, from, sizeof to); };
  const auto store_where = [&](const Ints& mask, const auto& values, auto* to) {
    Ints before, after;
    load(to, before);
    std::memcpy(&after, &values, sizeof after);
    after = (after & mask) | (before & ~mask);
    std::memcpy(to, &after, sizeof after);
  };
  const Ints lanes = {0, 1, 2, 3};
  Ints row[3];
  for (int k = 0; k < 3; ++k) row[k] = edges.start[k] + edges.step_x[k] * lanes;
  for (int y = box.y0; y < box.y1; ++y) {
    Ints e[3] = {row[0], row[1], row[2]};
    long i = static_cast<long>(y - tile.y0) * tile.stride + box.x0 - tile.x0;
    for (int x = box.x0; x < box.x1; x += kLanes, i += kLanes) {
      // The sign bit is set outside. Pixels beyond the box are outside, or in the padding of the tile.
      const Ints outside = (e[0] - edges.least[0]) | (e[1] - edges.least[1]) | (e[2] - edges.least[2]);
      const Floats w0 = __builtin_convertvector(e[0], Floats) * edges.weight[0];
      const Floats w1 = __builtin_convertvector(e[1], Floats) * edges.weight[1];
      const Floats w2 = __builtin_convertvector(e[2], Floats) * edges.weight[2];
      const Floats inverse_depth = (w0 + w1) + w2;
      Floats drawn_depth;
      Ints drawn_id;
      load(tile.inverse_depth + i, drawn_depth);
      load(tile.triangle + i, drawn_id);
      const Ints front = (inverse_depth > drawn_depth) | ((inverse_depth == drawn_depth) & (drawn_id > t));
      const Ints draw = front & (outside >= 0);
      if ((draw[0] | draw[1] | draw[2] | draw[3]) != 0) {
        const Floats depth = 1.0f / inverse_depth;
        store_where(draw, inverse_depth, tile.inverse_depth + i);
        store_where(draw, Ints{t, t, t, t}, tile.triangle + i);
        store_where(draw, w0 * depth, tile.barycentrics[0] + i);
        store_where(draw, w1 * depth, tile.barycentrics[1] + i);
      }
      for (int k = 0; k < 3; ++k) e[k] += kLanes * edges.step_x[k];
    }
    for (int k = 0; k < 3; ++k) row[k] += edges.step_y[k];
  }
}

#endif

}  // namespace

RasterTile RasterTile::at(float* memory, int side, int x0, int y0, int width, int height) {
  const int stride = side + kPadding;
  const long buffer = static_cast<long>(side) * stride;
  return {x0,
          y0,
          std::min(x0 + side, width),
          std::min(y0 + side, height),
          stride,
          memory,
          reinterpret_cast<std::int32_t*>(memory + buffer),
          {memory + 2 * buffer, memory + 3 * buffer}};
}

void RasterTile::clear() {
  const long size = static_cast<long>(y1 - y0) * stride;
  std::fill_n(inverse_depth, size, 0.0f);
  std::fill_n(triangle, size, -1);
  std::fill_n(barycentrics[0], size, 0.0f);
  std::fill_n(barycentrics[1], size, 0.0f);
}

void RasterTile::draw(const Rasterize::Vertex& a, const Rasterize::Vertex& b, const Rasterize::Vertex& c,
                      std::int32_t t, PixelBox box, [[maybe_unused]] Isa isa) {
  box.x0 = std::max(box.x0, static_cast<std::int16_t>(x0));
  box.y0 = std::max(box.y0, static_cast<std::int16_t>(y0));
  box.x1 = std::min(box.x1, static_cast<std::int16_t>(x1));
  box.y1 = std::min(box.y1, static_cast<std::int16_t>(y1));
  if (box.x0 >= box.x1 || box.y0 >= box.y1) return;
  if (!Rasterize::is_small(a, b, c))
    return draw_scalar(*this, Rasterize::setup<std::int64_t>(a, b, c, box.x0, box.y0), t, box);
  if (box.x1 - box.x0 == 1 && box.y1 - box.y0 == 1) return draw_pixel(*this, a, b, c, t, box.x0, box.y0);
  const auto edges = Rasterize::setup<std::int32_t>(a, b, c, box.x0, box.y0);
#if HRN_X86
  if (isa == Isa::avx2) return (box.x1 - box.x0 <= 4 ? draw_narrow_avx2 : draw_avx2)(*this, edges, t, box);
#elif HRN_NEON
  if (isa == Isa::neon) return draw_neon(*this, edges, t, box);
#endif
  draw_scalar(*this, edges, t, box);
}

void RasterTile::resolve(const ops::RasterizeArgs<float>& image) const {
  for (int y = y0; y < y1; ++y) {
    const long from = static_cast<long>(y - y0) * stride, to = static_cast<long>(y) * image.width + x0;
    const long n = x1 - x0;
    std::copy_n(triangle + from, n, image.triangle_id + to);
    for (long i = 0; i < n; ++i) {
      image.barycentrics[2 * (to + i)] = barycentrics[0][from + i];
      image.barycentrics[2 * (to + i) + 1] = barycentrics[1][from + i];
    }
    if (image.depth == nullptr) continue;
    // 1 / 0 where nothing was drawn: infinity, as promised.
    for (long i = 0; i < n; ++i) image.depth[to + i] = 1.0f / inverse_depth[from + i];
  }
}

}  // namespace hrn
