// Compiled without fused multiply-add: depths must have the CPU's bits.
#include <algorithm>

#include "backends/cuda/launch.cuh"
#include "backends/cuda/rasterizer.cuh"
#include "ops/raster_arguments.hpp"

namespace hrn {
namespace {

using ops::PixelBox;
using ops::Rasterize;
using Args = ops::RasterizeArgs<float>;
using Key = unsigned long long;

constexpr int kThreads = 128, kWarp = 32;
// Boxes of more pixels are drawn by a warp; those of more than a strip by a block.
constexpr int kSmallPixels = 64;
constexpr int kStripPixels = 4096;

struct Frame {
  Args args;
  Key* keys;  // all empty before the first launch and after the last
};

__device__ long index() { return static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x; }

// A triangle's corners on the grid: computed anew wherever they are needed, which takes less than to keep them.
struct Corners {
  Rasterize::Vertex a, b, c;

  __device__ Corners(const Args& args, long t)
      : a(snapped(args, args.triangles[3 * t])),
        b(snapped(args, args.triangles[3 * t + 1])),
        c(snapped(args, args.triangles[3 * t + 2])) {}
  __device__ PixelBox box(const Args& args) const {
    return Rasterize::box(a, b, c, args.width, args.height, args.cull_back_faces);
  }
  template <class Int>
  __device__ Rasterize::Edges<Int> edges(int x, int y) const {
    return Rasterize::setup<Int>(a, b, c, x, y);
  }

 private:
  __device__ static Rasterize::Vertex snapped(const Args& args, std::int32_t v) {
    return Rasterize::snap(args.screen + 3L * v, args.near_mm);
  }
};

__device__ void draw_fragment(const Frame& f, long pixel, float inverse_depth, std::int32_t t) {
  if (!(inverse_depth > 0)) return;
  const Key key = Rasterize::key(inverse_depth, t);
  // Most hidden fragments are seen to be hidden without an atomic.
  if (key < f.keys[pixel]) atomicMin(f.keys + pixel, key);
}

template <class Int>
__device__ void draw_box(const Frame& f, const Rasterize::Edges<Int>& e, std::int32_t t, PixelBox box) {
  Int row[3] = {e.start[0], e.start[1], e.start[2]};
  for (int y = box.y0; y < box.y1; ++y) {
    Int e0 = row[0], e1 = row[1], e2 = row[2];
    for (int x = box.x0; x < box.x1; ++x) {
      if (((e0 - e.least[0]) | (e1 - e.least[1]) | (e2 - e.least[2])) >= 0)
        draw_fragment(f, static_cast<long>(y) * f.args.width + x, Rasterize::fragment(e, e0, e1, e2).inverse_depth, t);
      e0 += e.step_x[0];
      e1 += e.step_x[1];
      e2 += e.step_x[2];
    }
    for (int i = 0; i < 3; ++i) row[i] += e.step_y[i];
  }
}

// Pixels `first`, `first` + `step`, ... of a triangle's box.
__device__ void draw_shared(const Frame& f, std::int32_t t, int first, int step) {
  const Corners corners(f.args, t);
  const PixelBox box = corners.box(f.args);
  const auto edges = corners.edges<std::int64_t>(box.x0, box.y0);
  const int width = box.x1 - box.x0, pixels = width * (box.y1 - box.y0);
  for (int p = first; p < pixels; p += step) {
    const int x = p % width, y = p / width;
    std::int64_t e[3];
    for (int i = 0; i < 3; ++i) e[i] = edges.start[i] + x * edges.step_x[i] + y * edges.step_y[i];
    if (((e[0] - edges.least[0]) | (e[1] - edges.least[1]) | (e[2] - edges.least[2])) < 0) continue;
    draw_fragment(f, static_cast<long>(box.y0 + y) * f.args.width + box.x0 + x,
                  Rasterize::fragment(edges, e[0], e[1], e[2]).inverse_depth, t);
  }
}

// A thread a triangle; those that are too much for one are left to the block's warps, and then to the whole block.
__global__ void __launch_bounds__(kThreads) draw(const __grid_constant__ Frame f) {
  __shared__ std::int32_t queue[kThreads];  // medium ones from the front, large ones from the back
  __shared__ int medium, large;
  const int thread = static_cast<int>(threadIdx.x);
  if (thread == 0) medium = large = 0;
  __syncthreads();
  const long t = index();
  if (t < f.args.triangle_count) {
    const Corners corners(f.args, t);
    const PixelBox box = corners.box(f.args);
    if (f.args.boxes != nullptr) f.args.boxes[t] = box;
    const std::int32_t id = static_cast<std::int32_t>(t);
    const int pixels = (box.x1 - box.x0) * (box.y1 - box.y0);
    if (pixels > kStripPixels)
      queue[kThreads - 1 - atomicAdd(&large, 1)] = id;
    else if (pixels > kSmallPixels || (pixels > 0 && !Rasterize::is_small(corners.a, corners.b, corners.c)))
      queue[atomicAdd(&medium, 1)] = id;
    else if (pixels > 0)
      draw_box(f, corners.edges<std::int32_t>(box.x0, box.y0), id, box);
  }
  __syncthreads();
  for (int k = thread / kWarp; k < medium; k += kThreads / kWarp) draw_shared(f, queue[k], thread % kWarp, kWarp);
  for (int k = 0; k < large; ++k) draw_shared(f, queue[kThreads - 1 - k], thread, kThreads);
}

__global__ void resolve(const __grid_constant__ Frame f, long pixels) {
  const long i = index();
  if (i >= pixels) return;
  const Key key = f.keys[i];
  f.keys[i] = Rasterize::kEmpty;
  const bool seen = key != Rasterize::kEmpty;
  const std::int32_t t = seen ? static_cast<std::int32_t>(key & 0x7fffffffu) : -1;
  float b0 = 0, b1 = 0;
  if (seen) {
    const auto e =
        Corners(f.args, t).edges<std::int64_t>(static_cast<int>(i % f.args.width), static_cast<int>(i / f.args.width));
    const Rasterize::Fragment fragment = Rasterize::fragment(e, e.start[0], e.start[1], e.start[2]);
    b0 = fragment.barycentric[0];
    b1 = fragment.barycentric[1];
  }
  f.args.triangle_id[i] = t;
  f.args.barycentrics[2 * i] = b0;
  f.args.barycentrics[2 * i + 1] = b1;
  if (f.args.depth != nullptr) f.args.depth[i] = seen ? Rasterize::key_depth(key) : INFINITY;
}

unsigned blocks_for(long n) { return cuda::blocks_for(n, kThreads); }

}  // namespace

void CudaRasterizer::run(const Args& args, cudaStream_t stream) {
  ops::check_raster_arguments(args);
  const long pixels = static_cast<long>(args.width) * args.height;
  if (static_cast<long>(keys_.size()) < pixels) {
    keys_ = cuda::DeviceArray<Key>(static_cast<std::size_t>(pixels), stream);
    static_assert(Rasterize::kEmpty == ~std::uint64_t{0});
    cuda::check(cudaMemsetAsync(keys_.data(), 0xff, keys_.size() * sizeof(Key), stream), "clearing device memory");
  }
  const Frame frame{args, keys_.data()};
  const auto launch = [&](long n, auto* kernel, auto... arguments) {
    cuda::launch("rasterizing", stream, blocks_for(n), kThreads, kernel, arguments...);
  };
  if (args.triangle_count > 0) launch(args.triangle_count, draw, frame);
  launch(pixels, resolve, frame, pixels);
}

}  // namespace hrn
