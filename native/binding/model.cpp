#include "binding/model.hpp"

#include <limits>
#include <string>

#include "binding/convert.hpp"
#include "binding/errors.hpp"
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

fit::ModelSource source_of(const Napi::Value& value) {
  const Napi::Object model = object_of(value, "model");
  const Napi::Object identity = object_of(field(model, "identity"), "model.identity"),
                     expression = object_of(field(model, "expression"), "model.expression"),
                     albedo = object_of(field(model, "albedo"), "model.albedo");
  fit::ModelSource s;
  s.vertex_count = count_of(model, "vertexCount", "model.vertexCount");
  s.triangle_count = count_of(model, "triangleCount", "model.triangleCount");
  s.mean = view_of<float>(field(model, "mean"), "model.mean");
  s.identity_count = count_of(identity, "count", "model.identity.count");
  s.expression_count = count_of(expression, "count", "model.expression.count");
  s.albedo_count = count_of(albedo, "count", "model.albedo.count");
  s.identity = view_of<std::uint16_t>(field(identity, "halfs"), "model.identity.halfs");
  s.expression = view_of<std::uint16_t>(field(expression, "halfs"), "model.expression.halfs");
  s.albedo = view_of<std::uint16_t>(field(albedo, "halfs"), "model.albedo.halfs");
  s.expression_mean = view_of<float>(field(expression, "mean"), "model.expression.mean");
  s.expression_sigma = view_of<float>(field(expression, "sigma"), "model.expression.sigma");
  s.expression_min = view_of<float>(field(expression, "min"), "model.expression.min");
  s.expression_max = view_of<float>(field(expression, "max"), "model.expression.max");
  s.albedo_mean = view_of<float>(field(albedo, "mean"), "model.albedo.mean");
  s.triangles = view_of<std::uint32_t>(field(model, "triangles"), "model.triangles");
  s.uvs = view_of<float>(field(model, "uvs"), "model.uvs");
  s.regions = view_of<std::uint8_t>(field(model, "regions"), "model.regions");
  s.mirror = view_of<std::uint32_t>(field(model, "mirror"), "model.mirror");
  s.deformable = view_of<float>(field(model, "deformable"), "model.deformable");
  s.parts = parts_of(field(model, "parts"));
  s.dense = landmarks_of(field(model, "dense"), "model.dense");
  s.ibug68 = landmarks_of(field(model, "ibug68"), "model.ibug68");
  return s;
}

class ModelObject : public Napi::ObjectWrap<ModelObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Model", {InstanceAccessor<&ModelObject::vertex_count>("vertexCount")});
  }

  explicit ModelObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ModelObject>(info) {
    guarded(info.Env(), [&] {
      model_ = fit::build_model(source_of(info[0]));
      Value().TypeTag(&kTag);
    });
  }

  const std::shared_ptr<const fit::Model>& model() const { return model_; }

 private:
  Napi::Value vertex_count(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(model_->vertex_count));
  }

  std::shared_ptr<const fit::Model> model_;
};

}  // namespace

std::shared_ptr<const fit::Model> model_of(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTag)) reject("a Model", "model", value);
  return ModelObject::Unwrap(value.As<Napi::Object>())->model();
}

void register_model(Napi::Env env, Napi::Object exports) { exports.Set("Model", ModelObject::define(env)); }

}  // namespace hrn::binding
