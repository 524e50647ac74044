// Depth-buffered triangles and their attributes: one source for the processor and the GPU (raster.cpp, raster.cu).
#pragma once
#include <math.h>
#include <stdint.h>

#ifndef HD
#define HD inline
#endif

struct Screen {
  int vertices, triangles, width, height, channels;
};

/** Nearest first: the bits of a positive float sort like the float, and equal depths go to the lower triangle. */
HD uint64_t key_of(float z, int triangle) {
  union {
    float value;
    uint32_t bits;
  } depth;
  depth.value = z;
  return (static_cast<uint64_t>(depth.bits) << 32) | static_cast<uint32_t>(triangle);
}

constexpr uint64_t EMPTY = ~0ull;

struct Corners {
  float x[3], y[3], z[3];
};

/** `points`: `[vertices][3]`, pixels and depth; false where a corner is behind the camera. */
HD bool corners_of(const float* points, const int* corner, Corners& c) {
  for (int j = 0; j < 3; j++) {
    const float* p = points + 3 * corner[j];
    c.x[j] = p[0];
    c.y[j] = p[1];
    c.z[j] = p[2];
    if (!(c.z[j] > 1.0f)) return false;
  }
  return true;
}

/** Weights of the corners on the screen at a point. */
HD void weights_at(const Corners& c, float area, float x, float y, float w[3]) {
  w[1] = ((x - c.x[0]) * (c.y[2] - c.y[0]) - (y - c.y[0]) * (c.x[2] - c.x[0])) / area;
  w[2] = ((y - c.y[0]) * (c.x[1] - c.x[0]) - (x - c.x[0]) * (c.y[1] - c.y[0])) / area;
  w[0] = 1.0f - w[1] - w[2];
}

HD float area_of(const Corners& c) {
  return (c.x[1] - c.x[0]) * (c.y[2] - c.y[0]) - (c.x[2] - c.x[0]) * (c.y[1] - c.y[0]);
}

/** Draws one triangle, both of its sides; `keep(pixel, key)` keeps the least key of a pixel. */
template <class Keep>
HD void draw_triangle(const Screen& s, const float* points, const int* corner, int triangle, bool perspective,
                      Keep keep) {
  Corners c;
  if (!corners_of(points, corner, c)) return;
  const float area = area_of(c);
  if (!(fabsf(area) > 1e-9f)) return;
  const float low_x = fminf(c.x[0], fminf(c.x[1], c.x[2])), high_x = fmaxf(c.x[0], fmaxf(c.x[1], c.x[2]));
  const float low_y = fminf(c.y[0], fminf(c.y[1], c.y[2])), high_y = fmaxf(c.y[0], fmaxf(c.y[1], c.y[2]));
  if (!(high_x > 0 && high_y > 0 && low_x < s.width && low_y < s.height)) return;
  const int x0 = static_cast<int>(fmaxf(0.0f, ceilf(low_x - 0.5f)));
  const int y0 = static_cast<int>(fmaxf(0.0f, ceilf(low_y - 0.5f)));
  const int x1 = static_cast<int>(fminf(s.width - 1.0f, floorf(high_x - 0.5f)));
  const int y1 = static_cast<int>(fminf(s.height - 1.0f, floorf(high_y - 0.5f)));
  for (int y = y0; y <= y1; y++) {
    for (int x = x0; x <= x1; x++) {
      float w[3];
      weights_at(c, area, x + 0.5f, y + 0.5f, w);
      if (w[0] < 0 || w[1] < 0 || w[2] < 0) continue;
      const float z = perspective ? 1.0f / (w[0] / c.z[0] + w[1] / c.z[1] + w[2] / c.z[2])
                                  : w[0] * c.z[0] + w[1] * c.z[1] + w[2] * c.z[2];
      keep(y * s.width + x, key_of(z, triangle));
    }
  }
}

/** One pixel's attributes, zeros where it is empty; the triangle there, -1 for none. */
HD void resolve_pixel(const Screen& s, const float* points, const int* triangles, const float* attributes, uint64_t key,
                      int pixel, float* out, int* triangle) {
  if (key == EMPTY) {
    *triangle = -1;
    for (int k = 0; k < s.channels; k++) out[k] = 0;
    return;
  }
  const int t = static_cast<int>(key & 0xffffffffu);
  *triangle = t;
  const int* corner = triangles + 3 * t;
  Corners c;
  corners_of(points, corner, c);
  float w[3];
  weights_at(c, area_of(c), pixel % s.width + 0.5f, pixel / s.width + 0.5f, w);
  float sum = 0;
  for (int j = 0; j < 3; j++) sum += w[j] /= c.z[j];
  for (int j = 0; j < 3; j++) w[j] /= sum;
  const float* a0 = attributes + static_cast<int64_t>(corner[0]) * s.channels;
  const float* a1 = attributes + static_cast<int64_t>(corner[1]) * s.channels;
  const float* a2 = attributes + static_cast<int64_t>(corner[2]) * s.channels;
  for (int k = 0; k < s.channels; k++) out[k] = w[0] * a0[k] + w[1] * a1[k] + w[2] * a2[k];
}
