// What lies outside a picture. On its own, as CUDA sources, whose compiler knows no vector types, read it.
#pragma once

namespace hrn::ops {

enum class Border { zero, replicate };

}  // namespace hrn::ops
