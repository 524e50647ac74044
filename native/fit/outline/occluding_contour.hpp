// The silhouette of a band of the mesh: where the surface turns away from the camera. It is the zero line of a function
// that is linear in every triangle, and moves continuously with shape and pose.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "core/half.hpp"
#include "core/thread_pool.hpp"
#include "fit/head/camera_pose.hpp"
#include "fit/head/model.hpp"

namespace hrn::fit {

/// A point of the silhouette inside a triangle of the band.
struct ContourPoint {
  long vertices[3] = {0, 0, 0};   // of the band
  double weights[3] = {1, 0, 0};  // barycentric
  double pixel[2] = {0, 0};       // px
  double normal[2] = {0, 0};      // outward, unit length, in the image
};

/// Where the silhouette crosses one triangle.
struct ContourSegment {
  ContourPoint ends[2];

  /// Squared distance from a pixel, px^2; the nearest point is at(*along).
  double squared_distance(const double pixel[2], double* along) const;
  /// The point between the ends, which are at 0 and 1.
  ContourPoint at(double along) const;
};

/// Vertices of a mesh and the triangles between them.
struct MeshBand {
  /// What is given twice counts once.
  MeshBand(const Topology& mesh, const std::vector<std::uint32_t>& vertices);

  long count() const { return static_cast<long>(vertices.size()); }

  std::vector<std::uint32_t> vertices;  // [count], of the mesh
  std::vector<std::int32_t> triangles;  // [..][3] whose corners lie in the band; those with whole normals first
  size_t complete = 0;                  // numbers of `triangles` whose corners have all their triangles in the band
};

/// Finds the silhouette of a band whose positions are known.
class OccludingContour {
 public:
  /// `positions` is [band.count()][3], mm. Replaces `contour`; allocates only while band or silhouette grow.
  void find(const MeshBand& band, const CameraPose& camera, const std::vector<double>& positions,
            std::vector<ContourSegment>& contour);

 private:
  std::vector<double> normals_, facing_;
};

/// A band whose shape can be evaluated without the rest of the mesh.
struct ContourBandShape {
  ContourBandShape(const Model& model, const std::vector<std::uint32_t>& vertices);

  MeshBand mesh;
  long identity_total = 0, expression_count = 0;
  std::vector<float> mean;  // [count][3]
  long columns = 0;         // shape_count and padding
  std::vector<Half> basis;  // [count][3][columns]
};

/// The silhouette of a band at changing states.
class ContourBand {
 public:
  ContourBand() = default;
  ContourBand(const Model& model, const std::vector<std::uint32_t>& vertices);

  long vertex_count() const { return shape_ ? shape_->mesh.count() : 0; }
  /// Evaluates the band for the given coefficients (first identity_count of the identity, all expressions) and finds
  /// its silhouette. Allocates only while the silhouette grows.
  void update(const CameraPose& camera, const double* identity, long identity_count, const double* expression,
              ThreadPool& pool, std::vector<ContourSegment>& contour);

  double mean(long vertex, long axis) const {
    return static_cast<double>(shape_->mean[static_cast<size_t>(3 * vertex + axis)]);
  }
  /// Shape basis of a band vertex, mm per unit, [columns()].
  const Half* basis(long vertex, long axis) const {
    return shape_->basis.data() + (3 * vertex + axis) * shape_->columns;
  }
  long columns() const { return shape_->columns; }

 private:
  std::shared_ptr<const ContourBandShape> shape_;
  std::vector<float> coefficients_;  // [columns]
  std::vector<double> positions_;    // [count][3]
  OccludingContour contour_;
};

}  // namespace hrn::fit
