// A shared library opened at run time, on every platform.
#pragma once
#include <string>

namespace hrn::inference {

// Address of a function in the library at `path` (UTF-8), which stays open for good: ONNX Runtime's threads and static
// objects do not survive its end. Throws native_unavailable.
void* open_symbol(const std::string& path, const char* symbol);

}  // namespace hrn::inference
