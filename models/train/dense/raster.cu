// The rasterizer on a GPU: nvcc -O3 -arch=native -shared -Xcompiler -fPIC raster.cu
#define HD __host__ __device__ inline
#include "raster.h"

__global__ void draw_kernel(Screen s, const float* points, const int* triangles, int perspective,
                            unsigned long long* keys) {
  const int t = blockIdx.x * blockDim.x + threadIdx.x;
  if (t >= s.triangles) return;
  const int64_t image = blockIdx.y;
  unsigned long long* own = keys + image * s.width * s.height;
  draw_triangle(s, points + image * s.vertices * 3, triangles + 3 * t, t, perspective,
                [own](int pixel, uint64_t key) { atomicMin(own + pixel, static_cast<unsigned long long>(key)); });
}

__global__ void resolve_kernel(Screen s, const float* points, const int* triangles, const float* attributes,
                               const uint64_t* keys, float* out, int* triangle) {
  const int pixel = blockIdx.x * blockDim.x + threadIdx.x;
  if (pixel >= s.width * s.height) return;
  const int64_t image = blockIdx.y;
  const int64_t i = image * s.width * s.height + pixel;
  resolve_pixel(s, points + image * s.vertices * 3, triangles, attributes + image * s.vertices * s.channels, keys[i],
                pixel, out + i * s.channels, triangle + i);
}

extern "C" void draw(int images, Screen s, const float* points, const int* triangles, int perspective, uint64_t* keys,
                     void* stream) {
  draw_kernel<<<dim3((s.triangles + 127) / 128, images), 128, 0, static_cast<cudaStream_t>(stream)>>>(
      s, points, triangles, perspective, reinterpret_cast<unsigned long long*>(keys));
}

extern "C" void resolve(int images, Screen s, const float* points, const int* triangles, const float* attributes,
                        const uint64_t* keys, float* out, int* triangle, void* stream) {
  resolve_kernel<<<dim3((s.width * s.height + 127) / 128, images), 128, 0, static_cast<cudaStream_t>(stream)>>>(
      s, points, triangles, attributes, keys, out, triangle);
}
