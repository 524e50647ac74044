#include "binding/context.hpp"

#include "binding/convert.hpp"
#include "binding/errors.hpp"

namespace hrn::binding {
namespace {

constexpr napi_type_tag kTag = {0x8f1d2a5be07c4c1dULL, 0x9a3e6b7f54d20c88ULL};
constexpr long kMaxThreads = 256;
constexpr long kMaxDevice = 999;

class ContextObject : public Napi::ObjectWrap<ContextObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Context",
        {InstanceAccessor<&ContextObject::threads>("threads"), InstanceMethod<&ContextObject::dispose>("dispose")});
  }

  explicit ContextObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ContextObject>(info) {
    guarded(info.Env(), [&] {
      const Napi::Object options = object_of(info[0], "options");
      const long count = integer_of(field(options, "threads"), "threads", 1, kMaxThreads);
      std::optional<int> cuda_device;
      const Napi::Value device = field(options, "cudaDevice");
      if (!device.IsUndefined()) cuda_device = static_cast<int>(integer_of(device, "cudaDevice", 0, kMaxDevice));
      context_ = std::make_shared<Context>(static_cast<int>(count), cuda_device);
      Value().TypeTag(&kTag);
    });
  }

  const std::shared_ptr<Context>& context() const { return context_; }

 private:
  Napi::Value threads(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), context_ ? context_->threads() : 0);
  }
  // Jobs that run keep the pool until they end.
  Napi::Value dispose(const Napi::CallbackInfo& info) {
    context_.reset();
    return info.Env().Undefined();
  }

  std::shared_ptr<Context> context_;
};

}  // namespace

std::shared_ptr<Context> context_of(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTag)) reject("a Context", "context", value);
  auto context = ContextObject::Unwrap(value.As<Napi::Object>())->context();
  if (!context) throw Error(ErrorCode::disposed, "the context was disposed");
  return context;
}

void register_context(Napi::Env env, Napi::Object exports) { exports.Set("Context", ContextObject::define(env)); }

}  // namespace hrn::binding
