// What each texel of the UV layout is on the fitted head, as the camera sees it. The same source for every backend.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/vec.hpp"
#include "fit/detail/grid.hpp"
#include "ops/pose_project.hpp"

namespace hrn::fit::detail {

using V3 = Vec3<float>;

struct LayoutArgs {
  const float* uvs;  // [vertices][2]
  float size;        // texels a side
  float* screen;     // out [vertices][3]
};
/// Per vertex: where it lies in the map, for the rasterizer. Texel centres are at +0.5.
struct LayoutVertex {
  HRN_HD static void run(const LayoutArgs& a, long v) {
    a.screen[3 * v] = a.uvs[2 * v] * a.size;
    a.screen[3 * v + 1] = a.uvs[2 * v + 1] * a.size;
    a.screen[3 * v + 2] = 1;
  }
};

struct SurfaceTexelArgs {
  Box box{};
  long vertices = 0;
  long skin_triangles = 0;                  // the first triangles of the mesh are skin
  const float* positions = nullptr;         // in [vertices][3], head frame, mm
  const float* normals = nullptr;           // in [vertices][3], unit
  const float* albedo = nullptr;            // in [vertices][3], sRGB-encoded
  const float* uvs = nullptr;               // in [vertices][2]
  const float* deformable = nullptr;        // in [vertices]
  const std::int32_t* triangles = nullptr;  // in [triangles][3]
  const std::int32_t* owner = nullptr;      // in [size][size], triangle of each texel, -1 outside the layout
  const float* weights = nullptr;           // in [size][size][2]
  float rotation[9] = {}, translation[3] = {};
  float focal = 0, cx = 0, cy = 0;  // pixels of the square's raster
  const float* depth = nullptr;     // in [depth_side][depth_side], mm, of the square
  long depth_side = 0;
  float depth_scale = 0;   // pixels of the depth raster per pixel of the square's raster
  float* posed = nullptr;  // [vertices][6], position and normal in the camera's frame
  // Out, per texel of the box.
  float* pixel = nullptr;       // [n][2], where the square's raster shows it
  float* normal = nullptr;      // [n][3], unit, view frame: x right, y up, z towards the camera
  float* along_u = nullptr;     // [n][3]: grad h = h_u along_u + h_v along_v, view frame, mm^-1
  float* along_v = nullptr;     // [n][3]
  float* metric = nullptr;      // [n][3]: products of the two
  float* area = nullptr;        // [n], mm^2
  float* log_albedo = nullptr;  // [n][3], of linear light
  float* allowed = nullptr;     // [n], 0..1: how far the surface may be displaced
  float* facing = nullptr;      // [n], cosine to the line of sight; 0 where it is not seen
};

struct SurfaceTexel {
  HRN_HD static float decode_log(float encoded) {
    const float x = clamp(encoded, 0.02f, 1.f);
    return std::log(x <= 0.04045f ? x / 12.92f : std::pow((x + 0.055f) / 1.055f, 2.4f));
  }
  // Per vertex.
  struct Pose {
    HRN_HD static void run(const SurfaceTexelArgs& a, long v) {
      const V3 p = ops::PoseProject::rotate(a.rotation, load3(a.positions, v));
      store3(a.posed, 2 * v, V3{p.x + a.translation[0], p.y + a.translation[1], p.z + a.translation[2]});
      store3(a.posed, 2 * v + 1, ops::PoseProject::rotate(a.rotation, load3(a.normals, v)));
    }
  };
  // Per texel of the box.
  struct Look {
    HRN_HD static void run(const SurfaceTexelArgs& a, long i) {
      const long texel = (a.box.y0 + i / a.box.width) * a.box.size + a.box.x0 + i % a.box.width;
      const long t = a.owner[texel];
      a.allowed[i] = a.facing[i] = a.area[i] = 0;
      a.pixel[2 * i] = a.pixel[2 * i + 1] = 0;
      const V3 none{0, 0, 0};
      for (float* out : {a.normal, a.along_u, a.along_v, a.metric, a.log_albedo}) store3(out, i, none);
      if (t < 0 || t >= a.skin_triangles) return;
      const float b[3] = {a.weights[2 * texel], a.weights[2 * texel + 1],
                          1 - a.weights[2 * texel] - a.weights[2 * texel + 1]};
      V3 place = none, normal = none, corner[3];
      float uv[3][2], allowed = 0, albedo[3] = {0, 0, 0};
      for (int k = 0; k < 3; ++k) {
        const long v = a.triangles[3 * t + k];
        corner[k] = load3(a.posed, 2 * v);
        place = place + b[k] * corner[k];
        normal = normal + b[k] * load3(a.posed, 2 * v + 1);
        for (int c = 0; c < 2; ++c) uv[k][c] = a.uvs[2 * v + c] * static_cast<float>(a.box.size);
        allowed += b[k] * a.deformable[v];
        for (int c = 0; c < 3; ++c) albedo[c] += b[k] * a.albedo[3 * v + c];
      }
      const float u1 = uv[1][0] - uv[0][0], v1 = uv[1][1] - uv[0][1], u2 = uv[2][0] - uv[0][0],
                  v2 = uv[2][1] - uv[0][1], det = u1 * v2 - u2 * v1;
      if (!(std::fabs(det) > 1e-9f) || !(allowed > 0)) return;
      const V3 e1 = corner[1] - corner[0], e2 = corner[2] - corner[0];
      const V3 by_u = (1 / det) * (v2 * e1 - v1 * e2), by_v = (1 / det) * (u1 * e2 - u2 * e1);
      const float uu = dot(by_u, by_u), uv_ = dot(by_u, by_v), vv = dot(by_v, by_v), square = uu * vv - uv_ * uv_;
      if (!(square > 1e-12f)) return;
      const V3 along_u = (1 / square) * (vv * by_u - uv_ * by_v), along_v = (1 / square) * (uu * by_v - uv_ * by_u);
      const float norm = length(normal);
      if (!(norm > 1e-6f)) return;
      normal = (1 / norm) * normal;
      a.allowed[i] = allowed;
      a.area[i] = std::sqrt(square);
      store3(a.normal, i, V3{normal.x, -normal.y, -normal.z});
      store3(a.along_u, i, V3{along_u.x, -along_u.y, -along_u.z});
      store3(a.along_v, i, V3{along_v.x, -along_v.y, -along_v.z});
      store3(a.metric, i, V3{dot(along_u, along_u), dot(along_u, along_v), dot(along_v, along_v)});
      for (int c = 0; c < 3; ++c) a.log_albedo[3 * i + c] = decode_log(albedo[c]);
      if (!(place.z > 1)) return;
      const float u = a.focal * place.x / place.z + a.cx, v = a.focal * place.y / place.z + a.cy;
      a.pixel[2 * i] = u;
      a.pixel[2 * i + 1] = v;
      const float facing = -dot(normal, place) / length(place);
      const float du = u * a.depth_scale, dv = v * a.depth_scale, side = static_cast<float>(a.depth_side);
      if (!(facing > 0) || !(du >= 0 && dv >= 0 && du < side && dv < side)) return;
      const float depth = a.depth[static_cast<long>(dv) * a.depth_side + static_cast<long>(du)];
      const float tolerance = 1.f + 1.5f / (facing > 0.1f ? facing : 0.1f);
      if (place.z <= depth + tolerance) a.facing[i] = facing;
    }
  };
};

}  // namespace hrn::fit::detail
