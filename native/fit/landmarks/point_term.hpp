// The residuals of surface points that are seen at known places of the photo, each with its own uncertainty: what
// texture tells that several photos of a face share.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/head/model.hpp"
#include "fit/head/parameter_layout.hpp"
#include "fit/head/state.hpp"
#include "fit/head/target_rows.hpp"
#include "optim/normal_equations.hpp"

namespace hrn::fit {

/// Empty vectors: the term is nothing.
struct PointProblem {
  std::vector<std::uint32_t> vertices;  // [n]
  std::vector<double> pixels;           // [n][2], photo px
  std::vector<double> information;      // [n][3], 1 / px^2: xx, xy, yy of the inverse covariance; 0: not seen
  double robust_scale = 2.5;            // Geman-McClure, in standard deviations
};

/// Throws Error(invalid_argument).
void check_points(const Model& model, const PointProblem& problem);

class PointTerm {
 public:
  // Rows that accumulate() adds at a time: normal equations need room for as many.
  static constexpr int kRows = 256;

  PointTerm(const Model& model, const PointProblem& problem, long identity_count);

  // Robust energy at `state`.
  double energy(const HeadState& state, ThreadPool& pool) const;

  // Adds two rows per point that is seen.
  void accumulate(const HeadState& state, const ParameterLayout& layout, ThreadPool& pool,
                  optim::NormalEquations& equations);

 private:
  struct Target {
    double pixel[2];
    double root[3];  // xx, xy, yy of the information's triangular root: whitened = (xx dx + xy dy, yy dy)
  };

  // Whitened, and the sum of squares of that.
  double residual(const Target& target, const CameraPose& camera, Vec3<double> at, double whitened[2]) const;
  void set_rows(std::size_t i, const HeadState& state, const ParameterLayout& layout, int first, std::span<float> row,
                optim::NormalEquations& equations) const;

  const PointProblem& problem_;
  std::vector<Target> targets_;
  PointRows points_;
  std::vector<float> rows_;  // scratch, one a chunk
};

}  // namespace hrn::fit
