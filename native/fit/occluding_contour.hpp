// The silhouette of a band of the mesh: where the surface turns away from the camera.
#pragma once
#include <cstdint>
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/camera_pose.hpp"
#include "fit/model.hpp"

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

  /// The point nearest to a pixel.
  ContourPoint nearest(const double pixel[2]) const;
};

/// A subset of the mesh whose shape can be evaluated without the rest.
class ContourBand {
 public:
  ContourBand() = default;
  ContourBand(const Model& model, const std::vector<std::uint32_t>& vertices);

  long vertex_count() const { return count_; }
  /// Evaluates the band for the given coefficients (first identity_count of the identity, all expressions) and finds
  /// its silhouette. Allocates only while the silhouette grows.
  void update(const CameraPose& camera, const double* identity, long identity_count, const double* expression,
              ThreadPool& pool, std::vector<ContourSegment>& contour);

  double mean(long vertex, long axis) const {
    return static_cast<double>(mean_[static_cast<size_t>(3 * vertex + axis)]);
  }
  /// Shape basis value at a band vertex, mm per unit.
  float basis(long component, long vertex, long axis) const {
    return basis_[static_cast<size_t>((component * count_ + vertex) * 3 + axis)];
  }

 private:
  struct Evaluation;

  long count_ = 0, identity_total_ = 0, expression_count_ = 0;
  std::vector<float> mean_;              // [count][3]
  std::vector<float> basis_;             // [shape_count][count][3]
  std::vector<std::int32_t> triangles_;  // [..][3] whose corners lie in the band; those with whole normals first
  size_t complete_ = 0;                  // numbers of triangles_ whose corners have all their triangles in the band
  std::vector<float> coefficients_;      // [shape_count]
  std::vector<float> evaluated_;         // [count][3]
  std::vector<double> positions_, normals_, facing_;
};

}  // namespace hrn::fit
