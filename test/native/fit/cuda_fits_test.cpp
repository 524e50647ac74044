// The fits on the GPU against those on the CPU.
#include "fit/cuda_fits.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>

#include "fit_scene.hpp"
#include "framework.hpp"
#include "gpu.hpp"
#include "reference_iteration.hpp"
#include "synthetic_head.hpp"

namespace hrn::test {
namespace {

const Progress kSilent([](long, long) {});

std::shared_ptr<const fit::Model> shared_head() {
  static const std::shared_ptr<const fit::Model> head(&small_head(), [](const fit::Model*) {});
  return head;
}

fit::DeformationProblem shallow_problem(int iterations) {
  fit::DeformationProblem problem = deformation_problem();
  problem.level.iterations = iterations;
  for (long v = 0; v < small_head().vertex_count; ++v) {
    problem.positions[static_cast<std::size_t>(3 * v + 2)] -= 1.5f;
  }
  return problem;
}

double mean_distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t v = 0; 3 * v < a.size(); ++v) {
    double square = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      const double d = static_cast<double>(a[3 * v + c]) - static_cast<double>(b[3 * v + c]);
      square += d * d;
    }
    sum += std::sqrt(square);
  }
  return 3 * sum / static_cast<double>(a.size());
}

HRN_TEST("fit/cuda/the deformation is the CPU's") {
  if (skip_without_gpu(report)) return;
  const fit::DeformationProblem problem = shallow_problem(24);
  fit::CudaFits gpu(0);
  ThreadPool pool(2);
  const auto want = fit::fit_deformation(small_head(), problem, pool, Cancel(), kSilent);
  const auto got = gpu.deformation(shared_head(), problem, Cancel(), kSilent),
             again = gpu.deformation(shared_head(), problem, Cancel(), kSilent);
  report.near(mean_distance(got.positions, want.positions), 0, 0.02, "mean distance, mm");
  report.near(got.photometric_error, want.photometric_error, 1e-4, "photometric error");
  report.equal(got.energy.size(), want.energy.size(), "energies");
  report.near(got.energy[0], want.energy[0], 1e-5 * want.energy[0], "first energy");
  CHECK(got.map == again.map && got.positions == again.positions && got.energy == again.energy);
}

HRN_TEST("fit/cuda/the photometric fit is the CPU's") {
  if (skip_without_gpu(report)) return;
  fit::PhotometricProblem problem = photometric_problem();
  problem.levels.push_back(problem.levels[0]);
  fit::CudaFits gpu(0);
  ThreadPool pool(2);
  const auto want = fit::fit_photometric(small_head(), problem, pool, Cancel(), kSilent);
  const auto got = gpu.photometric(shared_head(), problem, pool, Cancel(), kSilent),
             again = gpu.photometric(shared_head(), problem, pool, Cancel(), kSilent);
  report.equal(got.samples, want.samples, "samples");
  report.near(got.error, want.error, 1e-4, "error");
  for (std::size_t k = 0; k < want.identity.size(); ++k)
    report.near(got.identity[k], want.identity[k], 0.02, "identity");
  for (std::size_t k = 0; k < 27; ++k) report.near(got.lighting[k], want.lighting[k], 0.01, "light");
  for (std::size_t k = 0; k < 3; ++k)
    report.near(got.camera.translation[k], want.camera.translation[k], 0.5, "translation");
  CHECK(got.identity == again.identity && got.lighting == again.lighting && got.cost == again.cost);
}

HRN_TEST("fit/cuda/the texture is the CPU's") {
  if (skip_without_gpu(report)) return;
  const fit::TextureProblem problem = texture_problem();
  const imaging::Image photo = photo_image();
  fit::CudaFits gpu(0);
  ThreadPool pool(2);
  std::vector<std::uint8_t> want(room_for(problem)), got(want.size()), again(want.size());
  fit::recover_texture(small_head(), photo, problem, want, pool, Cancel());
  gpu.texture(shared_head(), photo, problem, got, Cancel());
  gpu.texture(shared_head(), photo, problem, again, Cancel());
  double sum = 0;
  for (std::size_t i = 0; i < want.size(); ++i) sum += std::abs(int{got[i]} - int{want[i]});
  report.near(sum / static_cast<double>(want.size()), 0, 0.05, "mean difference of 255");
  CHECK(got == again);
}

HRN_TEST("fit/cuda/the displacement map is the CPU's") {
  if (skip_without_gpu(report)) return;
  const fit::DetailProblem problem = detail_problem();
  const imaging::Image smooth = photo_image();
  std::vector<std::uint8_t> folded(smooth.pixels.begin(), smooth.pixels.end());
  for (std::size_t i = 0; i < folded.size(); ++i)
    folded[i] = static_cast<std::uint8_t>(folded[i] * (0.9 + 0.1 * std::sin(static_cast<double>(i / 3 / kPhotoSide))));
  const imaging::Image photo{folded, smooth.width, smooth.height, smooth.channels};
  fit::CudaFits gpu(0);
  ThreadPool pool(2);
  const auto want = fit::fit_detail(small_head(), photo, problem, pool, Cancel(), kSilent);
  const auto got = gpu.detail(shared_head(), photo, problem, pool, Cancel(), kSilent),
             again = gpu.detail(shared_head(), photo, problem, pool, Cancel(), kSilent);
  report.equal(got.solved_size, want.solved_size, "solved size");
  float highest = 0, off = 0, unlike = 0;
  for (std::size_t i = 0; i < want.map.size(); ++i) {
    highest = std::max(highest, std::abs(want.map[i]));
    off = std::max(off, std::abs(got.map[i] - want.map[i]));
    unlike = std::max(unlike, std::abs(got.seen[i] - want.seen[i]));
  }
  CHECK(highest > 0.01f);
  report.near(static_cast<double>(off / highest), 0, 0.02, "largest difference, of the highest");
  report.near(static_cast<double>(unlike), 0, 0.01, "seen");
  report.near(mean_distance(got.mesh.positions, want.mesh.positions), 0, 1e-3, "mean distance, mm");
  CHECK(got.map == again.map && got.mesh.positions == again.mesh.positions);
}

HRN_TEST("fit/cuda/the reference's loop is the CPU's") {
  if (skip_without_gpu(report)) return;
  auto [built, problem] = reference_scene(small_reference());
  problem.iterations = 10;
  const auto model = std::make_shared<const fit::reference::Model>(std::move(built));
  fit::CudaFits gpu(0);
  ThreadPool pool(2);
  const auto want = fit::reference::fit(*model, problem, pool, Cancel(), kSilent);
  const auto got = gpu.reference(model, problem, Cancel(), kSilent),
             again = gpu.reference(model, problem, Cancel(), kSilent);
  report.equal(got.losses.size(), want.losses.size(), "losses");
  report.near(got.losses[0], want.losses[0], 1e-5 * want.losses[0], "first loss");
  report.near(got.losses.back(), want.losses.back(), 1e-3 * want.losses.back(), "last loss");
  // Decimetres of a head of two.
  report.near(mean_distance(got.positions, want.positions), 0, 2e-4, "mean distance");
  CHECK(got.positions == again.positions && got.colours == again.colours && got.losses == again.losses);
}

HRN_TEST("fit/cuda/several threads and contexts at once") {
  if (skip_without_gpu(report)) return;
  const fit::DeformationProblem problem = shallow_problem(9);
  fit::CudaFits first(0), second(0);
  const auto want = first.deformation(shared_head(), problem, Cancel(), kSilent);
  std::vector<fit::DeformationResult> got(6);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < got.size(); ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 3; ++round)
        got[i] = (i % 2 == 0 ? first : second).deformation(shared_head(), problem, Cancel(), kSilent);
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : got) CHECK(result.map == want.map);
}

HRN_TEST("fit/cuda/ends when cancelled, and goes on afterwards") {
  if (skip_without_gpu(report)) return;
  const fit::DeformationProblem problem = shallow_problem(24);
  fit::CudaFits gpu(0);
  Cancel cancel;
  const Progress impatient([&](long done, long) {
    if (done >= 2) cancel.request();
  });
  report.equal(error_of([&] { gpu.deformation(shared_head(), problem, cancel, impatient); }), std::string("CANCELLED"),
               "cancelled on the way");
  CHECK(!gpu.deformation(shared_head(), problem, Cancel(), kSilent).map.empty());
}

HRN_TEST("fit/cuda/no such device is an error") {
  if (skip_without_gpu(report)) return;
  fit::CudaFits gpu(987);
  report.equal(error_of([&] { gpu.deformation(shared_head(), deformation_problem(), Cancel(), kSilent); }),
               std::string("DEVICE_FAILED"), "device 987");
}

}  // namespace
}  // namespace hrn::test
