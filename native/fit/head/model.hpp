// The morphable model as the native fits use it: checked once, repacked for the backends, immutable, shared.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/array.hpp"
#include "core/half.hpp"
#include "core/memo.hpp"
#include "core/topology.hpp"

namespace hrn::fit {

/// Points on the surface: point i = sum_j weights[3 i + j] * position[vertices[3 i + j]].
struct LandmarkSet {
  long count = 0;
  std::vector<std::uint32_t> vertices;  // [count][3]
  std::vector<float> weights;           // [count][3]
  std::vector<float> sigma_mm;          // [count], distance between the point and where the network puts it
  std::vector<std::uint8_t> dynamic;    // [count], 1 where the network follows the silhouette
};

/// What a vertex belongs to: REGION_NAMES of lib/morphable-model.ts, in its order.
enum class Region : std::uint8_t { other, nose, mouth, forehead, cheeks, eyes, ears, neck, scalp, chin };

/// A contiguous run of triangles with a name ("skin", "leftEye", ...).
struct Part {
  std::string name;
  long first_triangle = 0, triangle_count = 0;
};

/// What a model is made of; the spans are read during build_model only. Layouts as in lib/morphable-model.ts.
struct ModelSource {
  long vertex_count = 0, triangle_count = 0;
  std::span<const float> mean;  // [V][3], mm
  long identity_count = 0, expression_count = 0, albedo_count = 0;
  std::span<const std::uint16_t> identity, expression, albedo;  // half bits, [count][V][3]
  std::span<const float> expression_mean, expression_sigma, expression_min, expression_max;
  std::span<const float> albedo_mean;        // [V][3], sRGB-encoded 0..1
  std::span<const std::uint32_t> triangles;  // [T][3]
  std::span<const float> uvs;                // [V][2]
  std::span<const std::uint8_t> regions;     // [V]
  std::span<const std::uint32_t> mirror;     // [V]
  std::span<const float> deformable;         // [V], 0..1
  std::vector<Part> parts;
  LandmarkSet dense, ibug68;
};

/// Rows of the shape basis and the mean at a few surface points, unpacked for the dense solvers.
struct SurfacePoints {
  long count = 0;
  std::vector<float> mean;   // [count][3], mm
  std::vector<float> basis;  // [count][3][shape_count], mm per unit
};

struct ContourBandShape;
struct PhotometricBasis;
struct Tessellation;
struct NormalPatches;

struct Model {
  long vertex_count = 0, triangle_count = 0;
  long identity_count = 0, expression_count = 0, albedo_count = 0;
  /// Identity components come first in the shape basis, expression components follow.
  long shape_count() const { return identity_count + expression_count; }

  HostArray<float> mean;         // [V][3], mm
  HostArray<Half> shape_basis;   // ops::pack_basis layout, 3 V rows, shape_count() components
  HostArray<float> albedo_mean;  // [V][3]
  HostArray<Half> albedo_basis;  // ops::pack_basis layout, 3 V rows, albedo_count components
  std::vector<float> expression_mean, expression_sigma, expression_min, expression_max;
  HostArray<float> uvs;               // [V][2]
  HostArray<float> deformable;        // [V]
  std::vector<std::uint8_t> regions;  // [V], a Region each
  std::vector<std::uint32_t> mirror;
  std::vector<Part> parts;
  Topology topology;
  LandmarkSet dense, ibug68;
  /// The dense landmarks' rows, which every landmark fit needs.
  SurfacePoints dense_points;

  /// What fits derive from the model, by what they ask for: the vertices of a band; the number of identity components;
  /// a radius; the number of triangles.
  Memo<std::vector<std::uint32_t>, ContourBandShape> contour_bands;
  Memo<long, PhotometricBasis> photometric_bases;
  Memo<double, std::vector<std::uint32_t>> contour_candidates;
  Memo<long, Tessellation> tessellations;
  Memo<int, NormalPatches> normal_patches;

  /// One value of the shape basis, mm per unit.
  float shape_value(long component, long row) const;
  /// One value of the albedo basis, sRGB-encoded 0..1 per unit.
  float albedo_value(long component, long row) const;
};

/// Copies, checks and repacks. Throws Error(model_corrupt) that names the array, what was expected and what was got.
std::shared_ptr<const Model> build_model(const ModelSource& source);

/// The shape rows of arbitrary barycentric points (`vertices` and `weights` are [count][3], indices in range).
SurfacePoints surface_points(const Model& model, const std::uint32_t* vertices, const float* weights, long count);

}  // namespace hrn::fit
