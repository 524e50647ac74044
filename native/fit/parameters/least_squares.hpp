// The least-squares problem behind the photometric refinement, for the photometric term of any backend.
#pragma once
#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "fit/head/surface.hpp"
#include "fit/head/view.hpp"
#include "fit/landmarks/problem.hpp"
#include "fit/parameters/evidence.hpp"
#include "fit/parameters/fit.hpp"
#include "optim/levenberg_marquardt.hpp"

namespace hrn::fit {

// The photometric term of some backend; PhotometricTerm says what each does.
template <class T>
concept AnyPhotometricTerm = requires(T term, const HeadState& state, const Appearance& look, const PhotoCrop& crop,
                                      const std::vector<float>& visible, const PhotometricOptions& options,
                                      const ParameterLayout& layout, optim::NormalEquations& equations) {
  term.select(state, crop, visible);
  { term.selected() } -> std::convertible_to<long>;
  term.set_sigma(0.0);
  term.start_energy(state, look, crop, options);
  { term.energy() } -> std::convertible_to<double>;
  { term.mean_error(state, look, crop) } -> std::convertible_to<double>;
  term.start_products(state, look, crop, options, layout);
  term.add_products(equations, 0);
};

// The landmark problem with appearance unknowns and the photometric term added, in the form that
// optim::LevenbergMarquardt minimises.
template <AnyPhotometricTerm Term>
class PhotometricLeastSquares {
 public:
  PhotometricLeastSquares(const Model& model, const PhotometricProblem& problem, Term& photo, ThreadPool& pool)
      : problem_(problem),
        pool_(pool),
        landmarks_(model, problem.landmarks, pool),
        photo_(photo),
        silhouette_(model, problem.silhouette, problem.landmarks.identity_count),
        normals_(model, problem.normals, problem.landmarks.identity_count),
        points_(model, problem.points, problem.landmarks.identity_count) {
    layout_.pose = landmarks_.pose_unknowns();
    layout_.nuisance = static_cast<int>(problem.landmarks.nuisance_count);
    layout_.shape = static_cast<int>(landmarks_.coefficient_count()) - layout_.nuisance;
    layout_.albedo = static_cast<int>(model.albedo_count);
    set_start(landmarks_.state(), problem);
    look_.albedo.assign(static_cast<std::size_t>(layout_.albedo), 0.0);
    // Frontal light of mean brightness; the first, linear steps replace it.
    for (std::size_t c = 0; c < 3; ++c) look_.lighting[9 * c] = kMeanLight;
    candidate_ = look_;
  }

  int unknowns() const { return layout_.total(); }
  int first_shape() const { return layout_.pose; }
  int shape_unknowns() const { return layout_.shape; }
  std::span<const double> shape_sigma() const { return landmarks_.shape_sigma(); }
  // Landmarks and outline say nothing of albedo and light.
  int row_unknowns() const { return layout_.first_albedo(); }
  int max_rows() const {
    return landmarks_.max_rows() + std::max({SilhouetteTerm::kRows, NormalTerm::kRows, PointTerm::kRows});
  }
  const HeadState& state() { return landmarks_.state(); }
  const Appearance& appearance() const { return look_; }
  long samples() const { return photo_.selected(); }

  void set_level(const PhotoCrop& crop, const std::vector<float>& visible) {
    crop_ = crop;
    seen_energy_.reset();
    photo_.select(landmarks_.state(), crop, visible);
  }
  // Looks anew where the outline is to lie, and which way the face's patches are to face.
  void match_outline_and_normals(const HeadView& view, const std::vector<float>& visible) {
    seen_energy_.reset();
    silhouette_.match(landmarks_.state(), view);
    normals_.match(landmarks_.state(), view.positions, visible, pool_);
  }
  // Solves for light and albedo alone.
  void set_appearance_only(bool only) {
    appearance_only_ = only;
    if (only) geometry_cost_ = landmarks_.match();
  }
  // The colour noise from the difference that is left.
  void start_sigma() { set_sigma(problem_.photo.sigma_start); }
  void update_sigma() { set_sigma(problem_.photo.sigma(mean_error())); }
  double mean_error() { return photo_.mean_error(landmarks_.state(), look_, crop_); }

  // What was found; counts and cost of the iterations are left to the caller.
  void take_result(const Model& model, PhotometricResult& result) {
    result.camera = landmarks_.state().camera;
    split_coefficients(model, problem_.landmarks.identity_count, landmarks_.state(), result.identity, result.expression,
                       result.nuisance);
    result.albedo = look_.albedo;
    result.lighting = look_.lighting;
    result.samples = samples();
    result.error = mean_error();
  }

  double linearize(optim::NormalEquations& equations) {
    ParameterLayout moved = layout_;
    if (appearance_only_) moved.pose = moved.shape = moved.nuisance = 0;
    // A device works on it while the host does what is its own. It forms the products first: they take longest.
    photo_.start_products(landmarks_.state(), look_, crop_, problem_.photo, moved);
    if (!seen_energy_) photo_.start_energy(landmarks_.state(), look_, crop_, problem_.photo);
    double cost = appearance_only_ ? geometry_cost_ : landmarks_.linearize(equations);
    if (!appearance_only_) {
      silhouette_.accumulate(landmarks_.state(), layout_, pool_, equations);
      equations.accumulate(pool_);
      normals_.accumulate(landmarks_.state(), layout_, pool_, equations);
      equations.accumulate(pool_);
      points_.accumulate(landmarks_.state(), layout_, pool_, equations);
    }
    equations.accumulate(pool_);
    if (!seen_energy_) seen_energy_ = seen_energy(landmarks_.state());
    cost += *seen_energy_;
    photo_.add_products(equations, layout_.total() - moved.total());
    const double albedo = 1 / (problem_.albedo_sigma * problem_.albedo_sigma);
    for (int k = 0; k < layout_.albedo; ++k) {
      equations.add_diagonal(layout_.first_albedo() + k, albedo, albedo * look_.albedo[static_cast<std::size_t>(k)]);
    }
    add_light_priors(equations);
    return cost + appearance_prior(look_);
  }

  void step_bounds(double* lower, double* upper) const {
    landmarks_.step_bounds(lower, upper);
    const int first = layout_.first_albedo();
    constexpr double kFree = std::numeric_limits<double>::infinity();
    std::fill(lower + first, lower + layout_.total(), -kFree);
    std::fill(upper + first, upper + layout_.total(), kFree);
    if (appearance_only_) {
      std::fill(lower, lower + first, 0.0);
      std::fill(upper, upper + first, 0.0);
    }
  }

  double try_step(const double* step) {
    if (!appearance_only_) landmarks_.move(step);
    const HeadState& state = appearance_only_ ? landmarks_.state() : landmarks_.candidate();
    candidate_ = look_;
    for (std::size_t k = 0; k < candidate_.albedo.size(); ++k) {
      candidate_.albedo[k] += step[static_cast<std::size_t>(layout_.first_albedo()) + k];
    }
    for (std::size_t k = 0; k < 27; ++k) {
      candidate_.lighting[k] += step[static_cast<std::size_t>(layout_.first_light()) + k];
    }
    photo_.start_energy(state, candidate_, crop_, problem_.photo);
    const double cost = appearance_only_ ? geometry_cost_ : landmarks_.candidate_cost();
    candidate_energy_ = seen_energy(state);
    return cost + candidate_energy_ + appearance_prior(candidate_);
  }

  void accept() {
    if (!appearance_only_) landmarks_.accept();
    std::swap(look_, candidate_);
    seen_energy_ = candidate_energy_;
  }

 private:
  // Under this light a surface that faces the camera shows its albedo.
  static constexpr double kMeanLight = 1 / 0.886227;

  void set_sigma(double sigma) {
    seen_energy_.reset();
    photo_.set_sigma(sigma);
  }
  // Of what the photo shows: colours, whose energy at this state was started, silhouette, normals and points.
  double seen_energy(const HeadState& state) {
    const double outline = silhouette_.energy(state), normals = normals_.energy(state, pool_),
                 points = points_.energy(state, pool_);
    return photo_.energy() + outline + normals + points;
  }

  double light_mean(const Appearance& look, int k) const {
    const std::size_t band = static_cast<std::size_t>(k % 9);
    return (look.lighting[band] + look.lighting[9 + band] + look.lighting[18 + band]) / 3;
  }

  double appearance_prior(const Appearance& look) const {
    double sum = 0;
    for (const double a : look.albedo) sum += a * a / (problem_.albedo_sigma * problem_.albedo_sigma);
    for (int k = 0; k < 27; ++k) {
      const double value = look.lighting[static_cast<std::size_t>(k)];
      const double colour = (value - light_mean(look, k)) / problem_.light_colour_sigma;
      const double size = (value - (k % 9 == 0 ? kMeanLight : 0)) / problem_.light_sigma;
      sum += colour * colour + size * size;
    }
    return 0.5 * sum;
  }

  void add_light_priors(optim::NormalEquations& equations) {
    const double size = 1 / (problem_.light_sigma * problem_.light_sigma);
    const double colour = 1 / (problem_.light_colour_sigma * problem_.light_colour_sigma);
    for (int k = 0; k < 27; ++k) {
      const int at = layout_.first_light() + k;
      const double value = look_.lighting[static_cast<std::size_t>(k)];
      equations.add_diagonal(at, size, size * (value - (k % 9 == 0 ? kMeanLight : 0)));
      // Deviations from the mean of three: a projection, and therefore its own square.
      for (int other = k; other < 27; other += 9)
        equations.add_hessian(at, layout_.first_light() + other, colour * ((other == k ? 1.0 : 0.0) - 1.0 / 3));
      equations.add_gradient(at, colour * (value - light_mean(look_, k)));
    }
  }

  const PhotometricProblem& problem_;
  ThreadPool& pool_;
  LandmarkProblem landmarks_;
  Term& photo_;
  SilhouetteTerm silhouette_;
  NormalTerm normals_;
  PointTerm points_;
  ParameterLayout layout_;
  PhotoCrop crop_;
  Appearance look_, candidate_;
  bool appearance_only_ = false;
  double geometry_cost_ = 0;           // of the landmarks, while only appearance moves
  std::optional<double> seen_energy_;  // at the current state, where known
  double candidate_energy_ = 0;
};

template <class B>
void set_shape(const Model& model, HeadSurface<B>& surface, const HeadState& state, long identity_count) {
  const std::span<const double> coefficients(state.coefficients);
  surface.set_shape(
      coefficients.subspan(0, static_cast<std::size_t>(identity_count)),
      coefficients.subspan(static_cast<std::size_t>(identity_count), static_cast<std::size_t>(model.expression_count)));
}

// The surface as it is, by a camera that the head fills.
template <class B>
HeadView look_at_surface(HeadSurface<B>& surface, B& backend, const CameraPose& camera) {
  constexpr int kSide = 512;
  constexpr double kFieldMm = 300;  // two head widths, centred on the head wherever it stands in the photo
  HeadView view{camera, kSide, {}, {}};
  view.camera.focal_px = kSide / kFieldMm * camera.translation[2];
  for (std::size_t k = 0; k < 2; ++k)
    view.camera.principal_px[k] = 0.5 * kSide - kSide / kFieldMm * camera.translation[k];
  const auto& triangle_id = surface.look(view.camera, kSide, kSide).triangle_id;
  view.triangle_id.resize(triangle_id.size());
  backend.download(view.triangle_id.data(), triangle_id, triangle_id.size());
  view.positions.resize(surface.positions().size());
  backend.download(view.positions.data(), surface.positions(), view.positions.size());
  return view;
}

// The head at a state.
template <class B>
HeadView look_at_head(const Model& model, HeadSurface<B>& surface, B& backend, const HeadState& state,
                      long identity_count) {
  set_shape(model, surface, state, identity_count);
  return look_at_surface(surface, backend, state.camera);
}

// How far each vertex is seen, 0..1: whether of its triangles' image, as large as it would be alone, half is seen. By
// counts of pixels, so that none of them makes much of a difference.
inline std::vector<float> visible_vertices(const Model& model, const HeadView& view) {
  const std::vector<std::int32_t>& corners = model.topology.triangles;
  std::vector<std::int32_t> pixels(corners.size() / 3);
  for (const std::int32_t t : view.triangle_id)
    if (t >= 0) ++pixels[static_cast<std::size_t>(t)];
  std::vector<float> image(2 * static_cast<std::size_t>(model.vertex_count)), area(image.size() / 2), seen(area.size());
  for (std::size_t v = 0; v < area.size(); ++v) {
    const Vec3<float> p = load3(view.positions.data(), static_cast<long>(v));
    double pixel[2];
    view.camera.project(view.camera.transform({double(p.x), double(p.y), double(p.z)}), pixel);
    for (std::size_t k = 0; k < 2; ++k) image[2 * v + k] = static_cast<float>(pixel[k]);
  }
  for (std::size_t t = 0; t < pixels.size(); ++t) {
    const std::size_t v[3] = {static_cast<std::size_t>(corners[3 * t]), static_cast<std::size_t>(corners[3 * t + 1]),
                              static_cast<std::size_t>(corners[3 * t + 2])};
    const float own =
        0.5f * std::abs((image[2 * v[1]] - image[2 * v[0]]) * (image[2 * v[2] + 1] - image[2 * v[0] + 1]) -
                        (image[2 * v[2]] - image[2 * v[0]]) * (image[2 * v[1] + 1] - image[2 * v[0] + 1]));
    for (const std::size_t corner : v) {
      area[corner] += own;
      seen[corner] += static_cast<float>(pixels[t]);
    }
  }
  for (std::size_t v = 0; v < area.size(); ++v) seen[v] = seen[v] > 0 ? std::min(1.f, 2 * seen[v] / area[v]) : 0.f;
  return seen;
}

/// `term`: the photometric term of this backend, `surface`: the head on it. A checked problem.
template <AnyPhotometricTerm Term, class B>
PhotometricResult run_photometric(const Model& model, const PhotometricProblem& problem, Term& term,
                                  HeadSurface<B>& surface, B& backend, ThreadPool& pool, const Cancel& cancel,
                                  const Progress& progress) {
  PhotometricLeastSquares<Term> fit(model, problem, term, pool);
  constexpr int kLightIterations = 4;
  optim::LevenbergMarquardt solver(fit.unknowns(), fit.row_unknowns(), fit.max_rows());
  long total = kLightIterations, done = 0;
  for (const PhotometricLevel& level : problem.levels) total += level.iterations;

  PhotometricResult result;
  for (std::size_t i = 0; i < problem.levels.size(); ++i) {
    const PhotometricLevel& level = problem.levels[i];
    const PhotoCrop crop{level.rgb.data(), level.mask.data(), level.size, level.scale, level.x0, level.y0};
    const auto look = [&] {
      return look_at_head(model, surface, backend, fit.state(), problem.landmarks.identity_count);
    };
    HeadView view = look();
    std::vector<float> visible = visible_vertices(model, view);
    fit.set_level(crop, visible);
    const auto run = [&](int iterations, double tolerance) {
      if (iterations == 0) return;
      optim::LevenbergMarquardtOptions options;
      options.max_iterations = iterations;
      options.tolerance = tolerance;
      options.damping = 1e-4;
      const auto report = solver.minimize(fit, options, pool, [&](int iteration) {
        cancel.check();
        progress.report(done + iteration, total);
      });
      done += iterations;
      result.iterations += report.iterations;
      result.cost = report.final_cost;
    };
    if (i == 0) {
      fit.set_appearance_only(true);
      fit.start_sigma();
      run(kLightIterations, 1e-3);
      fit.set_appearance_only(false);
    }
    // In halves: once the shape follows the photo, what is left tells better what albedo and light cannot explain.
    const int half = level.iterations / 2, parts[2] = {half, level.iterations - half};
    for (int k = 0; k < 2; ++k) {
      if (i > 0) fit.update_sigma();
      if (parts[k] > 0) {
        if (k > 0) {
          view = look();
          visible = visible_vertices(model, view);
        }
        fit.match_outline_and_normals(view, visible);
      }
      run(parts[k], 1e-4);
    }
  }
  fit.take_result(model, result);
  if (done > kLightIterations) {
    const std::size_t shape = static_cast<std::size_t>(fit.shape_unknowns());
    std::vector<double> covariance(shape * shape);
    if (solver.posterior_covariance(fit, pool, fit.first_shape(), fit.shape_unknowns(), covariance.data())) {
      cancel.check();
      set_shape(model, surface, fit.state(), problem.landmarks.identity_count);
      std::vector<float> positions(surface.positions().size());
      backend.download(positions.data(), surface.positions(), positions.size());
      result.evidence =
          shape_evidence(model, problem.landmarks.identity_count, fit.shape_sigma(), covariance, positions, pool);
    }
  }
  return result;
}

}  // namespace hrn::fit
