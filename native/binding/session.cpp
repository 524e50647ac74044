// The JavaScript class Session: a network that runs off the event loop.
//
//   const session = new Session();
//   // path, Uint8Array of the .onnx file, where the CUDA provider is to run it if it can
//   const whyNotCuda = await session.open({ library, model, cudaDevice, threads }).promise;
//   const { outputName } = await session.run(input).promise;   // Float32Array in, Float32Arrays by name out
//   const { outputName } = await session.look(context, image, crop).promise;   // the same of a crop: see image.cpp
//   // The dense network, of a crop and of its mirror image together: see imaging/dense_look.hpp
//   const { normal, normalDeviation, point, pointDeviation, classes } =
//     await session.lookDensely(context, image, crop).promise;
//   // The person network, its mask upsampled to the crop { ...fine, radius, epsilon }: see guidedUpsample()
//   const { mask, rgb } = await session.lookForPerson(context, image, crop, fine).promise;
//   session.dispose();
#include "binding/session.hpp"

#include <memory>
#include <mutex>
#include <optional>

#include "binding/context.hpp"
#include "binding/convert.hpp"
#include "binding/errors.hpp"
#include "binding/image.hpp"
#include "binding/job.hpp"
#include "imaging/dense_look.hpp"
#include "imaging/guided_filter.hpp"
#include "inference/session.hpp"

namespace hrn::binding {
namespace {

constexpr long kMaxDevice = 999, kMaxThreads = 256;

// What the JavaScript object and its running jobs share.
struct Slot {
  std::mutex mutex;
  std::shared_ptr<const inference::Session> session;  // empty before open() has finished and after dispose()
  bool disposed = false;
};

class SessionObject : public Napi::ObjectWrap<SessionObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Session",
        {InstanceMethod<&SessionObject::open>("open"), InstanceMethod<&SessionObject::run>("run"),
         InstanceMethod<&SessionObject::look>("look"), InstanceMethod<&SessionObject::look_both_ways>("lookBothWays"),
         InstanceMethod<&SessionObject::look_densely>("lookDensely"),
         InstanceMethod<&SessionObject::look_for_person>("lookForPerson"),
         InstanceMethod<&SessionObject::dispose>("dispose")});
  }

  explicit SessionObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<SessionObject>(info) {}

 private:
  Napi::Value open(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const Napi::Object options = object_of(info[0], "options");
      auto library = string_of(field(options, "library"), "library");
      auto model = copy_of<std::uint8_t>(field(options, "model"), "model");
      std::optional<int> cuda_device;
      const Napi::Value device = field(options, "cudaDevice");
      if (!device.IsUndefined()) cuda_device = static_cast<int>(integer_of(device, "cudaDevice", 0, kMaxDevice));
      const Napi::Value count = field(options, "threads");
      const int threads = count.IsUndefined() ? 1 : static_cast<int>(integer_of(count, "threads", 0, kMaxThreads));
      return start_job(
          info.Env(), info.Env().Undefined(),
          [slot = slot_, threads, library = std::move(library), model = std::move(model), cuda_device](
              const Cancel& cancel, const Progress&) {
            cancel.check();
            auto session = std::make_shared<const inference::Session>(library, model, cuda_device, threads);
            const std::string reason = session->fallback_reason();
            const std::lock_guard lock(slot->mutex);
            if (slot->disposed) throw Error(ErrorCode::disposed, "the session was disposed while it opened");
            slot->session = std::move(session);
            return reason;
          },
          [](Napi::Env env, std::string&& reason) -> Napi::Value { return Napi::String::New(env, reason); });
    });
  }

  Napi::Value run(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      auto session = opened();
      Borrowed<float> input(info[0], "input", session->input_size());
      return start_job(
          info.Env(), info.Env().Undefined(),
          [session = std::move(session), input = std::move(input)](const Cancel& cancel, const Progress&) {
            cancel.check();
            return session->run(input.view());
          },
          named);
    });
  }

  Napi::Value look(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      return start_job(
          info.Env(), info.Env().Undefined(),
          [sight = sight_of(info)](const Cancel& cancel, const Progress&) {
            ThreadPool pool(sight.context->crew(), cancel);
            const std::vector<float> crop = imaging::crop(pool, *sight.image, sight.crop);
            cancel.check();
            return sight.session->run(crop);
          },
          named);
    });
  }

  Napi::Value look_both_ways(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      return start_job(
          info.Env(), info.Env().Undefined(),
          [sight = sight_of(info)](const Cancel& cancel, const Progress&) {
            ThreadPool pool(sight.context->crew(), cancel);
            BothWays looks;
            both_ways(pool, sight, [&](bool mirrored, const std::vector<float>& crop) {
              (mirrored ? looks.in_mirror : looks.seen) = sight.session->run(crop);
            });
            return looks;
          },
          [](Napi::Env env, BothWays&& looks) -> Napi::Value {
            auto result = Napi::Object::New(env);
            result.Set("seen", named(env, std::move(looks.seen)));
            result.Set("inMirror", named(env, std::move(looks.in_mirror)));
            return result;
          });
    });
  }

  Napi::Value look_densely(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      return start_job(
          info.Env(), info.Env().Undefined(),
          [sight = sight_of(info)](const Cancel& cancel, const Progress&) {
            ThreadPool pool(sight.context->crew(), cancel);
            const long side = sight.crop.width / 2;
            const auto values = static_cast<std::size_t>(imaging::kDensePlanes * side * side);
            inference::Seen seen, in_mirror;
            both_ways(pool, sight, [&](bool mirrored, const std::vector<float>& crop) {
              (mirrored ? in_mirror : seen) = sight.session->see(crop, values);
            });
            return imaging::mean_look(pool, seen.values, in_mirror.values, side);
          },
          [](Napi::Env env, imaging::DenseLook&& look) -> Napi::Value {
            auto result = Napi::Object::New(env);
            result.Set("normal", adopted_array(env, std::move(look.normal)));
            result.Set("normalDeviation", adopted_array(env, std::move(look.normal_deviation)));
            result.Set("point", adopted_array(env, std::move(look.point)));
            result.Set("pointDeviation", adopted_array(env, std::move(look.point_deviation)));
            result.Set("classes", adopted_array(env, std::move(look.classes)));
            return result;
          });
    });
  }

  Napi::Value look_for_person(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const Napi::Object options = object_of(info[3], "fine");
      const auto fine = crop_spec_of(options);
      Sight sight = sight_of(info);
      if (sight.crop.width != sight.crop.height || fine.width != fine.height)
        throw Error(ErrorCode::invalid_argument, "expected square crops of a person");
      const imaging::GuidedUpsampleSpec spec{
          sight.crop.width, fine.width, integer_of(field(options, "radius"), "radius", 1, sight.crop.width),
          static_cast<float>(number_of(field(options, "epsilon"), "epsilon", 1e-8, 1))};
      return start_job(
          info.Env(), info.Env().Undefined(),
          [sight = std::move(sight), fine, spec](const Cancel& cancel, const Progress&) {
            // On one thread: the dense network, which takes longer, looks beside it.
            const ThreadPool seat(sight.context->crew(), cancel);
            ThreadPool alone(1);
            Person person;
            const std::vector<float> guide = imaging::crop(alone, *sight.image, sight.crop);
            const auto seen = sight.session->see(guide, static_cast<std::size_t>(spec.size * spec.size));
            cancel.check();
            person.rgb = imaging::crop(alone, *sight.image, fine);
            person.mask = imaging::guided_upsample(seen.values, guide, person.rgb, spec, alone);
            return person;
          },
          [](Napi::Env env, Person&& person) -> Napi::Value {
            auto result = Napi::Object::New(env);
            result.Set("mask", adopted_array(env, std::move(person.mask)));
            result.Set("rgb", adopted_array(env, std::move(person.rgb)));
            return result;
          });
    });
  }

  // What the looks are given.
  struct Sight {
    std::shared_ptr<const inference::Session> session;
    std::shared_ptr<Context> context;
    std::shared_ptr<const imaging::Image> image;
    imaging::CropSpec crop;
  };
  struct BothWays {
    std::vector<inference::Output> seen, in_mirror;
  };
  struct Person {
    std::vector<float> mask, rgb;
  };

  // look(mirrored, crop) of the crop and of its mirror image, side by side.
  template <class Look>
  static void both_ways(ThreadPool& pool, const Sight& sight, const Look& look) {
    const std::vector<float> crop = imaging::crop(pool, *sight.image, sight.crop);
    const std::vector<float> mirrored = mirror_image(crop, sight.crop.width);
    pool.parallel_for(2, [&](long i) { look(i == 1, i == 1 ? mirrored : crop); });
  }

  Sight sight_of(const Napi::CallbackInfo& info) const {
    Sight sight{opened(), context_of(info[0]), image_of(info[1]), crop_spec_of(info[2])};
    const auto values = static_cast<std::size_t>(3 * sight.crop.width * sight.crop.height);
    if (sight.session->input_size() != values) {
      throw Error(ErrorCode::invalid_argument, "expected a crop of " + std::to_string(sight.session->input_size()) +
                                                   " values for this network, got " + std::to_string(values));
    }
    return sight;
  }

  // [height][width][3]
  static std::vector<float> mirror_image(const std::vector<float>& crop, long width) {
    std::vector<float> mirrored(crop.size());
    const auto row = static_cast<std::size_t>(3 * width);
    for (std::size_t i = 0; i < crop.size(); i += 3) {
      const std::size_t column = i % row;
      std::copy_n(crop.data() + i, 3, mirrored.data() + (i - column) + (row - 3 - column));
    }
    return mirrored;
  }

  static Napi::Value named(Napi::Env env, std::vector<inference::Output>&& outputs) {
    auto result = Napi::Object::New(env);
    for (auto& output : outputs) result.Set(output.name, adopted_array(env, std::move(output.values)));
    return result;
  }

  // Jobs that run keep the network until they end.
  Napi::Value dispose(const Napi::CallbackInfo& info) {
    const std::lock_guard lock(slot_->mutex);
    slot_->disposed = true;
    slot_->session.reset();
    return info.Env().Undefined();
  }

  std::shared_ptr<const inference::Session> opened() const {
    const std::lock_guard lock(slot_->mutex);
    if (slot_->disposed) throw Error(ErrorCode::disposed, "the session was disposed");
    if (!slot_->session) throw Error(ErrorCode::invalid_argument, "the session is not open yet; await open() first");
    return slot_->session;
  }

  std::shared_ptr<Slot> slot_ = std::make_shared<Slot>();
};

}  // namespace

void register_session(Napi::Env env, Napi::Object exports) { exports.Set("Session", SessionObject::define(env)); }

}  // namespace hrn::binding
