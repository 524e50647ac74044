#include "fit/outline/occluding_contour.hpp"

#include <algorithm>
#include <cmath>

#include "core/vec.hpp"
#include "fit/head/basis_rows.hpp"

namespace hrn::fit {

MeshBand::MeshBand(const Topology& mesh, const std::vector<std::uint32_t>& chosen) {
  std::vector<std::int32_t> local(static_cast<size_t>(mesh.vertex_count), -1);
  for (const std::uint32_t v : chosen) {
    if (local[v] >= 0) continue;
    local[v] = static_cast<std::int32_t>(vertices.size());
    vertices.push_back(v);
  }
  const auto local_of = [&](long corner) {
    return local[static_cast<size_t>(mesh.triangles[static_cast<size_t>(corner)])];
  };
  std::vector<std::uint8_t> interior(vertices.size(), 1);
  for (size_t i = 0; i < vertices.size(); ++i) {
    const size_t v = vertices[i];
    for (std::int32_t k = mesh.corner_offsets[v]; k < mesh.corner_offsets[v + 1]; ++k) {
      const long t = mesh.corners[static_cast<size_t>(k)] / 3;
      for (long c = 0; c < 3; ++c)
        if (local_of(3 * t + c) < 0) interior[i] = 0;
    }
  }
  // Corners at the rim of the band have normals of half their surroundings and would show a silhouette of their own.
  for (const bool wanted : {true, false}) {
    for (long t = 0; t < mesh.triangle_count; ++t) {
      const std::int32_t corners[3] = {local_of(3 * t), local_of(3 * t + 1), local_of(3 * t + 2)};
      if (corners[0] < 0 || corners[1] < 0 || corners[2] < 0) continue;
      const bool whole = interior[static_cast<size_t>(corners[0])] && interior[static_cast<size_t>(corners[1])] &&
                         interior[static_cast<size_t>(corners[2])];
      if (whole == wanted) triangles.insert(triangles.end(), corners, corners + 3);
    }
    if (wanted) complete = triangles.size();
  }
}

void OccludingContour::find(const MeshBand& band, const CameraPose& camera, const std::vector<double>& positions,
                            std::vector<ContourSegment>& contour) {
  contour.clear();
  normals_.assign(positions.size(), 0.0);
  facing_.resize(static_cast<size_t>(band.count()));
  for (size_t t = 0; t < band.triangles.size(); t += 3) {
    const Vec3<double> p0 = load3(positions.data(), band.triangles[t]),
                       p1 = load3(positions.data(), band.triangles[t + 1]),
                       p2 = load3(positions.data(), band.triangles[t + 2]);
    const Vec3<double> n = cross(p1 - p0, p2 - p0);
    for (size_t c = 0; c < 3; ++c) {
      const long v = band.triangles[t + c];
      store3(normals_.data(), v, load3(normals_.data(), v) + n);
    }
  }

  for (long v = 0; v < band.count(); ++v) {
    const Vec3<double> n = load3(normals_.data(), v);
    const double size = length(n);
    facing_[static_cast<size_t>(v)] =
        size > 0 ? dot(camera.rotate(n), camera.transform(load3(positions.data(), v))) / size : 0.0;
  }
  // The silhouette's point on the edge from corner i to corner j of a triangle.
  const auto crossing = [&](const std::int32_t* corners, int i, int j, ContourPoint& point) {
    const long a = corners[i], b = corners[j];
    const double fa = facing_[static_cast<size_t>(a)], fb = facing_[static_cast<size_t>(b)], s = fa / (fa - fb);
    std::copy_n(corners, 3, point.vertices);
    std::fill_n(point.weights, 3, 0.0);
    point.weights[i] = 1 - s;
    point.weights[j] = s;
    const Vec3<double> p = camera.transform((1 - s) * load3(positions.data(), a) + s * load3(positions.data(), b));
    const Vec3<double> na = load3(normals_.data(), a), nb = load3(normals_.data(), b);
    // The tangent plane at a silhouette point holds the camera centre, so its trace in the image is the silhouette's
    // tangent and the plane's normal, cut to x and y, is the silhouette's normal.
    const Vec3<double> n = camera.rotate(((1 - s) / length(na)) * na + (s / length(nb)) * nb);
    const double size = std::hypot(n.x, n.y);
    if (!(p.z > 1) || !(size > 1e-6)) return false;
    camera.project(p, point.pixel);
    point.normal[0] = n.x / size;
    point.normal[1] = n.y / size;
    return true;
  };
  for (size_t t = 0; t < band.complete; t += 3) {
    const std::int32_t* corners = band.triangles.data() + t;
    bool away[3];
    for (int c = 0; c < 3; ++c) away[c] = facing_[static_cast<size_t>(corners[c])] > 0;
    if (away[0] == away[1] && away[1] == away[2]) continue;
    // The corner that is alone on its side; the silhouette crosses the two edges that leave it.
    const int alone = away[1] == away[2] ? 0 : (away[0] == away[2] ? 1 : 2);
    ContourSegment segment;
    if (crossing(corners, alone, (alone + 1) % 3, segment.ends[0]) &&
        crossing(corners, alone, (alone + 2) % 3, segment.ends[1]))
      contour.push_back(segment);
  }
}

ContourBandShape::ContourBandShape(const Model& model, const std::vector<std::uint32_t>& vertices)
    : mesh(model.topology, vertices), identity_total(model.identity_count), expression_count(model.expression_count) {
  const size_t rows = 3 * mesh.vertices.size();
  mean.resize(rows);
  columns = (model.shape_count() + kPackedStep - 1) / kPackedStep * kPackedStep;
  basis.resize(rows * static_cast<size_t>(columns));
  for (size_t i = 0; i < mesh.vertices.size(); ++i)
    for (size_t axis = 0; axis < 3; ++axis) {
      const size_t row = 3 * static_cast<size_t>(mesh.vertices[i]) + axis;
      mean[3 * i + axis] = model.mean[row];
      Half* out = basis.data() + (3 * i + axis) * static_cast<size_t>(columns);
      // As the model itself stores them.
      for (long k = 0; k < model.shape_count(); ++k)
        out[k] = float_to_half(model.shape_value(k, static_cast<long>(row)));
    }
}

ContourBand::ContourBand(const Model& model, const std::vector<std::uint32_t>& vertices)
    : shape_(model.contour_bands.get(vertices, [&] { return ContourBandShape(model, vertices); })) {
  coefficients_.resize(static_cast<size_t>(shape_->columns));
  positions_.resize(shape_->mean.size());
}

void ContourBand::update(const CameraPose& camera, const double* identity, long identity_count,
                         const double* expression, ThreadPool& pool, std::vector<ContourSegment>& contour) {
  std::fill(coefficients_.begin(), coefficients_.end(), 0.0f);
  for (long k = 0; k < identity_count; ++k) coefficients_[static_cast<size_t>(k)] = static_cast<float>(identity[k]);
  for (long k = 0; k < shape_->expression_count; ++k)
    coefficients_[static_cast<size_t>(shape_->identity_total + k)] = static_cast<float>(expression[k]);
  // Single precision is enough to find the silhouette; the fit evaluates the points that it uses in double.
  constexpr long kChunk = 64;  // vertices
  const auto evaluate = basis_row_kernels().evaluate_packed;
  pool.parallel_for((shape_->mesh.count() + kChunk - 1) / kChunk, [&](long chunk) {
    for (long r = 3 * chunk * kChunk; r < 3 * std::min(shape_->mesh.count(), (chunk + 1) * kChunk); ++r)
      positions_[static_cast<size_t>(r)] = static_cast<double>(
          shape_->mean[static_cast<size_t>(r)] +
          evaluate(shape_->basis.data() + r * shape_->columns, coefficients_.data(), shape_->columns));
  });
  contour_.find(shape_->mesh, camera, positions_, contour);
}

double ContourSegment::squared_distance(const double pixel[2], double* along) const {
  const ContourPoint &a = ends[0], &b = ends[1];
  const double dx = b.pixel[0] - a.pixel[0], dy = b.pixel[1] - a.pixel[1], size = dx * dx + dy * dy;
  const double x = pixel[0] - a.pixel[0], y = pixel[1] - a.pixel[1];
  const double s = size > 0 ? std::clamp((x * dx + y * dy) / size, 0.0, 1.0) : 0.0;
  *along = s;
  return (s * dx - x) * (s * dx - x) + (s * dy - y) * (s * dy - y);
}

ContourPoint ContourSegment::at(double s) const {
  const ContourPoint &a = ends[0], &b = ends[1];
  ContourPoint point = a;
  for (int k = 0; k < 3; ++k) point.weights[k] = (1 - s) * a.weights[k] + s * b.weights[k];
  for (int k = 0; k < 2; ++k) {
    point.pixel[k] = (1 - s) * a.pixel[k] + s * b.pixel[k];
    point.normal[k] = (1 - s) * a.normal[k] + s * b.normal[k];
  }
  const double norm = std::hypot(point.normal[0], point.normal[1]);
  if (norm > 1e-6)
    for (double& n : point.normal) n /= norm;
  return point;
}

namespace {

std::vector<std::uint32_t> near_dynamic_landmarks(const Model& model, double radius_mm) {
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

}  // namespace

std::vector<std::uint32_t> contour_candidates(const Model& model, double radius_mm) {
  return *model.contour_candidates.get(radius_mm, [&] { return near_dynamic_landmarks(model, radius_mm); });
}

}  // namespace hrn::fit
