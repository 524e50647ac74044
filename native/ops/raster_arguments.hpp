// What every rasterizer refuses.
#pragma once
#include <limits>
#include <string>

#include "core/error.hpp"
#include "ops/rasterize.hpp"

namespace hrn::ops {

/// Throws Error(invalid_argument).
inline void check_raster_arguments(const RasterizeArgs<float>& a) {
  if (a.width < 1 || a.height < 1 || a.width > kMaxImageSide || a.height > kMaxImageSide)
    throw Error(ErrorCode::invalid_argument, "expected an image of 1 to 8192 px a side, got " +
                                                 std::to_string(a.width) + " x " + std::to_string(a.height));
  if (!(a.near_mm > 0)) throw Error(ErrorCode::invalid_argument, "expected a near plane above 0 mm");
  if (a.triangle_count > std::numeric_limits<std::int32_t>::max() / 4)
    throw Error(ErrorCode::invalid_argument, "too many triangles to rasterize");
}

}  // namespace hrn::ops
