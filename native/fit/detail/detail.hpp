// The detail stage: a scalar displacement along the normal over the UV square, from the photo's shading.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/cancel.hpp"
#include "core/progress.hpp"
#include "core/thread_pool.hpp"
#include "fit/detail/tessellation.hpp"
#include "fit/head/camera_pose.hpp"
#include "fit/head/model.hpp"
#include "imaging/image.hpp"

namespace hrn::fit {

/// A square, axis-aligned part of the photo, pixels of the photo.
struct PhotoSquare {
  double x0 = 0, y0 = 0, side = 0;
};

struct DetailProblem {
  std::vector<float> positions;  // [V][3], mm, head frame: the medium level
  CameraPose camera;
  std::vector<double> albedo;  // [albedo_count]
  PhotoSquare square;          // holds the face
  std::vector<float> skin;     // [skin_size][skin_size], 0..1, over the square: where the photo shows bare skin
  int skin_size = 0;
  int size = 1024;          // texels a side of the map
  long triangles = 150000;  // of the detailed mesh, about
};

/// The head with its map; triangles, parts and texture coordinates are those of the tessellation.
struct DetailResult {
  std::vector<float> map;    // [size][size], mm along the normal, rows from v = 0
  std::vector<float> seen;   // [size][size], 0..1: how far the photo decided
  int solved_size = 0;       // texels a side of the finest map that was solved for
  int iterations = 0;        // of conjugate gradients, on all levels together
  double pixels_per_mm = 0;  // of the photo, at the face
  std::shared_ptr<const Tessellation> tessellation;
  DetailedMesh mesh;
};

/// Throws Error(invalid_argument), Error(cancelled). Bit-identical for any thread count.
DetailResult fit_detail(const Model& model, const imaging::Image& photo, const DetailProblem& problem, ThreadPool& pool,
                        const Cancel& cancel, const Progress& progress);

}  // namespace hrn::fit
