// What the photo shows of one face: skinEdges(), skinMask(), fineDetail().
#include "binding/face.hpp"

#include <cmath>
#include <memory>

#include "binding/context.hpp"
#include "binding/errors.hpp"
#include "binding/job.hpp"
#include "core/error.hpp"
#include "fit/context.hpp"
#include "imaging/fine_detail.hpp"
#include "imaging/skin_edges.hpp"
#include "imaging/skin_mask.hpp"

namespace hrn::binding {
namespace {

constexpr long kMaxSide = 4096;
constexpr long kMaxImageSide = 1 << 16;
// Positions beyond this are of no use and would lose the fraction of a pixel.
constexpr double kMaxPosition = 1e7;

imaging::FacePoints points_of(const Napi::Value& value, std::size_t count) {
  const Napi::Object o = object_of(value, "points");
  const auto ring = [&](const char* name) {
    return indices_of(field(o, name), name, static_cast<std::uint32_t>(count));
  };
  const auto point = [&](const char* name) {
    return static_cast<std::uint32_t>(integer_of(field(o, name), name, 0, static_cast<long>(count) - 1));
  };
  return {ring("skin"), ring("outline"), ring("rightLids"), ring("leftLids"), ring("innerLips"),
          point("top"), point("left"),   point("chin"),     point("right")};
}

// { width, height } of the photo.
std::pair<long, long> extent_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "photo");
  return {integer_of(field(o, "width"), "width", 1, kMaxImageSide),
          integer_of(field(o, "height"), "height", 1, kMaxImageSide)};
}

// skinEdges(context, view, classes, photo): job of { points, normals }
Napi::Value skin_edges(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto face = std::make_unique<const FaceView>(info[1]);
  auto dense = std::make_unique<const DenseClasses>(info[2]);
  const auto [width, height] = extent_of(info[3]);
  return start_job(
      info.Env(), info.Env().Undefined(),
      [context = std::move(context), face = std::move(face), dense = std::move(dense), w = width, h = height](
          const Cancel& cancel, const Progress&) {
        imaging::check_numbers(face->view());
        dense->check_numbers();
        ThreadPool pool(context->crew(), cancel);
        return imaging::skin_edges(face->view(), dense->classes(), w, h, pool);
      },
      [](Napi::Env env, imaging::SkinEdges&& edges) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("points", typed_array(env, edges.points));
        result.Set("normals", typed_array(env, edges.normals));
        return result;
      });
}

// skinMask(context, view, classes, frame, photo): job of Float32Array
Napi::Value skin_mask(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto face = std::make_unique<const FaceView>(info[1]);
  auto dense = info[2].IsUndefined() ? nullptr : std::make_unique<const DenseClasses>(info[2]);
  const Napi::Object o = object_of(info[3], "frame");
  const imaging::CropFrame frame{number_of(field(o, "x0"), "x0", -kMaxPosition, kMaxPosition),
                                 number_of(field(o, "y0"), "y0", -kMaxPosition, kMaxPosition),
                                 number_of(field(o, "scale"), "scale", 1e-6, 1e6),
                                 integer_of(field(o, "size"), "size", 1, kMaxSide)};
  const auto [width, height] = extent_of(info[4]);
  return start_job(
      info.Env(), info.Env().Undefined(),
      [context = std::move(context), face = std::move(face), dense = std::move(dense), frame, w = width, h = height](
          const Cancel& cancel, const Progress&) {
        imaging::check_numbers(face->view());
        if (dense) dense->check_numbers();
        ThreadPool pool(context->crew(), cancel);
        return imaging::skin_mask(face->view(), dense ? &dense->classes() : nullptr, frame, w, h, pool);
      },
      [](Napi::Env env, std::vector<float>&& mask) -> Napi::Value { return adopted_array(env, std::move(mask)); });
}

// fineDetail(person): job of { fine, coarse, edges }
Napi::Value fine_detail(const Napi::CallbackInfo& info) {
  const Napi::Object o = object_of(info[0], "person");
  const long size = integer_of(field(o, "size"), "size", imaging::kLeastFineDetailSide, kMaxSide);
  Borrowed<float> rgb(field(o, "rgb"), "rgb", static_cast<std::size_t>(3 * size * size));
  Borrowed<float> person(field(o, "values"), "values", static_cast<std::size_t>(size * size));
  return start_job(
      info.Env(), info.Env().Undefined(),
      [rgb = std::move(rgb), person = std::move(person), size](const Cancel&, const Progress&) {
        return imaging::measure_fine_detail(rgb.view(), person.view(), size);
      },
      [](Napi::Env env, imaging::FineDetail&& detail) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("fine", detail.fine);
        result.Set("coarse", detail.coarse);
        result.Set("edges", detail.edges);
        return result;
      });
}

}  // namespace

imaging::Affine affine_of(const Napi::Value& matrix) {
  if (!matrix.IsArray() || matrix.As<Napi::Array>().Length() != 6) reject("an array of 6", "toPhoto", matrix);
  imaging::Affine affine;
  for (uint32_t i = 0; i < 6; ++i)
    affine[i] = number_of(matrix.As<Napi::Array>().Get(i), "toPhoto", -kMaxPosition, kMaxPosition);
  return affine;
}

DenseClasses::DenseClasses(const Napi::Value& value)
    : DenseClasses(object_of(value, "dense"),
                   integer_of(field(object_of(value, "dense"), "side"), "side", 2, kMaxSide)) {}

DenseClasses::DenseClasses(const Napi::Object& object, long size)
    : probabilities_(field(object, "classes"), "classes",
                     static_cast<std::size_t>(imaging::kPixelClasses * size * size)) {
  const imaging::Affine to_photo = affine_of(field(object, "toPhoto"));
  classes_.size = size;
  classes_.probabilities = probabilities_.view();
  classes_.from_photo = imaging::inverse(to_photo);
  for (const double v : classes_.from_photo)
    if (!std::isfinite(v)) reject("an invertible map", "toPhoto", field(object, "toPhoto"));
}

void DenseClasses::check_numbers() const {
  // Written so that NaN fails.
  for (const float p : classes_.probabilities)
    if (!(p >= 0 && p <= 1)) throw Error(ErrorCode::invalid_argument, "dense: expected probabilities of 0 to 1");
}

std::unique_ptr<const FaceLooks> face_looks_of(const Napi::Object& problem) {
  const Napi::Value face = field(problem, "face");
  if (face.IsUndefined()) return nullptr;
  return std::unique_ptr<const FaceLooks>(new FaceLooks{FaceView(face), DenseClasses(field(problem, "dense"))});
}

FaceView::FaceView(const Napi::Value& value)
    : FaceView(object_of(value, "view"), integer_of(field(object_of(value, "view"), "size"), "size", 1, kMaxSide)) {}

FaceView::FaceView(const Napi::Object& object, long size)
    : person_(field(object, "values"), "values", static_cast<std::size_t>(size * size)),
      rgb_(field(object, "rgb"), "rgb", static_cast<std::size_t>(3 * size * size)),
      landmarks_(copy_of<float>(field(object, "pixels"), "pixels")) {
  view_.to_photo = affine_of(field(object, "toPhoto"));
  if (landmarks_.empty() || landmarks_.size() % 2 != 0) reject("pairs of numbers", "pixels", field(object, "pixels"));
  view_.size = size;
  view_.person = person_.view();
  view_.rgb = rgb_.view();
  view_.landmarks = landmarks_;
  view_.points = points_of(field(object, "points"), landmarks_.size() / 2);
}

void register_face(Napi::Env env, Napi::Object exports) {
  export_function<skin_edges>(env, exports, "skinEdges");
  export_function<skin_mask>(env, exports, "skinMask");
  export_function<fine_detail>(env, exports, "fineDetail");
}

}  // namespace hrn::binding
