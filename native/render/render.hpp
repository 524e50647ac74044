// Pictures of a mesh: previews, overlays on the photo, synthetic portraits, depth and visibility images.
#pragma once
#include <cstdint>
#include <vector>

#include "core/cancel.hpp"
#include "core/thread_pool.hpp"

namespace hrn::render {

enum class RenderLight {
  none,      // colours as they are
  studio,    // three fixed white lights that turn with the camera
  harmonics  // RenderArgs::lighting
};

struct RenderArgs {
  // Mesh; the head frame of docs/frames.md.
  long vertices = 0, triangles = 0;
  const float* positions = nullptr;        // in, [V][3], mm
  const std::uint32_t* indices = nullptr;  // in, [T][3], counter-clockwise from outside; checked against V
  const float* normals = nullptr;          // in, [V][3], unit; null: area-weighted ones are computed
  bool cull_back_faces = true;             // else both sides are drawn, lit from the side seen

  // Camera: p = rotation * position + translation, x px = focal_px * p.x / p.z + centre_px[0].
  float rotation[9] = {};
  float translation[3] = {};
  float focal_px = 1;
  float centre_px[2] = {};
  float near_mm = 10;
  int width = 0, height = 0;  // px
  int supersampling = 2;      // samples per pixel and axis, 1 to 4; width and height times it at most 8192

  // Surface colour: a texture, or per vertex, or (both null) light grey. sRGB-encoded.
  const float* colours = nullptr;         // in, [V][3], 0..1
  const float* uvs = nullptr;             // in, [V][2]; with a texture
  const std::uint8_t* texture = nullptr;  // in, [texture_size][texture_size][texture_channels], row 0 at v = 0
  long texture_size = 0;                  // 2 or more
  int texture_channels = 3;               // 3 or 4; the fourth is ignored
  RenderLight light = RenderLight::studio;
  float lighting[27] = {};  // in, [3][9], see ops/shade.hpp

  // What is behind: an image of width x height, or one colour. The result is opaque where that is.
  float opacity = 1;                               // of the mesh, 0..1
  float background[4] = {0, 0, 0, 0};              // red, green, blue, alpha, 0..1
  const std::uint8_t* background_image = nullptr;  // in, [height][width][background_channels]
  int background_channels = 3;                     // 3 or 4

  bool want_geometry = false;  // fill depth and triangle_id
};

struct RenderResult {
  std::vector<std::uint8_t> rgba;  // [height][width][4], straight (not premultiplied) alpha
  // With want_geometry, at pixel centres (not supersampled):
  std::vector<float> depth;               // [height][width], mm, infinity where nothing is seen
  std::vector<std::int32_t> triangle_id;  // [height][width], -1 where nothing is seen
  std::vector<float> barycentrics;        // [height][width][2], perspective-correct weights of corners 0 and 1
};

/// Throws Error(invalid_argument) on an image size or index out of range, Error(cancelled). Vertices that are not
/// finite or in front of the near plane drop their triangles.
RenderResult render(const RenderArgs& args, ThreadPool& pool, const Cancel& cancel);

}  // namespace hrn::render
