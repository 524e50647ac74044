#include "binding/hair.hpp"

#include <memory>
#include <utility>

#include "binding/context.hpp"
#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/face.hpp"
#include "binding/image.hpp"
#include "binding/job.hpp"
#include "binding/model.hpp"
#include "binding/refine.hpp"
#include "fit/context.hpp"
#include "fit/hair/hair.hpp"

namespace hrn::binding {
namespace {

// hairVolume(context, model, photo, problem): job of NativeHair
Napi::Value hair_volume(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto model = model_of(info[1]);
  auto photo = image_of(info[2]);
  const Napi::Object o = object_of(info[3], "problem");
  auto positions = copy_of<float>(field(o, "positions"), "positions");
  const fit::CameraPose camera = camera_of(field(o, "camera"));
  auto face = std::make_unique<const FaceView>(field(o, "face"));
  auto dense = std::make_unique<const DenseClasses>(field(o, "dense"));
  auto wide = std::make_unique<const DenseClasses>(field(o, "wide"));
  return start_job(
      info.Env(), info.Env().Undefined(),
      [context, model, photo, positions = std::move(positions), camera, face = std::move(face),
       dense = std::move(dense), wide = std::move(wide)](const Cancel& cancel, const Progress&) {
        imaging::check_numbers(face->view());
        dense->check_numbers();
        wide->check_numbers();
        ThreadPool pool(context->crew(), cancel);
        return fit::hair_volume(*model, *photo, positions, camera, face->view(), dense->classes(), wide->classes(),
                                pool);
      },
      [](Napi::Env env, fit::HairVolume&& hair) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("positions", typed_array(env, hair.positions));
        result.Set("normals", typed_array(env, hair.normals));
        result.Set("uvs", typed_array(env, hair.uvs));
        result.Set("indices", typed_array(env, hair.indices));
        result.Set("rgb", typed_array(env, hair.rgb));
        result.Set("width", static_cast<double>(fit::kHairTextureWidth));
        result.Set("height", static_cast<double>(fit::kHairTextureHeight));
        return result;
      });
}

}  // namespace

void register_hair(Napi::Env env, Napi::Object exports) { export_function<hair_volume>(env, exports, "hairVolume"); }

}  // namespace hrn::binding
