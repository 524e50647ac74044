#include "inference/runtime.hpp"

#include <cstdlib>
#include <mutex>

#include "core/error.hpp"
#include "inference/shared_library.hpp"

namespace hrn::inference {
namespace {

const OrtApi* open_api(const std::string& library) {
  const auto entry = reinterpret_cast<const OrtApiBase*(ORT_API_CALL*)()>(open_symbol(library, "OrtGetApiBase"));
  const OrtApi* api = entry()->GetApi(ORT_API_VERSION);
  if (api == nullptr) {
    throw Error(ErrorCode::native_unavailable, library + " does not offer ONNX Runtime's API version " +
                                                   std::to_string(ORT_API_VERSION) + "; install a newer one");
  }
  return api;
}

}  // namespace

void refuse_telemetry() {
#ifndef _WIN32
  setenv("ORT_DISABLE_TELEMETRY", "1", 0);  // Windows has a call instead
#endif
}

const Runtime& runtime(const std::string& library) {
  static std::mutex mutex;
  static const Runtime* opened = nullptr;  // lives as long as the process: sessions may end after static destructors

  const std::lock_guard lock(mutex);
  if (opened == nullptr) {
    Ort::InitApi(open_api(library));
    auto& environment = *new Ort::Env(ORT_LOGGING_LEVEL_ERROR, "hrn");
    environment.DisableTelemetryEvents();
    opened = new Runtime{environment, library};
  }
  return *opened;
}

}  // namespace hrn::inference
