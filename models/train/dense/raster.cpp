// The rasterizer on the processor: g++ -O3 -march=native -fopenmp -shared -fPIC raster.cpp
#include "raster.h"

extern "C" void draw(int images, Screen s, const float* points, const int* triangles, int perspective, uint64_t* keys,
                     void*) {
#pragma omp parallel for schedule(dynamic)
  for (int image = 0; image < images; image++) {
    uint64_t* own = keys + static_cast<int64_t>(image) * s.width * s.height;
    const float* p = points + static_cast<int64_t>(image) * s.vertices * 3;
    for (int t = 0; t < s.triangles; t++) {
      draw_triangle(s, p, triangles + 3 * t, t, perspective, [&](int pixel, uint64_t key) {
        if (key < own[pixel]) own[pixel] = key;
      });
    }
  }
}

extern "C" void resolve(int images, Screen s, const float* points, const int* triangles, const float* attributes,
                        const uint64_t* keys, float* out, int* triangle, void*) {
  const int64_t pixels = static_cast<int64_t>(s.width) * s.height;
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < images * pixels; i++) {
    const int64_t image = i / pixels;
    resolve_pixel(s, points + image * s.vertices * 3, triangles, attributes + image * s.vertices * s.channels, keys[i],
                  static_cast<int>(i % pixels), out + i * s.channels, triangle + i);
  }
}
