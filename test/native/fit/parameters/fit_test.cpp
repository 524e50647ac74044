// The photometric fit explains the photo that a known head makes.
#include "fit/parameters/fit.hpp"

#include <cmath>
#include <limits>

#include "fit_scene.hpp"
#include "framework.hpp"

namespace hrn::test {
namespace {

const Progress kSilent([](long, long) {});

fit::PhotometricResult run(const fit::PhotometricProblem& problem, int threads = 1) {
  ThreadPool pool(threads);
  return fit::fit_photometric(small_head(), problem, pool, Cancel(), kSilent);
}

HRN_TEST("fit/photometric/explains the colours of a known head better with every level") {
  fit::PhotometricProblem problem = photometric_problem();
  problem.levels[0].iterations = 0;
  const auto lit = run(problem);
  problem.levels[0].iterations = 8;
  const auto fitted = run(problem);
  CHECK(fitted.samples > 30);
  CHECK(fitted.error < 0.7 * lit.error);
  CHECK(lit.cost > 0 && fitted.cost > 0);
  // Albedo times light is what the photo shows: only their product is known well.
  const PhotoTruth& truth = photo_truth();
  for (std::size_t c = 0; c < 3; ++c) {
    report.near(fitted.lighting[9 * c + 3] / fitted.lighting[9 * c], truth.lighting[9 * c + 3] / truth.lighting[9 * c],
                0.1, "sideways light");
  }
}

HRN_TEST("fit/photometric/without iterations only albedo and light move") {
  fit::PhotometricProblem problem = photometric_problem();
  problem.levels[0].iterations = 0;
  const auto result = run(problem);
  CHECK(result.identity == problem.identity);
  CHECK(result.expression == problem.expression);
  CHECK(result.camera.rotation == problem.camera.rotation);
  CHECK(result.camera.translation == problem.camera.translation);
  report.equal(result.camera.focal_px, problem.camera.focal_px, "focal length");
  CHECK(result.lighting[3] != 0);
}

HRN_TEST("fit/photometric/the same bits for any number of threads") {
  fit::PhotometricProblem problem = photometric_problem();
  problem.levels.push_back(problem.levels[0]);
  const auto expected = run(problem, 1);
  for (const int threads : {2, 3, 5}) {
    const auto got = run(problem, threads);
    CHECK(got.identity == expected.identity && got.expression == expected.expression);
    CHECK(got.albedo == expected.albedo && got.lighting == expected.lighting);
    CHECK(got.camera.rotation == expected.camera.rotation && got.camera.translation == expected.camera.translation);
    CHECK(got.camera.focal_px == expected.camera.focal_px);
    CHECK(got.error == expected.error && got.cost == expected.cost);
  }
}

HRN_TEST("fit/photometric/reports progress and ends when cancelled") {
  const fit::PhotometricProblem problem = photometric_problem();
  ThreadPool pool(1);
  Cancel cancel;
  long last = 0, reported_total = 0;
  const Progress counting([&](long done, long total) {
    CHECK(done >= last && done <= total);
    last = done;
    reported_total = total;
  });
  fit::fit_photometric(small_head(), problem, pool, cancel, counting);
  CHECK(reported_total > problem.levels[0].iterations);
  const Progress impatient([&](long done, long) {
    if (done >= 1) cancel.request();
  });
  report.equal(error_of([&] { fit::fit_photometric(small_head(), problem, pool, cancel, impatient); }),
               std::string("CANCELLED"), "cancelled on the way");
}

HRN_TEST("fit/photometric/refuses what is no problem") {
  const auto refuses = [&](const char* what, const auto& spoil) {
    fit::PhotometricProblem problem = photometric_problem();
    spoil(problem);
    report.equal(error_of([&] { run(problem); }), std::string("INVALID_ARGUMENT"), what);
  };
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  using Problem = fit::PhotometricProblem;
  refuses("no level", [](Problem& p) { p.levels.clear(); });
  refuses("tiny crop", [](Problem& p) { p.levels[0].size = 4; });
  refuses("colours missing", [](Problem& p) { p.levels[0].rgb.pop_back(); });
  refuses("mask missing", [](Problem& p) { p.levels[0].mask.clear(); });
  refuses("colour NaN", [&](Problem& p) { p.levels[0].rgb[5] = static_cast<float>(kNan); });
  refuses("mask of 2", [](Problem& p) { p.levels[0].mask[5] = 2; });
  refuses("mask NaN", [&](Problem& p) { p.levels[0].mask[5] = static_cast<float>(kNan); });
  refuses("crop scale 0", [](Problem& p) { p.levels[0].scale = 0; });
  refuses("negative iterations", [](Problem& p) { p.levels[0].iterations = -1; });
  refuses("identity short", [](Problem& p) { p.identity.pop_back(); });
  refuses("expression NaN", [&](Problem& p) { p.expression[0] = kNan; });
  refuses("nuisance unasked", [](Problem& p) { p.nuisance.push_back(0); });
  refuses("head behind the camera", [](Problem& p) { p.camera.translation[2] = -5; });
  refuses("rotation NaN", [&](Problem& p) { p.camera.rotation[4] = kNan; });
  refuses("no focal length", [](Problem& p) { p.camera.focal_px = 0; });
  refuses("colour noise 0", [](Problem& p) { p.photo.sigma_floor = 0; });
  refuses("colour noise NaN", [&](Problem& p) { p.photo.sigma_reference = kNan; });
  refuses("albedo sigma NaN", [&](Problem& p) { p.albedo_sigma = kNan; });
  refuses("samples negative", [](Problem& p) { p.photo.effective_samples = -1; });
  refuses("landmarks short", [](Problem& p) { p.landmarks.pixels.pop_back(); });
}

}  // namespace
}  // namespace hrn::test
