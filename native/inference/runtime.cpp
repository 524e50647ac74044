#include "inference/runtime.hpp"

#include <dlfcn.h>

#include <mutex>

#include "core/error.hpp"

namespace hrn::inference {
namespace {

const OrtApi* open_api(const std::string& library) {
  // Never closed: the runtime's threads and static objects do not survive that.
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    throw Error(ErrorCode::native_unavailable, "ONNX Runtime cannot be opened (" +
                                                   std::string(reason == nullptr ? library : reason) +
                                                   "); reinstall the package onnxruntime-node");
  }
  const auto api_base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"));
  const OrtApi* api = api_base == nullptr ? nullptr : api_base()->GetApi(ORT_API_VERSION);
  if (api == nullptr) {
    throw Error(ErrorCode::native_unavailable, library + " does not offer ONNX Runtime's API version " +
                                                   std::to_string(ORT_API_VERSION) +
                                                   "; install a newer onnxruntime-node");
  }
  return api;
}

}  // namespace

Ort::Env& runtime_environment(const std::string& library) {
  static std::mutex mutex;
  static std::string opened;
  static Ort::Env* environment = nullptr;  // lives as long as the process: sessions may end after static destructors

  const std::lock_guard lock(mutex);
  if (environment == nullptr) {
    Ort::InitApi(open_api(library));
    environment = new Ort::Env(ORT_LOGGING_LEVEL_ERROR, "hrn");
    opened = library;
  } else if (library != opened) {
    throw Error(ErrorCode::native_unavailable, "ONNX Runtime is already open from " + opened + ", not " + library);
  }
  return *environment;
}

}  // namespace hrn::inference
