// The photometric residuals' gradient against central differences, and their Gauss-Newton Hessian.
#include "fit/parameters/term.hpp"

#include <cmath>
#include <numbers>

#include "fit_scene.hpp"
#include "framework.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

using Vector = std::vector<double>;

constexpr int kSide = 600;
constexpr double kSigma = 0.05;

// A smooth picture: bilinear interpolation of it has kinks too small to matter.
std::vector<float> smooth_picture() {
  std::vector<float> rgb;
  for (int i = 0; i < kSide * kSide; ++i) {
    const double x = i % kSide, y = static_cast<double>(i / kSide), wave = 2 * std::numbers::pi / kSide;
    for (const double phase : {0.0, 0.7, 1.9}) {
      rgb.push_back(static_cast<float>(0.5 +
                                       0.15 * std::sin(1.7 * wave * x + phase) * std::cos(1.3 * wave * y - phase) +
                                       0.05 * std::sin(2.6 * wave * (x + y) + phase)));
    }
  }
  return rgb;
}

// One term at one state, with its unknowns behind one index: those of ParameterLayout.
struct Scene {
  const fit::Model& model = small_head();
  ThreadPool pool;
  fit::PhotometricTerm term;
  std::vector<float> rgb = smooth_picture();
  fit::PhotoCrop crop;
  fit::HeadState state;
  fit::Appearance look;
  fit::ParameterLayout layout;
  fit::PhotometricOptions options;

  explicit Scene(int threads = 1) : pool(threads), term(small_head(), small_head().identity_count, pool) {
    const PhotoTruth& t = photo_truth();
    crop = {rgb.data(), nullptr, kSide, 4.2f, 2, 1};
    state.camera = t.camera;
    state.coefficients = t.identity;
    state.coefficients.insert(state.coefficients.end(), t.expression.begin(), t.expression.end());
    look.albedo = t.albedo;
    look.lighting = t.lighting;
    Random random(3);
    for (double& l : look.lighting) l += random.uniform(-0.15, 0.15);
    layout.shape = static_cast<int>(state.coefficients.size());
    layout.albedo = static_cast<int>(look.albedo.size());
    term.set_sigma(kSigma);
    term.select(state, crop, std::vector<float>(static_cast<std::size_t>(model.vertex_count), 1.f));
  }

  // The term alone sees its point.
  void select_one(long vertex) {
    std::vector<float> visible(static_cast<std::size_t>(model.vertex_count));
    visible[static_cast<std::size_t>(vertex)] = 1;
    term.select(state, crop, visible);
  }

  double energy_at(int unknown, double step) {
    fit::HeadState moved = state;
    fit::Appearance shaded = look;
    const std::size_t k = static_cast<std::size_t>(unknown);
    Vec3<double> turn{0, 0, 0};
    if (unknown == 0) turn.x = step;
    if (unknown == 1) turn.y = step;
    if (unknown == 2) turn.z = step;
    moved.camera.turn(turn);
    if (unknown >= 3 && unknown < 6) moved.camera.translation[k - 3] += step;
    if (unknown == 6) {
      moved.camera.focal_px *= std::exp(step);
      moved.camera.translation[2] *= std::exp(step);
    }
    if (unknown >= 7 && unknown < 7 + layout.shape) moved.coefficients[k - 7] += step;
    if (unknown >= layout.first_albedo() && unknown < layout.first_light()) {
      shaded.albedo[k - static_cast<std::size_t>(layout.first_albedo())] += step;
    }
    if (unknown >= layout.first_light()) {
      shaded.lighting[k - static_cast<std::size_t>(layout.first_light())] += step;
    }
    return energy(moved, shaded);
  }

  double energy(const fit::HeadState& at, const fit::Appearance& shaded) {
    term.start_energy(at, shaded, crop, options);
    return term.energy();
  }

  optim::NormalEquations accumulate() {
    optim::NormalEquations equations(layout.total(), 1);
    equations.clear();
    term.start_products(state, look, crop, options, layout);
    term.add_products(equations, 0);
    return equations;
  }
};

double hessian_of(const optim::NormalEquations& equations, int i, int j) {
  return equations.hessian()[std::min(i, j) * equations.stride() + std::max(i, j)];
}

HRN_TEST("fit/photometric-term/its gradient is that of the robust energy, in every group of unknowns") {
  Scene scene;
  CHECK(scene.term.selected() > 100);
  for (const double robust : {0.1, 10.0}) {
    scene.options.robust = robust;
    const optim::NormalEquations equations = scene.accumulate();
    struct Group {
      const char* name;
      int first, count;
      double step;
    };
    const int shape = scene.layout.pose, identity = static_cast<int>(scene.model.identity_count);
    const Group groups[] = {
        {"rotation", 0, 3, 1e-4},
        {"translation", 3, 3, 0.008},
        {"log focal length", 6, 1, 1e-3},
        {"identity", shape, identity, 0.003},
        {"expression", shape + identity, scene.layout.shape - identity, 0.003},
        {"albedo", scene.layout.first_albedo(), scene.layout.albedo, 0.01},
        {"light", scene.layout.first_light(), 27, 0.003},
    };
    for (const Group& group : groups) {
      double largest = 0;
      for (int k = 0; k < group.count; ++k) {
        largest = std::max(largest, std::abs(equations.gradient()[group.first + k]));
      }
      CHECK(largest > 0);
      for (int k = 0; k < group.count; ++k) {
        const int unknown = group.first + k;
        const double difference =
            (scene.energy_at(unknown, group.step) - scene.energy_at(unknown, -group.step)) / (2 * group.step);
        report.near(equations.gradient()[unknown], difference, 0.01 * largest,
                    std::string(group.name) + " " + std::to_string(k));
      }
    }
  }
}

HRN_TEST("fit/photometric-term/skin that is too bright for the photo tells of its place alone") {
  Scene scene;
  for (std::size_t c = 0; c < 3; ++c) scene.look.lighting[9 * c] += 20;
  const optim::NormalEquations equations = scene.accumulate();
  CHECK(scene.energy_at(0, 0) > 0);
  for (int k = scene.layout.first_albedo(); k < scene.layout.total(); ++k) CHECK(equations.gradient()[k] == 0);
  constexpr double kStep = 0.008;
  double largest = 0;
  for (int k = 3; k < 6; ++k) largest = std::max(largest, std::abs(equations.gradient()[k]));
  CHECK(largest > 0);
  for (int k = 3; k < 6; ++k) {
    const double difference = (scene.energy_at(k, kStep) - scene.energy_at(k, -kStep)) / (2 * kStep);
    report.near(equations.gradient()[k], difference, 0.01 * largest, "translation " + std::to_string(k - 3));
  }
}

HRN_TEST("fit/photometric-term/its Hessian is J^T W J") {
  // With one point and a penalty that is quadratic, adding a constant to a channel of the photo changes the gradient
  // by that channel's row of the Jacobian times its weight and nothing else: three such rows give the Hessian.
  Scene scene;
  scene.options.robust = 1e4;
  long points = 0;
  for (long vertex = 0; vertex < scene.model.vertex_count && points < 4; vertex += 3 * 37) {
    scene.select_one(vertex);
    if (scene.term.selected() == 0) continue;
    ++points;
    const optim::NormalEquations base = scene.accumulate();
    const int n = scene.layout.total();
    const double unit = scene.options.effective_samples / (kSigma * kSigma);
    std::vector<Vector> rows;
    constexpr float kShift = 0.25f;
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t i = c; i < scene.rgb.size(); i += 3) scene.rgb[i] += kShift;
      const optim::NormalEquations shifted = scene.accumulate();
      for (std::size_t i = c; i < scene.rgb.size(); i += 3) scene.rgb[i] -= kShift;
      Vector row;
      const double weight = static_cast<double>(fit::photometric::channel_weight(static_cast<int>(c)));
      for (int k = 0; k < n; ++k) {
        row.push_back((base.gradient()[k] - shifted.gradient()[k]) / (static_cast<double>(kShift) * weight * unit));
      }
      rows.push_back(row);
    }
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j <= i; ++j) {
        double expected = 0;
        for (const Vector& row : rows)
          expected += unit * row[static_cast<std::size_t>(i)] * row[static_cast<std::size_t>(j)];
        const double size = std::sqrt(hessian_of(base, i, i) * hessian_of(base, j, j));
        report.near(hessian_of(base, i, j), expected, 2e-3 * size + 1e-9,
                    "H[" + std::to_string(i) + "][" + std::to_string(j) + "]");
      }
    }
    // Reweighting scales both alike.
    Scene robust;
    robust.options.robust = 0.1;
    robust.select_one(vertex);
    const optim::NormalEquations weighted = robust.accumulate();
    const int light = scene.layout.first_light();
    const double falloff = weighted.gradient()[light] / base.gradient()[light];
    CHECK(falloff > 0 && falloff < 1);
    for (int k = 0; k < n; ++k) {
      report.near(hessian_of(weighted, k, k), falloff * hessian_of(base, k, k), 1e-4 * hessian_of(base, k, k) + 1e-9,
                  "reweighted diagonal");
    }
  }
  CHECK(points == 4);
}

HRN_TEST("fit/photometric-term/a fixed focal length and nuisance unknowns shift the others and stay zero") {
  Scene free;
  const optim::NormalEquations all = free.accumulate();
  Scene fixed;
  fixed.layout.pose = 6;
  fixed.layout.nuisance = 2;
  const optim::NormalEquations some = fixed.accumulate();
  for (int k = 0; k < fixed.layout.total(); ++k) {
    const bool nuisance = k >= fixed.layout.first_albedo() - 2 && k < fixed.layout.first_albedo();
    const int same = k < 6 ? k : k < fixed.layout.first_albedo() ? k + 1 : k - 1;
    report.equal(some.gradient()[k], nuisance ? 0 : all.gradient()[same], "gradient " + std::to_string(k));
    report.equal(hessian_of(some, k, k), nuisance ? 0 : hessian_of(all, same, same), "Hessian " + std::to_string(k));
  }
}

HRN_TEST("fit/photometric-term/compares visible, facing points inside the mask only") {
  Scene scene;
  const long all = scene.term.selected();
  CHECK(all < scene.model.vertex_count / 4);
  const std::vector<float> none(static_cast<std::size_t>(scene.model.vertex_count)),
      visible(static_cast<std::size_t>(scene.model.vertex_count), 1.f);
  scene.term.select(scene.state, scene.crop, none);
  report.equal(scene.term.selected(), 0L, "hidden points");
  report.equal(scene.energy(scene.state, scene.look), 0.0, "energy of none");
  report.equal(scene.term.mean_error(scene.state, scene.look, scene.crop), 0.0, "error of none");
  std::vector<float> mask(kSide * kSide, 0.f);
  scene.crop.mask = mask.data();
  scene.term.select(scene.state, scene.crop, visible);
  report.equal(scene.term.selected(), 0L, "masked points");
  for (int i = 0; i < kSide * kSide; ++i) mask[static_cast<std::size_t>(i)] = i % kSide < kSide / 2 ? 1.f : 0.f;
  scene.term.select(scene.state, scene.crop, visible);
  CHECK(scene.term.selected() > all / 5 && scene.term.selected() < 4 * all / 5);
  // A head behind the camera or beside the photo has none; a step there never pays.
  scene.crop.mask = nullptr;
  scene.term.select(scene.state, scene.crop, visible);
  const double before = scene.energy(scene.state, scene.look);
  for (const double x : {-2000.0, 2000.0}) {
    fit::HeadState away = scene.state;
    away.camera.translation[0] = x;
    CHECK(scene.energy(away, scene.look) > before);
    fit::PhotometricTerm other(scene.model, scene.model.identity_count, scene.pool);
    other.select(away, scene.crop, visible);
    report.equal(other.selected(), 0L, "points beside the photo");
  }
}

HRN_TEST("fit/photometric-term/points begin to count with no weight") {
  Scene scene;
  const fit::HeadState start = scene.state;
  const std::vector<float> visible(static_cast<std::size_t>(scene.model.vertex_count), 1.f);
  std::vector<float> mask(kSide * kSide);
  for (int i = 0; i < kSide * kSide; ++i) mask[static_cast<std::size_t>(i)] = i % kSide < kSide / 2 ? 1.f : 0.f;
  scene.crop.mask = mask.data();
  // Points turn away from the camera and leave the mask. Of some hundred, each would change the energy by a hundredth.
  constexpr int kSteps = 200;
  double before = 0, most = 0;
  long selected = 0, changes = 0;
  for (int i = 0; i <= kSteps; ++i) {
    scene.state = start;
    scene.state.camera.turn({0, 5e-4 * i, 0});
    scene.term.select(scene.state, scene.crop, visible);
    const double energy = scene.energy(scene.state, scene.look);
    if (i > 0) {
      most = std::max(most, std::abs(energy / before - 1));
      changes += scene.term.selected() != selected ? 1 : 0;
    }
    before = energy;
    selected = scene.term.selected();
  }
  CHECK(changes > 5);
  report.near(most, 0, 2e-3, "change of the energy in one step");
}

HRN_TEST("fit/photometric-term/the same bits for any number of threads") {
  Scene one(1);
  const optim::NormalEquations expected = one.accumulate();
  const double energy = one.energy_at(0, 0), error = one.term.mean_error(one.state, one.look, one.crop);
  for (const int threads : {2, 3, 5}) {
    Scene scene(threads);
    const optim::NormalEquations got = scene.accumulate();
    const int n = scene.layout.total();
    CHECK(std::equal(got.gradient(), got.gradient() + n, expected.gradient()));
    CHECK(std::equal(got.hessian(), got.hessian() + n * got.stride(), expected.hessian()));
    report.equal(scene.energy_at(0, 0), energy, "energy");
    report.equal(scene.term.mean_error(scene.state, scene.look, scene.crop), error, "mean error");
  }
}

}  // namespace
}  // namespace hrn::test
