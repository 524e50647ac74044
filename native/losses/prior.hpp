// Beliefs about parameters: Gaussian priors of coefficients, grey light, small texture offsets, symmetric maps.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"

namespace hrn::losses {

/// sum_i weight_i (value_i - mean_i)^2: coefficients, also the light against a given one.
template <class Real>
struct CoefficientPriorArgs {
  const Real* values = nullptr;  // in, [n]
  const Real* mean = nullptr;    // in, [n]; null: 0
  const Real* weight = nullptr;  // in, [n]; null: 1
  Real scale = 1;                // loss weight
  Real* grad = nullptr;          // added to, [n]
};

struct CoefficientPrior {
  template <class Real>
  HRN_HD static Real deviation(const CoefficientPriorArgs<Real>& a, long i) {
    return a.values[i] - (a.mean != nullptr ? a.mean[i] : Real(0));
  }
  template <class Real>
  HRN_HD static Real weight(const CoefficientPriorArgs<Real>& a, long i) {
    return a.weight != nullptr ? a.scale * a.weight[i] : a.scale;
  }
  /// Reduction to 1 value, the scaled loss.
  struct Forward {
    template <class Real>
    HRN_HD static void run(const CoefficientPriorArgs<Real>& a, long i, double* sum) {
      const Real d = deviation(a, i);
      sum[0] += static_cast<double>(weight(a, i) * d * d);
    }
  };
  /// Per coefficient; adds.
  struct Backward {
    template <class Real>
    HRN_HD static void run(const CoefficientPriorArgs<Real>& a, long i) {
      a.grad[i] += Real(2) * weight(a, i) * deviation(a, i);
    }
  };
};

/// Mean over the 27 lighting coefficients of their squared deviation from the mean of the three channels.
template <class Real>
struct LightPriorArgs {
  const Real* lighting = nullptr;  // in, [3 channels][9]
  Real scale = 1;                  // loss weight
  Real* grad = nullptr;            // added to, [3][9]
};

struct LightPrior {
  static constexpr long kCount = 27, kBands = 9;

  template <class Real>
  HRN_HD static Real deviation(const LightPriorArgs<Real>& a, long i) {
    const long k = i % kBands;
    return a.lighting[i] - (a.lighting[k] + a.lighting[kBands + k] + a.lighting[2 * kBands + k]) / Real(3);
  }
  /// Reduction over kCount elements to 1 value, the scaled loss.
  struct Forward {
    template <class Real>
    HRN_HD static void run(const LightPriorArgs<Real>& a, long i, double* sum) {
      const Real d = deviation(a, i);
      sum[0] += static_cast<double>(a.scale * d * d / Real(kCount));
    }
  };
  /// Per coefficient; adds. The deviations of a band sum to zero, so the mean contributes nothing.
  struct Backward {
    template <class Real>
    HRN_HD static void run(const LightPriorArgs<Real>& a, long i) {
      a.grad[i] += Real(2) * a.scale * deviation(a, i) / Real(kCount);
    }
  };
};

enum class TexturePriorForm {
  /// |x|; flat at zero
  absolute,
  /// x^2
  squared,
};

/// Mean penalty of the entries of an offset map.
template <class Real>
struct TexturePriorArgs {
  const Real* values = nullptr;  // in, [n]
  TexturePriorForm form = TexturePriorForm::absolute;
  Real scale = 1;        // loss weight over the number of entries
  Real* grad = nullptr;  // added to, [n]
};

struct TexturePrior {
  /// Reduction to 1 value, the scaled loss.
  struct Forward {
    template <class Real, class Sum>
    HRN_HD static void run(const TexturePriorArgs<Real>& a, long i, Sum sum) {
      const Real x = a.values[i];
      const Real penalty = a.form == TexturePriorForm::squared ? x * x : std::abs(x);
      sum[0] += static_cast<double>(a.scale * penalty);
    }
  };
  /// Per entry; adds.
  struct Backward {
    template <class Real>
    HRN_HD static void run(const TexturePriorArgs<Real>& a, long i) {
      const Real x = a.values[i];
      const Real slope = a.form == TexturePriorForm::squared ? Real(2) * x : static_cast<Real>((x > 0) - (x < 0));
      a.grad[i] += a.scale * slope;
    }
  };
};

/// Mean over texels of the squared difference between a map and its mirror image (u -> 1 - u).
template <class Real>
struct SymmetryPriorArgs {
  long size = 0;              // texels a side
  const Real* map = nullptr;  // in, [size][size][3]
  Real scale = 1;             // loss weight over the number of texels
  Real* grad_map = nullptr;   // added to, [size][size][3]
};

/// `kVectors`: the map holds vectors in the head frame, whose x changes sign in the mirror; otherwise colours.
template <bool kVectors>
struct SymmetryPrior {
  template <class Real>
  HRN_HD static Real difference(const SymmetryPriorArgs<Real>& a, long texel, int c) {
    const std::uint32_t size = static_cast<std::uint32_t>(a.size), at = static_cast<std::uint32_t>(texel);
    const std::uint32_t row = at / size, column = at - row * size;
    const long mirrored = static_cast<long>(row * size + (size - 1 - column));
    const Real other = a.map[3 * mirrored + c];
    return a.map[3 * texel + c] - (kVectors && c == 0 ? -other : other);
  }
  /// Reduction to 1 value, the scaled loss, per texel.
  struct Forward {
    template <class Real>
    HRN_HD static void run(const SymmetryPriorArgs<Real>& a, long texel, double* sum) {
      for (int c = 0; c < 3; ++c) {
        const Real d = difference(a, texel, c);
        sum[0] += static_cast<double>(a.scale * d * d);
      }
    }
  };
  /// Per texel; adds. Every difference occurs twice, once on either side.
  struct Backward {
    template <class Real>
    HRN_HD static void run(const SymmetryPriorArgs<Real>& a, long texel) {
      for (int c = 0; c < 3; ++c) a.grad_map[3 * texel + c] += Real(4) * a.scale * difference(a, texel, c);
    }
  };
};

}  // namespace hrn::losses
