#include "binding/reference.hpp"

#include <utility>
#include <vector>

#include "binding/context.hpp"
#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/job.hpp"
#include "fit/context.hpp"
#include "fit/reference/fit.hpp"

namespace hrn::binding {
namespace {

constexpr long kMaxCount = 4'000'000, kMaxIterations = 10'000, kMaxSide = 4096;
constexpr double kMaxLength = 1e6;

fit::reference::Problem problem_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "problem");
  fit::reference::Problem p;
  const auto floats = [&](const char* key) { return finite_floats_of(field(o, key), key); };
  const auto indices = [&](const char* key) { return copy_of<std::uint32_t>(field(o, key), key); };
  const auto number = [&](const char* key, long most) { return integer_of(field(o, key), key, 1, most); };
  p.identity = number("identityCount", 1024);
  p.expression = number("expressionCount", 1024);
  p.albedo = number("albedoCount", 1024);
  p.mean = floats("mean");
  p.shape_basis = floats("shapeBasis");
  p.mean_albedo = floats("meanAlbedo");
  p.albedo_basis = floats("albedoBasis");
  p.indices = indices("triangles");
  p.uvs = floats("uvs");
  p.keypoints = indices("keypoints");
  p.vertices = static_cast<long>(p.mean.size() / 3);
  p.triangles = static_cast<long>(p.indices.size() / 3);
  if (p.vertices > kMaxCount || p.triangles > kMaxCount) reject("at most 4,000,000 vertices", "mean", field(o, "mean"));
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
  return start_job(
      info.Env(), info[2],
      [context, problem = problem_of(info[1])](const Cancel& cancel, const Progress& progress) {
        ThreadPool pool(context->crew(), cancel);
        return fit::reference::fit(problem, pool, cancel, progress);
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
  export_function<reference_fit>(env, exports, "referenceFit");
}

}  // namespace hrn::binding
