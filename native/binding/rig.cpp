#include "binding/rig.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/job.hpp"
#include "rig/blend_shapes.hpp"
#include "rig/own_offsets.hpp"
#include "rig/surface_values.hpp"

namespace hrn::binding {
namespace {

constexpr long kMostShapes = 4096;
constexpr long kMostSteps = 1000;
constexpr long kMaxMapSide = 1024;

std::vector<std::uint32_t> triangles_of(const Napi::Object& o, std::size_t vertices) {
  auto indices = indices_of(field(o, "indices"), "indices", static_cast<std::uint32_t>(vertices));
  if (indices.size() % 3 != 0) reject("three indices a triangle", "indices", field(o, "indices"));
  return indices;
}

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
  head->indices = triangles_of(o, numbers / 3);
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

// ownOffsets(problem): a Float32Array a worn shape
Napi::Value own_offsets(const Napi::CallbackInfo& info) {
  const Napi::Object o = object_of(info[0], "problem");
  rig::OwnOffsetsArgs args;
  args.rest = view_of<float>(field(o, "rest"), "rest");
  if (args.rest.size() % 3 != 0) reject("three numbers a vertex", "rest", field(o, "rest"));
  args.vertex_count = args.rest.size() / 3;
  args.missing = view_of<float>(field(o, "missing"), "missing");
  if (args.missing.size() > kMostShapes) reject("at most 4096 shapes", "missing", field(o, "missing"));
  args.shapes = view_of<std::uint16_t>(field(o, "shapes"), "shapes", args.missing.size() * args.rest.size());
  const auto vertices = indices_of(field(o, "vertices"), "vertices", static_cast<std::uint32_t>(args.vertex_count));
  if (vertices.size() > args.vertex_count) reject("every vertex once", "vertices", field(o, "vertices"));
  const auto worn = indices_of(field(o, "worn"), "worn", static_cast<std::uint32_t>(args.missing.size()));
  if (worn.size() > args.missing.size()) reject("every shape once", "worn", field(o, "worn"));
  args.vertices = vertices;
  args.worn = worn;
  args.weights = view_of<float>(field(o, "weights"), "weights", worn.size());
  const std::vector<float> own = rig::own_offsets(args);
  Napi::Array result = Napi::Array::New(info.Env(), worn.size());
  for (std::size_t s = 0; s < worn.size(); ++s) {
    const auto of_shape = std::span<const float>(own).subspan(s * args.rest.size(), args.rest.size());
    result.Set(static_cast<std::uint32_t>(s), typed_array(info.Env(), of_shape));
  }
  return result;
}

// spreadValues(problem): job of a Float32Array
Napi::Value spread_values(const Napi::CallbackInfo& info) {
  const Napi::Object o = object_of(info[0], "problem");
  auto values = copy_of<float>(field(o, "values"), "values");
  auto free = copy_of<std::uint8_t>(field(o, "free"), "free", values.size());
  auto indices = triangles_of(o, values.size());
  const int steps = static_cast<int>(integer_of(field(o, "steps"), "steps", 0, kMostSteps));
  return start_job(
      info.Env(), info.Env().Undefined(),
      [values = std::move(values), free = std::move(free), indices = std::move(indices), steps](
          const Cancel& cancel, const Progress&) { return rig::spread(values, free, indices, steps, cancel); },
      [](Napi::Env env, std::vector<float>&& out) -> Napi::Value { return typed_array(env, out); });
}

// layoutMap(problem): job of a Uint8Array
Napi::Value layout_map(const Napi::CallbackInfo& info) {
  const Napi::Object o = object_of(info[0], "problem");
  auto values = copy_of<float>(field(o, "values"), "values");
  auto uvs = copy_of<float>(field(o, "uvs"), "uvs", 2 * values.size());
  auto indices = triangles_of(o, values.size());
  rig::LayoutMapArgs args;
  args.softening = static_cast<int>(integer_of(field(o, "softening"), "softening", 0, kMostSteps));
  args.size = static_cast<int>(integer_of(field(o, "size"), "size", 1, kMaxMapSide));
  args.background = static_cast<std::uint8_t>(integer_of(field(o, "background"), "background", 0, 255));
  return start_job(
      info.Env(), info.Env().Undefined(),
      [values = std::move(values), uvs = std::move(uvs), indices = std::move(indices), args](const Cancel& cancel,
                                                                                             const Progress&) mutable {
        args.values = values;
        args.uvs = uvs;
        args.triangles = indices;
        return rig::layout_map(args, cancel);
      },
      [](Napi::Env env, std::vector<std::uint8_t>&& map) -> Napi::Value { return typed_array(env, map); });
}

}  // namespace

void register_rig(Napi::Env env, Napi::Object exports) {
  export_function<blend_shapes>(env, exports, "blendShapes");
  export_function<own_offsets>(env, exports, "ownOffsets");
  export_function<spread_values>(env, exports, "spreadValues");
  export_function<layout_map>(env, exports, "layoutMap");
}

}  // namespace hrn::binding
