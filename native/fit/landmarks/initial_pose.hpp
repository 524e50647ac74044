// Closed-form head pose from points of known shape.
#pragma once
#include <optional>

#include "fit/head/camera_pose.hpp"

namespace hrn::fit {

/// Weighted perspective pose of `count` points (`points` [count][3], mm) seen at `pixels` [count][2]: an affine camera
/// in closed form, its nearest scaled rotation, then the perspective correction of DeMenthon and Davis, with outliers
/// weighted down. `weights` is [count]. Any roll, yaw to about 60 degrees. Empty when the points are degenerate.
std::optional<CameraPose> initial_pose(const double* points, const double* pixels, const double* weights, long count,
                                       double focal_px, const double principal_px[2]);

}  // namespace hrn::fit
