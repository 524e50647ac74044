// ONNX Runtime's C++ API.
#pragma once

#ifdef _WIN32
#include <sal.h>  // annotations that the API expects another of Windows' headers to bring, as Microsoft's do and mingw's do not
#endif

#include <onnxruntime_cxx_api.h>
