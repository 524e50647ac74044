#include "binding/views.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "binding/coarse.hpp"
#include "binding/context.hpp"
#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/face.hpp"
#include "binding/image.hpp"
#include "binding/job.hpp"
#include "binding/model.hpp"
#include "binding/refine.hpp"
#include "fit/context.hpp"
#include "fit/texture/blend.hpp"
#include "fit/texture/sights.hpp"
#include "fit/views/joint_fit.hpp"
#include "fit/views/registration.hpp"

namespace hrn::binding {
namespace {

constexpr std::uint32_t kMaxViews = 256;

// What `one` makes of each of the views; one more than there may be is enough to refuse them.
template <class One>
auto views_of(const Napi::Value& views, const One& one) {
  if (!views.IsArray()) reject("an array", "views", views);
  const auto list = views.As<Napi::Array>();
  std::vector<decltype(one(views))> result;
  for (std::uint32_t i = 0; i < list.Length() && i <= kMaxViews; ++i) result.push_back(one(list.Get(i)));
  return result;
}

fit::JointProblem joint_problem_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "problem");
  fit::JointProblem problem;
  problem.views = views_of(field(o, "views"), photometric_problem_of);
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

fit::RegisteredView registered_view_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "view");
  fit::RegisteredView view;
  view.level = level_of(field(o, "level"));
  view.camera = camera_of(field(o, "camera"));
  view.positions = copy_of<float>(field(o, "positions"), "positions");
  const auto lighting = view_of<double>(field(o, "lighting"), "lighting", view.lighting.size());
  std::copy(lighting.begin(), lighting.end(), view.lighting.begin());
  return view;
}

// registerViews(context, model, views, onProgress): job of the points of each view
Napi::Value register_views_of(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto model = model_of(info[1]);
  auto views = views_of(info[2], registered_view_of);
  return start_job(
      info.Env(), info[3],
      [context, model, views = std::move(views)](const Cancel& cancel, const Progress&) {
        ThreadPool pool(context->crew(), cancel);
        return fit::register_views(*model, views, pool, cancel);
      },
      list_of<fit::PointProblem>([](Napi::Env env, fit::PointProblem&& points) -> Napi::Value {
        Napi::Object o = Napi::Object::New(env);
        o.Set("vertices", typed_array(env, points.vertices));
        o.Set("pixels", typed_array(env, points.pixels));
        o.Set("information", typed_array(env, points.information));
        return o;
      }));
}

// jointDeformationFit(context, model, views, onProgress): job of { map, positions, photometricErrors }
Napi::Value joint_deformation_fit(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto model = model_of(info[1]);
  auto views = views_of(info[2], deformation_problem_of);
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

// new TextureBlend(model): add(context, photo, problem, sharpness), job of nothing, a photo after the other; then
// finish(context, rgb), job of each photo's share. Only one job of it runs at a time.
class TextureBlendObject : public Napi::ObjectWrap<TextureBlendObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "TextureBlend",
        {InstanceMethod<&TextureBlendObject::add>("add"), InstanceMethod<&TextureBlendObject::finish>("finish")});
  }

  explicit TextureBlendObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TextureBlendObject>(info) {
    guarded(info.Env(), [&] {
      model_ = model_of(info[0]);
      slot_ = std::make_shared<Slot>(model_);
    });
  }

 private:
  struct Slot {
    explicit Slot(std::shared_ptr<const fit::Model> model) : blend(std::move(model)) {}
    std::mutex mutex;
    fit::TextureBlend blend;
  };

  Napi::Value add(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      auto context = context_of(info[0]);
      auto photo = image_of(info[1]);
      fit::TextureProblem problem = texture_problem_of(info[2]);
      const double sharpness = number_of(info[3], "sharpness", 0, 1);
      auto looks = face_looks_of(object_of(info[2], "problem"));
      return start_job(
          info.Env(), info.Env().Undefined(),
          [slot = slot_, model = model_, context, photo, problem = std::move(problem), looks = std::move(looks),
           sharpness](const Cancel& cancel, const Progress&) mutable {
            const std::lock_guard lock(slot->mutex);
            ThreadPool pool(context->crew(), cancel);
            if (looks) {
              looks->classes.check_numbers();
              fit::look_at_face(problem, *model, looks->face.view(), looks->classes.classes(), pool);
            }
            slot->blend.add(*photo, problem, sharpness, pool, cancel);
            return true;
          },
          [](Napi::Env env, bool) -> Napi::Value { return env.Undefined(); }, FreedMemory::give_back);
    });
  }

  Napi::Value finish(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      auto context = context_of(info[0]);
      const auto texels = view_of<std::uint8_t>(info[1], "rgb");
      // Written where JavaScript reads it, as by recoverTexture.
      const std::span<std::uint8_t> rgb(const_cast<std::uint8_t*>(texels.data()), texels.size());
      return start_job(
          info.Env(), info.Env().Undefined(),
          [slot = slot_, context, rgb](const Cancel& cancel, const Progress&) {
            const std::lock_guard lock(slot->mutex);
            ThreadPool pool(context->crew(), cancel);
            slot->blend.finish(rgb, pool, cancel);
            return slot->blend.shares();
          },
          [kept = Napi::Persistent(info[1].As<Napi::Object>())](
              Napi::Env env, const std::vector<double>& shares) -> Napi::Value { return typed_array(env, shares); },
          FreedMemory::give_back);
    });
  }

  std::shared_ptr<const fit::Model> model_;
  std::shared_ptr<Slot> slot_;
};

}  // namespace

void register_views(Napi::Env env, Napi::Object exports) {
  export_function<joint_landmark_fit>(env, exports, "jointLandmarkFit");
  export_function<joint_photometric_fit>(env, exports, "jointPhotometricFit");
  export_function<register_views_of>(env, exports, "registerViews");
  export_function<joint_deformation_fit>(env, exports, "jointDeformationFit");
  exports.Set("TextureBlend", TextureBlendObject::define(env));
}

}  // namespace hrn::binding
