#include "binding/coarse.hpp"

#include <limits>
#include <string>

#include "binding/context.hpp"
#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/job.hpp"
#include "binding/model.hpp"
#include "fit/context.hpp"
#include "fit/landmarks/coarse.hpp"
#include "fit/landmarks/patterns.hpp"

namespace hrn::binding {
namespace {

constexpr double kAny = std::numeric_limits<double>::max();

// Setters of optional fields: an absent (undefined) one leaves the default.
void set(double& out, const Napi::Object& from, const char* key) {
  const Napi::Value value = field(from, key);
  if (!value.IsUndefined()) out = number_of(value, key, -kAny, kAny);
}
void set(std::vector<double>& out, const Napi::Object& from, const char* key) {
  const Napi::Value value = field(from, key);
  if (!value.IsUndefined()) out = copy_of<double>(value, key);
}

losses::Robust robust_of(const Napi::Value& value) {
  const std::string name = string_of(value, "robust");
  if (name == "none") return losses::Robust::none;
  if (name == "huber") return losses::Robust::huber;
  if (name == "gemanMcClure") return losses::Robust::geman_mcclure;
  reject("'none', 'huber' or 'gemanMcClure'", "robust", value);
}

}  // namespace

fit::CoarseProblem coarse_problem_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "problem");
  fit::CoarseProblem p;
  p.pixels = copy_of<double>(field(o, "pixels"), "pixels");
  p.focal_px = number_of(field(o, "focalPx"), "focalPx", 0, kAny);
  const auto principal = view_of<double>(field(o, "principalPx"), "principalPx", 2);
  p.principal_px = {principal[0], principal[1]};
  set(p.depths, o, "depths");
  set(p.weights, o, "weights");
  set(p.log_focal_sigma, o, "logFocalSigma");
  set(p.sigma_mm, o, "sigmaMm");
  set(p.sigma_floor_px, o, "sigmaFloorPx");
  set(p.depth_sigma_mm, o, "depthSigmaMm");
  set(p.bias_mm, o, "biasMm");
  const Napi::Value response = field(o, "responseMm");
  if (!response.IsUndefined()) p.response_mm = copy_of<float>(response, "responseMm");
  const Napi::Value nuisance = field(o, "nuisanceMm");
  if (!nuisance.IsUndefined()) {
    p.nuisance_mm = copy_of<float>(nuisance, "nuisanceMm");
    p.nuisance_count = p.pixels.empty() ? 0 : static_cast<long>(p.nuisance_mm.size() / p.pixels.size());
  }
  p.identity_count = integer_of(field(o, "identityCount"), "identityCount", 0, 1 << 20);
  set(p.identity_mean, o, "identityMean");
  set(p.identity_sigma, o, "identitySigma");
  set(p.expression_mean, o, "expressionMean");
  set(p.expression_sigma, o, "expressionSigma");
  const Napi::Value robust = field(o, "robust");
  if (!robust.IsUndefined()) p.robust = robust_of(robust);
  set(p.robust_scale, o, "robustScale");
  const Napi::Value contour = field(o, "contourVertices");
  if (!contour.IsUndefined()) p.contour_vertices = copy_of<std::uint32_t>(contour, "contourVertices");
  set(p.contour_sigma_mm, o, "contourSigmaMm");
  set(p.contour_max_slide_mm, o, "contourMaxSlideMm");
  const Napi::Value iterations = field(o, "maxIterations");
  if (!iterations.IsUndefined()) p.max_iterations = static_cast<int>(integer_of(iterations, "maxIterations", 1, 1000));
  set(p.tolerance, o, "tolerance");
  return p;
}

Napi::Value coarse_result(Napi::Env env, fit::CoarseResult&& r) {
  Napi::Object o = Napi::Object::New(env);
  o.Set("rotation", typed_array(env, r.camera.rotation));
  o.Set("translation", typed_array(env, r.camera.translation));
  o.Set("focalPx", r.camera.focal_px);
  o.Set("identity", typed_array(env, r.identity));
  o.Set("expression", typed_array(env, r.expression));
  o.Set("nuisance", typed_array(env, r.nuisance));
  o.Set("predictedPx", typed_array(env, r.predicted_px));
  o.Set("residualPx", typed_array(env, r.residual_px));
  o.Set("sliding", typed_array(env, r.sliding));
  o.Set("iterations", r.iterations);
  o.Set("converged", r.converged);
  o.Set("cost", r.cost);
  o.Set("logFocalSigma", r.log_focal_sigma);
  o.Set("identitySigma", typed_array(env, r.identity_sigma));
  return o;
}

namespace {

Napi::Value coarse_fit(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto model = model_of(info[1]);
  return start_job(
      info.Env(), info[3],
      [context, model, problem = coarse_problem_of(info[2])](const Cancel& cancel, const Progress& progress) {
        ThreadPool pool(context->crew(), cancel);
        return fit::fit_coarse(*model, problem, pool, cancel, progress);
      },
      coarse_result);
}

// contourCandidates(model, radiusMm): Uint32Array
Napi::Value contour_candidates(const Napi::CallbackInfo& info) {
  const double radius = number_of(info[1], "radiusMm", 0, 1e4);
  return typed_array(info.Env(), fit::contour_candidates(*model_of(info[0]), radius));
}

// combinePatterns(patterns, weights, rank): Float32Array
Napi::Value combine_patterns(const Napi::CallbackInfo& info) {
  const auto rank = static_cast<std::size_t>(integer_of(info[2], "rank", 1, 4096));
  const auto patterns = view_of<float>(info[0], "patterns");
  const auto weights = view_of<double>(info[1], "weights");
  constexpr std::size_t kMost = 1 << 24;
  if (patterns.size() % rank != 0 || patterns.size() > kMost) reject("rows of one length", "patterns", info[0]);
  if (weights.size() % rank != 0 || weights.size() / rank * (patterns.size() / rank) > kMost)
    reject("a weight a pattern in every row", "weights", info[1]);
  return adopted_array(info.Env(), fit::combine_patterns(patterns, weights, rank));
}

}  // namespace

void register_coarse(Napi::Env env, Napi::Object exports) {
  export_function<coarse_fit>(env, exports, "coarseFit");
  export_function<combine_patterns>(env, exports, "combinePatterns");
  export_function<contour_candidates>(env, exports, "contourCandidates");
}

}  // namespace hrn::binding
