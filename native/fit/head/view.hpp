// What a camera sees of the head, in the host's memory.
#pragma once
#include <cstdint>
#include <vector>

#include "fit/head/camera_pose.hpp"

namespace hrn::fit {

struct HeadView {
  CameraPose camera;  // the photo's but for focal length and principal point
  int side;
  std::vector<std::int32_t> triangle_id;  // [side][side], -1 where nothing is seen
  std::vector<float> positions;           // [V][3], mm, of the head seen
};

}  // namespace hrn::fit
