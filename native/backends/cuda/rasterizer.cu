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

constexpr int kThreads = 128;
// Boxes of more pixels are drawn by a warp; those of more than a strip by several blocks, a strip each.
constexpr int kSmallPixels = 64;
constexpr long kStripPixels = 4096;
constexpr int kQueueBlocks = 528;

struct Frame {
  Args args;
  Key* keys;
  Rasterize::Vertex* vertices;
  std::int32_t* queue;  // how many medium ones, how many large ones, then the medium ones up and the large ones down

  __device__ std::int32_t& medium(long k) const { return queue[2 + k]; }
  __device__ std::int32_t& large(long k) const { return queue[1 + args.triangle_count - k]; }
};

__device__ long index() { return static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x; }

__device__ void draw(const Frame& f, long pixel, float inverse_depth, std::int32_t t) {
  if (!(inverse_depth > 0)) return;
  const Key key = Rasterize::key(inverse_depth, t);
  // Most hidden fragments are seen to be hidden without an atomic.
  if (key < f.keys[pixel]) atomicMin(f.keys + pixel, key);
}

__global__ void clear_and_snap(const __grid_constant__ Frame f, long pixels) {
  const long i = index();
  if (i < pixels) f.keys[i] = Rasterize::kEmpty;
  if (i < f.args.vertex_count) f.vertices[i] = Rasterize::snap(f.args.screen + 3 * i, f.args.near_mm);
  if (i < 2) f.queue[i] = 0;
}

template <class Int>
__device__ void draw_box(const Frame& f, const Rasterize::Edges<Int>& e, std::int32_t t, PixelBox box) {
  Int row[3] = {e.start[0], e.start[1], e.start[2]};
  for (int y = box.y0; y < box.y1; ++y) {
    Int e0 = row[0], e1 = row[1], e2 = row[2];
    for (int x = box.x0; x < box.x1; ++x) {
      if (((e0 - e.least[0]) | (e1 - e.least[1]) | (e2 - e.least[2])) >= 0)
        draw(f, static_cast<long>(y) * f.args.width + x, Rasterize::fragment(e, e0, e1, e2).inverse_depth, t);
      e0 += e.step_x[0];
      e1 += e.step_x[1];
      e2 += e.step_x[2];
    }
    for (int i = 0; i < 3; ++i) row[i] += e.step_y[i];
  }
}

__global__ void __launch_bounds__(kThreads) draw_small(const __grid_constant__ Frame f) {
  const long t = index();
  if (t >= f.args.triangle_count) return;
  const std::int32_t* corner = f.args.triangles + 3 * t;
  const Rasterize::Vertex a = f.vertices[corner[0]], b = f.vertices[corner[1]], c = f.vertices[corner[2]];
  const PixelBox box = Rasterize::box(a, b, c, f.args.width, f.args.height, f.args.cull_back_faces);
  if (f.args.boxes != nullptr) f.args.boxes[t] = box;
  if (box.x0 == box.x1) return;
  const std::int32_t id = static_cast<std::int32_t>(t);
  const long pixels = static_cast<long>(box.x1 - box.x0) * (box.y1 - box.y0);
  if (pixels > kStripPixels) {
    f.large(atomicAdd(f.queue + 1, 1)) = id;
  } else if (pixels > kSmallPixels || !Rasterize::is_small(a, b, c)) {
    f.medium(atomicAdd(f.queue, 1)) = id;
  } else {
    draw_box(f, Rasterize::setup<std::int32_t>(a, b, c, box.x0, box.y0), id, box);
  }
}

struct Queued {
  PixelBox box;
  Rasterize::Edges<std::int64_t> edges;

  __device__ Queued(const Frame& f, std::int32_t t) {
    const std::int32_t* corner = f.args.triangles + 3L * t;
    const Rasterize::Vertex a = f.vertices[corner[0]], b = f.vertices[corner[1]], c = f.vertices[corner[2]];
    box = Rasterize::box(a, b, c, f.args.width, f.args.height, f.args.cull_back_faces);
    edges = Rasterize::setup<std::int64_t>(a, b, c, box.x0, box.y0);
  }
  __device__ int width() const { return box.x1 - box.x0; }
  __device__ int pixels() const { return width() * (box.y1 - box.y0); }

  __device__ void draw_pixel(const Frame& f, std::int32_t t, int p) const {
    const int x = p % width(), y = p / width();
    std::int64_t e[3];
    for (int i = 0; i < 3; ++i) e[i] = edges.start[i] + x * edges.step_x[i] + y * edges.step_y[i];
    if (((e[0] - edges.least[0]) | (e[1] - edges.least[1]) | (e[2] - edges.least[2])) < 0) return;
    draw(f, static_cast<long>(box.y0 + y) * f.args.width + box.x0 + x,
         Rasterize::fragment(edges, e[0], e[1], e[2]).inverse_depth, t);
  }
};

__global__ void __launch_bounds__(kThreads) draw_queued(const __grid_constant__ Frame f) {
  constexpr int kWarp = 32;
  const int medium = f.queue[0], large = f.queue[1];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (long k = index() / kWarp; k < medium; k += gridDim.x * (kThreads / kWarp)) {
    const std::int32_t t = f.medium(k);
    const Queued queued(f, t);
    for (int p = lane; p < queued.pixels(); p += kWarp) queued.draw_pixel(f, t, p);
  }
  for (int k = 0; k < large; ++k) {
    const std::int32_t t = f.large(k);
    const Queued queued(f, t);
    for (long strip = blockIdx.x; strip * kStripPixels < queued.pixels(); strip += gridDim.x) {
      const int begin = static_cast<int>(strip * kStripPixels);
      const int end = min(queued.pixels(), begin + static_cast<int>(kStripPixels));
      for (int p = begin + static_cast<int>(threadIdx.x); p < end; p += kThreads) queued.draw_pixel(f, t, p);
    }
  }
}

__global__ void resolve(const __grid_constant__ Frame f, long pixels) {
  const long i = index();
  if (i >= pixels) return;
  const Key key = f.keys[i];
  const bool seen = key != Rasterize::kEmpty;
  const std::int32_t t = seen ? static_cast<std::int32_t>(key & 0x7fffffffu) : -1;
  float b0 = 0, b1 = 0;
  if (seen) {
    const std::int32_t* corner = f.args.triangles + 3L * t;
    const Rasterize::Vertex a = f.vertices[corner[0]], b = f.vertices[corner[1]], c = f.vertices[corner[2]];
    const auto e =
        Rasterize::setup<std::int64_t>(a, b, c, static_cast<int>(i % f.args.width), static_cast<int>(i / f.args.width));
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
  grow(keys_, pixels, stream);
  grow(vertices_, args.vertex_count, stream);
  grow(queue_, args.triangle_count + 2, stream);
  const Frame frame{args, keys_.data(), vertices_.data(), queue_.data()};
  const auto launch = [&](unsigned blocks, auto* kernel, auto... arguments) {
    cuda::launch("rasterizing", stream, blocks, kThreads, kernel, arguments...);
  };
  launch(blocks_for(std::max(pixels, args.vertex_count)), clear_and_snap, frame, pixels);
  if (args.triangle_count > 0) {
    launch(blocks_for(args.triangle_count), draw_small, frame);
    launch(kQueueBlocks, draw_queued, frame);
  }
  launch(blocks_for(pixels), resolve, frame, pixels);
}

}  // namespace hrn
