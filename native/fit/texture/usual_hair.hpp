// Where hair grows on a head of which nothing is seen.
#pragma once
#include <vector>

#include "fit/head/model.hpp"

namespace hrn::fit {

/// [V], 0..1: how far hair usually covers a vertex. 1 on the scalp, less towards the nape and beside the ears: a
/// sideburn ends halfway down before an ear, and skin lies behind and below it. 0 on what is no scalp.
std::vector<float> usual_hair(const Model& model);

}  // namespace hrn::fit
