// The landmark fit recovers what made the landmarks.
#include "fit/landmarks/coarse.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "core/error.hpp"
#include "fit/head/basis_rows.hpp"
#include "fit/outline/occluding_contour.hpp"
#include "fit_scene.hpp"
#include "framework.hpp"
#include "random.hpp"
#include "synthetic_head.hpp"

namespace hrn::test {
namespace {

using Vector = std::vector<double>;

std::size_t size(long n) { return static_cast<std::size_t>(n); }

const fit::Model& head() {
  static const std::shared_ptr<const fit::Model> model = fit::build_model(synthetic_head()->source);
  return *model;
}

const Progress kSilent([](long, long) {});

struct Truth {
  fit::CameraPose camera;
  Vector identity, expression;

  /// Camera-frame position of dense landmark i, displaced by (x, y) mm in the head frame.
  void camera_point(const fit::Model& model, long i, double x, double y, double p[3]) const {
    double h[3] = {x, y, 0};
    for (long axis = 0; axis < 3; ++axis) {
      const float* row = model.dense_points.basis.data() + (3 * i + axis) * model.shape_count();
      h[axis] += static_cast<double>(model.dense_points.mean[size(3 * i + axis)]);
      for (long k = 0; k < model.shape_count(); ++k)
        h[axis] += static_cast<double>(row[k]) *
                   (k < model.identity_count ? identity[size(k)] : expression[size(k - model.identity_count)]);
    }
    for (size_t k = 0; k < 3; ++k) {
      p[k] = camera.translation[k];
      for (size_t j = 0; j < 3; ++j) p[k] += camera.rotation[3 * k + j] * h[j];
    }
  }
};

Truth truth_of(double yaw, double roll, std::uint64_t seed) {
  const double y = yaw * std::numbers::pi / 180, r = roll * std::numbers::pi / 180;
  const double cy = std::cos(y), sy = std::sin(y), cr = std::cos(r), sr = std::sin(r);
  // Roll in the image, after the turn about the head's vertical axis, after the flip from y up to y down.
  Truth t;
  t.camera.rotation = {cr * cy, sr, cr * sy, sr * cy, -cr, sr * sy, sy, 0, -cy};
  t.camera.translation = {25, -15, 620};
  t.camera.focal_px = 1400;
  t.camera.principal_px = {512, 400};
  Random random(seed);
  for (long k = 0; k < head().identity_count; ++k) t.identity.push_back(0.7 * normal(random));
  for (long k = 0; k < head().expression_count; ++k) t.expression.push_back(std::max(0.0, random.uniform(-0.5, 0.9)));
  return t;
}

fit::CoarseProblem problem_of(const Truth& t) {
  fit::CoarseProblem p;
  p.principal_px = t.camera.principal_px;
  p.focal_px = t.camera.focal_px;
  p.identity_count = head().identity_count;
  const long count = head().dense.count;
  for (long i = 0; i < count; ++i) {
    double c[3];
    t.camera_point(head(), i, 0, 0, c);
    for (size_t k = 0; k < 2; ++k) p.pixels.push_back(t.camera.focal_px * c[k] / c[2] + t.camera.principal_px[k]);
    p.depths.push_back(7 + (c[2] - t.camera.translation[2]) * t.camera.focal_px / t.camera.translation[2]);
  }
  // Nearly exact data: the priors hardly pull.
  p.sigma_mm.assign(size(count), 0.01);
  p.sigma_floor_px = 0.02;
  p.tolerance = 1e-9;
  p.max_iterations = 60;
  return p;
}

fit::CoarseResult run(const fit::CoarseProblem& problem, int threads = 2) {
  ThreadPool pool(threads);
  return fit::fit_coarse(head(), problem, pool, Cancel(), kSilent);
}

double rms(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

double rotation_error(const fit::CameraPose& a, const fit::CameraPose& b) {
  double trace = 0;
  for (size_t k = 0; k < 9; ++k) trace += a.rotation[k] * b.rotation[k];
  return std::acos(std::clamp((trace - 1) / 2, -1.0, 1.0)) * 180 / std::numbers::pi;
}

HRN_TEST("fit/basis-rows/every instruction set sums rows as one loop does") {
  Random random(41);
  for (const Isa isa : {Isa::baseline, detect_isa()})
    for (const long n : {1L, 7L, 8L, 45L}) {
      const fit::BasisRowKernels& kernels = fit::basis_row_kernels(isa);
      const std::vector<float> basis = random.vector<float>(4 * n);
      const std::vector<double> coefficients = random.vector<double>(n);
      double sum = 3;
      for (std::size_t k = 0; k < size(n); ++k) sum += static_cast<double>(basis[k]) * coefficients[k];
      report.near(kernels.evaluate(3, basis.data(), coefficients.data(), n), sum, 1e-14, "value");
      const float* rows[4] = {basis.data(), basis.data() + n, basis.data() + 2 * n, basis.data() + 3 * n};
      const float weights[4] = {0.5f, -2.f, 3.f, 0.25f};
      std::vector<float> out(size(n + 1), 9.f);
      kernels.combine(rows, weights, 4, n, out.data());
      CHECK(out.back() == 9.f);
      for (std::size_t k = 0; k < size(n); ++k) {
        double expected = 0;
        for (std::size_t t = 0; t < 4; ++t)
          expected += static_cast<double>(weights[t]) * static_cast<double>(rows[t][k]);
        report.near(static_cast<double>(out[k]), expected, 1e-6, "combination");
      }
    }
}

HRN_TEST("fit/basis-rows/packed rows are read as they were stored") {
  Random random(42);
  for (const Isa isa : {Isa::baseline, detect_isa()})
    for (const long n : {8L, 16L, 24L, 176L}) {
      const fit::BasisRowKernels& kernels = fit::basis_row_kernels(isa);
      const std::vector<float> coefficients = random.vector<float>(n);
      std::vector<Half> row;
      // Every other one is subnormal.
      for (long k = 0; k < n; ++k)
        row.push_back(float_to_half(static_cast<float>(random.uniform(-1, 1) * (k % 2 == 0 ? 1 : 1e-5))));
      std::vector<float> out(size(n + 1), 9.f);
      kernels.unpack(row.data(), n, out.data());
      CHECK(out.back() == 9.f);
      double sum = 0;
      for (std::size_t k = 0; k < size(n); ++k) {
        CHECK(out[k] == half_to_float(row[k]));
        sum += static_cast<double>(out[k]) * static_cast<double>(coefficients[k]);
      }
      report.near(static_cast<double>(kernels.evaluate_packed(row.data(), coefficients.data(), n)), sum, 1e-5, "value");
    }
}

HRN_TEST("fit/coarse/recovers pose and coefficients at every turn and roll") {
  for (const double yaw : {0.0, 35.0, -60.0, 60.0})
    for (const double roll : {0.0, 80.0, 180.0, -120.0}) {
      const Truth truth = truth_of(yaw, roll, 5);
      const auto result = run(problem_of(truth));
      const std::string name = " at yaw " + std::to_string(yaw) + ", roll " + std::to_string(roll);
      CHECK(result.converged);
      report.near(rotation_error(result.camera, truth.camera), 0, 0.4, "rotation (degrees)" + name);
      report.near(result.camera.translation[2], 620, 6, "distance" + name);
      report.near(rms(result.identity, truth.identity), 0, 0.12, "identity" + name);
      report.near(rms(result.expression, truth.expression), 0, 0.08, "expression" + name);
      report.near(*std::max_element(result.residual_px.begin(), result.residual_px.end()), 0, 0.05, "pixels" + name);
    }
}

HRN_TEST("fit/coarse/finds the focal length and its uncertainty covers the truth") {
  const Truth truth = truth_of(20, 10, 6);
  fit::CoarseProblem problem = problem_of(truth);
  for (const double factor : {0.7, 1.0, 1.4}) {
    problem.focal_px = factor * truth.camera.focal_px;
    problem.log_focal_sigma = 0.4;
    const auto result = run(problem);
    const double error = std::log(result.camera.focal_px / truth.camera.focal_px);
    report.near(error, 0, 0.05, "log focal length");
    CHECK(result.log_focal_sigma > 0 && result.log_focal_sigma < 0.2);
    CHECK(std::abs(error) < 4 * result.log_focal_sigma);
  }
}

HRN_TEST("fit/coarse/is not bent by outliers") {
  const Truth truth = truth_of(-25, 5, 7);
  fit::CoarseProblem problem = problem_of(truth);
  problem.sigma_mm.assign(problem.sigma_mm.size(), 0.3);
  for (std::size_t i = 0; i < problem.pixels.size(); i += 14) problem.pixels[i] += 40;
  problem.robust = losses::Robust::geman_mcclure;
  problem.robust_scale = 3;
  const auto result = run(problem);
  report.near(rotation_error(result.camera, truth.camera), 0, 1, "rotation (degrees)");
  long large = 0;
  for (const double r : result.residual_px) large += r > 20 ? 1 : 0;
  CHECK(large >= head().dense.count / 8);
}

HRN_TEST("fit/coarse/knows that unusual heads are seen as less unusual than they are") {
  const Truth truth = truth_of(20, 0, 12);
  fit::CoarseProblem problem = problem_of(truth);
  const long count = head().dense.count;
  // Landmarks follow only 0.4 of what the first coefficients do to them.
  constexpr double kLost = 0.6;
  problem.response_mm.assign(size(problem.identity_count * count * 2), 0.0f);
  for (long i = 0; i < count; ++i) {
    double shift[2] = {0, 0}, c[3];
    for (long axis = 0; axis < 2; ++axis) {
      const float* row = head().dense_points.basis.data() + (3 * i + axis) * head().shape_count();
      for (long k = 0; k < 3; ++k) {
        problem.response_mm[size((k * count + i) * 2 + axis)] = static_cast<float>(-kLost) * row[k];
        shift[axis] -= kLost * static_cast<double>(row[k]) * truth.identity[size(k)];
      }
    }
    truth.camera_point(head(), i, shift[0], shift[1], c);
    for (size_t k = 0; k < 2; ++k)
      problem.pixels[size(2 * i) + k] = truth.camera.focal_px * c[k] / c[2] + truth.camera.principal_px[k];
  }
  problem.sigma_mm.assign(size(count), 0.3);
  const auto knowing = run(problem);
  problem.response_mm.clear();
  const auto trusting = run(problem);
  CHECK(rms(knowing.identity, truth.identity) < 0.6 * rms(trusting.identity, truth.identity));
  problem.response_mm.assign(3, 0.0f);
  report.equal(error_of([&] { run(problem); }), std::string("INVALID_ARGUMENT"), "a response of the wrong size");
}

HRN_TEST("fit/coarse/tells correlated landmark errors from shape") {
  const Truth truth = truth_of(10, 0, 8);
  fit::CoarseProblem problem = problem_of(truth);
  const long count = head().dense.count;
  problem.sigma_mm.assign(size(count), 0.3);
  problem.nuisance_count = 2;
  Random random(9);
  for (long i = 0; i < 2 * 2 * count; ++i) problem.nuisance_mm.push_back(static_cast<float>(2 * normal(random)));
  const double planted[2] = {1.2, -0.8};
  problem.bias_mm.assign(size(2 * count), 0.0);
  for (long i = 0; i < count; ++i) {
    double shift[2], c[3];
    for (long k = 0; k < 2; ++k) {
      problem.bias_mm[size(2 * i + k)] = k == 0 ? 1.5 : -0.5;
      shift[k] = problem.bias_mm[size(2 * i + k)];
      for (long n = 0; n < 2; ++n)
        shift[k] += planted[n] * static_cast<double>(problem.nuisance_mm[size((n * count + i) * 2 + k)]);
    }
    truth.camera_point(head(), i, shift[0], shift[1], c);
    for (size_t k = 0; k < 2; ++k)
      problem.pixels[size(2 * i) + k] = truth.camera.focal_px * c[k] / c[2] + truth.camera.principal_px[k];
  }
  const auto result = run(problem);
  report.near(result.nuisance[0], planted[0], 0.1, "first nuisance coefficient");
  report.near(result.nuisance[1], planted[1], 0.1, "second nuisance coefficient");
  report.near(rms(result.identity, truth.identity), 0, 0.5, "identity");
}

HRN_TEST("fit/coarse/the silhouette lies on the outline and pulls the shape to it") {
  const Truth truth = truth_of(30, 0, 10);
  const fit::Model& model = head();
  std::vector<std::uint32_t> all;
  for (long v = 0; v < model.vertex_count; ++v) all.push_back(static_cast<std::uint32_t>(v));
  fit::ContourBand band(model, all);
  std::vector<fit::ContourSegment> outline;
  ThreadPool pool(2);
  band.update(truth.camera, truth.identity.data(), model.identity_count, truth.expression.data(), pool, outline);
  CHECK(outline.size() > 40);
  // Dynamic landmarks are seen on the silhouette, at the point nearest to where their surface point projects.
  fit::CoarseProblem problem = problem_of(truth);
  problem.sigma_mm.assign(problem.sigma_mm.size(), 0.5);
  problem.contour_sigma_mm = 0.1;
  problem.contour_max_slide_mm = 40;
  problem.contour_vertices = all;
  for (long i = 0; i < model.dense.count; ++i) {
    if (!model.dense.dynamic[size(i)]) continue;
    double best = 1e9;
    double pixel[2] = {};
    for (const fit::ContourSegment& segment : outline) {
      double along;
      const double d = segment.squared_distance(&problem.pixels[size(2 * i)], &along);
      if (d < best) {
        best = d;
        std::copy_n(segment.at(along).pixel, 2, pixel);
      }
    }
    std::copy_n(pixel, 2, problem.pixels.begin() + 2 * i);
  }
  const auto fixed = [&] {
    fit::CoarseProblem p = problem;
    p.contour_vertices.clear();
    return run(p);
  }();
  const auto sliding = run(problem);
  long slid = 0;
  double worst = 0;
  for (long i = 0; i < model.dense.count; ++i)
    if (sliding.sliding[size(i)]) {
      ++slid;
      worst = std::max(worst, sliding.residual_px[size(i)]);
    }
  CHECK(slid > 10);
  report.near(worst, 0, 1.5, "distance to the silhouette (px)");
  CHECK(sliding.converged);
  CHECK(rms(sliding.identity, truth.identity) < rms(fixed.identity, truth.identity));
}

HRN_TEST("fit/coarse/the same bits for any number of threads") {
  fit::CoarseProblem problem = problem_of(truth_of(15, 0, 11));
  problem.log_focal_sigma = 0.3;
  problem.contour_vertices = fit::contour_candidates(head(), 30);
  problem.max_iterations = 6;
  const auto one = run(problem, 1), three = run(problem, 3);
  CHECK(one.identity == three.identity && one.camera.rotation == three.camera.rotation);
  CHECK(one.cost == three.cost && one.predicted_px == three.predicted_px);
}

HRN_TEST("fit/coarse/ends on garbage") {
  const auto code_of = [](const fit::CoarseProblem& problem) -> std::string {
    try {
      const auto result = run(problem);
      return std::isfinite(result.cost) ? "fitted" : "not finite";
    } catch (const Error& error) {
      return error_code_name(error.code());
    }
  };
  const fit::CoarseProblem good = problem_of(truth_of(0, 0, 12));
  fit::CoarseProblem p = good;
  p.pixels[4] = std::numeric_limits<double>::quiet_NaN();
  report.equal(code_of(p), std::string("INVALID_ARGUMENT"), "NaN");
  p = good;
  p.pixels.pop_back();
  report.equal(code_of(p), std::string("INVALID_ARGUMENT"), "one number short");
  p = good;
  p.nuisance_count = 3;
  report.equal(code_of(p), std::string("INVALID_ARGUMENT"), "nuisance basis missing");
  p = good;
  std::fill(p.pixels.begin(), p.pixels.end(), 200.0);
  report.equal(code_of(p), std::string("FIT_FAILED"), "all in one place");
  p = good;
  for (std::size_t i = 0; i < p.pixels.size(); i += 2) p.pixels[i + 1] = 2 * p.pixels[i];
  report.equal(code_of(p), std::string("FIT_FAILED"), "all on one line");
  // Noise is fitted as well as noise can be, in bounded time.
  Random random(13);
  for (int k = 0; k < 5; ++k) {
    p = good;
    for (double& v : p.pixels) v = random.uniform(0, 1000);
    p.log_focal_sigma = 1;
    const std::string code = code_of(p);
    CHECK(code == "fitted" || code == "FIT_FAILED");
  }
  // Cancelled before the first iteration.
  Cancel cancel;
  cancel.request();
  ThreadPool pool(1);
  try {
    fit::fit_coarse(head(), good, pool, cancel, kSilent);
    report.fail("was not cancelled");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::cancelled);
  }
}

}  // namespace
}  // namespace hrn::test
