#include "binding/reference.hpp"

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "binding/context.hpp"
#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/held.hpp"
#include "binding/job.hpp"
#include "fit/context.hpp"
#include "fit/reference/fit.hpp"

namespace hrn::binding {
namespace {

using fit::reference::Model;

constexpr napi_type_tag kTag = {0x8d21f60b93ce4a75ULL, 0xa5b8130e7fd4c269ULL};
constexpr long kMaxCount = 4'000'000, kMaxIterations = 10'000, kMaxSide = 4096;
constexpr double kMaxLength = 1e6;

// What build_model reads, copied: JavaScript may change or give away its arrays while the job runs.
struct OwnedSource {
  std::vector<std::vector<float>> floats;
  std::vector<std::vector<std::uint32_t>> indices;
  fit::reference::ModelSource source;
};

std::shared_ptr<const OwnedSource> source_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "model");
  auto owned = std::make_shared<OwnedSource>();
  const auto floats = [&](const char* key) -> std::span<const float> {
    return owned->floats.emplace_back(finite_floats_of(field(o, key), key));
  };
  const auto indices = [&](const char* key) -> std::span<const std::uint32_t> {
    return owned->indices.emplace_back(copy_of<std::uint32_t>(field(o, key), key));
  };
  const auto number = [&](const char* key) { return integer_of(field(o, key), key, 1, 1024); };
  fit::reference::ModelSource& s = owned->source;
  s.identity = number("identityCount");
  s.expression = number("expressionCount");
  s.albedo = number("albedoCount");
  s.mean = floats("mean");
  s.shape_basis = floats("shapeBasis");
  s.mean_albedo = floats("meanAlbedo");
  s.albedo_basis = floats("albedoBasis");
  s.indices = indices("triangles");
  s.uvs = floats("uvs");
  s.keypoints = indices("keypoints");
  const auto most = static_cast<std::size_t>(3 * kMaxCount);
  if (s.mean.size() > most || s.indices.size() > most) reject("at most 4,000,000 vertices", "mean", field(o, "mean"));
  return owned;
}

// buildReferenceModel(model): job of ReferenceModel
Napi::Value build_reference_model(const Napi::CallbackInfo& info) {
  return start_job(
      info.Env(), info.Env().Undefined(),
      [owned = source_of(info[0])](const Cancel& cancel, const Progress&) {
        cancel.check();
        return std::make_shared<const Model>(fit::reference::build_model(owned->source));
      },
      [](Napi::Env env, std::shared_ptr<const Model>&& model) -> Napi::Value {
        return held_object(env, std::move(model), kTag);
      });
}

fit::reference::Problem problem_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "problem");
  fit::reference::Problem p;
  const auto floats = [&](const char* key) { return finite_floats_of(field(o, key), key); };
  const auto number = [&](const char* key, long most) { return integer_of(field(o, key), key, 1, most); };
  p.side = number("side", kMaxSide);
  p.map = number("mapSize", kMaxSide);
  p.focal = number_of(field(o, "focal"), "focal", 1, kMaxLength);
  p.camera_distance = number_of(field(o, "cameraDistance"), "cameraDistance", 0, kMaxLength);
  p.picture = floats("picture");
  p.landmarks = floats("landmarks");
  const auto rows = finite_floats_of(field(o, "rows"), "rows", static_cast<std::size_t>(2 * p.side));
  for (std::size_t i = 0; i < rows.size(); i += 2) p.rows.push_back({rows[i], rows[i + 1]});
  p.coefficients = floats("coefficients");
  p.iterations = static_cast<int>(number("iterations", kMaxIterations));
  return p;
}

Napi::Value reference_fit(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto model = held_of<Model>(info[1], kTag, "a ReferenceModel");
  return start_job(
      info.Env(), info[3],
      [context, model, problem = problem_of(info[2])](const Cancel& cancel, const Progress& progress) {
        ThreadPool pool(context->crew(), cancel);
        if (auto* gpu = context->gpu()) return gpu->reference(model, problem, cancel, progress);
        return fit::reference::fit(*model, problem, pool, cancel, progress);
      },
      [](Napi::Env env, fit::reference::Result&& r) -> Napi::Value {
        Napi::Object o = Napi::Object::New(env);
        o.Set("coefficients", adopted_array(env, std::move(r.coefficients)));
        o.Set("shapeMap", adopted_array(env, std::move(r.shape_map)));
        o.Set("albedoMap", adopted_array(env, std::move(r.albedo_map)));
        o.Set("positions", adopted_array(env, std::move(r.positions)));
        o.Set("colours", adopted_array(env, std::move(r.colours)));
        o.Set("losses", adopted_array(env, std::move(r.losses)));
        return o;
      });
}

}  // namespace

void register_reference(Napi::Env env, Napi::Object exports) {
  export_function<build_reference_model>(env, exports, "buildReferenceModel");
  export_function<reference_fit>(env, exports, "referenceFit");
}

}  // namespace hrn::binding
