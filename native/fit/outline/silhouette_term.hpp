// The silhouette residuals of the parametric fit: where the head's outline is seen against the background, it should
// lie on the edge of the skin in the photo. Works outward and inward, and moves pose, focal length, identity and
// expression.
//
// What is matched is a continuous function of the head's state: no sample of the outline appears, goes or finds another
// edge but with its weight near zero, so that rounding cannot move a fit.
#pragma once
#include <cstdint>
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/head/model.hpp"
#include "fit/head/parameter_layout.hpp"
#include "fit/head/state.hpp"
#include "fit/head/target_rows.hpp"
#include "fit/head/view.hpp"
#include "fit/outline/occluding_contour.hpp"
#include "optim/normal_equations.hpp"

namespace hrn::fit {

struct SilhouetteProblem {
  std::vector<double> edges;    // [n][2], photo px, where skin ends and background begins; empty: the term is nothing
  std::vector<double> normals;  // [n][2], unit, towards the background
  std::vector<std::uint8_t> takes_part;  // [V], 1 where the head's outline counts; outline elsewhere is hair or clothes
  double sigma_mm = 1.9;                 // of an edge across itself
  double reach_mm = 10;                  // an edge farther away is not this outline's
  double robust_scale = 2.5;             // Geman-McClure, in standard deviations
};

class SilhouetteTerm {
 public:
  // Rows that accumulate() adds at a time: normal equations need room for as many.
  static constexpr int kRows = 256;

  SilhouetteTerm(const Model& model, const SilhouetteProblem& problem, long identity_count);

  // Looks anew which edge each part of the outline is to lie on. `view` shows the head at `state`; its camera differs
  // from the photo's in focal length and principal point only.
  void match(const HeadState& state, const HeadView& view);

  // Robust energy of the matched points at `state`.
  double energy(const HeadState& state) const;

  // Adds one row per matched point.
  void accumulate(const HeadState& state, const ParameterLayout& layout, ThreadPool& pool,
                  optim::NormalEquations& equations);

  // What the matched points weigh, 1 for each kSpacingMm of an outline that is wholly seen.
  double matched() const;

 private:
  // Where a matched surface point is to come to lie: on the line across `normal` at `along`.
  struct Target {
    double normal[2];
    double along;          // px
    double inverse_sigma;  // 1 / px
    double weight;
  };
  struct Edge {
    double pixel[2], normal[2];
  };
  // Of the edges of like direction near a point of the outline, along its normal.
  struct Nearest {
    double distance;  // px
    double weight;    // 0..1, how surely there is one
  };

  Nearest nearest_edge(const ContourPoint& point, double px_per_mm) const;
  void hold_points();
  double residual(const Target& target, const CameraPose& camera, Vec3<double> camera_point) const;

  const Model& model_;
  const SilhouetteProblem& problem_;
  long identity_count_, coefficients_;
  std::vector<Edge> edges_;  // the problem's, from top to bottom
  MeshBand band_;            // what takes part, and around it what its normals need
  OccludingContour contour_;
  std::vector<double> positions_;  // [band][3], mm, of the head looked at last
  std::vector<ContourSegment> segments_;
  // Of the matched points of the outline:
  std::vector<ContourPoint> points_;  // [n]
  std::vector<Target> targets_;       // [n]
  PointRows rows_;
  // Of the vertices that they lie between, or have lain:
  std::vector<std::int32_t> place_;  // [band], in `corners_`, -1 elsewhere
  std::vector<float> corners_;       // [..][3][coefficients]
  std::vector<float> row_;
};

/// Throws Error(invalid_argument).
void check_silhouette(const Model& model, const SilhouetteProblem& problem);

}  // namespace hrn::fit
