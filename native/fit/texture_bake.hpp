// Texture recovery: one square colour map over the model's UV layout, taken from the photo where the photo shows the
// surface, from the mirrored side where it does not, and from the fitted albedo and light elsewhere.
#pragma once
#include <cstdint>
#include <vector>

#include "core/cancel.hpp"
#include "core/thread_pool.hpp"

namespace hrn::fit {

// Pinhole camera: p = R x + t in mm (x right, y down, z away), u = focal * p.x / p.z + cx. Pixel centres at +0.5.
struct BakeCamera {
  float rotation[9];
  float translation[3];
  float focal, cx, cy;  // pixels of the photo
};

// What the camera sees of the mesh: depth in mm on a crop of the photo, infinity where nothing is.
struct DepthImage {
  const float* depth = nullptr;  // [height][width]
  int width = 0, height = 0;
  float scale = 1, x0 = 0, y0 = 0;  // depth pixel = scale * (photo pixel - (x0, y0))
};

struct TextureBakeArgs {
  long vertices = 0, triangles = 0;
  const float* positions = nullptr;       // in  [vertices][3], head frame, mm
  const float* normals = nullptr;         // in  [vertices][3], unit
  const float* uvs = nullptr;             // in  [vertices][2], 0..1
  const float* shaded = nullptr;          // in  [vertices][3], albedo times irradiance, sRGB-encoded 0..1
  const std::int32_t* indices = nullptr;  // in  [triangles][3]
  const std::uint8_t* islands = nullptr;  // in  [triangles], UV island of each triangle; fills never cross islands
  int island_count = 0;
  BakeCamera camera{};
  DepthImage seen{};
  const std::uint8_t* photo = nullptr;  // in  [height][width][channels], sRGB
  int width = 0, height = 0, channels = 3;
  const float* person = nullptr;  // in  [person_height][person_width], 0..1: does the pixel belong to the person
  int person_width = 0, person_height = 0;
  float person_from_photo[6] = {};  // affine, row-major 2x3: photo pixels to person-mask pixels
  int size = 0;                     // texture side, texels
};

// Returns [size][size][3] sRGB bytes, rows from v = 0. Throws hrn::Error when cancelled.
std::vector<std::uint8_t> bake_texture(const TextureBakeArgs& args, ThreadPool& pool, const Cancel& cancel);

}  // namespace hrn::fit
