// Area-weighted vertex normals. Forward: face cross products, then per vertex their normalised sum. Backward: through
// the normalisation per vertex, then to corner slots per triangle (corner_gather.hpp adds them up).
#pragma once
#include <cstdint>

#include "core/vec.hpp"

namespace hrn::ops {

template <class Real>
struct NormalsArgs {
  const std::int32_t* triangles = nullptr;       // in, [T][3]
  const std::int32_t* corner_offsets = nullptr;  // in, [V + 1]
  const std::int32_t* corners = nullptr;         // in, [3 T]
  const Real* positions = nullptr;               // in, [V][3]
  Real* crosses = nullptr;                       // scratch and out, [T][3], twice the area times the face normal
  Real* normals = nullptr;                       // out, [V][3], unit; (0, 0, 1) where the faces around have no area
  // Backward; crosses and normals as left by forward.
  const Real* grad_normals = nullptr;  // in, [V][3]
  Real* grad_sums = nullptr;           // scratch, [V][3], gradient of the unnormalised sum
  Real* position_slots = nullptr;      // out, [T][3][3]
  // What forward has divided by, for backward: [V] and (unit normals of faces) [T]; null: worked out once more.
  Real* inverse_lengths = nullptr;
  Real* face_inverse_lengths = nullptr;
};

struct Normals {
  template <class Real>
  HRN_HD static Vec3<Real> face_cross(const NormalsArgs<Real>& a, long t) {
    const Vec3<Real> p0 = load3(a.positions, a.triangles[3 * t]);
    const Vec3<Real> p1 = load3(a.positions, a.triangles[3 * t + 1]);
    const Vec3<Real> p2 = load3(a.positions, a.triangles[3 * t + 2]);
    return cross(p1 - p0, p2 - p0);
  }

  template <class Real>
  HRN_HD static void forward_face(const NormalsArgs<Real>& a, long t) {
    store3(a.crosses, t, face_cross(a, t));
  }

  template <class Real>
  HRN_HD static Vec3<Real> cross_sum(const NormalsArgs<Real>& a, long v) {
    Vec3<Real> sum{0, 0, 0};
    for (long j = a.corner_offsets[v]; j < a.corner_offsets[v + 1]; ++j) sum = sum + load3(a.crosses, a.corners[j] / 3);
    return sum;
  }

  /// The same of faces whose crosses nobody has stored.
  template <class Real>
  HRN_HD static Vec3<Real> direct_sum(const NormalsArgs<Real>& a, long v) {
    Vec3<Real> sum{0, 0, 0};
    for (long j = a.corner_offsets[v]; j < a.corner_offsets[v + 1]; ++j) sum = sum + face_cross(a, a.corners[j] / 3);
    return sum;
  }

  template <class Real>
  HRN_HD static void forward_vertex(const NormalsArgs<Real>& a, long v) {
    const Vec3<Real> sum = a.crosses != nullptr ? cross_sum(a, v) : direct_sum(a, v);
    const Real norm = length(sum);
    const Real inverse = norm > tiny<Real>() ? Real(1) / norm : Real(0);
    store3(a.normals, v, inverse > Real(0) ? inverse * sum : Vec3<Real>{0, 0, 1});
    if (a.inverse_lengths != nullptr) a.inverse_lengths[v] = inverse;
  }

  template <class Real>
  HRN_HD static void backward_vertex(const NormalsArgs<Real>& a, long v) {
    const Vec3<Real> n = load3(a.normals, v), g = load3(a.grad_normals, v);
    const Vec3<Real> tangential = g - dot(g, n) * n;
    const Real inverse = inverse_length(a, v);
    store3(a.grad_sums, v, inverse > Real(0) ? inverse * tangential : Vec3<Real>{0, 0, 0});
  }

  /// One over the length of the sum at a vertex, 0 where that carries no direction.
  template <class Real>
  HRN_HD static Real inverse_length(const NormalsArgs<Real>& a, long v) {
    if (a.inverse_lengths != nullptr) return a.inverse_lengths[v];
    const Real norm = length(a.crosses != nullptr ? cross_sum(a, v) : direct_sum(a, v));
    return norm > tiny<Real>() ? Real(1) / norm : Real(0);
  }

  /// Gradients of a triangle's corners 1 and 2; that of corner 0 is the negative of their sum.
  template <class Real>
  struct FaceGradient {
    Vec3<Real> first, second;
  };
  template <class Real>
  HRN_HD static FaceGradient<Real> face_gradient(const NormalsArgs<Real>& a, long t) {
    const long v0 = a.triangles[3 * t], v1 = a.triangles[3 * t + 1], v2 = a.triangles[3 * t + 2];
    const Vec3<Real> p0 = load3(a.positions, v0), p1 = load3(a.positions, v1), p2 = load3(a.positions, v2);
    const Vec3<Real> g = load3(a.grad_sums, v0) + load3(a.grad_sums, v1) + load3(a.grad_sums, v2);
    return {cross(p2 - p0, g), cross(g, p1 - p0)};
  }

  template <class Real>
  HRN_HD static void backward_face(const NormalsArgs<Real>& a, long t) {
    const FaceGradient<Real> g = face_gradient(a, t);
    store3(a.position_slots, 3 * t, Vec3<Real>{0, 0, 0} - (g.first + g.second));
    store3(a.position_slots, 3 * t + 1, g.first);
    store3(a.position_slots, 3 * t + 2, g.second);
  }

  /// What backward_face() and a gather of its slots leave at a vertex, without slots.
  template <class Real>
  HRN_HD static Vec3<Real> position_gradient(const NormalsArgs<Real>& a, long v) {
    Vec3<Real> sum{0, 0, 0};
    for (long j = a.corner_offsets[v]; j < a.corner_offsets[v + 1]; ++j) {
      const FaceGradient<Real> g = face_gradient(a, a.corners[j] / 3);
      const int corner = static_cast<int>(a.corners[j] % 3);
      sum = sum + (corner == 0 ? Vec3<Real>{0, 0, 0} - (g.first + g.second) : corner == 1 ? g.first : g.second);
    }
    return sum;
  }

  /// Per triangle.
  struct ForwardFace {
    template <class Args>
    HRN_HD static void run(const Args& a, long t) {
      forward_face(a, t);
    }
  };
  /// Per vertex, after ForwardFace.
  struct ForwardVertex {
    template <class Args>
    HRN_HD static void run(const Args& a, long v) {
      forward_vertex(a, v);
    }
  };
  /// Per vertex.
  struct BackwardVertex {
    template <class Args>
    HRN_HD static void run(const Args& a, long v) {
      backward_vertex(a, v);
    }
  };
  /// Per triangle, after BackwardVertex.
  struct BackwardFace {
    template <class Args>
    HRN_HD static void run(const Args& a, long t) {
      backward_face(a, t);
    }
  };

 private:
  /// Below this a sum of cross products carries no direction.
  template <class Real>
  HRN_HD static constexpr Real tiny() {
    return Real(1e-20);
  }
};

}  // namespace hrn::ops
