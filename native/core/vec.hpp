// Small fixed-size vectors for per-element code, templated on the real type (float in production, double in the
// gradient tests).
#pragma once
#include <cmath>

#include "core/host_device.hpp"

namespace hrn {

template <class Real>
struct Vec3 {
  Real x, y, z;
};

template <class Real>
HRN_HD Vec3<Real> operator+(Vec3<Real> a, Vec3<Real> b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
template <class Real>
HRN_HD Vec3<Real> operator-(Vec3<Real> a, Vec3<Real> b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}
template <class Real>
HRN_HD Vec3<Real> operator*(Real s, Vec3<Real> a) {
  return {s * a.x, s * a.y, s * a.z};
}
template <class Real>
HRN_HD Real dot(Vec3<Real> a, Vec3<Real> b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
template <class Real>
HRN_HD Vec3<Real> cross(Vec3<Real> a, Vec3<Real> b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
template <class Real>
HRN_HD Real length(Vec3<Real> a) {
  return std::sqrt(dot(a, a));
}
template <class Real>
HRN_HD Vec3<Real> load3(const Real* p, long i) {
  return {p[3 * i], p[3 * i + 1], p[3 * i + 2]};
}
template <class Real>
HRN_HD void store3(Real* p, long i, Vec3<Real> v) {
  p[3 * i] = v.x;
  p[3 * i + 1] = v.y;
  p[3 * i + 2] = v.z;
}

}  // namespace hrn
