#include "binding/model.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/held.hpp"
#include "binding/job.hpp"
#include "core/catmull_clark.hpp"
#include "core/error.hpp"

namespace hrn::binding {
namespace {

constexpr napi_type_tag kTag = {0x3c7a9e51d2b84f06ULL, 0xb1e64d0872fa935cULL};
constexpr long kMaxCount = std::numeric_limits<std::int32_t>::max();

long count_of(const Napi::Object& object, const char* key, const char* name) {
  return integer_of(field(object, key), name, 0, kMaxCount);
}

fit::LandmarkSet landmarks_of(const Napi::Value& value, const std::string& name) {
  const Napi::Object object = object_of(value, name);
  fit::LandmarkSet set;
  set.count = integer_of(field(object, "count"), name + ".count", 0, kMaxCount);
  set.vertices = copy_of<std::uint32_t>(field(object, "vertices"), name + ".vertices");
  set.weights = copy_of<float>(field(object, "weights"), name + ".weights");
  set.sigma_mm = copy_of<float>(field(object, "sigmaMm"), name + ".sigmaMm");
  set.dynamic = copy_of<std::uint8_t>(field(object, "dynamic"), name + ".dynamic");
  return set;
}

std::vector<fit::Part> parts_of(const Napi::Value& value) {
  if (!value.IsArray()) reject("an array", "model.parts", value);
  const auto array = value.As<Napi::Array>();
  constexpr std::uint32_t kMaxParts = 256;
  if (array.Length() > kMaxParts) reject("at most 256 parts", "model.parts", value);
  std::vector<fit::Part> parts;
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Object part = object_of(array.Get(i), "model.parts[]");
    parts.push_back({string_of(field(part, "name"), "model.parts[].name"),
                     count_of(part, "firstTriangle", "model.parts[].firstTriangle"),
                     count_of(part, "triangleCount", "model.parts[].triangleCount")});
  }
  return parts;
}

// What build_model reads, copied: JavaScript may change or give away its arrays while the job runs.
struct OwnedSource {
  std::vector<std::vector<float>> floats;
  std::vector<std::vector<std::uint16_t>> halfs;
  std::vector<std::vector<std::uint32_t>> indices;
  std::vector<std::vector<std::uint8_t>> bytes;
  fit::ModelSource source;

  template <class T>
  static std::span<const T> keep(std::vector<std::vector<T>>& list, const Napi::Object& from, const char* key,
                                 const char* name) {
    return list.emplace_back(copy_of<T>(field(from, key), name));
  }
};

std::shared_ptr<const OwnedSource> source_of(const Napi::Value& value) {
  const Napi::Object model = object_of(value, "model");
  const Napi::Object identity = object_of(field(model, "identity"), "model.identity"),
                     expression = object_of(field(model, "expression"), "model.expression"),
                     albedo = object_of(field(model, "albedo"), "model.albedo");
  auto owned = std::make_shared<OwnedSource>();
  fit::ModelSource& s = owned->source;
  const auto floats = [&](const Napi::Object& from, const char* key, const char* name) {
    return OwnedSource::keep(owned->floats, from, key, name);
  };
  const auto halfs = [&](const Napi::Object& from, const char* name) {
    return OwnedSource::keep(owned->halfs, from, "halfs", name);
  };
  s.vertex_count = count_of(model, "vertexCount", "model.vertexCount");
  s.triangle_count = count_of(model, "triangleCount", "model.triangleCount");
  s.mean = floats(model, "mean", "model.mean");
  s.identity_count = count_of(identity, "count", "model.identity.count");
  s.expression_count = count_of(expression, "count", "model.expression.count");
  s.albedo_count = count_of(albedo, "count", "model.albedo.count");
  s.identity = halfs(identity, "model.identity.halfs");
  s.expression = halfs(expression, "model.expression.halfs");
  s.albedo = halfs(albedo, "model.albedo.halfs");
  s.expression_mean = floats(expression, "mean", "model.expression.mean");
  s.expression_sigma = floats(expression, "sigma", "model.expression.sigma");
  s.expression_min = floats(expression, "min", "model.expression.min");
  s.expression_max = floats(expression, "max", "model.expression.max");
  s.albedo_mean = floats(albedo, "mean", "model.albedo.mean");
  s.triangles = OwnedSource::keep(owned->indices, model, "triangles", "model.triangles");
  s.uvs = floats(model, "uvs", "model.uvs");
  s.regions = OwnedSource::keep(owned->bytes, model, "regions", "model.regions");
  s.mirror = OwnedSource::keep(owned->indices, model, "mirror", "model.mirror");
  s.deformable = floats(model, "deformable", "model.deformable");
  s.parts = parts_of(field(model, "parts"));
  s.dense = landmarks_of(field(model, "dense"), "model.dense");
  s.ibug68 = landmarks_of(field(model, "ibug68"), "model.ibug68");
  return owned;
}

// buildModel(model): job of Model
Napi::Value build_model(const Napi::CallbackInfo& info) {
  return start_job(
      info.Env(), info.Env().Undefined(),
      [owned = source_of(info[0])](const Cancel& cancel, const Progress&) {
        cancel.check();
        return fit::build_model(owned->source);
      },
      [](Napi::Env env, std::shared_ptr<const fit::Model>&& model) -> Napi::Value {
        return held_object(env, std::move(model), kTag);
      });
}

struct Subdivided {
  long vertex_count;
  std::vector<std::uint32_t> triangles, mirror;
  std::vector<float> mean;
  std::vector<std::vector<std::uint16_t>> bases;
};

// subdivide({ mean, faces, mirror, bases }): job of { vertexCount, mean, triangles, mirror, bases }
Napi::Value subdivide(const Napi::CallbackInfo& info) {
  const Napi::Object cage = object_of(info[0], "cage");
  auto mean = copy_of<float>(field(cage, "mean"), "mean");
  auto faces = copy_of<std::uint16_t>(field(cage, "faces"), "faces");
  const std::size_t count = mean.size() / 3;
  // The cage is indexed with 16 bits; one index stands for a missing corner.
  if (mean.size() % 3 != 0 || count > kNoVertex)
    reject("three values for each of at most 65535 vertices", "mean", field(cage, "mean"));
  if (faces.size() % 4 != 0) reject("four indices a face", "faces", field(cage, "faces"));
  auto mirror = copy_of<std::uint16_t>(field(cage, "mirror"), "mirror", count);
  if (std::any_of(mirror.begin(), mirror.end(), [&](std::uint16_t v) { return v >= count; }))
    reject("indices of vertices", "mirror", field(cage, "mirror"));
  const Napi::Value bases_value = field(cage, "bases");
  if (!bases_value.IsArray()) reject("an array", "bases", bases_value);
  const auto list = bases_value.As<Napi::Array>();
  constexpr std::uint32_t kMaxBases = 16;
  std::vector<std::vector<std::uint16_t>> bases;
  for (std::uint32_t i = 0; i < list.Length() && i < kMaxBases; ++i) {
    bases.push_back(copy_of<std::uint16_t>(list.Get(i), "bases[]"));
    if (count == 0 ? !bases.back().empty() : bases.back().size() % mean.size() != 0)
      reject("three values for each vertex and component", "bases[]", list.Get(i));
  }
  return start_job(
      info.Env(), info.Env().Undefined(),
      [mean = std::move(mean), faces = std::move(faces), mirror = std::move(mirror), bases = std::move(bases)](
          const Cancel& cancel, const Progress&) {
        Subdivision step = catmull_clark(static_cast<long>(mean.size() / 3), faces);
        const auto size = static_cast<std::size_t>(3 * step.vertex_count);
        Subdivided out{step.vertex_count,
                       std::move(step.triangles),
                       subdivided_mirror(step, faces, mirror),
                       std::vector<float>(size),
                       {}};
        step.apply(mean.data(), out.mean.data());
        for (const auto& basis : bases) {
          cancel.check();
          const std::size_t components = mean.empty() ? 0 : basis.size() / mean.size();
          step.apply_halfs(basis.data(), static_cast<long>(components),
                           out.bases.emplace_back(components * size).data());
        }
        return out;
      },
      [](Napi::Env env, Subdivided&& s) -> Napi::Value {
        Napi::Object object = Napi::Object::New(env);
        object.Set("vertexCount", static_cast<double>(s.vertex_count));
        object.Set("mean", adopted_array(env, std::move(s.mean)));
        object.Set("triangles", adopted_array(env, std::move(s.triangles)));
        object.Set("mirror", adopted_array(env, std::move(s.mirror)));
        auto halfs = Napi::Array::New(env, s.bases.size());
        for (std::uint32_t i = 0; i < halfs.Length(); ++i) halfs.Set(i, adopted_array(env, std::move(s.bases[i])));
        object.Set("bases", halfs);
        return object;
      });
}

}  // namespace

std::shared_ptr<const fit::Model> model_of(const Napi::Value& value) {
  return held_of<fit::Model>(value, kTag, "a Model");
}

void register_model(Napi::Env env, Napi::Object exports) {
  export_function<build_model>(env, exports, "buildModel");
  export_function<subdivide>(env, exports, "subdivide");
}

}  // namespace hrn::binding
