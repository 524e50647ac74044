#include "binding/device.hpp"

#include "backends/cuda/device.hpp"
#include "binding/errors.hpp"
#include "binding/job.hpp"
#include "fit/cuda_fits.hpp"

namespace hrn::binding {
namespace {

Napi::Value device_object(Napi::Env env, const CudaDevice& device) {
  Napi::Object o = Napi::Object::New(env);
  o.Set("index", device.index);
  o.Set("name", device.name);
  o.Set("computeCapability", std::to_string(device.major) + "." + std::to_string(device.minor));
  o.Set("totalBytes", static_cast<double>(device.total_bytes));
  o.Set("freeBytes", static_cast<double>(device.free_bytes));
  o.Set("reason", device.reason);
  return o;
}

// probeCuda(): job of CudaStatus. A job, because a driver may take its time to start.
Napi::Value probe(const Napi::CallbackInfo& info) {
  return start_job(
      info.Env(), info.Env().Undefined(),
      [](const Cancel&, const Progress&) { return probe_cuda(fit::cuda_bytes_needed()); },
      [](Napi::Env env, CudaStatus&& status) -> Napi::Value {
        Napi::Object o = Napi::Object::New(env);
        o.Set("targets", status.targets);
        o.Set("runtimeVersion", status.runtime_version);
        o.Set("driverVersion", status.driver_version);
        o.Set("driverName", status.driver_name);
        o.Set("reason", status.reason);
        auto devices = Napi::Array::New(env);
        for (std::uint32_t i = 0; i < status.devices.size(); ++i) devices.Set(i, device_object(env, status.devices[i]));
        o.Set("devices", devices);
        return o;
      });
}

}  // namespace

void register_device(Napi::Env env, Napi::Object exports) { export_function<probe>(env, exports, "probeCuda"); }

}  // namespace hrn::binding
