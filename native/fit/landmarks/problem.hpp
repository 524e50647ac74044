// The least-squares problem behind the landmark fit, in the form that optim::LevenbergMarquardt minimises.
#pragma once
#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "core/vec.hpp"
#include "fit/head/state.hpp"
#include "fit/landmarks/coarse.hpp"
#include "fit/outline/occluding_contour.hpp"
#include "optim/normal_equations.hpp"

namespace hrn::fit {

/// The parts of a state's coefficients.
void split_coefficients(const Model& model, long identity_count, const HeadState& state, std::vector<double>& identity,
                        std::vector<double>& expression, std::vector<double>& nuisance);

/**
 * Unknowns, in order: rotation increment (3, rad), translation (3, mm), log focal length (1, only when it is free),
 * then, unless `pose_only`, identity, expression and nuisance coefficients. A focal-length step scales the distance
 * with it, so that the step changes the perspective and not the size.
 */
class LandmarkProblem {
 public:
  LandmarkProblem(const Model& model, const CoarseProblem& problem, ThreadPool& pool);

  int unknowns() const { return pose_unknowns() + (pose_only_ ? 0 : static_cast<int>(coefficient_count())); }
  int max_rows() const { return static_cast<int>(3 * count_); }
  void set_pose_only(bool pose_only) { pose_only_ = pose_only; }
  HeadState& state() { return state_; }
  /// The state that the last move() formed.
  const HeadState& candidate() const { return candidate_; }

  /// Decides what every landmark is compared with at the current state; returns the cost there.
  double match();
  /// match(), and adds rows and priors.
  double linearize(optim::NormalEquations& equations);
  void step_bounds(double* lower, double* upper) const;
  double try_step(const double* step) {
    move(step);
    return candidate_cost();
  }
  /// The two parts of try_step(): forms the candidate; its cost.
  void move(const double* step);
  double candidate_cost() {
    evaluate(candidate_);
    return cost(candidate_);
  }
  void accept() { std::swap(state_, candidate_); }

  int pose_unknowns() const { return focal_free_ ? 7 : 6; }
  long coefficient_count() const { return identity_ + expression_ + nuisance_; }
  /// Deviations believed of identity and expression before the fit.
  std::span<const double> shape_sigma() const {
    return std::span<const double>(prior_sigma_).first(static_cast<std::size_t>(identity_ + expression_));
  }
  /// [count][3] surface points (with bias) of the prior mean shape, mm.
  std::vector<double> prior_points() const;
  /// Weights of the points against each other, [count].
  std::vector<double> point_weights() const;

  /// Pixels [count][2], residuals [count] and sliding flags [count] at the current state.
  void predict(CoarseResult& result);

 private:
  // Landmarks of one task.
  static constexpr long kChunk = 16;
  // Calls body(first, last, chunk) for all landmarks.
  template <class Body>
  void for_chunks(const Body& body) const {
    pool_.parallel_for((count_ + kChunk - 1) / kChunk,
                       [&](long chunk) { body(chunk * kChunk, std::min(count_, (chunk + 1) * kChunk), chunk); });
  }

  /// The surface point that a landmark is compared with in the current linearisation.
  struct Match {
    bool sliding = false;            // on the silhouette, compared across it
    double normal[2] = {0, 0};       // of the silhouette
    const double* mean = nullptr;    // [3], mm
    const float* basis = nullptr;    // [3][coefficients]
    double inverse_sigma = 0;        // 1 / px
    double inverse_depth_sigma = 0;  // 1 / px; 0: no depth residual
    double robust_scale = 0;         // weights do not change which residuals are outliers
  };

  void add_prior(double mean, double sigma, double lower, double upper);
  void match_surface();
  void match_silhouette();
  void slide(long i, const ContourPoint& point);
  void set_deviations();
  void evaluate_point(long i, const HeadState& state);
  void evaluate(const HeadState& state);
  double cost(const HeadState& state) const;
  double prior_cost(const HeadState& state) const;
  double depth_residual(long i, double focal) const;
  void pixel_residual(long i, const CameraPose& camera, double residual[2]) const;
  int row_count(long i) const;
  // Sets rows from `first` on; `buffer` is scratch for one row.
  int set_point_rows(long i, int first, std::span<float> buffer, optim::NormalEquations& equations) const;
  void set_depth_row(long i, int first, std::span<float> buffer, optim::NormalEquations& equations) const;

  const CoarseProblem& problem_;
  ThreadPool& pool_;
  long count_, identity_, expression_, nuisance_, identity_total_;
  bool focal_free_, pose_only_ = false;
  std::vector<double> mean_;                // [count][3], mm, with bias
  std::vector<float> basis_;                // [count][3][coefficients]
  std::vector<double> sigma_mm_, weights_;  // [count]
  std::vector<double> depth_weights_;       // [count], share in the mean depth; 0 for points that may slide
  std::vector<double> depths_;              // [count], px relative to their weighted mean
  std::vector<float> mean_basis_;           // [3][coefficients], mean with depth_weights_
  std::vector<float> mean_row_;             // [coefficients], of the mean's depth in the camera frame
  std::vector<double> prior_mean_, prior_sigma_, lower_, upper_;  // [coefficients]

  ContourBand band_;
  std::vector<long> slot_;            // [count], place in the following two of points that may slide, else -1
  std::vector<double> contour_mean_;  // [slots][3]
  std::vector<float> contour_basis_;  // [slots][3][coefficients]; zero for nuisance, which moves no silhouette
  std::vector<float> corner_rows_;    // [slots][3][band's columns], scratch
  std::vector<ContourSegment> contour_;

  HeadState state_, candidate_;
  std::vector<Match> matches_;
  std::vector<double> camera_points_;  // [count][3], mm, of the last evaluate()
  Vec3<double> centre_{};              // weighted mean of the points, camera frame, of the last evaluate()
  std::vector<int> first_row_;         // [count], of each landmark in the normal equations
  std::vector<float> rows_;            // [chunks][unknowns], scratch
};

}  // namespace hrn::fit
