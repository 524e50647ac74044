// Triangles to pixels on the GPU: one thread a small triangle, warps and blocks for the others, an atomic minimum of
// the 64-bit (depth, triangle) key for visibility. The minimum does not depend on the order, so the picture is the
// CPU's, bit for bit.
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
  template <class T>
  void grow(cuda::DeviceArray<T>& array, long size, cudaStream_t stream) {
    if (static_cast<long>(array.size()) < size) array = cuda::DeviceArray<T>(static_cast<std::size_t>(size), stream);
  }

  cuda::DeviceArray<unsigned long long> keys_;          // [H][W]
  cuda::DeviceArray<ops::Rasterize::Vertex> vertices_;  // [V]
  cuda::DeviceArray<std::int32_t> queue_;               // [2 + T], triangles that one thread is not enough for
};

}  // namespace hrn
