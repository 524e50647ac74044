// What the dense landmarks pull at in the deformation stage: points of the surface. Those that the network puts on the
// silhouette, which are no fixed points, do not pull. Points that are seen at known places follow them.
#pragma once
#include <cstdint>
#include <vector>

#include "fit/deformation/deformation.hpp"
#include "fit/head/model.hpp"

namespace hrn::fit {

// Inputs of losses::Landmark for crop pixels, and the vertex -> slot lists that gather its gradient.
struct LandmarkTargets {
  std::vector<std::int32_t> vertices;      // [n][3]
  std::vector<float> weights;              // [n][3]
  std::vector<float> target;               // [n][2], crop pixels
  std::vector<float> precision;            // [n][3]
  std::vector<std::int32_t> slot_offsets;  // [V + 1]
  std::vector<std::int32_t> slots;         // [3 n], slot indices by vertex
};

/// A checked problem.
LandmarkTargets landmark_targets(const Model& model, const DeformationProblem& problem);

}  // namespace hrn::fit
