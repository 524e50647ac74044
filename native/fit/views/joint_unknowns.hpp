// Which of a view's unknowns are those of all views.
#pragma once
#include "optim/arrow_levenberg_marquardt.hpp"

namespace hrn::fit {

/// Order of a view's unknowns: pose (its last one the focal length where it is free), identity, others of its own,
/// albedo, light. Shared: identity, then albedo, then the focal length where the views have one camera.
struct JointUnknowns {
  int pose = 6, identity = 0, own = 0, albedo = 0, light = 0;
  bool one_focal_length = false;

  int shared() const { return identity + albedo + (one_focal_length ? 1 : 0); }
  optim::SharedIndex index() const {
    optim::SharedIndex index(static_cast<std::size_t>(pose + identity + own + albedo + light), -1);
    const auto number = [&](int first, int count, int from) {
      for (int k = 0; k < count; ++k) index[static_cast<std::size_t>(first + k)] = from + k;
    };
    number(pose, identity, 0);
    number(pose + identity + own, albedo, identity);
    if (one_focal_length) number(pose - 1, 1, identity + albedo);
    return index;
  }
};

}  // namespace hrn::fit
