// The verbs of backends/backend.hpp in the plainest form: one thread, one loop, no tiles. Other backends are compared
// with it.
#pragma once
#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "backends/backend.hpp"
#include "core/array.hpp"

namespace hrn::test {

class ReferenceBackend {
 public:
  template <class T>
  using Array = HostArray<T>;

  template <class T>
  Array<T> alloc(std::size_t n) {
    return Array<T>(n);
  }
  template <class T>
  void upload(Array<T>& to, const T* from, std::size_t n) {
    std::copy_n(from, n, to.data());
  }
  template <class T>
  void download(T* to, const Array<T>& from, std::size_t n) {
    std::copy_n(from.data(), n, to);
  }
  template <class T>
  HostView<T> borrow(const T* from, std::size_t) {
    return {from};
  }
  template <class T>
  HostOutput<T> output(T* to, std::size_t) {
    return {to};
  }
  template <class T>
  void deliver(HostOutput<T>&) {}
  template <class T>
  void fill_zero(Array<T>& array) {
    std::fill(array.begin(), array.end(), T{});
  }
  template <class K, class A>
  void for_each(long n, const A& args) {
    for (long i = 0; i < n; ++i) K::run(args, i);
  }
  template <class K, int N, class A>
  void reduce(long n, const A& args, double* out) {
    std::fill_n(out, N, 0.0);
    for (long i = 0; i < n; ++i) K::run(args, i, out);
  }
  template <class First, class Second>
  void concurrently(First&& first, Second&& second) {
    first();
    second();
  }
  template <class K, int N, class A>
  void reduce_to(long n, const A& args, double* out) {
    reduce<K, N>(n, args, out);
  }
  template <class Stored>
  void basis_forward(const ops::BasisArgs<float, Stored>& a) {
    for (long tile = 0; tile < ops::basis_tiles(a.rows); ++tile) ops::MorphableModel::forward(a, tile);
  }
  template <class Stored>
  void basis_backward(const ops::BasisArgs<float, Stored>& a, double* grad) {
    std::fill_n(grad, a.count, 0.0);
    for (long tile = 0; tile < ops::basis_tiles(a.rows); ++tile) ops::MorphableModel::backward(a, tile, grad);
  }

  /// Every triangle over every pixel of its box, in order, 64-bit edges only.
  void rasterize(const ops::RasterizeArgs<float>& a) {
    using ops::Rasterize;
    const long pixels = static_cast<long>(a.width) * a.height;
    std::vector<std::uint64_t> keys(static_cast<std::size_t>(pixels), Rasterize::kEmpty);
    std::fill_n(a.barycentrics, 2 * pixels, 0.0f);
    for (long t = 0; t < a.triangle_count; ++t) {
      Rasterize::Vertex v[3];
      for (int c = 0; c < 3; ++c) v[c] = Rasterize::snap(a.screen + 3L * a.triangles[3 * t + c], a.near_mm);
      const ops::PixelBox box = Rasterize::box(v[0], v[1], v[2], a.width, a.height, a.cull_back_faces);
      if (a.boxes != nullptr) a.boxes[t] = box;
      for (int y = box.y0; y < box.y1; ++y) {
        for (int x = box.x0; x < box.x1; ++x) {
          const auto e = Rasterize::setup<std::int64_t>(v[0], v[1], v[2], x, y);
          if (e.start[0] < e.least[0] || e.start[1] < e.least[1] || e.start[2] < e.least[2]) continue;
          const Rasterize::Fragment f = Rasterize::fragment(e, e.start[0], e.start[1], e.start[2]);
          const std::uint64_t key = Rasterize::key(f.inverse_depth, static_cast<std::int32_t>(t));
          const long pixel = static_cast<long>(y) * a.width + x;
          if (!(f.inverse_depth > 0) || key >= keys[static_cast<std::size_t>(pixel)]) continue;
          keys[static_cast<std::size_t>(pixel)] = key;
          a.barycentrics[2 * pixel] = f.barycentric[0];
          a.barycentrics[2 * pixel + 1] = f.barycentric[1];
        }
      }
    }
    for (long pixel = 0; pixel < pixels; ++pixel) {
      const std::uint64_t key = keys[static_cast<std::size_t>(pixel)];
      const bool seen = key != Rasterize::kEmpty;
      a.triangle_id[pixel] = seen ? static_cast<std::int32_t>(key & 0x7fffffffu) : -1;
      if (a.depth != nullptr)
        a.depth[pixel] = seen ? Rasterize::key_depth(key) : std::numeric_limits<float>::infinity();
    }
  }
};

static_assert(Backend<ReferenceBackend>);

}  // namespace hrn::test
