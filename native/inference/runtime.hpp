// Opens ONNX Runtime's shared library.
#pragma once
#include <onnxruntime_cxx_api.h>

#include <string>

namespace hrn::inference {

// The process's environment; opens the library at the first call. A later call must name the same library.
// Throws native_unavailable.
Ort::Env& runtime_environment(const std::string& library);

}  // namespace hrn::inference
