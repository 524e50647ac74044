#include "fit/landmark_problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/vec.hpp"

namespace hrn::fit {
namespace {

constexpr double kMinDepthMm = 10, kMaxDepthMm = 1e6;

Vec3<double> rotate(const CameraPose& camera, Vec3<double> p) {
  const double* r = camera.rotation.data();
  return {r[0] * p.x + r[1] * p.y + r[2] * p.z, r[3] * p.x + r[4] * p.y + r[5] * p.z,
          r[6] * p.x + r[7] * p.y + r[8] * p.z};
}

Vec3<double> transform(const CameraPose& camera, Vec3<double> p) {
  return rotate(camera, p) + Vec3<double>{camera.translation[0], camera.translation[1], camera.translation[2]};
}

// exp(w) R by Rodrigues' formula.
void turn(const double* w, std::array<double, 9>& rotation) {
  const double angle2 = w[0] * w[0] + w[1] * w[1] + w[2] * w[2], angle = std::sqrt(angle2);
  // sin(a)/a and (1 - cos(a))/a^2, by series where the quotients lose their digits.
  const double s = angle > 1e-4 ? std::sin(angle) / angle : 1 - angle2 / 6;
  const double c = angle > 1e-4 ? (1 - std::cos(angle)) / angle2 : 0.5 - angle2 / 24;
  const Vec3<double> axis{w[0], w[1], w[2]};
  for (size_t j = 0; j < 3; ++j) {
    const Vec3<double> column{rotation[j], rotation[3 + j], rotation[6 + j]};
    const Vec3<double> once = cross(axis, column), twice = cross(axis, once);
    const Vec3<double> turned = column + s * once + c * twice;
    rotation[j] = turned.x;
    rotation[3 + j] = turned.y;
    rotation[6 + j] = turned.z;
  }
}

double at(const std::vector<double>& values, long i, double otherwise) {
  return values.empty() ? otherwise : values[static_cast<size_t>(i)];
}

}  // namespace

LandmarkProblem::LandmarkProblem(const Model& model, const CoarseProblem& problem)
    : problem_(problem),
      count_(model.dense.count),
      identity_(problem.identity_count),
      expression_(model.expression_count),
      nuisance_(problem.nuisance_count),
      identity_total_(model.identity_count),
      focal_free_(problem.log_focal_sigma > 0),
      dynamic_(model.dense.dynamic),
      matches_(static_cast<size_t>(count_)) {
  const long coefficients = coefficient_count();
  const SurfacePoints& points = model.dense_points;
  for (long i = 0; i < 3 * count_; ++i) {
    const long axis = i % 3;
    mean_.push_back(static_cast<double>(points.mean[static_cast<size_t>(i)]) +
                    (axis < 2 ? at(problem.bias_mm, 2 * (i / 3) + axis, 0) : 0.0));
    const float* row = points.basis.data() + i * model.shape_count();
    basis_.insert(basis_.end(), row, row + identity_);
    basis_.insert(basis_.end(), row + model.identity_count, row + model.shape_count());
    for (long k = 0; k < nuisance_; ++k)
      basis_.push_back(axis < 2 ? problem.nuisance_mm[static_cast<size_t>((k * count_ + i / 3) * 2 + axis)] : 0.0f);
  }

  double depth_mean = 0, weight_sum = 0;
  for (long i = 0; i < count_; ++i) {
    weights_.push_back(at(problem.weights, i, 1));
    sigma_mm_.push_back(at(problem.sigma_mm, i, static_cast<double>(model.dense.sigma_mm[static_cast<size_t>(i)])));
    depths_.push_back(at(problem.depths, i, 0));
    depth_mean += weights_.back() * depths_.back();
    weight_sum += weights_.back();
  }
  mean_basis_.assign(static_cast<size_t>(3 * coefficients), 0.0);
  for (long i = 0; i < count_; ++i) {
    depths_[static_cast<size_t>(i)] -= depth_mean / weight_sum;
    const double share = weights_[static_cast<size_t>(i)] / weight_sum;
    const float* rows = basis_.data() + 3 * i * coefficients;
    for (long k = 0; k < 3 * coefficients; ++k)
      mean_basis_[static_cast<size_t>(k)] += share * static_cast<double>(rows[k]);
  }

  constexpr double kFree = std::numeric_limits<double>::infinity();
  for (long k = 0; k < identity_; ++k) {
    prior_mean_.push_back(at(problem.identity_mean, k, 0));
    prior_sigma_.push_back(at(problem.identity_sigma, k, 1));
    lower_.push_back(-kFree);
    upper_.push_back(kFree);
  }
  for (long k = 0; k < expression_; ++k) {
    const size_t i = static_cast<size_t>(k);
    prior_mean_.push_back(at(problem.expression_mean, k, static_cast<double>(model.expression_mean[i])));
    prior_sigma_.push_back(at(problem.expression_sigma, k, static_cast<double>(model.expression_sigma[i])));
    lower_.push_back(static_cast<double>(model.expression_min[i]));
    upper_.push_back(static_cast<double>(model.expression_max[i]));
  }
  for (long k = 0; k < nuisance_; ++k) {
    prior_mean_.push_back(0);
    prior_sigma_.push_back(1);
    lower_.push_back(-kFree);
    upper_.push_back(kFree);
  }

  if (!problem.contour_vertices.empty()) {
    band_ = ContourBand(model, problem.contour_vertices);
    contour_.reserve(static_cast<size_t>(band_.vertex_count()));
  }
  state_.camera.focal_px = problem.focal_px;
  state_.camera.principal_px = problem.principal_px;
  for (size_t k = 0; k < prior_mean_.size(); ++k)
    state_.coefficients.push_back(std::clamp(prior_mean_[k], lower_[k], upper_[k]));
  candidate_ = state_;
  camera_points_.resize(static_cast<size_t>(3 * count_));
  contour_points_.resize(static_cast<size_t>(3 * count_));
  contour_basis_.resize(static_cast<size_t>(3 * coefficients));
  row_u_.resize(static_cast<size_t>(pose_unknowns() + coefficients));
  row_v_.resize(row_u_.size());
}

std::vector<double> LandmarkProblem::prior_points() const {
  std::vector<double> points = mean_;
  const long coefficients = coefficient_count();
  for (long i = 0; i < 3 * count_; ++i)
    for (long k = 0; k < identity_ + expression_; ++k)
      points[static_cast<size_t>(i)] += static_cast<double>(basis_[static_cast<size_t>(i * coefficients + k)]) *
                                        state_.coefficients[static_cast<size_t>(k)];
  return points;
}

std::vector<double> LandmarkProblem::point_weights() const {
  std::vector<double> w = weights_;
  for (size_t i = 0; i < w.size(); ++i) w[i] /= sigma_mm_[i] * sigma_mm_[i];
  return w;
}

// Camera-frame positions of all points (and of the matched silhouette points) at a state.
void LandmarkProblem::evaluate(const LandmarkState& state) {
  const long coefficients = coefficient_count();
  const double* c = state.coefficients.data();
  Vec3<double> sum_points{0, 0, 0};
  double weight_sum = 0;
  for (long i = 0; i < count_; ++i) {
    double p[3];
    for (long axis = 0; axis < 3; ++axis) {
      const float* row = basis_.data() + (3 * i + axis) * coefficients;
      // Four partial sums: one long chain of additions would wait for itself.
      double sum[4] = {mean_[static_cast<size_t>(3 * i + axis)], 0, 0, 0};
      long k = 0;
      for (; k + 4 <= coefficients; k += 4)
        for (long lane = 0; lane < 4; ++lane) sum[lane] += c[k + lane] * static_cast<double>(row[k + lane]);
      for (; k < coefficients; ++k) sum[0] += c[k] * static_cast<double>(row[k]);
      p[axis] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
    const Vec3<double> q = transform(state.camera, {p[0], p[1], p[2]});
    store3(camera_points_.data(), i, q);
    sum_points = sum_points + weights_[static_cast<size_t>(i)] * q;
    weight_sum += weights_[static_cast<size_t>(i)];

    const Match& match = matches_[static_cast<size_t>(i)];
    if (!match.sliding) continue;
    double s[3];
    for (long axis = 0; axis < 3; ++axis) {
      const ContourPoint& m = match.contour;
      double sum = (1 - m.along) * band_.mean(m.a, axis) + m.along * band_.mean(m.b, axis);
      for (long k = 0; k < identity_ + expression_; ++k) {
        const long component = k < identity_ ? k : k - identity_ + identity_total_;
        sum += c[k] * ((1 - m.along) * static_cast<double>(band_.basis(component, m.a, axis)) +
                       m.along * static_cast<double>(band_.basis(component, m.b, axis)));
      }
      s[axis] = sum;
    }
    store3(contour_points_.data(), i, transform(state.camera, {s[0], s[1], s[2]}));
  }
  const Vec3<double> centroid = (1 / weight_sum) * sum_points;
  const std::array<double, 3>& t = state.camera.translation;
  mean_depth_ = centroid.z;
  mean_point_ = centroid - Vec3<double>{t[0], t[1], t[2]};
}

// Picks, for every dynamic landmark, the silhouette point that it shows, and sets all standard deviations.
void LandmarkProblem::match_points() {
  const CameraPose& camera = state_.camera;
  const double px_per_mm = camera.focal_px / mean_depth_;
  double centre[2] = {0, 0};
  for (long i = 0; i < count_; ++i)
    for (size_t k = 0; k < 2; ++k)
      centre[k] += (camera.focal_px * camera_points_[static_cast<size_t>(3 * i) + k] /
                        camera_points_[static_cast<size_t>(3 * i + 2)] +
                    camera.principal_px[k]) /
                   static_cast<double>(count_);
  if (band_.vertex_count() > 0 && !pose_only_)
    band_.update(camera, state_.coefficients.data(), identity_, state_.coefficients.data() + identity_, contour_);
  for (long i = 0; i < count_; ++i) {
    Match& match = matches_[static_cast<size_t>(i)];
    const double* observed = problem_.pixels.data() + 2 * i;
    match.sliding = false;
    if (dynamic_[static_cast<size_t>(i)] && !contour_.empty() && !pose_only_) {
      double best = problem_.contour_max_slide_mm * px_per_mm;
      const double outward[2] = {observed[0] - centre[0], observed[1] - centre[1]};
      const double norm = std::hypot(outward[0], outward[1]);
      for (const ContourPoint& point : contour_) {
        const double d = std::hypot(point.pixel[0] - observed[0], point.pixel[1] - observed[1]);
        if (!(d < best)) continue;
        // Folds inside the outline face other ways.
        if (point.normal[0] * outward[0] + point.normal[1] * outward[1] < 0.5 * norm) continue;
        best = d;
        match.contour = point;
        match.sliding = true;
      }
    }
    const double sigma_mm = match.sliding ? problem_.contour_sigma_mm : sigma_mm_[static_cast<size_t>(i)];
    const double root = std::sqrt(weights_[static_cast<size_t>(i)]);
    match.inverse_sigma = root / std::hypot(sigma_mm * px_per_mm, problem_.sigma_floor_px);
    match.inverse_depth_sigma = problem_.depths.empty() ? 0 : root / (problem_.depth_sigma_mm * px_per_mm);
  }
}

double LandmarkProblem::depth_residual(long i, double focal) const {
  const double z = camera_points_[static_cast<size_t>(3 * i + 2)];
  return (z - mean_depth_) * focal / mean_depth_ - depths_[static_cast<size_t>(i)];
}

// Cost at a state for the current matches.
double LandmarkProblem::cost(const LandmarkState& state) {
  evaluate(state);
  const double invalid = std::numeric_limits<double>::infinity();
  if (!(mean_depth_ > kMinDepthMm) || !(mean_depth_ < kMaxDepthMm)) return invalid;
  double sum = 0;
  for (long i = 0; i < count_; ++i) {
    const Match& match = matches_[static_cast<size_t>(i)];
    const std::vector<double>& points = match.sliding ? contour_points_ : camera_points_;
    const Vec3<double> p = load3(points.data(), i);
    if (!(p.z > kMinDepthMm) || !(camera_points_[static_cast<size_t>(3 * i + 2)] > kMinDepthMm)) return invalid;
    const double du =
        state.camera.focal_px * p.x / p.z + state.camera.principal_px[0] - problem_.pixels[static_cast<size_t>(2 * i)];
    const double dv = state.camera.focal_px * p.y / p.z + state.camera.principal_px[1] -
                      problem_.pixels[static_cast<size_t>(2 * i + 1)];
    const double across = match.contour.normal[0] * du + match.contour.normal[1] * dv;
    const double s = (match.sliding ? across * across : du * du + dv * dv) * match.inverse_sigma * match.inverse_sigma;
    sum += losses::robust(problem_.robust, s, problem_.robust_scale).rho;
    if (match.inverse_depth_sigma > 0) {
      const double d = depth_residual(i, state.camera.focal_px) * match.inverse_depth_sigma;
      sum += losses::robust(problem_.robust, d * d, problem_.robust_scale).rho;
    }
  }
  return 0.5 * sum + prior_cost(state);
}

double LandmarkProblem::prior_cost(const LandmarkState& state) const {
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

double LandmarkProblem::linearize(optim::NormalEquations& equations) {
  for (Match& match : matches_) match.sliding = false;
  evaluate(state_);
  match_points();
  const double value = cost(state_);
  for (long i = 0; i < count_; ++i) {
    add_point_rows(i, equations);
    if (matches_[static_cast<size_t>(i)].inverse_depth_sigma > 0) add_depth_row(i, equations);
  }
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

// Basis rows of a silhouette point into contour_basis_; nuisance coefficients do not move it.
void LandmarkProblem::contour_rows(const ContourPoint& m) {
  const long coefficients = coefficient_count();
  const float wb = static_cast<float>(m.along), wa = 1 - wb;
  for (long axis = 0; axis < 3; ++axis)
    for (long k = 0; k < identity_ + expression_; ++k) {
      const long component = k < identity_ ? k : k - identity_ + identity_total_;
      contour_basis_[static_cast<size_t>(axis * coefficients + k)] =
          wa * band_.basis(component, m.a, axis) + wb * band_.basis(component, m.b, axis);
    }
}

void LandmarkProblem::add_point_rows(long i, optim::NormalEquations& equations) {
  const Match& match = matches_[static_cast<size_t>(i)];
  if (match.inverse_sigma == 0) return;
  const CameraPose& camera = state_.camera;
  const double f = camera.focal_px;
  const Vec3<double> p = load3((match.sliding ? contour_points_ : camera_points_).data(), i);
  const double u = f * p.x / p.z, v = f * p.y / p.z;
  const double du = u + camera.principal_px[0] - problem_.pixels[static_cast<size_t>(2 * i)];
  const double dv = v + camera.principal_px[1] - problem_.pixels[static_cast<size_t>(2 * i + 1)];

  // Two projection rows, d(u, v) / d p_cam; a sliding point has one, across the silhouette.
  Vec3<double> gu{f / p.z, 0, -u / p.z}, gv{0, f / p.z, -v / p.z};
  double ru = du, rv = dv;
  if (match.sliding) {
    const double nx = match.contour.normal[0], ny = match.contour.normal[1];
    gu = nx * gu + ny * gv;
    ru = nx * du + ny * dv;
    gv = {0, 0, 0};
    rv = 0;
  }
  const double s = (ru * ru + rv * rv) * match.inverse_sigma * match.inverse_sigma;
  const double scale =
      match.inverse_sigma * std::sqrt(losses::robust(problem_.robust, s, problem_.robust_scale).derivative);
  gu = scale * gu;
  gv = scale * gv;

  const Vec3<double> q{p.x - camera.translation[0], p.y - camera.translation[1], p.z - camera.translation[2]};
  const long coefficients = coefficient_count();
  if (match.sliding) contour_rows(match.contour);
  const float* basis = match.sliding ? contour_basis_.data() : basis_.data() + 3 * i * coefficients;
  const double* r = camera.rotation.data();
  const auto fill = [&](Vec3<double> g, double* row) {
    const Vec3<double> turned = cross(q, g);  // g . (w x q) = w . (q x g)
    row[0] = turned.x;
    row[1] = turned.y;
    row[2] = turned.z;
    row[3] = g.x;
    row[4] = g.y;
    row[5] = g.z;
    if (focal_free_) row[6] = (g.x * p.x + g.y * p.y) + g.z * camera.translation[2];
    if (pose_only_) return;
    double* out = row + pose_unknowns();
    const double hx = g.x * r[0] + g.y * r[3] + g.z * r[6], hy = g.x * r[1] + g.y * r[4] + g.z * r[7],
                 hz = g.x * r[2] + g.y * r[5] + g.z * r[8];
    for (long k = 0; k < coefficients; ++k)
      out[k] = hx * static_cast<double>(basis[k]) + hy * static_cast<double>(basis[coefficients + k]) +
               hz * static_cast<double>(basis[2 * coefficients + k]);
  };
  fill(gu, row_u_.data());
  equations.add_row(row_u_.data(), scale * ru);
  if (match.sliding) return;
  fill(gv, row_v_.data());
  equations.add_row(row_v_.data(), scale * rv);
}

// Residual (z_i - zm) f / zm - observed, with zm the mean depth of all points.
void LandmarkProblem::add_depth_row(long i, optim::NormalEquations& equations) {
  const Match& match = matches_[static_cast<size_t>(i)];
  const CameraPose& camera = state_.camera;
  const double residual = depth_residual(i, camera.focal_px) * match.inverse_depth_sigma;
  const double scale =
      match.inverse_depth_sigma *
      std::sqrt(losses::robust(problem_.robust, residual * residual, problem_.robust_scale).derivative);
  const Vec3<double> p = load3(camera_points_.data(), i);
  // d residual = own * d z_i + mean * d zm
  const double own = scale * camera.focal_px / mean_depth_, mean = -own * p.z / mean_depth_;
  double* row = row_u_.data();
  std::fill(row_u_.begin(), row_u_.end(), 0.0);
  // z is the third component of w x q + dt.
  row[0] = own * (p.y - camera.translation[1]) + mean * mean_point_.y;
  row[1] = -own * (p.x - camera.translation[0]) - mean * mean_point_.x;
  row[5] = own + mean;
  if (focal_free_) {
    const double tz = camera.translation[2];
    row[6] = scale * (p.z - mean_depth_) * camera.focal_px / mean_depth_ + (own + mean) * tz;
  }
  if (!pose_only_) {
    const long coefficients = coefficient_count();
    const float* basis = basis_.data() + 3 * i * coefficients;
    double* out = row + pose_unknowns();
    for (long axis = 0; axis < 3; ++axis) {
      const double r = camera.rotation[static_cast<size_t>(6 + axis)];
      for (long k = 0; k < coefficients; ++k)
        out[k] += r * (own * static_cast<double>(basis[axis * coefficients + k]) +
                       mean * mean_basis_[static_cast<size_t>(axis * coefficients + k)]);
    }
  }
  const double weighted = scale * depth_residual(i, camera.focal_px);
  equations.add_row(row, weighted);
}

void LandmarkProblem::step_bounds(double* lower, double* upper) const {
  constexpr double kFree = std::numeric_limits<double>::infinity();
  const int pose = pose_unknowns();
  std::fill(lower, lower + unknowns(), -kFree);
  std::fill(upper, upper + unknowns(), kFree);
  if (pose_only_) return;
  for (size_t k = 0; k < prior_mean_.size(); ++k) {
    lower[static_cast<size_t>(pose) + k] = lower_[k] - state_.coefficients[k];
    upper[static_cast<size_t>(pose) + k] = upper_[k] - state_.coefficients[k];
  }
}

double LandmarkProblem::try_step(const double* step) {
  candidate_ = state_;
  CameraPose& camera = candidate_.camera;
  turn(step, camera.rotation);
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
  return cost(candidate_);
}

void LandmarkProblem::predict(CoarseResult& result) {
  for (Match& match : matches_) match.sliding = false;
  evaluate(state_);
  match_points();
  const CameraPose& camera = state_.camera;
  for (long i = 0; i < count_; ++i) {
    const Match& match = matches_[static_cast<size_t>(i)];
    const Vec3<double> p = load3(camera_points_.data(), i);
    double px[2] = {camera.focal_px * p.x / p.z + camera.principal_px[0],
                    camera.focal_px * p.y / p.z + camera.principal_px[1]};
    if (match.sliding) std::copy(match.contour.pixel, match.contour.pixel + 2, px);
    const double du = px[0] - problem_.pixels[static_cast<size_t>(2 * i)],
                 dv = px[1] - problem_.pixels[static_cast<size_t>(2 * i + 1)];
    result.predicted_px.insert(result.predicted_px.end(), px, px + 2);
    result.residual_px.push_back(match.sliding ? std::abs(match.contour.normal[0] * du + match.contour.normal[1] * dv)
                                               : std::hypot(du, dv));
    result.sliding.push_back(match.sliding ? 1 : 0);
  }
}

}  // namespace hrn::fit
