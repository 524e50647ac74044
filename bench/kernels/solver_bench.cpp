// What the dense fits leave to the processor, also where a GPU does the rest: the landmarks' linearisation, the normal
// equations and their solution, at the size of the embedded head: 478 landmarks with depths, 7 + 172 + 24 unknowns, and
// 39 more of the appearance.
#include <algorithm>
#include <string>
#include <vector>

#include "fit/landmarks/problem.hpp"
#include "harness.hpp"
#include "large_head.hpp"
#include "optim/normal_equations.hpp"
#include "random.hpp"

namespace hrn::bench {
namespace {

constexpr int kRowUnknowns = 203, kUnknowns = 242;

std::size_t size(long n) { return static_cast<std::size_t>(n); }

void cholesky(CpuBackend& cpu, const Recorder& recorder) {
  if (cpu.threads() > 1) return;
  constexpr int n = (kUnknowns + optim::kFactorBlock - 1) / optim::kFactorBlock * optim::kFactorBlock, stride = 264;
  const std::vector<double> b = test::Random(1).vector<double>(n * n);
  HostArray<double> matrix(size(n * stride)), factor(matrix.size()), x(size(n));
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      double sum = i == j ? 1 : 0;
      for (int k = 0; k < n; ++k) sum += b[size(k * n + i)] * b[size(k * n + j)];
      matrix[size(i * stride + j)] = sum;
    }
  const optim::DenseKernels& kernels = optim::dense_kernels();
  recorder.measure(cpu, "solver/cholesky", "242 unknowns, with a copy of the matrix", 0, [&] {
    for (int i = 0; i < n; ++i) std::copy_n(matrix.data() + i * (stride + 1), n - i, factor.data() + i * (stride + 1));
    keep(kernels.cholesky(factor.data(), n, stride) ? factor.data() : nullptr);
  });
  recorder.measure(cpu, "solver/substitution", "242 unknowns", 0, [&] {
    std::fill(x.begin(), x.end(), 1.0);
    optim::cholesky_solve(kernels, factor.data(), n, stride, x.data());
  });
}

void normal_equations(CpuBackend& cpu, const Recorder& recorder) {
  constexpr int kRows = 3 * 478;
  optim::NormalEquations equations(kUnknowns, kRowUnknowns, kRows);
  const std::vector<float> row = test::Random(2).vector<float>(kRowUnknowns);
  // Its rows stay where they are: what is measured is their sum.
  recorder.measure(cpu, "solver/normal equations", "1434 rows, 203 unknowns", 0, [&] {
    equations.clear();
    equations.add_rows(kRows);
    equations.accumulate(cpu.pool());
  });
  recorder.measure(cpu, "solver/rows", "1434 rows, 203 unknowns", 0, [&] {
    equations.clear();
    for (int r = 0; r < kRows; ++r) equations.set_row(equations.add_rows(1), row, 1);
  });
}

void landmarks(CpuBackend& cpu, const Recorder& recorder) {
  const fit::Model& model = large_head();
  fit::CoarseProblem problem;
  problem.identity_count = model.identity_count;
  problem.focal_px = 1500;
  problem.log_focal_sigma = 0.2;
  problem.principal_px = {512, 512};
  problem.pixels.resize(size(2 * model.dense.count));
  problem.depths.resize(size(model.dense.count));
  problem.nuisance_count = kRowUnknowns - 7 - model.shape_count();
  problem.nuisance_mm = test::Random(3).vector<float>(problem.nuisance_count * 2 * model.dense.count);
  problem.contour_vertices = fit::contour_candidates(model, 11);
  fit::CameraPose camera;
  camera.rotation = {1, 0, 0, 0, -1, 0, 0, 0, -1};
  camera.turn({0.05, 0.3, 0.02});
  camera.translation = {0, 0, 520};
  camera.focal_px = problem.focal_px;
  camera.principal_px = problem.principal_px;
  {
    const fit::LandmarkProblem start(model, problem, cpu.pool());
    const std::vector<double> points = start.prior_points();
    for (long i = 0; i < model.dense.count; ++i) {
      const Vec3<double> p = camera.transform(load3(points.data(), i));
      camera.project(p, &problem.pixels[size(2 * i)]);
      problem.depths[size(i)] = p.z * camera.focal_px / camera.translation[2];
    }
  }
  fit::LandmarkProblem fitted(model, problem, cpu.pool());
  fitted.state().camera = camera;
  optim::NormalEquations equations(fitted.unknowns(), fitted.max_rows());
  const std::string what =
      "478 landmarks, 203 unknowns, " + std::to_string(problem.contour_vertices.size()) + " rim vertices";
  recorder.measure(cpu, "landmarks/linearisation", what, 0, [&] {
    equations.clear();
    fitted.linearize(equations);
  });
  const std::vector<double> step(size(fitted.unknowns()));
  recorder.measure(cpu, "landmarks/trial step", what, 0, [&] { fitted.try_step(step.data()); });
}

const int added[] = {add(cholesky), add(normal_equations), add(landmarks)};

}  // namespace
}  // namespace hrn::bench
