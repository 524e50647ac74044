#include "binding/rig.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/job.hpp"
#include "rig/blend_shapes.hpp"

namespace hrn::binding {
namespace {

constexpr long kMostShapes = 4096;

// What a job reads.
struct Head {
  std::vector<float> positions;
  std::vector<std::uint32_t> indices;
  std::vector<Borrowed<std::uint16_t>> halfs;
  std::vector<Borrowed<float>> floats;
  rig::BlendShapeArgs args;
};

std::unique_ptr<Head> head_of(const Napi::Object& o) {
  auto head = std::make_unique<Head>();
  head->positions = copy_of<float>(field(o, "positions"), "positions");
  const std::size_t numbers = head->positions.size();
  if (numbers % 3 != 0) reject("three numbers a vertex", "positions", field(o, "positions"));
  head->indices = indices_of(field(o, "indices"), "indices", static_cast<std::uint32_t>(numbers / 3));
  if (head->indices.size() % 3 != 0) reject("three indices a triangle", "indices", field(o, "indices"));
  head->args.positions = head->positions;
  head->args.indices = head->indices;
  head->args.least_mm = number_of(field(o, "leastMm"), "leastMm", 0, 1e6);
  head->args.least_normal = number_of(field(o, "leastNormal"), "leastNormal", 0, 2);
  const Napi::Value shapes = field(o, "shapes");
  if (!shapes.IsArray() || shapes.As<Napi::Array>().Length() > kMostShapes)
    reject("an array of at most 4096 shapes", "shapes", shapes);
  const auto list = shapes.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value shape = list.Get(i);
    if (shape.IsTypedArray() && shape.As<Napi::TypedArray>().TypedArrayType() == napi_uint16_array) {
      head->halfs.emplace_back(shape, "shapes", numbers);
      head->args.shapes.push_back({.halfs = head->halfs.back().view(), .floats = {}});
    } else {
      head->floats.emplace_back(shape, "shapes", numbers);
      head->args.shapes.push_back({.halfs = {}, .floats = head->floats.back().view()});
    }
  }
  return head;
}

Napi::Object sparse(Napi::Env env, rig::SparseVectors&& vectors) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("ends", typed_array(env, vectors.ends));
  object.Set("vertices", adopted_array(env, std::move(vectors.vertices)));
  object.Set("values", adopted_array(env, std::move(vectors.values)));
  return object;
}

// blendShapes(head): job of NativeBlendShapes
Napi::Value blend_shapes(const Napi::CallbackInfo& info) {
  return start_job(
      info.Env(), info.Env().Undefined(),
      [head = head_of(object_of(info[0], "head"))](const Cancel& cancel, const Progress&) {
        return rig::blend_shapes(head->args, cancel);
      },
      [](Napi::Env env, rig::BlendShapes&& shapes) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("normals", typed_array(env, shapes.normals));
        result.Set("positionOffsets", sparse(env, std::move(shapes.position_offsets)));
        result.Set("normalOffsets", sparse(env, std::move(shapes.normal_offsets)));
        return result;
      });
}

}  // namespace

void register_rig(Napi::Env env, Napi::Object exports) { export_function<blend_shapes>(env, exports, "blendShapes"); }

}  // namespace hrn::binding
