// Several views of one head in one fit.
#include "fit/views/joint_fit.hpp"

#include <cmath>

#include "fit_scene.hpp"
#include "framework.hpp"

namespace hrn::test {
namespace {

const Progress kSilent([](long, long) {});

fit::JointProblem joint_problem(std::size_t views) {
  fit::JointProblem problem;
  problem.views.assign(views, photometric_problem());
  return problem;
}

std::vector<fit::PhotometricResult> run(const fit::JointProblem& problem, int threads = 1) {
  ThreadPool pool(threads);
  return fit::fit_joint_photometric(small_head(), problem, pool, Cancel(), kSilent);
}

HRN_TEST("fit/views/one view alone is fitted as by the single fit") {
  ThreadPool pool(1);
  const auto alone = fit::fit_photometric(small_head(), photometric_problem(), pool, Cancel(), kSilent);
  const auto joint = run(joint_problem(1));
  report.equal(joint.size(), std::size_t{1}, "results");
  for (std::size_t k = 0; k < alone.identity.size(); ++k)
    report.near(joint[0].identity[k], alone.identity[k], 1e-3, "identity");
  for (std::size_t k = 0; k < alone.albedo.size(); ++k)
    report.near(joint[0].albedo[k], alone.albedo[k], 1e-3, "albedo");
  report.near(joint[0].error, alone.error, 1e-4, "error");
}

HRN_TEST("fit/views/identity and albedo are those of all views, whatever the number of threads") {
  fit::JointProblem problem = joint_problem(3);
  for (double& x : problem.views[1].landmarks.pixels) x += 2;
  const auto fitted = run(problem, 1);
  CHECK(fitted[0].identity == fitted[1].identity && fitted[1].identity == fitted[2].identity);
  CHECK(fitted[0].albedo == fitted[1].albedo);
  CHECK(fitted[0].camera.translation != fitted[1].camera.translation);
  const auto again = run(problem, 3);
  for (std::size_t v = 0; v < 3; ++v) {
    CHECK(again[v].identity == fitted[v].identity && again[v].lighting == fitted[v].lighting);
    CHECK(again[v].camera.rotation == fitted[v].camera.rotation);
  }
}

HRN_TEST("fit/views/one camera has one focal length") {
  fit::JointProblem problem = joint_problem(2);
  for (fit::PhotometricProblem& view : problem.views) view.landmarks.log_focal_sigma = 0.3;
  for (double& x : problem.views[1].landmarks.pixels) x *= 1.01;
  const auto apart = run(problem);
  CHECK(apart[0].camera.focal_px != apart[1].camera.focal_px);
  problem.one_camera = true;
  const auto together = run(problem);
  report.equal(together[0].camera.focal_px, together[1].camera.focal_px, "focal length");
}

HRN_TEST("fit/views/landmarks alone tell pose and shape of all views") {
  fit::JointProblem problem = joint_problem(2);
  for (fit::PhotometricProblem& view : problem.views) view.levels.clear();
  ThreadPool pool(2);
  const auto fitted = fit::fit_joint_landmarks(small_head(), problem, pool, Cancel(), kSilent);
  CHECK(fitted[0].identity == fitted[1].identity);
  double sum = 0;
  for (const double r : fitted[1].residual_px) sum += r;
  CHECK(sum / static_cast<double>(fitted[1].residual_px.size()) < 1.5);
}

HRN_TEST("fit/views/one deformation map for all views") {
  const std::vector<fit::DeformationProblem> views(2, deformation_problem());
  ThreadPool pool(1), three(3);
  const auto one = fit::fit_joint_deformation(small_head(), views, pool, Cancel(), kSilent);
  const auto again = fit::fit_joint_deformation(small_head(), views, three, Cancel(), kSilent);
  CHECK(one.map == again.map && one.positions == again.positions);
  CHECK(one.positions[0] == one.positions[1]);
  const auto before = fit::fit_deformation(small_head(), views[0], pool, Cancel(), kSilent);
  CHECK(one.photometric_errors[0] < 1.2 * before.photometric_error);
}

HRN_TEST("fit/views/refuses views that do not go together") {
  ThreadPool pool(1);
  const auto refused = [&](const fit::JointProblem& problem) {
    return error_of([&] { fit::fit_joint_photometric(small_head(), problem, pool, Cancel(), kSilent); });
  };
  report.equal(refused({}), std::string("INVALID_ARGUMENT"), "no views");
  fit::JointProblem problem = joint_problem(2);
  problem.views[1].identity[0] += 1;
  report.equal(refused(problem), std::string("INVALID_ARGUMENT"), "two identities");
  problem = joint_problem(2);
  problem.views[1].levels[0].iterations += 1;
  report.equal(refused(problem), std::string("INVALID_ARGUMENT"), "unlike iterations");
  problem = joint_problem(2);
  problem.one_camera = true;
  problem.views[1].camera.focal_px *= 2;
  report.equal(refused(problem), std::string("INVALID_ARGUMENT"), "two focal lengths of one camera");
}

}  // namespace
}  // namespace hrn::test
