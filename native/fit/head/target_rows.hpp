// Terms of the parametric fit that compare many targets with the head, each by rows of its own: how their targets are
// shared out among threads, and the rows of a point that is seen in the photo.
#pragma once
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "core/thread_pool.hpp"
#include "core/vec.hpp"
#include "fit/head/basis_rows.hpp"
#include "fit/head/parameter_layout.hpp"
#include "fit/head/state.hpp"
#include "optim/normal_equations.hpp"

namespace hrn::fit {

/// Targets that one thread takes at a time.
constexpr std::size_t kTargetChunk = 16;

/// body(i, chunk) for i in [begin, end), by all threads.
template <class Body>
void for_targets(ThreadPool& pool, std::size_t begin, std::size_t end, const Body& body) {
  pool.parallel_for(static_cast<long>((end - begin + kTargetChunk - 1) / kTargetChunk), [&](long chunk) {
    const std::size_t first = begin + static_cast<std::size_t>(chunk) * kTargetChunk;
    for (std::size_t i = first; i < std::min(first + kTargetChunk, end); ++i) body(i, static_cast<std::size_t>(chunk));
  });
}

/// The sum of energy(i) of all targets, in their order.
template <class Energy>
double sum_of_targets(ThreadPool& pool, std::size_t count, const Energy& energy) {
  std::vector<double> terms(count);
  for_targets(pool, 0, count, [&](std::size_t i, std::size_t) { terms[i] = energy(i); });
  return std::accumulate(terms.begin(), terms.end(), 0.0);
}

/// Adds two rows per target, `max_rows` at a time: set_rows(i, first, row) sets both, from number `first` on, with
/// `row` for scratch, of pose and shape. `scratch` keeps its memory.
template <class SetRows>
void accumulate_pairs(std::size_t count, int max_rows, const ParameterLayout& layout, ThreadPool& pool,
                      std::vector<float>& scratch, optim::NormalEquations& equations, const SetRows& set_rows) {
  const std::size_t at_a_time = static_cast<std::size_t>(max_rows) / 2;
  const std::size_t width = static_cast<std::size_t>(layout.pose + layout.shape);
  scratch.assign((at_a_time + kTargetChunk - 1) / kTargetChunk * width, 0.0f);
  for (std::size_t begin = 0; begin < count; begin += at_a_time) {
    if (begin > 0) equations.accumulate(pool);
    const std::size_t end = std::min(begin + at_a_time, count);
    const int first = equations.add_rows(static_cast<int>(2 * (end - begin)));
    for_targets(pool, begin, end, [&](std::size_t i, std::size_t chunk) {
      set_rows(i, first + static_cast<int>(2 * (i - begin)), std::span(scratch.data() + chunk * width, width));
    });
  }
}

/// Surface points whose rows of the basis are kept.
struct PointRows {
  std::size_t coefficients = 0;
  std::vector<double> mean;  // [n][3], mm
  std::vector<float> basis;  // [n][3][coefficients], mm per unit

  /// Point i of the head at `state`, in the camera's frame.
  Vec3<double> camera_point(const HeadState& state, std::size_t i) const {
    double p[3];
    for (std::size_t axis = 0; axis < 3; ++axis)
      p[axis] = basis_row_kernels().evaluate(mean[3 * i + axis], basis.data() + (3 * i + axis) * coefficients,
                                             state.coefficients.data(), static_cast<long>(coefficients));
    return state.camera.transform({p[0], p[1], p[2]});
  }

  /// Derivatives by pose and shape of what changes with point i, at `p` in the camera's frame, by `g` per mm there.
  void set_row(const CameraPose& camera, const ParameterLayout& layout, std::size_t i, Vec3<double> p, Vec3<double> g,
               std::span<float> row) const {
    const Vec3<double> w = cross(p - camera.offset(), g);  // g . (w x q) = w . (q x g)
    const double pose[7] = {w.x, w.y, w.z, g.x, g.y, g.z, g.x * p.x + g.y * p.y + g.z * camera.translation[2]};
    std::transform(pose, pose + layout.pose, row.begin(), [](double value) { return static_cast<float>(value); });
    const Vec3<double> h = camera.rotate_back(g);
    const float weights[3] = {static_cast<float>(h.x), static_cast<float>(h.y), static_cast<float>(h.z)};
    const float* x = basis.data() + 3 * i * coefficients;
    const float* rows[3] = {x, x + coefficients, x + 2 * coefficients};
    basis_row_kernels().combine(rows, weights, 3, static_cast<long>(coefficients), row.data() + layout.pose);
  }
};

}  // namespace hrn::fit
