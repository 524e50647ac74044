// The residuals of the dense network's normals in the parametric fit: patches of the face are to face the way that the
// photo shows them. How the whole head is turned is left to landmarks and outline: a network's common error of all
// normals is taken out before they are compared.
#pragma once
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/dense/normal_patches.hpp"
#include "fit/head/model.hpp"
#include "fit/head/parameter_layout.hpp"
#include "fit/head/state.hpp"
#include "fit/head/view.hpp"
#include "imaging/affine.hpp"
#include "optim/normal_equations.hpp"

namespace hrn::fit {

struct NormalProblem {
  int size = 0;                // of the map's sides; 0: the term is nothing
  std::vector<float> normals;  // [3][size][size]: right and up along the map's sides, towards the camera
  std::vector<float> sigma;    // [size][size], radians, along each of a normal's two axes
  std::vector<float> skin;     // [size][size], 0..1: how probably a pixel shows skin of the head
  imaging::Affine to_photo{};  // pixels of the map to pixels of the photo
  double effective = 60;       // all patches together count as this many independent ones
  double floor_sigma = 0.06;   // what a patch's normal and the network's differ by at best, radians
  double robust_scale = 2.5;   // Geman-McClure, in standard deviations
};

class NormalTerm {
 public:
  // Rows that accumulate() adds at a time.
  static constexpr int kRows = 256;

  NormalTerm(const Model& model, const NormalProblem& problem, long identity_count);

  // Looks anew which patches are seen and where; `visible`: [V], 0..1; `positions`: [V][3], mm, of the head at `state`.
  void match(const HeadState& state, const std::vector<float>& positions, const std::vector<float>& visible,
             ThreadPool& pool);

  // Robust energy of the matched patches at `state`.
  double energy(const HeadState& state, ThreadPool& pool) const;

  // Adds two rows per matched patch.
  void accumulate(const HeadState& state, const ParameterLayout& layout, ThreadPool& pool,
                  optim::NormalEquations& equations);

  long matched() const { return static_cast<long>(targets_.size()); }

 private:
  struct Target {
    std::array<double, 3> axes[2];  // head frame, unit, square to the normal that the photo shows
    double inverse_sigma, weight;
    Vec3<double> area;  // of the patch at the state matched, mm^2
  };

  // Of the coefficients since they were matched; and what a target's patch has become by that, mm^2.
  std::vector<double> moved(const HeadState& state) const;
  Vec3<double> area(const std::vector<double>& moved, std::size_t i) const;
  void set_rows(std::size_t i, const std::vector<double>& moved, const ParameterLayout& layout, int first,
                std::span<float> row, optim::NormalEquations& equations) const;
  void read_map(const CameraPose& camera, double x, double y, Vec3<double>& normal, double& sigma, double& skin) const;

  const Model& model_;
  const NormalProblem& problem_;
  long identity_count_, coefficients_;
  std::shared_ptr<const NormalPatches> patches_;
  imaging::Affine from_photo_{};
  std::vector<Target> targets_;
  std::vector<double> matched_at_;  // [coefficients]
  std::vector<float> jacobian_;     // [targets][3][coefficients], mm^2 per unit
  std::vector<float> rows_;         // scratch, one a chunk
};

/// Throws Error(invalid_argument).
void check_normals(const NormalProblem& problem);

}  // namespace hrn::fit
