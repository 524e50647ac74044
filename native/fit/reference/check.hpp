// Whether the parts of a model and of a problem fit together.
#pragma once
#include <cstddef>
#include <string>

#include "core/error.hpp"

namespace hrn::fit::reference {

/// Throws Error(invalid_argument) where a part has not as many numbers as expected.
inline void check(const char* what, std::size_t got, long expected) {
  if (got != static_cast<std::size_t>(expected))
    throw Error(ErrorCode::invalid_argument, std::string("expected ") + std::to_string(expected) + " numbers as " +
                                                 what + ", got " + std::to_string(got));
}

}  // namespace hrn::fit::reference
