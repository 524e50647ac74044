// Values of the host in a backend's memory.
#pragma once
#include <type_traits>

namespace hrn {

/// A new array of the backend that holds a copy of `values`, which has data() and size().
template <class B, class Values>
auto uploaded(B& backend, const Values& values) {
  using T = std::remove_cvref_t<decltype(*values.data())>;
  auto array = backend.template alloc<T>(values.size());
  backend.upload(array, values.data(), values.size());
  return array;
}

}  // namespace hrn
