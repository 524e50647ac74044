// Where several photos of a face show the same skin: their textures, laid out on the head's own UV square, are brought
// over each other. Brows, lips, pores and moles do not know what a network expects of a face, so that what still moves
// between two photos tells how far the head fitted to them is from the one that they show.
//
// Lucas and Kanade 1981, "An iterative image registration technique with an application to stereo vision", of all
// photos with their common mean (groupwise), in windows of Gaussian weight.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "core/cancel.hpp"
#include "core/thread_pool.hpp"
#include "fit/head/camera_pose.hpp"
#include "fit/head/model.hpp"
#include "fit/landmarks/point_term.hpp"
#include "fit/parameters/fit.hpp"

namespace hrn::fit {

/// One photo and the head as fitted to it.
struct RegisteredView {
  PhotometricLevel level;             // what the photo shows; its iterations are nothing
  CameraPose camera;                  // photo pixels
  std::vector<float> positions;       // [V][3], mm
  std::array<double, 27> lighting{};  // as fitted: what skin is seen by is taken off
};

/// For each view where it shows the points, and how surely: the same points for all. Nothing is known of a point in a
/// view that shows it alone. Throws Error(invalid_argument), Error(cancelled). Bit-identical for any thread count.
std::vector<PointProblem> register_views(const Model& model, const std::vector<RegisteredView>& views, ThreadPool& pool,
                                         const Cancel& cancel);

}  // namespace hrn::fit
