#include "fit/outline/silhouette_term.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/vec.hpp"
#include "fit/head/basis_rows.hpp"
#include "losses/robust.hpp"

namespace hrn::fit {
namespace {

// Length of outline that weighs as one observation.
constexpr double kSpacingMm = 2.5;

// 1 up to `full`, 0 from `none` on: what leaves a range does so by and by.
struct Fade {
  double full, none;
  double operator()(double x) const { return std::clamp((none - x) / (none - full), 0.0, 1.0); }
};

// Beside its line of sight, mm.
constexpr Fade kAside{0.75, 2.25};
// One less the cosine between the directions of outline and edge: with more they are not of one thing.
constexpr Fade kTurned{0.15, 0.35};
// Along the line of sight, shares of the reach.
constexpr Fade kReach{0.7, 1.2};
// Share of the nearest of several edges: each mm farther away counts this much less.
constexpr double kNearestMm = 0.5;

// Outline is where the view shows nothing in a square beyond it: that square's middle, half its side, px of the view;
// and what share of it may show the head.
constexpr double kBeyondPx = 3.5, kHalfSidePx = 2.5;
constexpr Fade kCovered{0.1, 0.5};

constexpr losses::Robust kForm = losses::Robust::geman_mcclure;

constexpr Requirement require{"silhouette"};

// Those that take part, and two rings around them: every triangle that one of them belongs to has whole normals.
std::vector<std::uint32_t> with_surroundings(const Topology& mesh, const std::vector<std::uint8_t>& takes_part) {
  std::vector<std::uint8_t> chosen = takes_part;
  for (int ring = 0; ring < 2; ++ring) {
    const std::vector<std::uint8_t> inner = chosen;
    for (std::size_t e = 0; e < mesh.edges.size(); e += 2) {
      const std::size_t a = static_cast<std::size_t>(mesh.edges[e]), b = static_cast<std::size_t>(mesh.edges[e + 1]);
      if (inner[a]) chosen[b] = 1;
      if (inner[b]) chosen[a] = 1;
    }
  }
  std::vector<std::uint32_t> vertices;
  for (std::size_t v = 0; v < chosen.size(); ++v)
    if (chosen[v]) vertices.push_back(static_cast<std::uint32_t>(v));
  return vertices;
}

// Share of a square around (x, y) in which the head is seen; continuous in both.
double covered(const HeadView& view, double x, double y) {
  constexpr int kMost = static_cast<int>(2 * kHalfSidePx) + 2;
  // Pixels that the square reaches on an axis, and how much of each it covers.
  struct Range {
    Range(double centre, int side) {
      const double low = centre - kHalfSidePx, high = centre + kHalfSidePx;
      first = static_cast<int>(std::floor(std::clamp(low, 0.0, static_cast<double>(side))));
      for (int p = first; p < side && p < high && count < kMost; ++p)
        share[count++] = std::clamp(std::min(high, p + 1.0) - std::max(low, static_cast<double>(p)), 0.0, 1.0);
    }
    int first, count = 0;
    double share[kMost];
  };
  const Range across(x, view.side), down(y, view.side);
  double sum = 0;
  for (int j = 0; j < down.count; ++j) {
    const std::int32_t* row = view.triangle_id.data() + (down.first + j) * view.side + across.first;
    for (int i = 0; i < across.count; ++i)
      if (row[i] >= 0) sum += down.share[j] * across.share[i];
  }
  return sum / (4 * kHalfSidePx * kHalfSidePx);
}

}  // namespace

void check_silhouette(const Model& model, const SilhouetteProblem& p) {
  require(p.edges.size() % 2 == 0 && p.normals.size() == p.edges.size(), "a normal per edge point");
  for (const auto* values : {&p.edges, &p.normals})
    for (const double v : *values) require(std::isfinite(v), "finite edges");
  require(p.edges.empty() || static_cast<long>(p.takes_part.size()) == model.vertex_count, "a flag per vertex");
  for (const double v : {p.sigma_mm, p.reach_mm, p.robust_scale})
    require(v > 0 && std::isfinite(v), "positive deviations");
}

SilhouetteTerm::SilhouetteTerm(const Model& model, const SilhouetteProblem& problem, long identity_count)
    : model_(model),
      problem_(problem),
      identity_count_(identity_count),
      coefficients_(identity_count + model.expression_count),
      band_(model.topology, problem.edges.empty() ? std::vector<std::uint32_t>{}
                                                  : with_surroundings(model.topology, problem.takes_part)),
      positions_(3 * band_.vertices.size()),
      place_(band_.vertices.size(), -1) {
  for (std::size_t e = 0; e < problem.edges.size(); e += 2)
    edges_.push_back({{problem.edges[e], problem.edges[e + 1]}, {problem.normals[e], problem.normals[e + 1]}});
  std::stable_sort(edges_.begin(), edges_.end(), [](const Edge& a, const Edge& b) { return a.pixel[1] < b.pixel[1]; });
}

// Near edges by their mean, and of several the nearest: by weights that are no steps.
SilhouetteTerm::Nearest SilhouetteTerm::nearest_edge(const ContourPoint& point, double px_per_mm) const {
  const double mm_per_px = 1 / px_per_mm, reach_mm = kReach.none * problem_.reach_mm;
  const double around = std::hypot(reach_mm, kAside.none) * px_per_mm;
  const auto first = std::lower_bound(edges_.begin(), edges_.end(), point.pixel[1] - around,
                                      [](const Edge& edge, double y) { return edge.pixel[1] < y; });
  double sum = 0, shares = 0, weight = 0;
  for (auto edge = first; edge != edges_.end() && edge->pixel[1] < point.pixel[1] + around; ++edge) {
    const double dx = (edge->pixel[0] - point.pixel[0]) * mm_per_px, dy = (edge->pixel[1] - point.pixel[1]) * mm_per_px;
    const double aside = std::abs(dx * point.normal[1] - dy * point.normal[0]);
    const double along = dx * point.normal[0] + dy * point.normal[1];
    if (aside >= kAside.none || std::abs(along) >= reach_mm) continue;
    const double turned = 1 - edge->normal[0] * point.normal[0] - edge->normal[1] * point.normal[1];
    const double own = kAside(aside) * kReach(std::abs(along) / problem_.reach_mm) * kTurned(turned);
    if (!(own > 0)) continue;
    const double share = own * std::exp(-std::abs(along) / kNearestMm);
    sum += share * along;
    shares += share;
    weight += own;
  }
  if (!(shares > 0)) return {0, 0};
  return {sum / shares * px_per_mm, std::min(weight, 1.0)};
}

void SilhouetteTerm::match(const HeadState& state, const HeadView& view) {
  points_.clear();
  targets_.clear();
  const CameraPose& camera = state.camera;
  const double zoom = view.camera.focal_px / camera.focal_px;
  const double px_per_mm = camera.focal_px / camera.translation[2];
  for (std::size_t i = 0; i < band_.vertices.size(); ++i)
    for (std::size_t k = 0; k < 3; ++k)
      positions_[3 * i + k] = static_cast<double>(view.positions[3 * static_cast<std::size_t>(band_.vertices[i]) + k]);
  contour_.find(band_, camera, positions_, segments_);
  for (const ContourSegment& segment : segments_) {
    const ContourPoint point = segment.at(0.5);
    double weight = 0, beyond[2];
    for (int k = 0; k < 3; ++k)
      weight += point.weights[k] * problem_.takes_part[band_.vertices[static_cast<std::size_t>(point.vertices[k])]];
    if (!(weight > 0)) continue;
    for (std::size_t k = 0; k < 2; ++k)
      beyond[k] =
          (point.pixel[k] - camera.principal_px[k]) * zoom + view.camera.principal_px[k] + kBeyondPx * point.normal[k];
    weight *= kCovered(covered(view, beyond[0], beyond[1]));
    if (!(weight > 0)) continue;
    const Nearest edge = nearest_edge(point, px_per_mm);
    // By the length in the triangle: the outline enters it at a corner or leaves it there.
    const auto &a = segment.ends[0].pixel, &b = segment.ends[1].pixel;
    weight *= edge.weight * std::hypot(b[0] - a[0], b[1] - a[1]) / (kSpacingMm * px_per_mm);
    if (!(weight > 0)) continue;
    const double along = point.normal[0] * point.pixel[0] + point.normal[1] * point.pixel[1] + edge.distance;
    points_.push_back(point);
    targets_.push_back({{point.normal[0], point.normal[1]}, along, 1 / (problem_.sigma_mm * px_per_mm), weight});
  }
  hold_points();
}

// To first order the outline moves across itself as the surface under it does, so its points may be held fixed there.
void SilhouetteTerm::hold_points() {
  const std::size_t shape = static_cast<std::size_t>(coefficients_);
  rows_.coefficients = shape;
  rows_.mean.assign(3 * points_.size(), 0.0);
  rows_.basis.resize(3 * points_.size() * shape);
  for (const ContourPoint& point : points_)
    for (const long v : point.vertices) {
      std::int32_t& place = place_[static_cast<std::size_t>(v)];
      if (place >= 0) continue;
      place = static_cast<std::int32_t>(corners_.size() / (3 * shape));
      const long row = 3L * band_.vertices[static_cast<std::size_t>(v)];
      for (long axis = 0; axis < 3; ++axis)
        for (long k = 0; k < coefficients_; ++k)
          corners_.push_back(
              model_.shape_value(k < identity_count_ ? k : k - identity_count_ + model_.identity_count, row + axis));
    }
  for (std::size_t i = 0; i < points_.size(); ++i)
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const float* rows[3];
      float weights[3];
      for (std::size_t j = 0; j < 3; ++j) {
        const std::size_t v = static_cast<std::size_t>(points_[i].vertices[j]);
        rows[j] = corners_.data() + (3 * static_cast<std::size_t>(place_[v]) + axis) * shape;
        weights[j] = static_cast<float>(points_[i].weights[j]);
        rows_.mean[3 * i + axis] +=
            points_[i].weights[j] * static_cast<double>(model_.mean[3 * band_.vertices[v] + axis]);
      }
      basis_row_kernels().combine(rows, weights, 3, coefficients_, rows_.basis.data() + (3 * i + axis) * shape);
    }
}

double SilhouetteTerm::matched() const {
  double sum = 0;
  for (const Target& target : targets_) sum += target.weight;
  return sum;
}

// Whitened distance to the edge.
double SilhouetteTerm::residual(const Target& target, const CameraPose& camera, Vec3<double> camera_point) const {
  double pixel[2];
  camera.project(camera_point, pixel);
  return (target.normal[0] * pixel[0] + target.normal[1] * pixel[1] - target.along) * target.inverse_sigma;
}

double SilhouetteTerm::energy(const HeadState& state) const {
  double sum = 0;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const double r = residual(targets_[i], state.camera, rows_.camera_point(state, i));
    sum += targets_[i].weight * losses::robust(kForm, r * r, problem_.robust_scale).rho;
  }
  return 0.5 * sum;
}

void SilhouetteTerm::accumulate(const HeadState& state, const ParameterLayout& layout, ThreadPool& pool,
                                optim::NormalEquations& equations) {
  const CameraPose& camera = state.camera;
  row_.resize(static_cast<std::size_t>(layout.pose + layout.shape));
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (i > 0 && i % kRows == 0) equations.accumulate(pool);
    const Target& target = targets_[i];
    const Vec3<double> p = rows_.camera_point(state, i);
    const double r = residual(target, camera, p);
    const double root = std::sqrt(target.weight * losses::robust(kForm, r * r, problem_.robust_scale).derivative);
    const double f = root * target.inverse_sigma * camera.focal_px / p.z;
    const Vec3<double> g{f * target.normal[0], f * target.normal[1],
                         -f * (target.normal[0] * p.x + target.normal[1] * p.y) / p.z};
    rows_.set_row(camera, layout, i, p, g, row_);
    equations.set_row(equations.add_rows(1), row_, root * r);
  }
}

}  // namespace hrn::fit
