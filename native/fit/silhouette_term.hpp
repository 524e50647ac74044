// The silhouette residuals of the parametric fit: where the head's outline is seen against the background, it should
// lie on the edge of the skin in the photo. Works outward and inward, and moves pose, focal length, identity and
// expression.
#pragma once
#include <cstdint>
#include <vector>

#include "fit/landmark_problem.hpp"
#include "fit/model.hpp"
#include "fit/parameter_layout.hpp"
#include "optim/normal_equations.hpp"

namespace hrn::fit {

struct SilhouetteProblem {
  std::vector<double> edges;    // [n][2], photo px, where skin ends and background begins; empty: the term is nothing
  std::vector<double> normals;  // [n][2], unit, towards the background
  std::vector<std::uint8_t> takes_part;  // [V], 1 where the head's outline counts; outline elsewhere is hair or clothes
  double sigma_mm = 1.5;                 // of an edge across itself
  double reach_mm = 10;                  // an edge farther away is not this outline's
  double robust_scale = 2.5;             // Geman-McClure, in standard deviations
};

class SilhouetteTerm {
 public:
  // Points that one match can hold: normal equations need room for as many rows.
  static constexpr int kMaxPoints = 256;

  SilhouetteTerm(const Model& model, const SilhouetteProblem& problem, long identity_count);

  // Looks anew which edge each part of the outline is to lie on. `triangle_id` [side][side] is what `raster` sees of
  // the head at `state` (-1: nothing); it differs from the photo's camera in focal length and principal point only.
  void match(const LandmarkState& state, const std::vector<std::int32_t>& triangle_id, const CameraPose& raster,
             int side);

  // Robust energy of the matched points at `state`.
  double energy(const LandmarkState& state) const;

  // Adds one row per matched point.
  void accumulate(const LandmarkState& state, const ParameterLayout& layout, optim::NormalEquations& equations);

  long matched() const { return points_.count; }

 private:
  // A point of the outline, px, with its outward direction.
  struct OutlinePoint {
    double pixel[2], normal[2];
    std::int32_t triangle;
  };
  // Where a matched surface point is to come to lie: on the line across `normal` at `along`.
  struct Target {
    double normal[2];
    double along;          // px
    double inverse_sigma;  // 1 / px
  };

  std::vector<OutlinePoint> outline(const std::vector<std::int32_t>& triangle_id, int side, double spacing_px) const;
  bool nearest_edge(const OutlinePoint& point, double px_per_mm, double* distance) const;
  Vec3<double> camera_point(const LandmarkState& state, long i) const;
  double residual(const LandmarkState& state, long i) const;

  const Model& model_;
  const SilhouetteProblem& problem_;
  long identity_count_;
  SurfacePoints points_;
  std::vector<Target> targets_;
  std::vector<double> row_;
};

/// Throws Error(invalid_argument).
void check_silhouette(const Model& model, const SilhouetteProblem& problem);

}  // namespace hrn::fit
