// Opens ONNX Runtime's shared library.
#pragma once
#include <string>

#include "inference/onnx_runtime_api.hpp"

namespace hrn::inference {

struct Runtime {
  Ort::Env& environment;
  std::string library;  // path
};

// ONNX Runtime's builds from 1.29 on send events to Microsoft, and keep a device id, a database and logs for it in the
// user's cache and in the temporary folder. This keeps them from it for the whole process, unless ORT_DISABLE_TELEMETRY
// is set already. To be called before `runtime`, on the thread that loads the addon: it changes the environment.
void refuse_telemetry();

// The process's runtime, opened at the first call: one library serves the whole process, whatever later calls name.
// Throws native_unavailable.
const Runtime& runtime(const std::string& library);

}  // namespace hrn::inference
