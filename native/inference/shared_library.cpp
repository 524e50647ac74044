#include "inference/shared_library.hpp"

#ifdef _WIN32
#include <windows.h>

#include <system_error>
#else
#include <dlfcn.h>
#endif

#include "core/error.hpp"

namespace hrn::inference {
namespace {

[[noreturn]] void unavailable(const std::string& path, const std::string& reason) {
  throw Error(ErrorCode::native_unavailable, "ONNX Runtime cannot be opened (" + path + ": " + reason + ")");
}

}  // namespace

#ifdef _WIN32

namespace {

std::string last_error() {
  const DWORD code = GetLastError();
  std::string reason = std::system_category().message(static_cast<int>(code));
  // ONNX Runtime is built with Microsoft's compiler, whose C++ library Windows does not always have.
  if (code == ERROR_MOD_NOT_FOUND) reason += "; install the Microsoft Visual C++ Redistributable for x64";
  return reason;
}

}  // namespace

void* open_symbol(const std::string& path, const char* symbol) {
  const int length = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
  std::wstring wide(static_cast<std::size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, wide.data(), length);
  // What the library needs is looked for beside it, not beside node.exe.
  const HMODULE library = LoadLibraryExW(wide.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (library == nullptr) unavailable(path, last_error());
  const FARPROC address = GetProcAddress(library, symbol);
  if (address == nullptr) unavailable(path, last_error());
  return reinterpret_cast<void*>(address);
}

#else

void* open_symbol(const std::string& path, const char* symbol) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* address = library == nullptr ? nullptr : dlsym(library, symbol);
  if (address == nullptr) {
    const char* reason = dlerror();
    unavailable(path, reason == nullptr ? "unknown reason" : reason);
  }
  return address;
}

#endif

}  // namespace hrn::inference
