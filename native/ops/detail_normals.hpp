// Per-texel normals of a surface displaced along its normals by a map: P' = P + d N, normal = direction of
// dP'/dcolumn x dP'/drow by central differences over the texels of the unwrap.
#pragma once
#include <cstdint>

#include "core/vec.hpp"

namespace hrn::ops {

template <class Real>
struct DetailNormalsArgs {
  long size = 0;                        // texels a side
  const std::uint8_t* valid = nullptr;  // in, [size][size], 0 outside the unwrap
  const Real* positions = nullptr;      // in, [size][size][3], mm
  const Real* normals = nullptr;        // in, [size][size][3], unit normals of the smooth surface
  const Real* displacement = nullptr;   // in, [size][size], mm along the normal
  Real* detail_normals = nullptr;       // out, [size][size][3]; the smooth normal where differences say nothing
  const Real* grad_normals = nullptr;   // in, [size][size][3], gradient of detail_normals
  Real* grad_tangents = nullptr;        // scratch, [size][size][2][3]
  Real* grad_displacement = nullptr;    // out, [size][size]
};

struct DetailNormals {
  /// The two texels whose difference is the tangent along one axis; equal where there is none.
  struct Span {
    long low, high;
  };

  template <class Real>
  HRN_HD static Span span(const DetailNormalsArgs<Real>& a, long texel, int axis) {
    const long place = axis == 0 ? texel % a.size : texel / a.size;
    const long stride = axis == 0 ? 1 : a.size;
    const bool low = place > 0 && a.valid[texel - stride] != 0;
    const bool high = place + 1 < a.size && a.valid[texel + stride] != 0;
    return {low ? texel - stride : texel, high ? texel + stride : texel};
  }

  template <class Real>
  HRN_HD static Vec3<Real> displaced(const DetailNormalsArgs<Real>& a, long texel) {
    return load3(a.positions, texel) + a.displacement[texel] * load3(a.normals, texel);
  }

  template <class Real>
  HRN_HD static Vec3<Real> tangent(const DetailNormalsArgs<Real>& a, long texel, int axis) {
    const Span s = span(a, texel, axis);
    return displaced(a, s.high) - displaced(a, s.low);
  }

  template <class Real>
  HRN_HD static void forward(const DetailNormalsArgs<Real>& a, long texel) {
    const Vec3<Real> smooth = load3(a.normals, texel);
    Vec3<Real> normal = smooth;
    if (a.valid[texel] != 0) {
      const Vec3<Real> c = cross(tangent(a, texel, 0), tangent(a, texel, 1));
      const Real norm = length(c);
      // The unwrap may be mirrored: the smooth normal says which side is out.
      if (norm > Real(1e-12)) normal = (dot(c, smooth) < 0 ? Real(-1) / norm : Real(1) / norm) * c;
    }
    store3(a.detail_normals, texel, normal);
  }

  /// First pass: gradient of the two tangents.
  template <class Real>
  HRN_HD static void backward_tangents(const DetailNormalsArgs<Real>& a, long texel) {
    Vec3<Real> g0{0, 0, 0}, g1{0, 0, 0};
    if (a.valid[texel] != 0) {
      const Vec3<Real> t0 = tangent(a, texel, 0), t1 = tangent(a, texel, 1);
      const Vec3<Real> c = cross(t0, t1);
      const Real norm = length(c);
      if (norm > Real(1e-12)) {
        const Real scale = dot(c, load3(a.normals, texel)) < 0 ? Real(-1) / norm : Real(1) / norm;
        const Vec3<Real> unit = (Real(1) / norm) * c, g = load3(a.grad_normals, texel);
        const Vec3<Real> grad_cross = scale * (g - dot(g, unit) * unit);
        g0 = cross(t1, grad_cross);
        g1 = cross(grad_cross, t0);
      }
    }
    store3(a.grad_tangents, 2 * texel, g0);
    store3(a.grad_tangents, 2 * texel + 1, g1);
  }

  /// Second pass: every texel collects from the tangents that it ends, its own and its neighbours'.
  template <class Real>
  HRN_HD static void backward(const DetailNormalsArgs<Real>& a, long texel) {
    Vec3<Real> sum{0, 0, 0};
    if (a.valid[texel] != 0) {
      for (int axis = 0; axis < 2; ++axis) {
        const long place = axis == 0 ? texel % a.size : texel / a.size;
        const long stride = axis == 0 ? 1 : a.size;
        const Span own = span(a, texel, axis);
        const Vec3<Real> g = load3(a.grad_tangents, 2 * texel + axis);
        if (own.high == texel) sum = sum + g;
        if (own.low == texel) sum = sum - g;
        // This texel is valid, so it ends the tangents of both neighbours.
        if (place > 0) sum = sum + load3(a.grad_tangents, 2 * (texel - stride) + axis);
        if (place + 1 < a.size) sum = sum - load3(a.grad_tangents, 2 * (texel + stride) + axis);
      }
    }
    a.grad_displacement[texel] = dot(sum, load3(a.normals, texel));
  }

  struct Forward {
    template <class Args>
    HRN_HD static void run(const Args& a, long texel) {
      forward(a, texel);
    }
  };
  struct BackwardTangents {
    template <class Args>
    HRN_HD static void run(const Args& a, long texel) {
      backward_tangents(a, texel);
    }
  };
  struct Backward {
    template <class Args>
    HRN_HD static void run(const Args& a, long texel) {
      backward(a, texel);
    }
  };
};

}  // namespace hrn::ops
