// Small patches of the face whose directions are compared with the photo's. A patch's area vector, half the sum of
// x_i x x_j over the directed edges of its border, is as long as its area and stands normal to it: one cheap, smooth
// normal that follows from the border's vertices alone.
#pragma once
#include <cstdint>
#include <vector>

#include "core/half.hpp"
#include "fit/head/model.hpp"

namespace hrn::fit {

struct NormalPatches {
  explicit NormalPatches(const Model& model);

  struct Patch {
    std::uint32_t centre;  // vertex of the model
    std::int32_t first_edge, edge_count;
  };
  struct Edge {
    std::int32_t from, to;  // in `vertices`; the patch lies on its left, seen from outside
  };

  std::vector<Patch> patches;
  std::vector<Edge> edges;
  std::vector<std::uint32_t> vertices;  // of the model
  long columns = 0;                     // shape_count and padding
  std::vector<Half> basis;              // [vertices][3][columns], mm per unit
};

}  // namespace hrn::fit
