// render(context, scene) -> { promise, cancel() } of { rgba, depth?, triangleId?, barycentrics? }: pictures of a mesh.
// The fields of the scene are those of NativeRenderScene in lib/native/binding.ts.
#include "binding/render.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "binding/context.hpp"
#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/job.hpp"
#include "ops/rasterize.hpp"
#include "render/render.hpp"

namespace hrn::binding {
namespace {

/// Arguments that own what they point to.
struct OwnedScene {
  render::RenderArgs args;
  std::vector<float> positions, normals, colours, uvs;
  std::vector<std::uint32_t> indices;
  std::vector<std::uint8_t> texture, background;
};

std::size_t size(long n) { return static_cast<std::size_t>(n); }

void numbers_of(const Napi::Value& value, std::string_view name, double min, double max, float* out, uint32_t count) {
  if (!value.IsArray() || value.As<Napi::Array>().Length() != count)
    reject("an array of " + std::to_string(count) + " numbers", name, value);
  for (uint32_t i = 0; i < count; ++i)
    out[i] = static_cast<float>(number_of(value.As<Napi::Array>().Get(i), name, min, max));
}

void read_mesh(const Napi::Object& scene, OwnedScene& s) {
  render::RenderArgs& a = s.args;
  s.positions = copy_of<float>(field(scene, "positions"), "positions");
  if (s.positions.size() % 3 != 0) reject("three numbers a vertex", "positions", field(scene, "positions"));
  a.vertices = static_cast<long>(s.positions.size() / 3);
  s.indices = indices_of(field(scene, "indices"), "indices", static_cast<std::uint32_t>(a.vertices));
  if (s.indices.size() % 3 != 0) reject("three indices a triangle", "indices", field(scene, "indices"));
  a.triangles = static_cast<long>(s.indices.size() / 3);
  a.positions = s.positions.data();
  a.indices = s.indices.data();
  if (const Napi::Value normals = field(scene, "normals"); !normals.IsUndefined()) {
    s.normals = copy_of<float>(normals, "normals", size(3 * a.vertices));
    a.normals = s.normals.data();
  }
  if (const Napi::Value cull = field(scene, "cullBackFaces"); !cull.IsUndefined())
    a.cull_back_faces = boolean_of(cull, "cullBackFaces");
}

void read_camera(const Napi::Object& scene, render::RenderArgs& a) {
  constexpr double kFar = 1e7;
  numbers_of(field(scene, "rotation"), "rotation", -kFar, kFar, a.rotation, 9);
  numbers_of(field(scene, "translation"), "translation", -kFar, kFar, a.translation, 3);
  numbers_of(field(scene, "principalPointPx"), "principalPointPx", -kFar, kFar, a.centre_px, 2);
  a.focal_px = static_cast<float>(number_of(field(scene, "focalLengthPx"), "focalLengthPx", 1e-3, kFar));
  a.width = static_cast<int>(integer_of(field(scene, "width"), "width", 1, ops::kMaxImageSide));
  a.height = static_cast<int>(integer_of(field(scene, "height"), "height", 1, ops::kMaxImageSide));
  if (const Napi::Value samples = field(scene, "supersampling"); !samples.IsUndefined())
    a.supersampling = static_cast<int>(integer_of(samples, "supersampling", 1, 4));
}

void read_surface(const Napi::Object& scene, OwnedScene& s) {
  render::RenderArgs& a = s.args;
  if (const Napi::Value colours = field(scene, "colours"); !colours.IsUndefined()) {
    s.colours = copy_of<float>(colours, "colours", size(3 * a.vertices));
    a.colours = s.colours.data();
  }
  if (const Napi::Value value = field(scene, "texture"); !value.IsUndefined()) {
    const Napi::Object texture = object_of(value, "texture");
    a.texture_size = integer_of(field(texture, "size"), "texture.size", 2, 16384);
    a.texture_channels = static_cast<int>(integer_of(field(texture, "channels"), "texture.channels", 3, 4));
    s.texture = copy_of<std::uint8_t>(field(texture, "data"), "texture.data",
                                      size(a.texture_size * a.texture_size * a.texture_channels));
    s.uvs = copy_of<float>(field(scene, "uvs"), "uvs", size(2 * a.vertices));
    a.texture = s.texture.data();
    a.uvs = s.uvs.data();
  }
  const Napi::Value light = field(scene, "light");
  if (light.IsUndefined()) return;
  if (light.IsTypedArray()) {
    const auto lighting = finite_floats_of(light, "light", 27);
    std::copy(lighting.begin(), lighting.end(), a.lighting);
    a.light = render::RenderLight::harmonics;
    return;
  }
  const std::string name = light.IsString() ? string_of(light, "light") : "";
  if (name != "studio" && name != "none") reject("'studio', 'none' or a Float32Array of 27", "light", light);
  a.light = name == "studio" ? render::RenderLight::studio : render::RenderLight::none;
}

void read_background(const Napi::Object& scene, OwnedScene& s) {
  render::RenderArgs& a = s.args;
  if (const Napi::Value opacity = field(scene, "opacity"); !opacity.IsUndefined())
    a.opacity = static_cast<float>(number_of(opacity, "opacity", 0, 1));
  const Napi::Value background = field(scene, "background");
  if (background.IsUndefined()) return;
  if (background.IsArray()) return numbers_of(background, "background", 0, 1, a.background, 4);
  const Napi::Object image = object_of(background, "background");
  a.background_channels = static_cast<int>(integer_of(field(image, "channels"), "background.channels", 3, 4));
  s.background = copy_of<std::uint8_t>(field(image, "data"), "background.data",
                                       size(static_cast<long>(a.width) * a.height * a.background_channels));
  a.background_image = s.background.data();
}

Napi::Value render(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  const Napi::Object scene = object_of(info[1], "scene");
  auto owned = std::make_shared<OwnedScene>();
  read_mesh(scene, *owned);
  read_camera(scene, owned->args);
  read_surface(scene, *owned);
  read_background(scene, *owned);
  if (const Napi::Value geometry = field(scene, "geometry"); !geometry.IsUndefined())
    owned->args.want_geometry = boolean_of(geometry, "geometry");
  return start_job(
      info.Env(), info.Env().Undefined(),
      [context = std::move(context), owned = std::move(owned)](const Cancel& cancel, const Progress&) {
        ThreadPool pool(context->crew(), cancel);
        return render::render(owned->args, pool, cancel);
      },
      [](Napi::Env env, const render::RenderResult& result) -> Napi::Value {
        Napi::Object out = Napi::Object::New(env);
        out.Set("rgba", typed_array(env, result.rgba));
        if (!result.depth.empty()) {
          out.Set("depth", typed_array(env, result.depth));
          out.Set("triangleId", typed_array(env, result.triangle_id));
          out.Set("barycentrics", typed_array(env, result.barycentrics));
        }
        return out;
      });
}

}  // namespace

void register_render(Napi::Env env, Napi::Object exports) { export_function<render>(env, exports, "render"); }

}  // namespace hrn::binding
