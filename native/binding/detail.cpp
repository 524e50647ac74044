#include "binding/detail.hpp"

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
#include "fit/detail/bare_skin.hpp"
#include "fit/detail/detail.hpp"

namespace hrn::binding {
namespace {

constexpr double kMaxPosition = 1e7;

std::vector<fit::CoveredPart> covered_of(const Napi::Value& value) {
  if (!value.IsArray()) reject("an array", "covered", value);
  const auto list = value.As<Napi::Array>();
  std::vector<fit::CoveredPart> parts;
  for (std::uint32_t i = 0; i < list.Length() && i < 64; ++i) {
    const Napi::Object o = object_of(list.Get(i), "covered");
    fit::CoveredPart part;
    part.ring = copy_of<float>(field(o, "ring"), "ring");
    if (part.ring.size() < 6 || part.ring.size() % 2 != 0) reject("three points or more", "ring", field(o, "ring"));
    part.margin_px = number_of(field(o, "marginPx"), "marginPx", 0, kMaxPosition);
    part.trust = number_of(field(o, "trust"), "trust", 0, 1);
    parts.push_back(std::move(part));
  }
  return parts;
}

// detailFit(context, model, photo, problem, onProgress): job of DetailFit
Napi::Value detail_fit(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto model = model_of(info[1]);
  auto photo = image_of(info[2]);
  const Napi::Object o = object_of(info[3], "problem");
  fit::DetailProblem problem;
  problem.positions = copy_of<float>(field(o, "positions"), "positions");
  problem.camera = camera_of(field(o, "camera"));
  problem.albedo = copy_of<double>(field(o, "albedo"), "albedo");
  const Napi::Object square = object_of(field(o, "square"), "square");
  problem.square = {number_of(field(square, "x0"), "x0", -kMaxPosition, kMaxPosition),
                    number_of(field(square, "y0"), "y0", -kMaxPosition, kMaxPosition),
                    number_of(field(square, "side"), "side", 1, kMaxPosition)};
  problem.size = static_cast<int>(integer_of(field(o, "size"), "size", 64, 8192));
  problem.triangles = integer_of(field(o, "triangles"), "triangles", 1, 4000000);
  problem.skin_size = static_cast<int>(integer_of(field(o, "skinSize"), "skinSize", 16, 4096));
  auto face = std::make_unique<const FaceView>(field(o, "face"));
  auto dense = std::make_unique<const DenseClasses>(field(o, "dense"));
  auto covered = covered_of(field(o, "covered"));
  return start_job(
      info.Env(), info[4],
      [context, model, photo, problem = std::move(problem), face = std::move(face), dense = std::move(dense),
       covered = std::move(covered)](const Cancel& cancel, const Progress& progress) mutable {
        ThreadPool pool(context->crew(), cancel);
        imaging::check_numbers(face->view());
        dense->check_numbers();
        problem.skin = fit::bare_skin(face->view(), dense->classes(), problem.square, photo->width, photo->height,
                                      covered, problem.skin_size, pool);
        if (auto* gpu = context->gpu()) return gpu->detail(model, *photo, problem, pool, cancel, progress);
        return fit::fit_detail(*model, *photo, problem, pool, cancel, progress);
      },
      [](Napi::Env env, fit::DetailResult&& r) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("map", adopted_array(env, std::move(r.map)));
        result.Set("seen", adopted_array(env, std::move(r.seen)));
        result.Set("solvedSize", r.solved_size);
        result.Set("iterations", r.iterations);
        result.Set("pixelsPerMm", r.pixels_per_mm);
        const fit::Tessellation& finer = *r.tessellation;
        result.Set("positions", adopted_array(env, std::move(r.mesh.positions)));
        result.Set("normals", adopted_array(env, std::move(r.mesh.normals)));
        result.Set("uvs", typed_array(env, finer.uvs));
        result.Set("indices", typed_array(env, finer.triangles));
        result.Set("partTriangles", typed_array(env, finer.part_triangles));
        result.Set("parents", typed_array(env, finer.parents));
        return result;
      },
      FreedMemory::give_back);
}

}  // namespace

void register_detail(Napi::Env env, Napi::Object exports) { export_function<detail_fit>(env, exports, "detailFit"); }

}  // namespace hrn::binding
