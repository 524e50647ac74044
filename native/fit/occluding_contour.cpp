#include "fit/occluding_contour.hpp"

#include <cmath>

#include "core/vec.hpp"

namespace hrn::fit {

ContourBand::ContourBand(const Model& model, const std::vector<std::uint32_t>& vertices)
    : identity_total_(model.identity_count), expression_count_(model.expression_count) {
  const Topology& mesh = model.topology;
  std::vector<std::int32_t> local(static_cast<size_t>(model.vertex_count), -1);
  std::vector<long> members;
  for (const std::uint32_t v : vertices) {
    if (local[v] >= 0) continue;
    local[v] = static_cast<std::int32_t>(members.size());
    members.push_back(static_cast<long>(v));
  }
  count_ = static_cast<long>(members.size());
  const auto local_of = [&](long corner) {
    return local[static_cast<size_t>(mesh.triangles[static_cast<size_t>(corner)])];
  };
  for (long t = 0; t < mesh.triangle_count; ++t)
    if (local_of(3 * t) >= 0 && local_of(3 * t + 1) >= 0 && local_of(3 * t + 2) >= 0)
      for (long c = 0; c < 3; ++c) triangles_.push_back(local_of(3 * t + c));

  std::vector<std::uint8_t> interior(members.size(), 1);
  for (size_t i = 0; i < members.size(); ++i) {
    const size_t v = static_cast<size_t>(members[i]);
    if (mesh.corner_offsets[v] == mesh.corner_offsets[v + 1]) interior[i] = 0;
    for (std::int32_t k = mesh.corner_offsets[v]; k < mesh.corner_offsets[v + 1]; ++k) {
      const long t = mesh.corners[static_cast<size_t>(k)] / 3;
      for (long c = 0; c < 3; ++c)
        if (local_of(3 * t + c) < 0) interior[i] = 0;
    }
  }
  for (size_t e = 0; e < mesh.edges.size(); e += 2) {
    const std::int32_t a = local[static_cast<size_t>(mesh.edges[e])], b = local[static_cast<size_t>(mesh.edges[e + 1])];
    if (a < 0 || b < 0 || !interior[static_cast<size_t>(a)] || !interior[static_cast<size_t>(b)]) continue;
    edges_.push_back(a);
    edges_.push_back(b);
  }

  const size_t rows = 3 * members.size();
  mean_.resize(rows);
  basis_.resize(rows * static_cast<size_t>(model.shape_count()));
  for (size_t i = 0; i < members.size(); ++i)
    for (size_t axis = 0; axis < 3; ++axis) {
      const size_t row = 3 * static_cast<size_t>(members[i]) + axis;
      mean_[3 * i + axis] = model.mean[row];
      for (long k = 0; k < model.shape_count(); ++k)
        basis_[static_cast<size_t>(k) * rows + 3 * i + axis] = model.shape_value(k, static_cast<long>(row));
    }
  positions_.resize(rows);
  normals_.resize(rows);
  facing_.resize(members.size());
}

void ContourBand::update(const CameraPose& camera, const double* identity, long identity_count,
                         const double* expression, std::vector<ContourPoint>& contour) {
  contour.clear();
  const size_t rows = positions_.size();
  for (size_t r = 0; r < rows; ++r) positions_[r] = static_cast<double>(mean_[r]);
  const auto add = [&](long component, double coefficient) {
    if (coefficient == 0) return;
    const float* basis = basis_.data() + static_cast<size_t>(component) * rows;
    for (size_t r = 0; r < rows; ++r) positions_[r] += coefficient * static_cast<double>(basis[r]);
  };
  for (long k = 0; k < identity_count; ++k) add(k, identity[k]);
  for (long k = 0; k < expression_count_; ++k) add(identity_total_ + k, expression[k]);

  normals_.assign(rows, 0.0);
  for (size_t t = 0; t < triangles_.size(); t += 3) {
    const Vec3<double> p0 = load3(positions_.data(), triangles_[t]), p1 = load3(positions_.data(), triangles_[t + 1]),
                       p2 = load3(positions_.data(), triangles_[t + 2]);
    const Vec3<double> n = cross(p1 - p0, p2 - p0);
    for (size_t c = 0; c < 3; ++c) {
      const long v = triangles_[t + c];
      store3(normals_.data(), v, load3(normals_.data(), v) + n);
    }
  }

  const double* r = camera.rotation.data();
  const auto rotate = [r](Vec3<double> p) {
    return Vec3<double>{r[0] * p.x + r[1] * p.y + r[2] * p.z, r[3] * p.x + r[4] * p.y + r[5] * p.z,
                        r[6] * p.x + r[7] * p.y + r[8] * p.z};
  };
  const Vec3<double> translation{camera.translation[0], camera.translation[1], camera.translation[2]};
  for (long v = 0; v < count_; ++v) {
    const Vec3<double> n = load3(normals_.data(), v);
    const double size = length(n);
    facing_[static_cast<size_t>(v)] =
        size > 0 ? dot(rotate(n), rotate(load3(positions_.data(), v)) + translation) / size : 0.0;
  }
  for (size_t e = 0; e < edges_.size(); e += 2) {
    const long a = edges_[e], b = edges_[e + 1];
    const double fa = facing_[static_cast<size_t>(a)], fb = facing_[static_cast<size_t>(b)];
    if (!(fa * fb < 0)) continue;
    ContourPoint point;
    point.a = a;
    point.b = b;
    point.along = fa / (fa - fb);
    const double s = point.along;
    const Vec3<double> p =
        rotate((1 - s) * load3(positions_.data(), a) + s * load3(positions_.data(), b)) + translation;
    const Vec3<double> na = load3(normals_.data(), a), nb = load3(normals_.data(), b);
    // The tangent plane at a silhouette point holds the camera centre, so its trace in the image is the silhouette's
    // tangent and the plane's normal, cut to x and y, is the silhouette's normal.
    const Vec3<double> n = rotate(((1 - s) / length(na)) * na + (s / length(nb)) * nb);
    const double size = std::hypot(n.x, n.y);
    if (!(p.z > 1) || !(size > 1e-6)) continue;
    point.pixel[0] = camera.focal_px * p.x / p.z + camera.principal_px[0];
    point.pixel[1] = camera.focal_px * p.y / p.z + camera.principal_px[1];
    point.normal[0] = n.x / size;
    point.normal[1] = n.y / size;
    contour.push_back(point);
  }
}

std::vector<std::uint32_t> contour_candidates(const Model& model, double radius_mm) {
  const LandmarkSet& set = model.dense;
  const double limit = radius_mm * radius_mm;
  std::vector<std::uint32_t> out;
  for (long v = 0; v < model.vertex_count; ++v) {
    if (!(model.deformable[static_cast<size_t>(v)] > 0)) continue;
    bool near = false;
    for (long i = 0; i < set.count && !near; ++i) {
      if (!set.dynamic[static_cast<size_t>(i)]) continue;
      double distance = 0;
      for (long k = 0; k < 3; ++k) {
        const double d = static_cast<double>(model.mean[static_cast<size_t>(3 * v + k)]) -
                         static_cast<double>(model.dense_points.mean[static_cast<size_t>(3 * i + k)]);
        distance += d * d;
      }
      near = distance < limit;
    }
    if (near) out.push_back(static_cast<std::uint32_t>(v));
  }
  return out;
}

}  // namespace hrn::fit
