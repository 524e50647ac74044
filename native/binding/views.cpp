#include "binding/views.hpp"

#include <cstdint>
#include <utility>
#include <vector>

#include "binding/coarse.hpp"
#include "binding/context.hpp"
#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/job.hpp"
#include "binding/model.hpp"
#include "binding/refine.hpp"
#include "fit/context.hpp"
#include "fit/views/joint_fit.hpp"

namespace hrn::binding {
namespace {

constexpr std::uint32_t kMaxViews = 256;

fit::JointProblem joint_problem_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "problem");
  const Napi::Value views = field(o, "views");
  if (!views.IsArray()) reject("an array", "views", views);
  fit::JointProblem problem;
  const auto list = views.As<Napi::Array>();
  for (std::uint32_t i = 0; i < list.Length() && i <= kMaxViews; ++i)
    problem.views.push_back(photometric_problem_of(list.Get(i)));
  problem.one_camera = boolean_of(field(o, "oneCamera"), "oneCamera");
  return problem;
}

// One result per view.
template <class Result>
auto list_of(Napi::Value (*one)(Napi::Env, Result&&)) {
  return [one](Napi::Env env, std::vector<Result>&& results) -> Napi::Value {
    Napi::Array list = Napi::Array::New(env, results.size());
    for (std::uint32_t i = 0; i < results.size(); ++i) list.Set(i, one(env, std::move(results[i])));
    return list;
  };
}

template <auto fit_views, class Convert>
Napi::Value start_joint(const Napi::CallbackInfo& info, Convert convert) {
  auto context = context_of(info[0]);
  auto model = model_of(info[1]);
  return start_job(
      info.Env(), info[3],
      [context, model, problem = joint_problem_of(info[2])](const Cancel& cancel, const Progress& progress) {
        ThreadPool pool(context->crew(), cancel);
        return fit_views(*model, problem, pool, cancel, progress);
      },
      convert);
}

// jointLandmarkFit(context, model, problem, onProgress): job of a CoarseFit per view
Napi::Value joint_landmark_fit(const Napi::CallbackInfo& info) {
  return start_joint<fit::fit_joint_landmarks>(info, list_of(coarse_result));
}

// jointPhotometricFit(context, model, problem, onProgress): job of a PhotometricFit per view
Napi::Value joint_photometric_fit(const Napi::CallbackInfo& info) {
  return start_joint<fit::fit_joint_photometric>(info, list_of(photometric_result));
}

// jointDeformationFit(context, model, views, onProgress): job of { map, positions, photometricErrors }
Napi::Value joint_deformation_fit(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto model = model_of(info[1]);
  if (!info[2].IsArray()) reject("an array", "views", info[2]);
  const auto list = info[2].As<Napi::Array>();
  std::vector<fit::DeformationProblem> views;
  for (std::uint32_t i = 0; i < list.Length() && i <= kMaxViews; ++i)
    views.push_back(deformation_problem_of(list.Get(i)));
  return start_job(
      info.Env(), info[3],
      [context, model, views = std::move(views)](const Cancel& cancel, const Progress& progress) {
        ThreadPool pool(context->crew(), cancel);
        return fit::fit_joint_deformation(*model, views, pool, cancel, progress);
      },
      [](Napi::Env env, fit::JointDeformationResult&& r) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("map", adopted_array(env, std::move(r.map)));
        Napi::Array positions = Napi::Array::New(env, r.positions.size());
        for (std::uint32_t i = 0; i < r.positions.size(); ++i)
          positions.Set(i, adopted_array(env, std::move(r.positions[i])));
        result.Set("positions", positions);
        result.Set("photometricErrors", typed_array(env, r.photometric_errors));
        return result;
      });
}

}  // namespace

void register_views(Napi::Env env, Napi::Object exports) {
  export_function<joint_landmark_fit>(env, exports, "jointLandmarkFit");
  export_function<joint_photometric_fit>(env, exports, "jointPhotometricFit");
  export_function<joint_deformation_fit>(env, exports, "jointDeformationFit");
}

}  // namespace hrn::binding
