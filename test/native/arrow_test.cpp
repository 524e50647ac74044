// Problems that share unknowns, against one dense problem of all unknowns.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <span>

#include "core/thread_pool.hpp"
#include "framework.hpp"
#include "optim/arrow_levenberg_marquardt.hpp"
#include "optim/levenberg_marquardt.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

using Vector = std::vector<double>;
constexpr double kFree = std::numeric_limits<double>::infinity();
const auto kNothing = [](int) {};

// Curved residuals of a few unknowns, some of them bounded: sin(a . x) + a . x - b.
struct Curve {
  Curve(int unknowns, int rows, unsigned seed) : x(unknowns), lower(unknowns, -kFree), upper(unknowns, kFree) {
    Random random(seed);
    a = random.vector<double>(unknowns * rows);
    b = random.vector<double>(rows);
  }
  std::size_t rows() const { return b.size(); }
  double product(const Vector& at, std::size_t row) const {
    double sum = 0;
    for (std::size_t k = 0; k < at.size(); ++k) sum += a[row * at.size() + k] * at[k];
    return sum;
  }
  double cost(const Vector& at) const {
    double sum = 0;
    for (std::size_t r = 0; r < rows(); ++r) {
      const double p = product(at, r), residual = 0.3 * std::sin(p) + p - 3 * b[r];
      sum += 0.5 * residual * residual;
    }
    return sum;
  }
  double linearize(optim::NormalEquations& equations) {
    Vector row(x.size());
    for (std::size_t r = 0; r < rows(); ++r) {
      const double p = product(x, r);
      for (std::size_t k = 0; k < x.size(); ++k) row[k] = a[r * x.size() + k] * (1 + 0.3 * std::cos(p));
      equations.add_row(row, 0.3 * std::sin(p) + p - 3 * b[r]);
    }
    return cost(x);
  }
  void step_bounds(double* low, double* high) const {
    for (std::size_t k = 0; k < x.size(); ++k) {
      low[k] = lower[k] - x[k];
      high[k] = upper[k] - x[k];
    }
  }
  double try_step(const double* step) {
    candidate = x;
    for (std::size_t k = 0; k < x.size(); ++k) candidate[k] = std::clamp(x[k] + step[k], lower[k], upper[k]);
    return cost(candidate);
  }
  void accept() { x = candidate; }

  Vector a, b, x, lower, upper, candidate;
};

// The same curves in one dense problem: shared unknowns first, then every view's own.
struct Together {
  Together(std::vector<Curve>& all, const std::vector<optim::SharedIndex>& shared, int shared_count)
      : views(all), places(all.size()) {
    std::size_t next = static_cast<std::size_t>(shared_count);
    for (std::size_t v = 0; v < all.size(); ++v)
      for (const int s : shared[v]) places[v].push_back(s >= 0 ? static_cast<std::size_t>(s) : next++);
    unknowns = next;
  }
  double linearize(optim::NormalEquations& equations) {
    double cost = 0;
    for (std::size_t v = 0; v < views.size(); ++v) {
      const Curve& view = views[v];
      Vector row(unknowns);
      for (std::size_t r = 0; r < view.rows(); ++r) {
        std::fill(row.begin(), row.end(), 0.0);
        const double p = view.product(view.x, r);
        for (std::size_t k = 0; k < view.x.size(); ++k)
          row[places[v][k]] = view.a[r * view.x.size() + k] * (1 + 0.3 * std::cos(p));
        equations.add_row(row, 0.3 * std::sin(p) + p - 3 * view.b[r]);
      }
      cost += view.cost(view.x);
    }
    return cost;
  }
  void step_bounds(double* low, double* high) const {
    std::fill(low, low + unknowns, -kFree);
    std::fill(high, high + unknowns, kFree);
    for (std::size_t v = 0; v < views.size(); ++v)
      for (std::size_t k = 0; k < places[v].size(); ++k) {
        low[places[v][k]] = std::max(low[places[v][k]], views[v].lower[k] - views[v].x[k]);
        high[places[v][k]] = std::min(high[places[v][k]], views[v].upper[k] - views[v].x[k]);
      }
  }
  double try_step(const double* step) {
    double cost = 0;
    for (std::size_t v = 0; v < views.size(); ++v) {
      Vector own;
      for (const std::size_t place : places[v]) own.push_back(step[place]);
      cost += views[v].try_step(own.data());
    }
    return cost;
  }
  void accept() {
    for (Curve& view : views) view.accept();
  }

  std::vector<Curve>& views;
  std::vector<std::vector<std::size_t>> places;
  std::size_t unknowns;
};

// Three views of 9 to 11 unknowns that share four; the second does not have the last of them.
struct Scene {
  Scene() {
    for (const int n : {9, 10, 11}) views.emplace_back(n, 14, static_cast<unsigned>(n));
    shared = {{-1, 0, 1, -1, 2, -1, -1, 3, -1}, {0, -1, -1, 1, 2, -1, -1, -1, -1, -1}, {}};
    shared[2] = {-1, -1, -1, 0, 1, 2, 3, -1, -1, -1, -1};
  }
  std::vector<Curve> views;
  std::vector<optim::SharedIndex> shared;

  void solve(int threads) {
    ThreadPool pool(threads);
    std::vector<Curve*> all;
    for (Curve& view : views) all.push_back(&view);
    optim::ArrowLevenbergMarquardt solver(shared, 4, 11, 14);
    solver.minimize(std::span<Curve* const>(all), options(), pool, kNothing);
  }
  static optim::LevenbergMarquardtOptions options() {
    optim::LevenbergMarquardtOptions o;
    o.max_iterations = 100;
    o.tolerance = 1e-13;
    return o;
  }
};

void bound(Scene& scene) {
  scene.views[0].upper[3] = 0.05;
  scene.views[0].lower[5] = 0.1;
  scene.views[1].upper[6] = -0.02;
  scene.views[1].lower[0] = -0.03;  // shared
  scene.views[2].lower[0] = scene.views[2].upper[0] = 0;
}

HRN_TEST("optim/arrow/finds what a dense solver finds, with bounds and without") {
  for (const bool bounded : {false, true}) {
    Scene arrow, dense;
    if (bounded) {
      bound(arrow);
      bound(dense);
    }
    arrow.solve(2);
    ThreadPool pool(1);
    Together together(dense.views, dense.shared, 4);
    const int unknowns = static_cast<int>(together.unknowns);
    optim::LevenbergMarquardt solver(unknowns, 42);
    solver.minimize(together, Scene::options(), pool, kNothing);
    for (std::size_t v = 0; v < 3; ++v)
      for (std::size_t k = 0; k < arrow.views[v].x.size(); ++k)
        report.near(arrow.views[v].x[k], dense.views[v].x[k], 1e-5, "unknown");
    // Views keep the same values of what they share.
    report.equal(arrow.views[0].x[1], arrow.views[1].x[0], "first shared unknown");
    report.equal(arrow.views[0].x[7], arrow.views[2].x[6], "last shared unknown");
  }
}

HRN_TEST("optim/arrow/the same bits for any number of threads") {
  Scene first;
  bound(first);
  first.solve(1);
  for (const int threads : {2, 3}) {
    Scene other;
    bound(other);
    other.solve(threads);
    for (std::size_t v = 0; v < 3; ++v) CHECK(other.views[v].x == first.views[v].x);
  }
}

}  // namespace
}  // namespace hrn::test
