#include "binding/refine.hpp"

#include <future>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "backends/cpu/cpu_backend.hpp"
#include "binding/coarse.hpp"
#include "binding/context.hpp"
#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/face.hpp"
#include "binding/image.hpp"
#include "binding/job.hpp"
#include "binding/model.hpp"
#include "fit/context.hpp"
#include "fit/deformation/deformation.hpp"
#include "fit/head/surface.hpp"
#include "fit/parameters/fit.hpp"
#include "fit/texture/eyeballs.hpp"
#include "fit/texture/sights.hpp"
#include "fit/texture/texture.hpp"

namespace hrn::binding {
namespace {

constexpr double kAny = std::numeric_limits<double>::max();
constexpr long kMaxSide = 8192;

template <std::size_t N>
std::array<double, N> doubles_of(const Napi::Object& from, const char* key) {
  const auto view = view_of<double>(field(from, key), key, N);
  std::array<double, N> out;
  std::copy(view.begin(), view.end(), out.begin());
  return out;
}

}  // namespace

fit::CameraPose camera_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "camera");
  fit::CameraPose camera;
  camera.rotation = doubles_of<9>(o, "rotation");
  camera.translation = doubles_of<3>(o, "translation");
  camera.focal_px = number_of(field(o, "focalPx"), "focalPx", 0, kAny);
  camera.principal_px = doubles_of<2>(o, "principalPx");
  return camera;
}

namespace {

// Sets the numbers that are given; an absent one keeps its default.
void set_numbers(const Napi::Object& from, std::initializer_list<std::pair<const char*, double*>> fields) {
  for (const auto& [key, to] : fields) {
    const Napi::Value value = field(from, key);
    if (!value.IsUndefined()) *to = number_of(value, key, 0, kAny);
  }
}

void set_photometric_options(const Napi::Object& from, fit::PhotometricOptions& options) {
  set_numbers(from, {{"sigmaReference", &options.sigma_reference},
                     {"sigmaFloor", &options.sigma_floor},
                     {"robust", &options.robust},
                     {"effectiveSamples", &options.effective_samples}});
}

// headShape(context, model, identity, expression): job of Float32Array
Napi::Value head_shape(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto model = model_of(info[1]);
  auto identity = copy_of<double>(info[2], "identity", static_cast<std::size_t>(model->identity_count));
  auto expression = copy_of<double>(info[3], "expression", static_cast<std::size_t>(model->expression_count));
  return start_job(
      info.Env(), info.Env().Undefined(),
      [context, model, identity = std::move(identity), expression = std::move(expression)](const Cancel& cancel,
                                                                                           const Progress&) {
        ThreadPool pool(context->crew(), cancel);
        CpuBackend backend(pool);
        fit::HeadSurface surface(*model, fit::host_arrays(*model), backend);
        surface.set_shape(identity, expression);
        return std::vector<float>(surface.positions().begin(), surface.positions().end());
      },
      [](Napi::Env env, std::vector<float>&& positions) -> Napi::Value {
        return adopted_array(env, std::move(positions));
      });
}

}  // namespace

fit::PhotometricLevel level_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "level");
  fit::PhotometricLevel level;
  level.rgb = copy_of<float>(field(o, "rgb"), "rgb");
  level.mask = copy_of<float>(field(o, "mask"), "mask");
  level.size = static_cast<int>(integer_of(field(o, "size"), "size", 1, kMaxSide));
  level.scale = static_cast<float>(number_of(field(o, "scale"), "scale", 0, 1e6));
  level.x0 = static_cast<float>(number_of(field(o, "x0"), "x0", -1e7, 1e7));
  level.y0 = static_cast<float>(number_of(field(o, "y0"), "y0", -1e7, 1e7));
  level.iterations = static_cast<int>(integer_of(field(o, "iterations"), "iterations", 0, 1000));
  return level;
}

Napi::Value photometric_result(Napi::Env env, fit::PhotometricResult&& r) {
  Napi::Object o = Napi::Object::New(env);
  o.Set("rotation", typed_array(env, r.camera.rotation));
  o.Set("translation", typed_array(env, r.camera.translation));
  o.Set("focalPx", r.camera.focal_px);
  o.Set("identity", typed_array(env, r.identity));
  o.Set("expression", typed_array(env, r.expression));
  o.Set("nuisance", typed_array(env, r.nuisance));
  o.Set("albedo", typed_array(env, r.albedo));
  o.Set("lighting", typed_array(env, r.lighting));
  o.Set("samples", static_cast<double>(r.samples));
  o.Set("error", r.error);
  o.Set("iterations", r.iterations);
  o.Set("cost", r.cost);
  o.Set("evidence", typed_array(env, r.evidence));
  return o;
}

namespace {

fit::SilhouetteProblem silhouette_of(const Napi::Value& value) {
  fit::SilhouetteProblem silhouette;
  if (value.IsUndefined()) return silhouette;
  const Napi::Object o = object_of(value, "silhouette");
  silhouette.edges = copy_of<double>(field(o, "edges"), "edges");
  silhouette.normals = copy_of<double>(field(o, "normals"), "normals");
  silhouette.takes_part = copy_of<std::uint8_t>(field(o, "takesPart"), "takesPart");
  set_numbers(o, {{"sigmaMm", &silhouette.sigma_mm},
                  {"reachMm", &silhouette.reach_mm},
                  {"robustScale", &silhouette.robust_scale}});
  return silhouette;
}

fit::NormalProblem normals_of(const Napi::Value& value) {
  fit::NormalProblem normals;
  if (value.IsUndefined()) return normals;
  const Napi::Object o = object_of(value, "normals");
  normals.size = static_cast<int>(integer_of(field(o, "side"), "side", 2, kMaxSide));
  normals.normals = copy_of<float>(field(o, "normals"), "normals");
  normals.sigma = copy_of<float>(field(o, "normalSigma"), "normalSigma");
  normals.skin = copy_of<float>(field(o, "skin"), "skin");
  normals.to_photo = affine_of(field(o, "toPhoto"));
  set_numbers(o, {{"effective", &normals.effective},
                  {"floorSigma", &normals.floor_sigma},
                  {"robustScale", &normals.robust_scale}});
  return normals;
}

fit::PointProblem points_of(const Napi::Value& value) {
  fit::PointProblem points;
  if (value.IsUndefined()) return points;
  const Napi::Object o = object_of(value, "points");
  points.vertices = copy_of<std::uint32_t>(field(o, "vertices"), "vertices");
  points.pixels = copy_of<double>(field(o, "pixels"), "pixels");
  points.information = copy_of<double>(field(o, "information"), "information");
  set_numbers(o, {{"robustScale", &points.robust_scale}});
  return points;
}

}  // namespace

fit::PhotometricProblem photometric_problem_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "problem");
  fit::PhotometricProblem problem;
  problem.landmarks = coarse_problem_of(field(o, "landmarks"));
  problem.camera = camera_of(field(o, "camera"));
  problem.identity = copy_of<double>(field(o, "identity"), "identity");
  problem.expression = copy_of<double>(field(o, "expression"), "expression");
  problem.nuisance = copy_of<double>(field(o, "nuisance"), "nuisance");
  const Napi::Value levels = field(o, "levels");
  if (!levels.IsArray()) reject("an array", "levels", levels);
  const auto list = levels.As<Napi::Array>();
  for (std::uint32_t i = 0; i < list.Length() && i < 16; ++i) problem.levels.push_back(level_of(list.Get(i)));
  set_photometric_options(o, problem.photo);
  problem.silhouette = silhouette_of(field(o, "silhouette"));
  problem.normals = normals_of(field(o, "normals"));
  problem.points = points_of(field(o, "points"));
  set_numbers(o, {{"albedoSigma", &problem.albedo_sigma},
                  {"lightSigma", &problem.light_sigma},
                  {"lightColourSigma", &problem.light_colour_sigma}});
  return problem;
}

namespace {

// photometricFit(context, model, problem, onProgress): job of PhotometricFit
Napi::Value photometric_fit(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto model = model_of(info[1]);
  return start_job(
      info.Env(), info[3],
      [context, model, problem = photometric_problem_of(info[2])](const Cancel& cancel, const Progress& progress) {
        ThreadPool pool(context->crew(), cancel);
        if (auto* gpu = context->gpu()) return gpu->photometric(model, problem, pool, cancel, progress);
        return fit::fit_photometric(*model, problem, pool, cancel, progress);
      },
      photometric_result);
}

std::vector<fit::MapScale> scales_of(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) reject("an array", name, value);
  const auto list = value.As<Napi::Array>();
  std::vector<fit::MapScale> scales;
  for (std::uint32_t i = 0; i < list.Length() && i < 16; ++i) {
    const Napi::Object o = object_of(list.Get(i), name);
    scales.push_back(
        {number_of(field(o, "sigma"), "sigma", 0, 1e3), number_of(field(o, "lengthTexels"), "lengthTexels", 0, 1e3)});
  }
  return scales;
}

}  // namespace

fit::DeformationProblem deformation_problem_of(const Napi::Value& given) {
  const Napi::Object o = object_of(given, "problem");
  const auto optional = [&](const char* key) {
    const Napi::Value value = field(o, key);
    return value.IsUndefined() ? std::vector<double>{} : copy_of<double>(value, key);
  };
  fit::DeformationProblem problem;
  problem.positions = copy_of<float>(field(o, "positions"), "positions");
  problem.camera = camera_of(field(o, "camera"));
  problem.albedo = copy_of<double>(field(o, "albedo"), "albedo");
  problem.lighting = doubles_of<27>(o, "lighting");
  problem.pixels = copy_of<double>(field(o, "pixels"), "pixels");
  problem.weights = optional("weights");
  problem.bias_mm = optional("biasMm");
  problem.sigma_mm = optional("sigmaMm");
  problem.points = points_of(field(o, "points"));
  problem.level = level_of(field(o, "level"));
  const Napi::Value size = field(o, "mapSize");
  if (!size.IsUndefined()) problem.map_size = static_cast<int>(integer_of(size, "mapSize", 16, 1024));
  for (const auto& [key, to] : {std::pair{"shapeScales", &problem.shape}, {"colourScales", &problem.colour}}) {
    const Napi::Value value = field(o, key);
    if (!value.IsUndefined()) *to = scales_of(value, key);
  }
  set_photometric_options(o, problem.photo);
  set_numbers(o, {{"mirror", &problem.mirror},
                  {"landmarkDepthSigmaMm", &problem.landmark_depth_sigma_mm},
                  {"landmarkFloorPx", &problem.landmark_floor_px}});
  return problem;
}

namespace {

// deformationFit(context, model, problem, onProgress): job of { map, positions, photometricError, energy }
Napi::Value deformation_fit(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto model = model_of(info[1]);
  return start_job(
      info.Env(), info[3],
      [context, model, problem = deformation_problem_of(info[2])](const Cancel& cancel, const Progress& progress) {
        if (auto* gpu = context->gpu()) return gpu->deformation(model, problem, cancel, progress);
        ThreadPool pool(context->crew(), cancel);
        return fit::fit_deformation(*model, problem, pool, cancel, progress);
      },
      [](Napi::Env env, fit::DeformationResult&& r) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("map", adopted_array(env, std::move(r.map)));
        result.Set("positions", adopted_array(env, std::move(r.positions)));
        result.Set("photometricError", r.photometric_error);
        result.Set("energy", typed_array(env, r.energy));
        return result;
      });
}

}  // namespace

fit::TextureProblem texture_problem_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "problem");
  fit::TextureProblem problem;
  problem.positions = copy_of<float>(field(o, "positions"), "positions");
  problem.camera = camera_of(field(o, "camera"));
  problem.albedo = copy_of<double>(field(o, "albedo"), "albedo");
  problem.lighting = doubles_of<27>(o, "lighting");
  const Napi::Value lids = field(o, "lids");
  if (!lids.IsUndefined()) problem.lids = copy_of<float>(lids, "lids");
  const Napi::Value worn = field(o, "worn");
  if (!worn.IsUndefined()) problem.worn = copy_of<double>(worn, "worn");
  problem.size = static_cast<int>(integer_of(field(o, "size"), "size", 16, kMaxSide));
  return problem;
}

namespace {

fit::EyeSight eye_sight_of(const Napi::Value& value) {
  constexpr long kMostLids = 256;
  const Napi::Object o = object_of(value, "eye");
  fit::EyeSight eye;
  const auto lids = view_of<float>(field(o, "lids"), "lids");
  if (lids.size() % 2 != 0 || lids.size() > 2 * kMostLids) reject("up to 256 points", "lids", field(o, "lids"));
  for (std::size_t i = 0; i < lids.size(); i += 2)
    eye.lids.push_back({static_cast<double>(lids[i]), static_cast<double>(lids[i + 1])});
  const auto iris = view_of<float>(field(o, "iris"), "iris", 10);
  for (std::size_t i = 0; i < 5; ++i)
    eye.iris[i] = {static_cast<double>(iris[2 * i]), static_cast<double>(iris[2 * i + 1])};
  eye.shut = number_of(field(o, "shut"), "shut", 0, 1);
  return eye;
}

// recoverTexture(context, model, photo, problem): job of the normals
Napi::Value recover_texture(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto model = model_of(info[1]);
  auto photo = image_of(info[2]);
  const Napi::Object o = object_of(info[3], "problem");
  fit::TextureProblem problem = texture_problem_of(o);
  auto looks = face_looks_of(o);
  // The texture is written where JavaScript reads it. It hands the array over, since it can make one that is not filled
  // with zeros first.
  const auto size = static_cast<std::size_t>(problem.size);
  const auto texels = view_of<std::uint8_t>(field(o, "rgb"), "rgb", 3 * size * size);
  const std::span<std::uint8_t> rgb(const_cast<std::uint8_t*>(texels.data()), texels.size());
  const Napi::Value albedo = field(o, "albedoRgb");
  if (!albedo.IsUndefined()) {
    const auto room = view_of<std::uint8_t>(albedo, "albedoRgb", 3 * size * size);
    problem.albedo_rgb = {const_cast<std::uint8_t*>(room.data()), room.size()};
  }
  const Napi::Value eyes_value = field(o, "eyes");
  std::optional<std::array<fit::EyeSight, 2>> eyes;
  if (!eyes_value.IsUndefined()) {
    const Napi::Object of = object_of(eyes_value, "eyes");
    eyes = {eye_sight_of(field(of, "left")), eye_sight_of(field(of, "right"))};
  }
  return start_job(
      info.Env(), info.Env().Undefined(),
      [context, model, photo, problem = std::move(problem), looks = std::move(looks), eyes = std::move(eyes), rgb](
          const Cancel& cancel, const Progress&) mutable {
        give_back_freed_memory();
        if (looks) {
          ThreadPool pool(context->crew(), cancel);
          looks->classes.check_numbers();
          fit::look_at_face(problem, *model, looks->face.view(), looks->classes.classes(), pool);
        }
        const auto read_eyes = [&](ThreadPool& pool) {
          return eyes ? fit::read_eyes(*model, *photo, problem, *eyes, pool) : fit::SeenEyes{};
        };
        std::vector<float> normals;
        fit::SeenEyes seen;
        if (auto* gpu = context->gpu()) {
          fit::check_texture_problem(*model, problem, rgb);
          // The host reads the eyes while the device paints.
          auto reading = std::async(std::launch::async, [&] {
            ThreadPool pool(context->crew(), cancel);
            return read_eyes(pool);
          });
          normals = gpu->texture(model, *photo, problem, rgb, cancel);
          seen = reading.get();
        } else {
          ThreadPool pool(context->crew(), cancel);
          normals = fit::recover_texture(*model, *photo, problem, rgb, pool, cancel);
          seen = read_eyes(pool);
        }
        if (eyes) {
          ThreadPool pool(context->crew(), cancel);
          fit::paint_eyeballs(*model, problem, seen, rgb, pool);
        }
        return normals;
      },
      [kept = Napi::Persistent(field(o, "rgb").As<Napi::Object>()), also_kept = Napi::Persistent(o)](
          Napi::Env env, const std::vector<float>& normals) -> Napi::Value { return typed_array(env, normals); },
      FreedMemory::give_back);
}

}  // namespace

void register_refine(Napi::Env env, Napi::Object exports) {
  export_function<head_shape>(env, exports, "headShape");
  export_function<photometric_fit>(env, exports, "photometricFit");
  export_function<deformation_fit>(env, exports, "deformationFit");
  export_function<recover_texture>(env, exports, "recoverTexture");
}

}  // namespace hrn::binding
