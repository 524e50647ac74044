// Momentum descent of a map along its natural gradient. The step is normalised by one running maximum for the whole
// map, and shrinks to nothing over the iterations, so that the end does not depend on where in a swing it fell.
#pragma once
#include <cmath>
#include <vector>

#include "backends/backend.hpp"
#include "fit/deformation/map_scale.hpp"

namespace hrn::fit {

/// What changes from step to step, in the backend's memory.
struct DescentState {
  double largest = 0;  // entry of the last direction, by magnitude
  double second = 0;   // its running mean square
  double steps = 0;
  float factor = 0;  // of the momentum, for this step
};

struct DescentArgs {
  long total = 1;                   // steps of the whole descent
  double first_step = 1;            // map units
  const float* gradient = nullptr;  // in, covariance times the data term's gradient
  float* map = nullptr;             // in and out
  float* momentum = nullptr;        // in and out
  DescentState* state = nullptr;    // in and out, [1]
};

struct Descent {
  static constexpr float kMomentum = 0.85f;
  static constexpr double kMemory = 0.95;

  /// Per entry: moves the momentum, reduces to the largest entry of the direction.
  struct Direction {
    HRN_HD static void run(const DescentArgs& a, long i, double* largest) {
      const float direction = a.gradient[i] + a.map[i];
      a.momentum[i] = kMomentum * a.momentum[i] + (1 - kMomentum) * direction;
      *largest = combine(*largest, std::abs(static_cast<double>(direction)));
    }
    HRN_HD static double combine(double x, double y) { return x < y ? y : x; }
  };
  /// What of a step's length its number alone decides.
  struct Schedule {
    double rate = 0;                              // of the whole descent's first
    double momentum_share = 1, memory_share = 1;  // of what the running means have seen of the steps before the first
  };
  HRN_HD static Schedule schedule(const DescentArgs& a, double steps_before) {
    const double done = steps_before / static_cast<double>(a.total), steps = steps_before + 1;
    return {a.first_step * 0.5 * (1 + std::cos(3.141592653589793 * done)),
            1 - std::pow(static_cast<double>(kMomentum), steps), 1 - std::pow(kMemory, steps)};
  }
  HRN_HD static double remember(double second, double largest) {
    return kMemory * second + (1 - kMemory) * largest * largest;
  }
  /// Of the momentum, for a step.
  HRN_HD static float factor(const Schedule& s, double second) {
    const double root = std::sqrt(second / s.memory_share);
    return root > 0 ? static_cast<float>(s.rate / (s.momentum_share * root)) : 0.f;
  }
  /// Once: the length of the step.
  struct Pace {
    HRN_HD static void run(const DescentArgs& a, long) {
      DescentState& s = *a.state;
      s.second = remember(s.second, s.largest);
      s.factor = factor(schedule(a, s.steps), s.second);
      s.steps += 1;
    }
  };
  /// Per entry.
  struct Move {
    HRN_HD static void run(const DescentArgs& a, long i) { a.map[i] -= a.state->factor * a.momentum[i]; }
  };
};

/// `Covariance`: MapCovariance or DenseMapCovariance.
template <class B, class Covariance>
class MapDescent {
  template <class T>
  using Array = typename B::template Array<T>;

 public:
  MapDescent(long size, Covariance covariance, double first_step, long total, B& backend)
      : covariance_(std::move(covariance)), entries_(3 * size * size), first_step_(first_step), total_(total) {
    for (Array<float>* array : {&map_, &gradient_, &momentum_})
      *array = backend.template alloc<float>(static_cast<std::size_t>(entries_));
    state_ = backend.template alloc<DescentState>(1);
  }

  Array<float>& map() { return map_; }
  /// Where the data term's gradient goes before step().
  Array<float>& gradient() { return gradient_; }

  /// For one who takes the steps himself.
  Covariance& covariance() { return covariance_; }
  DescentArgs arguments() {
    return {total_, first_step_, gradient_.data(), map_.data(), momentum_.data(), state_.data()};
  }

  void step(B& backend) {
    covariance_.apply(gradient_, backend);
    const DescentArgs args = arguments();
    backend.template reduce_to<Descent::Direction, 1>(entries_, args, &state_.data()->largest);
    backend.template for_each<Descent::Pace>(1, args);
    backend.template for_each<Descent::Move>(entries_, args);
  }

 private:
  Covariance covariance_;
  long entries_;
  double first_step_;
  long total_;
  Array<float> map_, gradient_, momentum_;
  Array<DescentState> state_;
};

}  // namespace hrn::fit
