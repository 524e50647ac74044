// Adam (Kingma and Ba 2015), per element; a group of parameters with its own learning rate is one call.
#pragma once
#include <cmath>

#include "core/host_device.hpp"

namespace hrn::optim {

template <class Real>
struct AdamArgs {
  Real* values = nullptr;      // in and out, [n]
  const Real* grad = nullptr;  // in, [n]
  Real* first = nullptr;       // in and out, [n], running mean of the gradient; zero at the start
  Real* second = nullptr;      // in and out, [n], running mean of its square; zero at the start
  Real learning_rate = Real(1e-3);
  Real beta1 = Real(0.9), beta2 = Real(0.999), epsilon = Real(1e-8);
  Real first_correction = 1, second_correction = 1;  // see set_step
};

struct Adam {
  /// Bias corrections of step 1, 2, ...
  template <class Real>
  static void set_step(AdamArgs<Real>& a, long step) {
    a.first_correction = static_cast<Real>(1 / (1 - std::pow(static_cast<double>(a.beta1), static_cast<double>(step))));
    a.second_correction =
        static_cast<Real>(1 / (1 - std::pow(static_cast<double>(a.beta2), static_cast<double>(step))));
  }

  /// Per element.
  struct Update {
    template <class Real>
    HRN_HD static void run(const AdamArgs<Real>& a, long i) {
      const Real g = a.grad[i];
      const Real m = a.beta1 * a.first[i] + (Real(1) - a.beta1) * g;
      const Real v = a.beta2 * a.second[i] + (Real(1) - a.beta2) * g * g;
      a.first[i] = m;
      a.second[i] = v;
      a.values[i] -= a.learning_rate * (m * a.first_correction) / (std::sqrt(v * a.second_correction) + a.epsilon);
    }
  };
};

}  // namespace hrn::optim
