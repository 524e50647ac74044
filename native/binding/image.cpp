// 8-bit sRGB pixels in native memory, so that a job can read them while JavaScript goes on:
//
//   const image = new Image({ data, width, height, channels });   // copies; 3 or 4 channels
//   const crop = await cropImage(context, image, { matrix, width, height, low, high, border }).promise;
//   image.dispose();
//
// matrix: six numbers, crop pixel to image pixel (see imaging::CropSpec); border: 'zero' | 'replicate';
// the crop is a Float32Array [height][width][3].
//
//   await guidedUpsample(context, { mask, guide, size, fineGuide, fineSize, radius, epsilon }).promise;
//
// Float32Arrays [size][size], [size][size][3], [fineSize][fineSize][3]; the result is [fineSize][fineSize].
#include "binding/image.hpp"

#include "binding/context.hpp"
#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/job.hpp"
#include "imaging/guided_filter.hpp"

namespace hrn::binding {
namespace {

constexpr napi_type_tag kTag = {0x3c6ef35f1b0d4a97ULL, 0xb5297a4d68e31da4ULL};
constexpr long kMaxImageSide = 1 << 16;
constexpr long kMaxCropSide = 4096;
// Positions beyond this are of no use and would lose the fraction of a pixel.
constexpr double kMaxPosition = 1e7;

class ImageObject : public Napi::ObjectWrap<ImageObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Image", {InstanceMethod<&ImageObject::dispose>("dispose")});
  }

  explicit ImageObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ImageObject>(info) {
    guarded(info.Env(), [&] {
      const Napi::Object options = object_of(info[0], "image");
      const long width = integer_of(field(options, "width"), "width", 1, kMaxImageSide);
      const long height = integer_of(field(options, "height"), "height", 1, kMaxImageSide);
      const long channels = integer_of(field(options, "channels"), "channels", 3, 4);
      const auto size = static_cast<std::size_t>(width * height * channels);
      Borrowed<std::uint8_t> pixels(field(options, "data"), "data", size);
      const imaging::Image image{pixels.view(), width, height, channels};
      image_ = std::make_shared<const Held>(Held{std::move(pixels), image});
      Value().TypeTag(&kTag);
    });
  }

  std::shared_ptr<const imaging::Image> image() const {
    return image_ ? std::shared_ptr<const imaging::Image>(image_, &image_->image) : nullptr;
  }

 private:
  // Let go of on the JavaScript thread: by this object and by jobs, which end there.
  struct Held {
    Borrowed<std::uint8_t> pixels;
    imaging::Image image;
  };

  // Jobs that run keep the pixels until they end.
  Napi::Value dispose(const Napi::CallbackInfo& info) {
    image_.reset();
    return info.Env().Undefined();
  }

  std::shared_ptr<const Held> image_;
};

ops::Border border_of(const Napi::Value& value) {
  const std::string name = string_of(value, "border");
  if (name == "zero") return ops::Border::zero;
  if (name == "replicate") return ops::Border::replicate;
  reject("'zero' or 'replicate'", "border", value);
}

Napi::Value crop_image(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  auto image = image_of(info[1]);
  const auto spec = crop_spec_of(info[2]);
  return start_job(
      info.Env(), info.Env().Undefined(),
      [context = std::move(context), image = std::move(image), spec](const Cancel& cancel, const Progress&) {
        ThreadPool pool(context->crew(), cancel);
        return imaging::crop(pool, *image, spec);
      },
      [](Napi::Env env, std::vector<float>&& crop) -> Napi::Value { return adopted_array(env, std::move(crop)); });
}

Napi::Value guided_upsample(const Napi::CallbackInfo& info) {
  auto context = context_of(info[0]);
  const Napi::Object options = object_of(info[1], "options");
  imaging::GuidedUpsampleSpec spec;
  spec.size = integer_of(field(options, "size"), "size", 1, kMaxCropSide);
  spec.fine_size = integer_of(field(options, "fineSize"), "fineSize", 1, kMaxCropSide);
  spec.radius = integer_of(field(options, "radius"), "radius", 1, kMaxCropSide);
  spec.epsilon = static_cast<float>(number_of(field(options, "epsilon"), "epsilon", 1e-8, 1));
  const auto area = static_cast<std::size_t>(spec.size * spec.size);
  const auto fine_area = static_cast<std::size_t>(spec.fine_size * spec.fine_size);
  Borrowed<float> mask(field(options, "mask"), "mask", area);
  Borrowed<float> guide(field(options, "guide"), "guide", 3 * area);
  Borrowed<float> fine_guide(field(options, "fineGuide"), "fineGuide", 3 * fine_area);
  return start_job(
      info.Env(), info.Env().Undefined(),
      [context = std::move(context), mask = std::move(mask), guide = std::move(guide),
       fine_guide = std::move(fine_guide), spec](const Cancel& cancel, const Progress&) {
        ThreadPool pool(context->crew(), cancel);
        return imaging::guided_upsample(mask.view(), guide.view(), fine_guide.view(), spec, pool);
      },
      [](Napi::Env env, std::vector<float>&& fine) -> Napi::Value { return adopted_array(env, std::move(fine)); });
}

}  // namespace

std::shared_ptr<const imaging::Image> image_of(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTag)) reject("an Image", "image", value);
  auto image = ImageObject::Unwrap(value.As<Napi::Object>())->image();
  if (!image) throw Error(ErrorCode::disposed, "the image was disposed");
  return image;
}

imaging::CropSpec crop_spec_of(const Napi::Value& value) {
  const Napi::Object options = object_of(value, "options");
  imaging::CropSpec spec;
  const Napi::Value matrix = field(options, "matrix");
  if (!matrix.IsArray() || matrix.As<Napi::Array>().Length() != 6) reject("an array of 6", "matrix", matrix);
  for (uint32_t i = 0; i < 6; ++i) {
    spec.matrix[i] = number_of(matrix.As<Napi::Array>().Get(i), "matrix", -kMaxPosition, kMaxPosition);
  }
  spec.width = integer_of(field(options, "width"), "width", 1, kMaxCropSide);
  spec.height = integer_of(field(options, "height"), "height", 1, kMaxCropSide);
  spec.low = static_cast<float>(number_of(field(options, "low"), "low", -1e3, 1e3));
  spec.high = static_cast<float>(number_of(field(options, "high"), "high", -1e3, 1e3));
  spec.border = border_of(field(options, "border"));
  return spec;
}

void register_image(Napi::Env env, Napi::Object exports) {
  exports.Set("Image", ImageObject::define(env));
  export_function<crop_image>(env, exports, "cropImage");
  export_function<guided_upsample>(env, exports, "guidedUpsample");
}

}  // namespace hrn::binding
