// What the dense landmarks pull at in the deformation stage: fixed surface points, and for those that the network puts
// on the silhouette the vertex that is the silhouette now.
#pragma once
#include <cstdint>
#include <vector>

#include "fit/deformation.hpp"
#include "fit/model.hpp"

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

class LandmarkMatcher {
 public:
  LandmarkMatcher(const Model& model, const DeformationProblem& problem);

  // Matches the dynamic landmarks to the silhouette of the mesh as it is: screen [V][3] in crop pixels, unit normals
  // [V][3] in the head frame, positions [V][3].
  const LandmarkTargets& match(const float* screen, const float* normals, const float* positions);

 private:
  void index_slots();

  const Model& model_;
  const DeformationProblem& problem_;
  std::vector<float> static_precision_;  // [n]
  LandmarkTargets targets_;
};

}  // namespace hrn::fit
