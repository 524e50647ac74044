// The optimisers against closed forms and dense solves.
#include <algorithm>
#include <cmath>

#include "backends/cpu/cpu_backend.hpp"
#include "framework.hpp"
#include "optim/adam.hpp"
#include "optim/levenberg_marquardt.hpp"
#include "optim/sobolev.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

using Vector = std::vector<double>;

std::size_t size(long n) { return static_cast<std::size_t>(n); }

HRN_TEST("optim/adam/first steps") {
  ThreadPool pool(2);
  CpuBackend cpu(pool);
  Vector values{1, -2, 0.5}, first(3), second(3);
  optim::AdamArgs<double> a;
  a.values = values.data();
  a.first = first.data();
  a.second = second.data();
  a.learning_rate = 0.1;
  // The first step is the learning rate against the gradient's sign, whatever its size.
  const Vector grad{3, -1e-3, 200};
  a.grad = grad.data();
  optim::Adam::set_step(a, 1);
  cpu.for_each<optim::Adam::Update>(3, a);
  report.near(values[0], 0.9, 1e-8, "first value");
  report.near(values[1], -1.9, 1e-5, "second value");
  report.near(values[2], 0.4, 1e-9, "third value");
  // Second step in closed form.
  const Vector grad2{-1, 2, 0};
  a.grad = grad2.data();
  optim::Adam::set_step(a, 2);
  cpu.for_each<optim::Adam::Update>(3, a);
  const double m = (0.9 * 0.1 * 3 - 0.1) / (1 - 0.81), v = (0.999 * 0.001 * 9 + 0.001) / (1 - 0.999 * 0.999);
  report.near(values[0], 0.9 - 0.1 * m / (std::sqrt(v) + 1e-8), 1e-8, "after two steps");
}

// What this machine can run.
std::vector<const optim::DenseKernels*> dense_variants() {
  std::vector<const optim::DenseKernels*> variants{&optim::dense_kernels(Isa::baseline), &optim::dense_kernels()};
  if (detect_isa() == Isa::avx2) variants.push_back(&optim::dense_kernels(Isa::avx2));
  return variants;
}

HRN_TEST("optim/cholesky/solves and refuses") {
  Random random(21);
  for (const optim::DenseKernels* kernels : dense_variants())
    for (const int n : {8, 16, 24, 64, 104, 248}) {
      const int stride = n + 3;
      const Vector b = random.vector<double>(n * n), x = random.vector<double>(n);
      Vector a(size(n * stride)), y(size(n));
      for (int i = 0; i < n; ++i)
        for (int j = 0; j < n; ++j) {
          double sum = i == j ? 0.1 : 0;
          for (int k = 0; k < n; ++k) sum += b[size(k * n + i)] * b[size(k * n + j)];
          a[size(i * stride + j)] = sum;
          y[size(i)] += sum * x[size(j)];
        }
      Vector u = a;
      CHECK(kernels->cholesky(u.data(), n, stride));
      optim::cholesky_solve(*kernels, u.data(), n, stride, y.data());
      for (int i = 0; i < n; ++i) report.near(y[size(i)], x[size(i)], 1e-8, "solution");
      // U^T y = a unit vector, from its one on.
      const int first = n / 2 + 1;
      Vector unit(size(n));
      unit[size(first)] = 1;
      kernels->solve_transposed(u.data(), n, stride, unit.data(), first);
      for (int j = 0; j < n; ++j) {
        double sum = 0;
        for (int k = 0; k <= j; ++k) sum += u[size(k * stride + j)] * unit[size(k)];
        report.near(sum, j == first ? 1 : 0, 1e-9, "unit vector");
      }
      a[size((n - 1) * (stride + 1))] -= 1e3;
      CHECK(!kernels->cholesky(a.data(), n, stride));
    }
}

HRN_TEST("optim/normal_equations/sums of rows are those of a dense product") {
  Random random(22);
  const int n = 45, leading = 37, rows = 613;
  const std::vector<float> j = random.vector<float>(leading * rows);
  const Vector r = random.vector<double>(rows);
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    optim::NormalEquations equations(n, leading, rows);
    // Of a linearisation before this one nothing is left.
    equations.add_row(Vector(leading, 7.0), 1);
    equations.clear();
    // In two parts, of which the second has fewer derivatives.
    const int part = 400, fewer = 20;
    for (int k = 0; k < rows; ++k) {
      const std::span<const float> row(&j[size(k * leading)], size(k < part ? leading : fewer));
      equations.set_row(equations.add_rows(1), row, r[size(k)]);
      if (k + 1 == part) equations.accumulate(pool);
    }
    equations.accumulate(pool);
    equations.add_diagonal(n - 1, 3, 4);
    equations.add_hessian_row(2, 40, Vector{5, 6});
    for (int a = 0; a < n; ++a) {
      double slope = a == n - 1 ? 4 : 0;
      for (int k = 0; k < rows; ++k)
        if (a < (k < part ? leading : fewer)) slope += static_cast<double>(j[size(k * leading + a)]) * r[size(k)];
      report.near(equations.gradient()[a], slope, 1e-10, "gradient");
      for (int b = a; b < n; ++b) {
        double sum = a == n - 1 ? 3 : a == 2 && b >= 40 && b < 42 ? b - 35 : 0;
        for (int k = 0; k < rows; ++k)
          if (b < (k < part ? leading : fewer))
            sum += static_cast<double>(j[size(k * leading + a)]) * static_cast<double>(j[size(k * leading + b)]);
        report.near(equations.hessian()[a * equations.stride() + b], sum, 1e-4, "Hessian");
      }
    }
  }
}

HRN_TEST("optim/dense/every instruction set sums the same") {
  Random random(23);
  const int rows = 131, panel = optim::kGramTile, stride = panel + 5;
  const std::vector<float> a = random.vector<float>(rows * panel), b = random.vector<float>(rows * panel);
  const Vector factors = random.vector<double>(rows);
  for (const optim::DenseKernels* kernels : dense_variants()) {
    Vector out(size(panel * stride), 1.0), sums(size(panel), 2.0);
    std::vector<float> single(out.size(), 1.0f);
    kernels->add_gram_tile(a.data(), b.data(), rows, out.data(), stride);
    kernels->add_gram_tile_single(a.data(), b.data(), rows, single.data(), stride);
    kernels->add_weighted_rows(a.data(), factors.data(), rows, sums.data());
    for (int i = 0; i < panel; ++i) {
      double weighted = 2;
      for (int r = 0; r < rows; ++r) weighted += static_cast<double>(a[size(r * panel + i)]) * factors[size(r)];
      report.near(sums[size(i)], weighted, 1e-12, "weighted rows");
      for (int j = 0; j < panel; ++j) {
        double sum = 1;
        for (int r = 0; r < rows; ++r)
          sum += static_cast<double>(a[size(r * panel + i)]) * static_cast<double>(b[size(r * panel + j)]);
        report.near(out[size(i * stride + j)], sum, 2e-5, "tile");
        report.near(static_cast<double>(single[size(i * stride + j)]), sum, 2e-5, "tile in single precision");
      }
      for (int j = panel; j < stride; ++j) CHECK(out[size(i * stride + j)] == 1 && single[size(i * stride + j)] == 1);
    }
  }
}

// Rosenbrock's valley in many dimensions: rows 10 (x_{i+1} - x_i^2) and 1 - x_i.
struct Valley {
  Vector x, candidate, lower, upper;
  explicit Valley(long n) : x(size(n), -0.5), lower(size(n), -1e9), upper(size(n), 1e9) {}

  static double cost(const Vector& v) {
    double sum = 0;
    for (std::size_t i = 0; i + 1 < v.size(); ++i)
      sum += 100 * std::pow(v[i + 1] - v[i] * v[i], 2) + std::pow(1 - v[i], 2);
    return sum / 2;
  }
  double linearize(optim::NormalEquations& equations) {
    Vector row(x.size());
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      std::fill(row.begin(), row.end(), 0.0);
      row[i] = -20 * x[i];
      row[i + 1] = 10;
      equations.add_row(row, 10 * (x[i + 1] - x[i] * x[i]));
      row[i] = -1;
      row[i + 1] = 0;
      equations.add_row(row, 1 - x[i]);
    }
    return cost(x);
  }
  void step_bounds(double* low, double* high) const {
    for (std::size_t i = 0; i < x.size(); ++i) {
      low[i] = lower[i] - x[i];
      high[i] = upper[i] - x[i];
    }
  }
  double try_step(const double* step) {
    candidate = x;
    // Rounding may carry x + (bound - x) past the bound.
    for (std::size_t i = 0; i < x.size(); ++i) candidate[i] = std::clamp(x[i] + step[i], lower[i], upper[i]);
    return cost(candidate);
  }
  void accept() { x = candidate; }
};

constexpr auto kNothing = [](int) {};

HRN_TEST("optim/levenberg_marquardt/follows a curved valley") {
  ThreadPool pool(2);
  Valley valley(21);
  optim::LevenbergMarquardt solver(21, 40);
  optim::LevenbergMarquardtOptions options;
  options.max_iterations = 200;
  options.tolerance = 1e-12;
  const auto result = solver.minimize(valley, options, pool, kNothing);
  CHECK(result.converged);
  report.near(result.final_cost, 0, 1e-12, "cost");
  for (const double v : valley.x) report.near(v, 1, 1e-6, "solution");
  // The posterior covariance is that part of the inverse Hessian: the Hessian times the whole inverse is the identity.
  Vector covariance(21 * 21), corner(4);
  CHECK(solver.posterior_covariance(valley, pool, 0, 21, covariance.data()));
  CHECK(solver.posterior_covariance(valley, pool, 19, 2, corner.data()));
  CHECK(corner[0] > 0.01 && corner[0] < 4 && corner[3] > corner[0]);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 2; ++j)
      report.near(corner[2 * i + j], covariance[21 * (19 + i) + 19 + j], 1e-9, "part of the whole");
  optim::NormalEquations equations(21, 40);
  valley.linearize(equations);
  equations.accumulate(pool);
  for (std::size_t i = 0; i < 21; ++i)
    for (std::size_t j = 0; j < 21; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < 21; ++k)
        sum += equations.hessian()[std::min(i, k) * static_cast<std::size_t>(equations.stride()) + std::max(i, k)] *
               covariance[21 * k + j];
      report.near(sum, i == j ? 1 : 0, 1e-5, "Hessian times covariance");
    }
}

HRN_TEST("optim/levenberg_marquardt/keeps bounds and satisfies the conditions at them") {
  ThreadPool pool(2);
  Valley valley(12);
  valley.upper[3] = 0.6;
  valley.upper[8] = 0.2;
  valley.lower[10] = 0.3;
  optim::LevenbergMarquardt solver(12, 22);
  optim::LevenbergMarquardtOptions options;
  options.max_iterations = 300;
  options.tolerance = 1e-13;
  solver.minimize(valley, options, pool, kNothing);
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(valley.x[i] <= valley.upper[i] && valley.x[i] >= valley.lower[i]);
    // Free variables are stationary; held ones push against their bound.
    Vector above = valley.x, below = valley.x;
    above[i] += 1e-6;
    below[i] -= 1e-6;
    const double slope = (Valley::cost(above) - Valley::cost(below)) / 2e-6;
    if (valley.x[i] == valley.upper[i]) {
      CHECK(slope < 1e-4);
    } else if (valley.x[i] == valley.lower[i]) {
      CHECK(slope > -1e-4);
    } else {
      report.near(slope, 0, 1e-3, "slope");
    }
  }
  CHECK(valley.x[3] == 0.6);
}

HRN_TEST("optim/levenberg_marquardt/the same bits for any number of threads") {
  Vector first;
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    Valley valley(33);
    optim::LevenbergMarquardt solver(33, 64);
    optim::LevenbergMarquardtOptions options;
    options.max_iterations = 15;
    solver.minimize(valley, options, pool, kNothing);
    if (first.empty()) first = valley.x;
    CHECK(valley.x == first);
  }
}

// Dense S^p, row-major, for a map of one channel.
Vector dense_operator(long side, double lambda) {
  const long n = side * side;
  const auto line = [&](long i, long j) {
    if (i == j) return 1 + lambda * (i == 0 || i + 1 == side ? 1 : 2);
    return std::abs(i - j) == 1 ? -lambda : 0.0;
  };
  Vector s(size(n * n));
  for (long a = 0; a < n; ++a)
    for (long b = 0; b < n; ++b) s[size(a * n + b)] = line(a / side, b / side) * line(a % side, b % side);
  return s;
}

HRN_TEST("optim/sobolev/inverts the dense operator") {
  ThreadPool pool(2);
  const long side = 19, channels = 3, n = side * side;
  const double lambda = 5;
  const Vector s = dense_operator(side, lambda);
  const Vector map = Random(31).vector<double>(n * channels);
  for (const int power : {1, 2}) {
    // S^p map, then smoothed back.
    Vector raised = map;
    for (int p = 0; p < power; ++p) {
      const Vector before = raised;
      std::fill(raised.begin(), raised.end(), 0.0);
      for (long a = 0; a < n; ++a)
        for (long b = 0; b < n; ++b)
          for (long c = 0; c < channels; ++c)
            raised[size(a * channels + c)] += s[size(a * n + b)] * before[size(b * channels + c)];
    }
    optim::SobolevSmoother<double> smoother(side, channels, lambda, power, 2);
    for (const Isa isa : {Isa::baseline, detect_isa()}) {
      Vector got = raised;
      smoother.apply(got.data(), pool, isa);
      for (std::size_t i = 0; i < got.size(); ++i) report.near(got[i], map[i], 1e-9, "texel");
    }
  }
}

HRN_TEST("optim/sobolev/keeps the mean, flattens noise, writes nothing outside") {
  ThreadPool pool(2);
  const long side = 300, channels = 3, guard = 128;
  std::vector<float> padded(size(side * side * channels + 2 * guard), 12345.0f);
  Random random(32);
  float* map = padded.data() + guard;
  double mean = 0, square = 0;
  for (long i = 0; i < side * side * channels; ++i) {
    map[i] = static_cast<float>(random.uniform(0, 1));
    mean += static_cast<double>(map[i]) / static_cast<double>(side * side * channels);
  }
  optim::SobolevSmoother<float>(side, channels, 25, 2, 2).apply(map, pool);
  double after = 0;
  for (long i = 0; i < side * side * channels; ++i) {
    after += static_cast<double>(map[i]) / static_cast<double>(side * side * channels);
    square += std::pow(static_cast<double>(map[i]) - mean, 2) / static_cast<double>(side * side * channels);
  }
  report.near(after, mean, 1e-5, "mean");
  CHECK(std::sqrt(square) < 0.03);
  for (long i = 0; i < guard; ++i)
    CHECK(padded[size(i)] == 12345.0f && padded[padded.size() - size(i) - 1] == 12345.0f);
}

HRN_TEST("optim/large_steps/finds a smooth map, the same for any number of threads") {
  const long side = 70, channels = 3;
  std::vector<float> first;
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    optim::LargeSteps<float> optimiser(side, channels, {}, threads);
    std::vector<float> map(size(side * side * channels)), target(map.size()), grad(map.size());
    for (long i = 0; i < side; ++i)
      for (long j = 0; j < side; ++j)
        for (long c = 0; c < channels; ++c)
          target[size((i * side + j) * channels + c)] =
              static_cast<float>(std::sin(0.15 * static_cast<double>(i)) * std::cos(0.1 * static_cast<double>(j + c)));
    double error = 0;
    for (int k = 0; k < 100; ++k) {
      error = 0;
      for (std::size_t i = 0; i < map.size(); ++i) {
        grad[i] = map[i] - target[i];
        error = std::max(error, static_cast<double>(std::abs(grad[i])));
      }
      optimiser.step(map.data(), grad.data(), 0.2f, pool);
    }
    report.near(error, 0, 0.1, "largest error after 100 steps");
    if (first.empty()) first = map;
    CHECK(map == first);
  }
  // A zero gradient moves nothing.
  ThreadPool pool(1);
  optim::LargeSteps<float> optimiser(8, 1, {}, 1);
  std::vector<float> map(64, 2.0f), grad(64, 0.0f);
  optimiser.step(map.data(), grad.data(), 0.1f, pool);
  CHECK(std::all_of(map.begin(), map.end(), [](float v) { return v == 2.0f; }));
}

}  // namespace
}  // namespace hrn::test
