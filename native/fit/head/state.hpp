// What a fit estimates of the head: where it is and how it is shaped.
#pragma once
#include <vector>

#include "fit/head/camera_pose.hpp"

namespace hrn::fit {

/// The current estimate: camera, then identity, expression and nuisance coefficients in one vector.
struct HeadState {
  CameraPose camera;
  std::vector<double> coefficients;
};

}  // namespace hrn::fit
