// Exact, deterministic triangle coverage. Vertices are snapped to 1/256 px; edge functions are integers, so a pixel
// centre on a shared edge belongs to exactly one of the two triangles (top-left rule) and every device agrees on it.
// Among the triangles that cover a pixel the smallest 64-bit key (depth, then triangle index) wins, in any order of
// evaluation. Compile the users of this header with -ffp-contract=off: depths must not depend on fused operations.
//
// A triangle is dropped as a whole if one of its vertices is nearer than the near plane, not finite, or further than
// 2^20 px from the image corner (the guard band: products of coordinate differences then fit 64-bit integers).
#pragma once
#include <cstdint>
#include <cstring>

#include "core/host_device.hpp"

namespace hrn::ops {

/// Candidate pixels of a triangle, half open; empty (x0 == x1) when it can cover none.
struct PixelBox {
  std::int16_t x0, y0, x1, y1;
};

/// Largest image side.
constexpr int kMaxImageSide = 8192;

template <class Real>
struct RasterizeArgs {
  const Real* screen = nullptr;             // in, [V][3], x px, y px (y down, pixel centres at +0.5), depth mm
  const std::int32_t* triangles = nullptr;  // in, [T][3]
  long vertex_count = 0;                    // V
  long triangle_count = 0;                  // T
  int width = 0, height = 0;                // px, 1 to 8192 each
  Real near_mm = Real(1);                   // depths below it are in front of the near plane; above zero
  bool cull_back_faces = true;              // drop triangles seen clockwise
  std::int32_t* triangle_id = nullptr;      // out, [H][W], -1 where nothing is seen
  Real* barycentrics = nullptr;             // out, [H][W][2], perspective-correct weights of corners 0 and 1
  Real* depth = nullptr;                    // out, [H][W], mm, infinity where nothing is seen; may be null
  PixelBox* boxes = nullptr;                // out, [T], for backward passes
};

struct Rasterize {
  static constexpr std::int32_t kRejected = INT32_MIN;
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};

  struct Vertex {
    std::int32_t x, y;  // 1/256 px; x is kRejected for a vertex that drops its triangles
    float inverse_depth;
  };

  HRN_HD static Vertex snap(const float* p, float near_mm) {
    constexpr float kGuardPx = 1048576.0f;
    // Comparisons are false for NaN; adding the offset makes truncation round to nearest for negative values too.
    const bool valid = p[0] > -kGuardPx && p[0] < kGuardPx && p[1] > -kGuardPx && p[1] < kGuardPx && p[2] >= near_mm &&
                       p[2] <= 3.0e38f;
    const double x = valid ? static_cast<double>(p[0]) : 0.0;
    const double y = valid ? static_cast<double>(p[1]) : 0.0;
    constexpr std::int32_t kOffset = 1 << 28;
    const std::int32_t fixed_x = static_cast<std::int32_t>(x * 256.0 + (kOffset + 0.5)) - kOffset;
    const std::int32_t fixed_y = static_cast<std::int32_t>(y * 256.0 + (kOffset + 0.5)) - kOffset;
    return {valid ? fixed_x : kRejected, fixed_y, valid ? 1.0f / p[2] : 0.0f};
  }

  /// Twice the signed area; positive when seen clockwise in the image, whose y points down.
  HRN_HD static std::int64_t signed_area(const Vertex& a, const Vertex& b, const Vertex& c) {
    return static_cast<std::int64_t>(b.x - a.x) * (c.y - a.y) - static_cast<std::int64_t>(b.y - a.y) * (c.x - a.x);
  }

  /// Pixels whose centres lie in the bounding box, clipped to the image; empty also for dropped triangles. Without
  /// branches: which triangles are empty is as good as random.
  HRN_HD static PixelBox box(const Vertex& a, const Vertex& b, const Vertex& c, int width, int height, bool cull) {
    const bool rejected = (a.x == kRejected) | (b.x == kRejected) | (c.x == kRejected);
    const std::int32_t x0 = max0((min3(a.x, b.x, c.x) + 127) >> 8), y0 = max0((min3(a.y, b.y, c.y) + 127) >> 8);
    std::int32_t x1 = (max3(a.x, b.x, c.x) + 128) >> 8, y1 = (max3(a.y, b.y, c.y) + 128) >> 8;
    x1 = x1 < width ? x1 : width;
    y1 = y1 < height ? y1 : height;
    const std::int64_t area = rejected ? 0 : signed_area(a, b, c);
    const bool empty = (x0 >= x1) | (y0 >= y1) | (area == 0) | (cull & (area > 0));
    const auto side = [empty](std::int32_t x) { return static_cast<std::int16_t>(empty ? 0 : x); };
    return {side(x0), side(y0), side(x1), side(y1)};
  }

  /// Edge functions of one triangle, turned so that all are positive inside. Edge i is opposite to corner i.
  /// Int is int64, or int32 where is_small() holds.
  template <class Int>
  struct Edges {
    Int step_x[3], step_y[3];  // change per pixel
    Int start[3];              // at the centre of the pixel passed to setup()
    Int least[3];              // smallest value that counts as covered: 0 on top and left edges, 1 on the others
    float weight[3];           // edge value times it = barycentric (screen space) over depth
  };

  /// True if 32 bits hold all edge values inside the bounding box: sides of at most 64 px.
  HRN_HD static bool is_small(const Vertex& a, const Vertex& b, const Vertex& c) {
    constexpr std::int32_t kSide = 64 * 256;
    return max3(a.x, b.x, c.x) - min3(a.x, b.x, c.x) <= kSide && max3(a.y, b.y, c.y) - min3(a.y, b.y, c.y) <= kSide;
  }

  template <class Int>
  HRN_HD static Edges<Int> setup(const Vertex& a, const Vertex& b, const Vertex& c, int pixel_x, int pixel_y) {
    Edges<Int> e;
    const std::int64_t area = signed_area(a, b, c);
    const Int sign = area < 0 ? -1 : 1;
    const float inverse_area = 1.0f / static_cast<float>(area < 0 ? -area : area);
    const Vertex* corner[3] = {&a, &b, &c};
    for (int i = 0; i < 3; ++i) {
      const Vertex& from = *corner[(i + 1) % 3];
      const Vertex& to = *corner[(i + 2) % 3];
      const Int dx = sign * static_cast<Int>(to.x - from.x);
      const Int dy = sign * static_cast<Int>(to.y - from.y);
      e.step_x[i] = -dy * 256;
      e.step_y[i] = dx * 256;
      e.start[i] =
          dx * static_cast<Int>(pixel_y * 256 + 128 - from.y) - dy * static_cast<Int>(pixel_x * 256 + 128 - from.x);
      e.least[i] = (dy < 0 || (dy == 0 && dx > 0)) ? 0 : 1;
      e.weight[i] = corner[i]->inverse_depth * inverse_area;
    }
    return e;
  }

  struct Fragment {
    float inverse_depth;  // not positive if the fragment is not representable and must be skipped
    float barycentric[2];
  };

  template <class Int>
  HRN_HD static Fragment fragment(const Edges<Int>& e, Int e0, Int e1, Int e2) {
    const float w0 = static_cast<float>(e0) * e.weight[0];
    const float w1 = static_cast<float>(e1) * e.weight[1];
    const float w2 = static_cast<float>(e2) * e.weight[2];
    const float inverse_depth = (w0 + w1) + w2;
    const float depth = 1.0f / inverse_depth;
    return {inverse_depth, {w0 * depth, w1 * depth}};
  }

  /// Nearer than what was drawn, or as near with a lower index. Nothing drawn is (0, -1).
  HRN_HD static bool in_front(float inverse_depth, std::int32_t triangle, float drawn_inverse_depth,
                              std::int32_t drawn_triangle) {
    return inverse_depth > drawn_inverse_depth || (inverse_depth == drawn_inverse_depth && triangle < drawn_triangle);
  }

  /// The same order as one integer, for devices that draw with an atomic minimum: smaller is in front.
  HRN_HD static std::uint64_t key(float inverse_depth, std::int32_t triangle) {
    std::uint32_t bits;
    std::memcpy(&bits, &inverse_depth, sizeof bits);
    return static_cast<std::uint64_t>(~bits) << 32 | static_cast<std::uint32_t>(triangle);
  }
  HRN_HD static float key_depth(std::uint64_t k) {
    const std::uint32_t bits = ~static_cast<std::uint32_t>(k >> 32);
    float inverse_depth;
    std::memcpy(&inverse_depth, &bits, sizeof bits);
    return 1.0f / inverse_depth;
  }

 private:
  HRN_HD static std::int32_t min3(std::int32_t a, std::int32_t b, std::int32_t c) {
    const std::int32_t m = a < b ? a : b;
    return m < c ? m : c;
  }
  HRN_HD static std::int32_t max0(std::int32_t a) { return a > 0 ? a : 0; }
  HRN_HD static std::int32_t max3(std::int32_t a, std::int32_t b, std::int32_t c) {
    const std::int32_t m = a > b ? a : b;
    return m > c ? m : c;
  }
};

}  // namespace hrn::ops
