// The silhouette of a band of the mesh: where the surface turns away from the camera.
#pragma once
#include <cstdint>
#include <vector>

#include "fit/coarse.hpp"
#include "fit/model.hpp"

namespace hrn::fit {

/// A point of the silhouette, on the edge between two band vertices.
struct ContourPoint {
  long a = 0, b = 0;          // band vertices
  double along = 0;           // position = (1 - along) a + along b
  double pixel[2] = {0, 0};   // px
  double normal[2] = {0, 0};  // outward, unit length, in the image
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
              std::vector<ContourPoint>& contour);

  double mean(long vertex, long axis) const {
    return static_cast<double>(mean_[static_cast<size_t>(3 * vertex + axis)]);
  }
  /// Shape basis value at a band vertex, mm per unit.
  float basis(long component, long vertex, long axis) const {
    return basis_[static_cast<size_t>((component * count_ + vertex) * 3 + axis)];
  }

 private:
  long count_ = 0, identity_total_ = 0, expression_count_ = 0;
  std::vector<float> mean_;              // [count][3]
  std::vector<float> basis_;             // [shape_count][count][3]
  std::vector<std::int32_t> triangles_;  // [..][3] whose three corners lie in the band
  std::vector<std::int32_t> edges_;      // [..][2] whose ends have all their triangles in the band
  std::vector<double> positions_, normals_, facing_;
};

}  // namespace hrn::fit
