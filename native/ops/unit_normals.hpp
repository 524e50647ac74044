// Vertex normals that weigh every face the same, whatever its area: the reference's. Forward: unit face normals, then
// per vertex their normalised sum; the steps per vertex are those of normals.hpp, with unit normals in place of
// crosses.
#pragma once
#include "ops/normals.hpp"

namespace hrn::ops {

struct UnitNormals {
  template <class Real>
  HRN_HD static Vec3<Real> face_cross(const NormalsArgs<Real>& a, long t) {
    const Vec3<Real> p0 = load3(a.positions, a.triangles[3 * t]);
    return cross(load3(a.positions, a.triangles[3 * t + 1]) - p0, load3(a.positions, a.triangles[3 * t + 2]) - p0);
  }

  template <class Real>
  HRN_HD static void forward_face(const NormalsArgs<Real>& a, long t) {
    const Vec3<Real> c = face_cross(a, t);
    const Real inverse = inverse_of(length(c));
    store3(a.crosses, t, inverse > Real(0) ? inverse * c : Vec3<Real>{0, 0, 0});
    if (a.face_inverse_lengths != nullptr) a.face_inverse_lengths[t] = inverse;
  }

  template <class Real>
  HRN_HD static void backward_face(const NormalsArgs<Real>& a, long t) {
    const long v0 = a.triangles[3 * t], v1 = a.triangles[3 * t + 1], v2 = a.triangles[3 * t + 2];
    const Vec3<Real> p0 = load3(a.positions, v0), p1 = load3(a.positions, v1), p2 = load3(a.positions, v2);
    const Vec3<Real> unit = load3(a.crosses, t);
    const Real inverse =
        a.face_inverse_lengths != nullptr ? a.face_inverse_lengths[t] : inverse_of(length(cross(p1 - p0, p2 - p0)));
    const Vec3<Real> sum = load3(a.grad_sums, v0) + load3(a.grad_sums, v1) + load3(a.grad_sums, v2);
    const Vec3<Real> g = inverse > Real(0) ? inverse * (sum - dot(sum, unit) * unit) : Vec3<Real>{0, 0, 0};
    const Vec3<Real> g1 = cross(p2 - p0, g);
    const Vec3<Real> g2 = cross(g, p1 - p0);
    store3(a.position_slots, 3 * t, Vec3<Real>{0, 0, 0} - (g1 + g2));
    store3(a.position_slots, 3 * t + 1, g1);
    store3(a.position_slots, 3 * t + 2, g2);
  }

  /// Per triangle; `crosses` receives unit normals.
  struct ForwardFace {
    template <class Args>
    HRN_HD static void run(const Args& a, long t) {
      forward_face(a, t);
    }
  };
  /// Per triangle, after Normals::BackwardVertex.
  struct BackwardFace {
    template <class Args>
    HRN_HD static void run(const Args& a, long t) {
      backward_face(a, t);
    }
  };

 private:
  /// 0 for a face without an area.
  template <class Real>
  HRN_HD static Real inverse_of(Real norm) {
    return norm > Real(1e-20) ? Real(1) / norm : Real(0);
  }
};

}  // namespace hrn::ops
