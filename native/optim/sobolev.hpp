// Preconditioned ("large steps") descent for maps, after Nicolet, Jacobson and Jakob, "Large Steps in Inverse Rendering
// of Geometry", 2021: the gradient is smoothed before it moves the map, so that a step changes shapes and not texels,
// and convergence no longer depends on the resolution.
#pragma once
#include <cstdint>
#include <vector>

#include "core/array.hpp"
#include "core/isa.hpp"
#include "core/thread_pool.hpp"

namespace hrn::optim {

/// The inverse of S^p on square maps [size][size][channels], S = (I + lambda Lr)(I + lambda Lc), with Lr and Lc the
/// one-dimensional Laplacians along rows and columns (open ends). S is symmetric positive definite and, because it
/// separates, is inverted exactly by tridiagonal solves: O(1) a texel, whatever lambda is. It preserves the mean of the
/// map and damps waves of wavelength below about 2 pi sqrt(lambda) texels.
template <class Real>
class SobolevSmoother {
 public:
  /// `lambda` >= 0, `power` >= 1. Allocates; nothing else here does.
  SobolevSmoother(long size, long channels, double lambda, int power, int max_threads);

  /// map = S^-p map, in place. The result does not depend on the number of threads.
  void apply(Real* map, ThreadPool& pool, Isa isa = detect_isa());

  long size() const { return size_; }
  long channels() const { return channels_; }

 private:
  struct Pass {
    const SobolevSmoother* smoother;
    Real* map;
  };
  template <bool kAvx2>
  static void columns(void* pass, long strip, int worker);
  template <bool kAvx2>
  static void rows(void* pass, long block, int worker);

  long size_, channels_;
  Real lambda_;
  int power_, max_threads_;
  HostArray<Real> inverse_, upper_;  // [size], factors of I + lambda L, the same for every line
  HostArray<Real> scratch_;          // [threads][size][channels][lines of a block]
};

extern template class SobolevSmoother<float>;
extern template class SobolevSmoother<double>;

/// (I + lambda L)^-power of one line as a dense matrix, [size][size], symmetric: what SobolevSmoother does to a map is
/// this matrix from the left and from the right.
std::vector<double> smoothing_filter(long size, double lambda, int power);

struct LargeStepsOptions {
  double lambda = 16;  // texels^2
  int power = 2;
  double beta1 = 0.9, beta2 = 0.999;
};

/// Momentum descent on the smoothed gradient. The second moment is one number for the whole map (the largest squared
/// norm of a texel's gradient), because a scale of its own for every texel, as in Adam, would undo the smoothing.
template <class Real>
class LargeSteps {
 public:
  LargeSteps(long size, long channels, const LargeStepsOptions& options, int max_threads);

  /// map -= learning_rate * momentum / root of the second moment: with a steady gradient the texel that moves most
  /// moves by about `learning_rate` map units. `grad` is overwritten with the smoothed gradient.
  void step(Real* map, Real* grad, Real learning_rate, ThreadPool& pool, Isa isa = detect_isa());

 private:
  SobolevSmoother<Real> smoother_;
  LargeStepsOptions options_;
  HostArray<Real> momentum_;
  HostArray<double> largest_;  // [chunks], per chunk of texels
  double second_ = 0;
  long steps_ = 0;
};

extern template class LargeSteps<float>;
extern template class LargeSteps<double>;

}  // namespace hrn::optim
