#include "fit/landmarks/point_term.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.hpp"
#include "core/vec.hpp"
#include "fit/head/basis_rows.hpp"
#include "losses/robust.hpp"

namespace hrn::fit {
namespace {

constexpr losses::Robust kForm = losses::Robust::geman_mcclure;

constexpr Requirement require{"points"};

// Targets that one thread takes at a time.
constexpr std::size_t kChunk = 16;

// body(i, chunk) for i in [begin, end), by all threads.
template <class Body>
void for_chunks(ThreadPool& pool, std::size_t begin, std::size_t end, const Body& body) {
  pool.parallel_for(static_cast<long>((end - begin + kChunk - 1) / kChunk), [&](long chunk) {
    const std::size_t first = begin + static_cast<std::size_t>(chunk) * kChunk;
    for (std::size_t i = first; i < std::min(first + kChunk, end); ++i) body(i, static_cast<std::size_t>(chunk));
  });
}

}  // namespace

void check_points(const Model& model, const PointProblem& p) {
  const std::size_t n = p.vertices.size();
  require(n <= 65536, "65536 points at most");
  require(p.pixels.size() == 2 * n && p.information.size() == 3 * n, "two pixels and three values a point");
  for (const std::uint32_t v : p.vertices) require(static_cast<long>(v) < model.vertex_count, "vertices of the model");
  for (const double v : p.pixels) require(std::abs(v) <= 1e7, "finite pixels");
  for (std::size_t i = 0; i < n; ++i) {
    const double xx = p.information[3 * i], xy = p.information[3 * i + 1], yy = p.information[3 * i + 2];
    require(xx >= 0 && yy >= 0 && xx <= 1e9 && yy <= 1e9 && xy * xy <= xx * yy * (1 + 1e-9),
            "information of a covariance");
  }
  require(p.robust_scale > 0 && std::isfinite(p.robust_scale), "a positive robust scale");
}

PointTerm::PointTerm(const Model& model, const PointProblem& problem, long identity_count)
    : problem_(problem), coefficients_(static_cast<std::size_t>(identity_count + model.expression_count)) {
  std::vector<std::uint32_t> vertices;
  for (std::size_t i = 0; i < problem.vertices.size(); ++i) {
    const double xx = problem.information[3 * i], xy = problem.information[3 * i + 1],
                 yy = problem.information[3 * i + 2];
    if (!(xx > 0 && yy > 0)) continue;
    const double own = std::sqrt(xx), shared = xy / own;
    targets_.push_back({{problem.pixels[2 * i], problem.pixels[2 * i + 1]},
                        {own, shared, std::sqrt(std::max(0.0, yy - shared * shared))}});
    vertices.push_back(problem.vertices[i]);
  }
  const std::size_t identity = static_cast<std::size_t>(identity_count);
  const std::size_t skipped = static_cast<std::size_t>(model.identity_count) - identity;
  mean_.resize(3 * vertices.size());
  basis_.resize(3 * vertices.size() * coefficients_);
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    const long row = 3 * static_cast<long>(vertices[i / 3]) + static_cast<long>(i % 3);
    mean_[i] = model.mean[static_cast<std::size_t>(row)];
    for (std::size_t k = 0; k < coefficients_; ++k)
      basis_[i * coefficients_ + k] = model.shape_value(static_cast<long>(k < identity ? k : k + skipped), row);
  }
}

Vec3<double> PointTerm::camera_point(const HeadState& state, std::size_t i) const {
  double p[3];
  for (std::size_t axis = 0; axis < 3; ++axis)
    p[axis] = basis_row_kernels().evaluate(static_cast<double>(mean_[3 * i + axis]),
                                           basis_.data() + (3 * i + axis) * coefficients_, state.coefficients.data(),
                                           static_cast<long>(coefficients_));
  return state.camera.transform({p[0], p[1], p[2]});
}

double PointTerm::residual(const Target& t, const CameraPose& camera, Vec3<double> at, double whitened[2]) const {
  double pixel[2];
  camera.project(at, pixel);
  const double dx = pixel[0] - t.pixel[0], dy = pixel[1] - t.pixel[1];
  whitened[0] = t.root[0] * dx + t.root[1] * dy;
  whitened[1] = t.root[2] * dy;
  return whitened[0] * whitened[0] + whitened[1] * whitened[1];
}

double PointTerm::energy(const HeadState& state, ThreadPool& pool) const {
  std::vector<double> terms(targets_.size());
  for_chunks(pool, 0, targets_.size(), [&](std::size_t i, std::size_t) {
    double whitened[2];
    const double squared = residual(targets_[i], state.camera, camera_point(state, i), whitened);
    terms[i] = losses::robust(kForm, squared, problem_.robust_scale).rho;
  });
  return 0.5 * std::accumulate(terms.begin(), terms.end(), 0.0);
}

void PointTerm::accumulate(const HeadState& state, const ParameterLayout& layout, ThreadPool& pool,
                           optim::NormalEquations& equations) {
  constexpr std::size_t kTargets = kRows / 2;
  const std::size_t width = static_cast<std::size_t>(layout.pose + layout.shape);
  rows_.assign((kTargets + kChunk - 1) / kChunk * width, 0.0f);
  for (std::size_t begin = 0; begin < targets_.size(); begin += kTargets) {
    if (begin > 0) equations.accumulate(pool);
    const std::size_t end = std::min(begin + kTargets, targets_.size());
    const int first = equations.add_rows(static_cast<int>(2 * (end - begin)));
    for_chunks(pool, begin, end, [&](std::size_t i, std::size_t chunk) {
      set_rows(i, state, layout, first + static_cast<int>(2 * (i - begin)), {rows_.data() + chunk * width, width},
               equations);
    });
  }
}

// Both rows of target i.
void PointTerm::set_rows(std::size_t i, const HeadState& state, const ParameterLayout& layout, int first,
                         std::span<float> row, optim::NormalEquations& equations) const {
  const Target& t = targets_[i];
  const CameraPose& camera = state.camera;
  const Vec3<double> p = camera_point(state, i), q = p - camera.offset();
  double whitened[2];
  const double squared = residual(t, camera, p, whitened);
  const double root = std::sqrt(losses::robust(kForm, squared, problem_.robust_scale).derivative);
  const double f = root * camera.focal_px / p.z;
  const double across[2][2] = {{t.root[0], t.root[1]}, {0, t.root[2]}};
  for (int k = 0; k < 2; ++k) {
    const double u = f * across[k][0], v = f * across[k][1];
    const Vec3<double> g{u, v, -(u * p.x + v * p.y) / p.z};
    const Vec3<double> w = cross(q, g);  // g . (w x q) = w . (q x g)
    const double pose[7] = {w.x, w.y, w.z, g.x, g.y, g.z, g.x * p.x + g.y * p.y + g.z * camera.translation[2]};
    std::transform(pose, pose + layout.pose, row.begin(), [](double value) { return static_cast<float>(value); });
    const Vec3<double> h = camera.rotate_back(g);
    const float weights[3] = {static_cast<float>(h.x), static_cast<float>(h.y), static_cast<float>(h.z)};
    const float* x = basis_.data() + 3 * i * coefficients_;
    const float* rows[3] = {x, x + coefficients_, x + 2 * coefficients_};
    basis_row_kernels().combine(rows, weights, 3, static_cast<long>(coefficients_), row.data() + layout.pose);
    equations.set_row(first + k, row, root * whitened[k]);
  }
}

}  // namespace hrn::fit
