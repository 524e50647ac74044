#include "fit/landmarks/point_term.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "losses/robust.hpp"

namespace hrn::fit {
namespace {

constexpr losses::Robust kForm = losses::Robust::geman_mcclure;

constexpr Requirement require{"points"};

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

PointTerm::PointTerm(const Model& model, const PointProblem& problem, long identity_count) : problem_(problem) {
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
  points_.coefficients = static_cast<std::size_t>(identity_count + model.expression_count);
  points_.mean.resize(3 * vertices.size());
  points_.basis.resize(points_.mean.size() * points_.coefficients);
  for (std::size_t i = 0; i < points_.mean.size(); ++i) {
    const long row = 3 * static_cast<long>(vertices[i / 3]) + static_cast<long>(i % 3);
    points_.mean[i] = static_cast<double>(model.mean[static_cast<std::size_t>(row)]);
    for (std::size_t k = 0; k < points_.coefficients; ++k)
      points_.basis[i * points_.coefficients + k] =
          model.shape_value(static_cast<long>(k < identity ? k : k + skipped), row);
  }
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
  return 0.5 * sum_of_targets(pool, targets_.size(), [&](std::size_t i) {
           double whitened[2];
           const double squared = residual(targets_[i], state.camera, points_.camera_point(state, i), whitened);
           return losses::robust(kForm, squared, problem_.robust_scale).rho;
         });
}

void PointTerm::accumulate(const HeadState& state, const ParameterLayout& layout, ThreadPool& pool,
                           optim::NormalEquations& equations) {
  accumulate_pairs(
      targets_.size(), kRows, layout, pool, rows_, equations,
      [&](std::size_t i, int first, std::span<float> row) { set_rows(i, state, layout, first, row, equations); });
}

// Both rows of target i.
void PointTerm::set_rows(std::size_t i, const HeadState& state, const ParameterLayout& layout, int first,
                         std::span<float> row, optim::NormalEquations& equations) const {
  const Target& t = targets_[i];
  const CameraPose& camera = state.camera;
  const Vec3<double> p = points_.camera_point(state, i);
  double whitened[2];
  const double squared = residual(t, camera, p, whitened);
  const double root = std::sqrt(losses::robust(kForm, squared, problem_.robust_scale).derivative);
  const double f = root * camera.focal_px / p.z;
  const double across[2][2] = {{t.root[0], t.root[1]}, {0, t.root[2]}};
  for (int k = 0; k < 2; ++k) {
    const double u = f * across[k][0], v = f * across[k][1];
    const Vec3<double> g{u, v, -(u * p.x + v * p.y) / p.z};
    points_.set_row(camera, layout, i, p, g, row);
    equations.set_row(first + k, row, root * whitened[k]);
  }
}

}  // namespace hrn::fit
