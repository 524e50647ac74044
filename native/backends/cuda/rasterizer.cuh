// Triangles to pixels on the GPU, in two launches: one thread a small triangle, warps and blocks for the others, an
// atomic minimum of the 64-bit (depth, triangle) key for visibility; then a thread a pixel. The minimum does not depend
// on the order, so the picture is the CPU's, bit for bit.
#pragma once
#include <cstdint>

#include "backends/cuda/device_array.hpp"
#include "ops/rasterize.hpp"

namespace hrn {

class CudaRasterizer {
 public:
  /// Allocates only when an image or a mesh is larger than all before. Throws Error(invalid_argument).
  void run(const ops::RasterizeArgs<float>& args, cudaStream_t stream);

 private:
  cuda::DeviceArray<unsigned long long> keys_;  // [H][W] of the largest image so far; empty between runs
};

}  // namespace hrn
