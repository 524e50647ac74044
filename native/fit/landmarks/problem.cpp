#include "fit/landmarks/problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "fit/head/basis_rows.hpp"

namespace hrn::fit {
namespace {

constexpr double kMinDepthMm = 10, kMaxDepthMm = 1e6;
constexpr double kFree = std::numeric_limits<double>::infinity();

// Derivatives by a rotation and a translation of the head.
struct PoseSlope {
  Vec3<double> rotation, translation;
};

void set_pose(std::span<float> row, const PoseSlope& slope) {
  const double values[6] = {slope.rotation.x,    slope.rotation.y,    slope.rotation.z,
                            slope.translation.x, slope.translation.y, slope.translation.z};
  for (size_t k = 0; k < 6; ++k) row[k] = static_cast<float>(values[k]);
}

double at(const std::vector<double>& values, long i, double otherwise) {
  return values.empty() ? otherwise : values[static_cast<size_t>(i)];
}

}  // namespace

void split_coefficients(const Model& model, long identity_count, const HeadState& state, std::vector<double>& identity,
                        std::vector<double>& expression, std::vector<double>& nuisance) {
  const auto begin = state.coefficients.begin();
  identity.assign(begin, begin + identity_count);
  expression.assign(begin + identity_count, begin + identity_count + model.expression_count);
  nuisance.assign(begin + identity_count + model.expression_count, state.coefficients.end());
}

LandmarkProblem::LandmarkProblem(const Model& model, const CoarseProblem& problem, ThreadPool& pool)
    : problem_(problem),
      pool_(pool),
      count_(model.dense.count),
      identity_(problem.identity_count),
      expression_(model.expression_count),
      nuisance_(problem.nuisance_count),
      identity_total_(model.identity_count),
      focal_free_(problem.log_focal_sigma > 0),
      slot_(static_cast<size_t>(count_), -1),
      matches_(static_cast<size_t>(count_)),
      camera_points_(static_cast<size_t>(3 * count_)) {
  const long coefficients = coefficient_count();
  const SurfacePoints& points = model.dense_points;
  mean_.reserve(static_cast<size_t>(3 * count_));
  basis_.reserve(static_cast<size_t>(3 * count_ * coefficients));
  for (long i = 0; i < 3 * count_; ++i) {
    const long axis = i % 3;
    mean_.push_back(static_cast<double>(points.mean[static_cast<size_t>(i)]) +
                    (axis < 2 ? at(problem.bias_mm, 2 * (i / 3) + axis, 0) : 0.0));
    const float* row = points.basis.data() + i * model.shape_count();
    const auto of = [&](const std::vector<float>& modes, long k) {
      return axis < 2 && !modes.empty() ? modes[static_cast<size_t>((k * count_ + i / 3) * 2 + axis)] : 0.0f;
    };
    for (long k = 0; k < identity_; ++k) basis_.push_back(row[k] + of(problem.response_mm, k));
    basis_.insert(basis_.end(), row + model.identity_count, row + model.shape_count());
    for (long k = 0; k < nuisance_; ++k) basis_.push_back(of(problem.nuisance_mm, k));
  }

  if (!problem.contour_vertices.empty()) band_ = ContourBand(model, problem.contour_vertices);
  long slots = 0;
  double depth_mean = 0, weight_sum = 0;
  for (long i = 0; i < count_; ++i) {
    const bool may_slide = band_.vertex_count() > 0 && model.dense.dynamic[static_cast<size_t>(i)] != 0;
    if (may_slide) slot_[static_cast<size_t>(i)] = slots++;
    weights_.push_back(at(problem.weights, i, 1));
    sigma_mm_.push_back(at(problem.sigma_mm, i, static_cast<double>(model.dense.sigma_mm[static_cast<size_t>(i)])));
    depths_.push_back(at(problem.depths, i, 0));
    depth_weights_.push_back(may_slide ? 0 : weights_.back());
    depth_mean += depth_weights_.back() * depths_.back();
    weight_sum += depth_weights_.back();
  }
  contour_mean_.resize(static_cast<size_t>(3 * slots));
  contour_basis_.resize(static_cast<size_t>(3 * slots * coefficients));
  if (slots > 0) corner_rows_.resize(static_cast<size_t>(3 * slots * band_.columns()));
  contour_.reserve(static_cast<size_t>(band_.vertex_count()));
  std::vector<double> mean_basis(static_cast<size_t>(3 * coefficients));
  for (long i = 0; i < count_; ++i) {
    depths_[static_cast<size_t>(i)] -= depth_mean / weight_sum;
    double& share = depth_weights_[static_cast<size_t>(i)];
    share /= weight_sum;
    const float* rows = basis_.data() + 3 * i * coefficients;
    for (long k = 0; k < 3 * coefficients; ++k)
      mean_basis[static_cast<size_t>(k)] += share * static_cast<double>(rows[k]);
  }
  for (const double value : mean_basis) mean_basis_.push_back(static_cast<float>(value));
  mean_row_.resize(static_cast<size_t>(coefficients));

  for (long k = 0; k < identity_; ++k)
    add_prior(at(problem.identity_mean, k, 0), at(problem.identity_sigma, k, 1), -kFree, kFree);
  for (long k = 0; k < expression_; ++k) {
    const size_t i = static_cast<size_t>(k);
    add_prior(at(problem.expression_mean, k, static_cast<double>(model.expression_mean[i])),
              at(problem.expression_sigma, k, static_cast<double>(model.expression_sigma[i])),
              static_cast<double>(model.expression_min[i]), static_cast<double>(model.expression_max[i]));
  }
  for (long k = 0; k < nuisance_; ++k) add_prior(0, 1, -kFree, kFree);
  state_.camera.focal_px = problem.focal_px;
  state_.camera.principal_px = problem.principal_px;
  for (size_t k = 0; k < prior_mean_.size(); ++k)
    state_.coefficients.push_back(std::clamp(prior_mean_[k], lower_[k], upper_[k]));
  candidate_ = state_;
  first_row_.resize(static_cast<size_t>(count_));
  rows_.resize(static_cast<size_t>((count_ + kChunk - 1) / kChunk * (pose_unknowns() + coefficients)));
}

void LandmarkProblem::add_prior(double mean, double sigma, double lower, double upper) {
  prior_mean_.push_back(mean);
  prior_sigma_.push_back(sigma);
  lower_.push_back(lower);
  upper_.push_back(upper);
}

std::vector<double> LandmarkProblem::prior_points() const {
  std::vector<double> points = mean_;
  const long coefficients = coefficient_count();
  for (long i = 0; i < 3 * count_; ++i) {
    double& value = points[static_cast<size_t>(i)];
    value =
        basis_row_kernels().evaluate(value, basis_.data() + i * coefficients, state_.coefficients.data(), coefficients);
  }
  return points;
}

std::vector<double> LandmarkProblem::point_weights() const {
  std::vector<double> w = weights_;
  for (size_t i = 0; i < w.size(); ++i) w[i] /= sigma_mm_[i] * sigma_mm_[i];
  return w;
}

void LandmarkProblem::match_surface() {
  for (long i = 0; i < count_; ++i) {
    Match& match = matches_[static_cast<size_t>(i)];
    match.sliding = false;
    match.mean = mean_.data() + 3 * i;
    match.basis = basis_.data() + 3 * i * coefficient_count();
  }
}

// Lets every dynamic landmark slide to the nearest point of the current outline.
void LandmarkProblem::match_silhouette() {
  if (band_.vertex_count() == 0 || pose_only_) return;
  const CameraPose& camera = state_.camera;
  band_.update(camera, state_.coefficients.data(), identity_, state_.coefficients.data() + identity_, pool_, contour_);
  double centre[2];
  camera.project(centre_, centre);
  pool_.parallel_for(count_, [&](long i) {
    if (slot_[static_cast<size_t>(i)] < 0) return;
    const double* observed = problem_.pixels.data() + 2 * i;
    const double outward[2] = {observed[0] - centre[0], observed[1] - centre[1]};
    const double norm = std::hypot(outward[0], outward[1]);
    const double reach = problem_.contour_max_slide_mm * camera.focal_px / centre_.z;
    double nearest = reach * reach;
    ContourPoint best;
    bool found = false;
    for (const ContourSegment& segment : contour_) {
      double s;
      const double d = segment.squared_distance(observed, &s);
      if (!(d < nearest)) continue;
      const ContourPoint point = segment.at(s);
      // Folds inside the outline face other ways.
      if (point.normal[0] * outward[0] + point.normal[1] * outward[1] > 0.5 * norm) {
        nearest = d;
        best = point;
        found = true;
      }
    }
    if (!found) return;
    slide(i, best);
    evaluate_point(i, state_);
  });
}

// Puts landmark i on a point of the silhouette for this linearisation. To first order the outline moves across itself
// as the surface point under it does, so the point may be held fixed on the surface.
void LandmarkProblem::slide(long i, const ContourPoint& point) {
  const long coefficients = coefficient_count(), slot = slot_[static_cast<size_t>(i)];
  double* mean = contour_mean_.data() + 3 * slot;
  float* basis = contour_basis_.data() + 3 * slot * coefficients;
  // Of the three corners; each landmark has its own.
  float* corners = corner_rows_.data() + 3 * slot * band_.columns();
  const BasisRowKernels& kernels = basis_row_kernels();
  for (long axis = 0; axis < 3; ++axis) {
    const float* identity[3];
    const float* expression[3];
    float weights[3];
    mean[axis] = 0;
    for (size_t j = 0; j < 3; ++j) {
      mean[axis] += point.weights[j] * band_.mean(point.vertices[j], axis);
      float* row = corners + static_cast<long>(j) * band_.columns();
      kernels.unpack(band_.basis(point.vertices[j], axis), band_.columns(), row);
      identity[j] = row;
      expression[j] = row + identity_total_;
      weights[j] = static_cast<float>(point.weights[j]);
    }
    float* out = basis + axis * coefficients;
    kernels.combine(identity, weights, 3, identity_, out);
    kernels.combine(expression, weights, 3, expression_, out + identity_);
  }
  Match& match = matches_[static_cast<size_t>(i)];
  match.sliding = true;
  match.mean = mean;
  match.basis = basis;
  std::copy_n(point.normal, 2, match.normal);
}

void LandmarkProblem::set_deviations() {
  const double px_per_mm = state_.camera.focal_px / centre_.z;
  for (long i = 0; i < count_; ++i) {
    Match& match = matches_[static_cast<size_t>(i)];
    const double sigma_mm = match.sliding ? problem_.contour_sigma_mm : sigma_mm_[static_cast<size_t>(i)];
    const double root = std::sqrt(weights_[static_cast<size_t>(i)]);
    match.inverse_sigma = root / std::hypot(sigma_mm * px_per_mm, problem_.sigma_floor_px);
    const bool has_depth = !problem_.depths.empty() && depth_weights_[static_cast<size_t>(i)] > 0;
    match.robust_scale = root * problem_.robust_scale;
    match.inverse_depth_sigma = has_depth ? root / (problem_.depth_sigma_mm * px_per_mm) : 0;
  }
}

void LandmarkProblem::evaluate_point(long i, const HeadState& state) {
  const long coefficients = coefficient_count();
  const Match& match = matches_[static_cast<size_t>(i)];
  double p[3];
  for (long axis = 0; axis < 3; ++axis)
    p[axis] = basis_row_kernels().evaluate(match.mean[axis], match.basis + axis * coefficients,
                                           state.coefficients.data(), coefficients);
  store3(camera_points_.data(), i, state.camera.transform({p[0], p[1], p[2]}));
}

// Camera-frame positions of the matched points at a state, and their mean.
void LandmarkProblem::evaluate(const HeadState& state) {
  for_chunks([&](long first, long last, long) {
    for (long i = first; i < last; ++i) evaluate_point(i, state);
  });
  centre_ = {0, 0, 0};
  for (long i = 0; i < count_; ++i)
    centre_ = centre_ + depth_weights_[static_cast<size_t>(i)] * load3(camera_points_.data(), i);
}

// Projected minus observed; for a sliding point its distance across the silhouette, and 0.
void LandmarkProblem::pixel_residual(long i, const CameraPose& camera, double residual[2]) const {
  camera.project(load3(camera_points_.data(), i), residual);
  for (long k = 0; k < 2; ++k) residual[k] -= problem_.pixels[static_cast<size_t>(2 * i + k)];
  const Match& match = matches_[static_cast<size_t>(i)];
  if (!match.sliding) return;
  residual[0] = match.normal[0] * residual[0] + match.normal[1] * residual[1];
  residual[1] = 0;
}

// Depth relative to the mean of all points, px, minus the observed one.
double LandmarkProblem::depth_residual(long i, double focal) const {
  const double z = camera_points_[static_cast<size_t>(3 * i + 2)];
  return (z - centre_.z) * focal / centre_.z - depths_[static_cast<size_t>(i)];
}

// Cost at the state evaluated last for the current matches.
double LandmarkProblem::cost(const HeadState& state) const {
  if (!(centre_.z > kMinDepthMm) || !(centre_.z < kMaxDepthMm)) return kFree;
  double sum = 0;
  for (long i = 0; i < count_; ++i) {
    const Match& match = matches_[static_cast<size_t>(i)];
    if (!(camera_points_[static_cast<size_t>(3 * i + 2)] > kMinDepthMm)) return kFree;
    if (!(match.inverse_sigma > 0)) continue;
    double r[2];
    pixel_residual(i, state.camera, r);
    const double s = (r[0] * r[0] + r[1] * r[1]) * match.inverse_sigma * match.inverse_sigma;
    sum += losses::robust(problem_.robust, s, match.robust_scale).rho;
    if (match.inverse_depth_sigma > 0) {
      const double d = depth_residual(i, state.camera.focal_px) * match.inverse_depth_sigma;
      sum += losses::robust(problem_.robust, d * d, match.robust_scale).rho;
    }
  }
  return 0.5 * sum + prior_cost(state);
}

double LandmarkProblem::prior_cost(const HeadState& state) const {
  double sum = 0;
  if (focal_free_) {
    const double d = std::log(state.camera.focal_px / problem_.focal_px) / problem_.log_focal_sigma;
    sum += d * d;
  }
  for (size_t k = 0; k < prior_mean_.size(); ++k) {
    const double d = (state.coefficients[k] - prior_mean_[k]) / prior_sigma_[k];
    sum += d * d;
  }
  return 0.5 * sum;
}

double LandmarkProblem::match() {
  match_surface();
  evaluate(state_);
  // The points that slide, and they alone, move; the mean does not count them.
  match_silhouette();
  set_deviations();
  return cost(state_);
}

double LandmarkProblem::linearize(optim::NormalEquations& equations) {
  const double value = match();
  const float* mean_rows[3];
  float depth_axis[3];
  for (size_t axis = 0; axis < 3; ++axis) {
    mean_rows[axis] = mean_basis_.data() + static_cast<long>(axis) * coefficient_count();
    depth_axis[axis] = static_cast<float>(state_.camera.rotation[6 + axis]);
  }
  basis_row_kernels().combine(mean_rows, depth_axis, 3, coefficient_count(), mean_row_.data());
  for (long i = 0; i < count_; ++i) first_row_[static_cast<size_t>(i)] = equations.add_rows(row_count(i));
  const size_t width = static_cast<size_t>(unknowns());
  for_chunks([&](long first, long last, long chunk) {
    const std::span<float> buffer(rows_.data() + static_cast<size_t>(chunk) * width, width);
    for (long i = first; i < last; ++i) {
      const int row = set_point_rows(i, first_row_[static_cast<size_t>(i)], buffer, equations);
      if (matches_[static_cast<size_t>(i)].inverse_depth_sigma > 0) set_depth_row(i, row, buffer, equations);
    }
  });
  if (focal_free_) {
    const double weight = 1 / (problem_.log_focal_sigma * problem_.log_focal_sigma);
    equations.add_diagonal(6, weight, weight * std::log(state_.camera.focal_px / problem_.focal_px));
  }
  if (!pose_only_)
    for (size_t k = 0; k < prior_mean_.size(); ++k) {
      const double weight = 1 / (prior_sigma_[k] * prior_sigma_[k]);
      equations.add_diagonal(pose_unknowns() + static_cast<int>(k), weight,
                             weight * (state_.coefficients[k] - prior_mean_[k]));
    }
  return value;
}

int LandmarkProblem::row_count(long i) const {
  const Match& match = matches_[static_cast<size_t>(i)];
  return (match.inverse_sigma > 0 ? (match.sliding ? 1 : 2) : 0) + (match.inverse_depth_sigma > 0 ? 1 : 0);
}

// Returns the number of the row after its own.
int LandmarkProblem::set_point_rows(long i, int first, std::span<float> buffer,
                                    optim::NormalEquations& equations) const {
  const Match& match = matches_[static_cast<size_t>(i)];
  if (!(match.inverse_sigma > 0)) return first;
  const CameraPose& camera = state_.camera;
  const Vec3<double> p = load3(camera_points_.data(), i), q = p - camera.offset();
  double residual[2];
  pixel_residual(i, camera, residual);
  const double s = (residual[0] * residual[0] + residual[1] * residual[1]) * match.inverse_sigma * match.inverse_sigma;
  const double scale =
      match.inverse_sigma * std::sqrt(losses::robust(problem_.robust, s, match.robust_scale).derivative);
  const double f = scale * camera.focal_px / p.z;
  // d(u, v) / d p_cam; a sliding point has one row, across the silhouette.
  Vec3<double> direction[2] = {{f, 0, -f * p.x / p.z}, {0, f, -f * p.y / p.z}};
  if (match.sliding) direction[0] = match.normal[0] * direction[0] + match.normal[1] * direction[1];

  const long coefficients = coefficient_count();
  for (int k = 0; k < (match.sliding ? 1 : 2); ++k) {
    const Vec3<double> g = direction[k];
    set_pose(buffer, {cross(q, g), g});  // g . (w x q) = w . (q x g)
    if (focal_free_) buffer[6] = static_cast<float>(g.x * p.x + g.y * p.y + g.z * camera.translation[2]);
    if (!pose_only_) {
      const Vec3<double> h = camera.rotate_back(g);
      const float* rows[3] = {match.basis, match.basis + coefficients, match.basis + 2 * coefficients};
      const float weights[3] = {static_cast<float>(h.x), static_cast<float>(h.y), static_cast<float>(h.z)};
      basis_row_kernels().combine(rows, weights, 3, coefficients, buffer.data() + pose_unknowns());
    }
    equations.set_row(first++, buffer, scale * residual[k]);
  }
  return first;
}

// Residual (z_i - zm) f / zm - observed, with zm the mean depth of all points.
void LandmarkProblem::set_depth_row(long i, int first, std::span<float> buffer,
                                    optim::NormalEquations& equations) const {
  const Match& match = matches_[static_cast<size_t>(i)];
  const CameraPose& camera = state_.camera;
  const double residual = depth_residual(i, camera.focal_px), s = residual * match.inverse_depth_sigma;
  const double scale =
      match.inverse_depth_sigma * std::sqrt(losses::robust(problem_.robust, s * s, match.robust_scale).derivative);
  const Vec3<double> q = load3(camera_points_.data(), i) - camera.offset(), mean = centre_ - camera.offset();
  // d residual = own * d z_i + shared * d zm, where z is the third component of w x q + dt.
  const double own = scale * camera.focal_px / centre_.z;
  const double shared = -own * camera_points_[static_cast<size_t>(3 * i + 2)] / centre_.z;
  const double z = camera_points_[static_cast<size_t>(3 * i + 2)];
  set_pose(buffer, {{own * q.y + shared * mean.y, -own * q.x - shared * mean.x, 0}, {0, 0, own + shared}});
  if (focal_free_) buffer[6] = static_cast<float>(own * (z - centre_.z) + (own + shared) * camera.translation[2]);
  if (!pose_only_) {
    const long coefficients = coefficient_count();
    const float* rows[4];
    float weights[4];
    for (size_t axis = 0; axis < 3; ++axis) {
      rows[axis] = match.basis + static_cast<long>(axis) * coefficients;
      weights[axis] = static_cast<float>(own * camera.rotation[6 + axis]);
    }
    rows[3] = mean_row_.data();
    weights[3] = static_cast<float>(shared);
    basis_row_kernels().combine(rows, weights, 4, coefficients, buffer.data() + pose_unknowns());
  }
  equations.set_row(first, buffer, scale * residual);
}

void LandmarkProblem::step_bounds(double* lower, double* upper) const {
  std::fill(lower, lower + unknowns(), -kFree);
  std::fill(upper, upper + unknowns(), kFree);
  if (pose_only_) return;
  const size_t pose = static_cast<size_t>(pose_unknowns());
  for (size_t k = 0; k < prior_mean_.size(); ++k) {
    lower[pose + k] = lower_[k] - state_.coefficients[k];
    upper[pose + k] = upper_[k] - state_.coefficients[k];
  }
}

void LandmarkProblem::move(const double* step) {
  candidate_ = state_;
  CameraPose& camera = candidate_.camera;
  camera.turn({step[0], step[1], step[2]});
  for (size_t k = 0; k < 3; ++k) camera.translation[k] += step[3 + k];
  if (focal_free_) {
    // Beyond a factor of e the linear model says nothing.
    const double factor = std::exp(std::clamp(step[6], -1.0, 1.0));
    camera.focal_px *= factor;
    camera.translation[2] *= factor;
  }
  if (!pose_only_)
    for (size_t k = 0; k < prior_mean_.size(); ++k)
      candidate_.coefficients[k] =
          std::clamp(candidate_.coefficients[k] + step[static_cast<size_t>(pose_unknowns()) + k], lower_[k], upper_[k]);
}

void LandmarkProblem::predict(CoarseResult& result) {
  match_surface();
  evaluate(state_);
  match_silhouette();
  for (long i = 0; i < count_; ++i) {
    double pixel[2], residual[2];
    state_.camera.project(load3(camera_points_.data(), i), pixel);
    pixel_residual(i, state_.camera, residual);
    result.predicted_px.insert(result.predicted_px.end(), pixel, pixel + 2);
    result.residual_px.push_back(std::hypot(residual[0], residual[1]));
    result.sliding.push_back(matches_[static_cast<size_t>(i)].sliding ? 1 : 0);
  }
}

}  // namespace hrn::fit
