// Tests that need an NVIDIA GPU.
#pragma once
#include "framework.hpp"

namespace hrn::test {

/// Marks the test as skipped, and returns true, where this build or this machine cannot run it.
bool skip_without_gpu(Report& report);

}  // namespace hrn::test
