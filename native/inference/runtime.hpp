// Opens ONNX Runtime's shared library.
#pragma once
#include <string>

#include "inference/onnx_runtime_api.hpp"

namespace hrn::inference {

struct Runtime {
  Ort::Env& environment;
  std::string library;  // path
};

// The process's runtime, opened at the first call: one library serves the whole process, whatever later calls name.
// Throws native_unavailable.
const Runtime& runtime(const std::string& library);

}  // namespace hrn::inference
