// One surface point of the photometric term: its colour by the model against the photo's, and how the difference moves
// with every parameter. The same source for every backend.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"
#include "core/vec.hpp"
#include "ops/pose_project.hpp"
#include "ops/shade.hpp"

namespace hrn::fit {

// Square crop of the photo: pixel = scale * (photo pixel - (x0, y0)), centres at +0.5, sRGB-encoded 0..1.
struct PhotoCrop {
  const float* rgb = nullptr;   // in [size][size][3]
  const float* mask = nullptr;  // in [size][size], 0..1: how far the pixel shows bare, unoccluded skin
  int size = 0;
  float scale = 1, x0 = 0, y0 = 0;
};

namespace photometric {

using V3 = Vec3<float>;

// What a difference in red, green and blue counts. Blood absorbs green and blue, so flushed cheeks and spots, which
// neither light nor the model's albedo explains, hardly show in red (Tsumura et al. 1999), where shading does as well.
HRN_HD constexpr float channel_weight(int channel) { return channel == 0 ? 1.6f : channel == 1 ? 0.4f : 0.2f; }
constexpr float kChannelWeights = channel_weight(0) + channel_weight(1) + channel_weight(2);

// Cosine below which texture is too foreshortened to compare, and above which it counts in full.
constexpr float kMinFacing = 0.2f, kFullFacing = 0.3f;
// Mask below which nothing is compared.
constexpr float kMinMask = 0.05f;

struct Sample {
  std::int32_t row;         // of this vertex in the compact basis
  std::int32_t vertex;      // of the model
  std::int32_t first_edge;  // triangles of the fan as (row a, row b)
  std::int32_t edge_count;
};
struct Edge {
  std::int32_t a, b;
};

struct Camera {
  float r[9];
  V3 t;
  float focal, cx, cy;  // pixels of the crop
};

struct SampleArgs {
  const Sample* samples = nullptr;
  const Edge* edges = nullptr;
  const float* positions = nullptr;     // [rows][3], mm, at the state looked at
  const float* albedo_mean = nullptr;   // [V][3]
  const float* albedo_basis = nullptr;  // [samples][3][albedo_count]
  long albedo_count = 0;
  const double* albedo = nullptr;    // [albedo_count]
  const double* lighting = nullptr;  // [3][9], view frame
  PhotoCrop crop;
  Camera camera{};
};

// One sample at one state: what its energy and its Jacobian share.
struct Shaded {
  V3 rotated, camera_point;  // rotated; and translated; mm
  V3 normal, view;           // unit, head frame; unit, view frame
  float normal_length;
  // All of these times the channel's weight; du and dv: derivatives of the photo's colour per crop pixel.
  float du[3], dv[3];
  float albedo[3], light[3], residual[3];
  float harmonics[9];
};

HRN_HD V3 to_view(V3 c) { return {c.x, -c.y, -c.z}; }

// Bilinear colour and its derivative per crop pixel. False outside the crop's interior.
HRN_HD bool look_up(const PhotoCrop& crop, float u, float v, float* colour, float* du, float* dv) {
  const float x = u - 0.5f, y = v - 0.5f;
  const float last = static_cast<float>(crop.size - 1);
  if (!(x >= 0 && y >= 0 && x < last && y < last)) return false;
  const long x0 = static_cast<long>(x), y0 = static_cast<long>(y);
  const float tx = x - static_cast<float>(x0), ty = y - static_cast<float>(y0);
  const float* a = crop.rgb + 3 * (y0 * crop.size + x0);
  const float* b = a + 3L * crop.size;
  for (int k = 0; k < 3; ++k) {
    const float top = a[k] + tx * (a[3 + k] - a[k]), bottom = b[k] + tx * (b[3 + k] - b[k]);
    colour[k] = top + ty * (bottom - top);
    if (du) {
      du[k] = (1 - ty) * (a[3 + k] - a[k]) + ty * (b[3 + k] - b[k]);
      dv[k] = bottom - top;
    }
  }
  return true;
}

// Normal of the sample's fan of triangles, as long as twice their area.
HRN_HD V3 fan_normal(const SampleArgs& a, const Sample& s) {
  V3 normal{0, 0, 0};
  const V3 x = load3(a.positions, s.row);
  for (long e = s.first_edge; e < s.first_edge + s.edge_count; ++e) {
    const Edge edge = a.edges[e];
    normal = normal + cross(load3(a.positions, edge.a) - x, load3(a.positions, edge.b) - x);
  }
  return normal;
}

// Bilinear; 1 without a mask. Inside the crop's interior.
HRN_HD float look_up_mask(const PhotoCrop& crop, float u, float v) {
  if (!crop.mask) return 1;
  const float x = u - 0.5f, y = v - 0.5f;
  const long x0 = static_cast<long>(x), y0 = static_cast<long>(y);
  const float tx = x - static_cast<float>(x0), ty = y - static_cast<float>(y0);
  const float *a = crop.mask + y0 * crop.size + x0, *b = a + crop.size;
  const float top = a[0] + tx * (a[1] - a[0]), bottom = b[0] + tx * (b[1] - b[0]);
  return top + ty * (bottom - top);
}

// Image area of the sample's fan times the mask; 0 where the sample does not count. Continuous: one that begins to
// count weighs nothing yet.
HRN_HD float sample_weight(const SampleArgs& a, long i) {
  const Sample s = a.samples[i];
  const V3 normal = fan_normal(a, s);
  const float area = length(normal);
  if (!(area > 1e-9f)) return 0;
  const V3 p = ops::PoseProject::rotate(a.camera.r, load3(a.positions, s.row)) + a.camera.t;
  if (!(p.z > 1)) return 0;
  const float facing = -dot(ops::PoseProject::rotate(a.camera.r, normal), p) / (area * length(p));
  if (!(facing > kMinFacing)) return 0;
  const float u = a.camera.focal * p.x / p.z + a.camera.cx, v = a.camera.focal * p.y / p.z + a.camera.cy;
  float colour[3];
  if (!look_up(a.crop, u, v, colour, nullptr, nullptr)) return 0;
  const float plain = (facing - kMinFacing) / (kFullFacing - kMinFacing);
  const float mask = (look_up_mask(a.crop, u, v) - kMinMask) / (1 - kMinMask);
  return mask > 0 ? mask * (plain < 1 ? plain : 1) * area * facing : 0;
}

HRN_HD bool shade(const SampleArgs& a, long i, Shaded* out) {
  const Sample s = a.samples[i];
  const V3 normal = fan_normal(a, s);
  out->normal_length = length(normal);
  if (!(out->normal_length > 1e-9f)) return false;
  out->normal = (1 / out->normal_length) * normal;
  out->rotated = ops::PoseProject::rotate(a.camera.r, load3(a.positions, s.row));
  out->camera_point = out->rotated + a.camera.t;
  const V3 p = out->camera_point;
  if (!(p.z > 1)) return false;
  float photo[3];
  if (!look_up(a.crop, a.camera.focal * p.x / p.z + a.camera.cx, a.camera.focal * p.y / p.z + a.camera.cy, photo,
               out->du, out->dv)) {
    return false;
  }
  out->view = to_view(ops::PoseProject::rotate(a.camera.r, out->normal));
  ops::Shade::basis(out->view, out->harmonics);
  for (long c = 0; c < 3; ++c) {
    const float* basis = a.albedo_basis + (i * 3 + c) * a.albedo_count;
    double albedo = static_cast<double>(a.albedo_mean[3L * s.vertex + c]);
    for (long k = 0; k < a.albedo_count; ++k) albedo += static_cast<double>(basis[k]) * a.albedo[k];
    double light = 0;
    for (long k = 0; k < 9; ++k) light += static_cast<double>(out->harmonics[k]) * a.lighting[9 * c + k];
    const float weight = channel_weight(static_cast<int>(c));
    out->albedo[c] = weight * static_cast<float>(albedo);
    out->light[c] = weight * static_cast<float>(light);
    // A photo shows nothing brighter than 1: how much brighter the skin would be tells nothing of light or shape.
    if (albedo * light > 1) {
      out->albedo[c] = out->light[c] = 0;
      out->residual[c] = weight * (1 - photo[c]);
    } else {
      out->residual[c] = out->albedo[c] * static_cast<float>(light) - weight * photo[c];
    }
    out->du[c] *= weight;
    out->dv[c] *= weight;
  }
  return true;
}

// Squared norm of the residual; leaving the crop must never pay.
HRN_HD double squared_residual(const SampleArgs& a, long i) {
  Shaded s;
  if (!shade(a, i, &s)) return 1;
  double sum = 0;
  for (const float r : s.residual) sum += static_cast<double>(r) * static_cast<double>(r);
  return sum;
}

// Root of the weight of a sample's rows: `unit` over the colour variance, the sample's own weight, and Geman-McClure.
HRN_HD float root_weight(const Shaded& s, double unit, double weight, double robust2) {
  double sum = 0;
  for (const float r : s.residual) sum += static_cast<double>(r) * static_cast<double>(r);
  const double falloff = 1 / ((1 + sum / robust2) * (1 + sum / robust2));
  return static_cast<float>(std::sqrt(unit * falloff * weight));
}

// Derivatives of the three channels that do not need the basis.
struct Slopes {
  float pose[3][7];  // rotation, translation, log focal length
  V3 image[3];       // by the sample's position, through the place in the photo
  V3 turn[3];        // by the fan's normal, through the light
};
HRN_HD Slopes slopes(const SampleArgs& a, const Shaded& s) {
  Slopes out;
  const Camera& cam = a.camera;
  const V3 p = s.camera_point;
  const float fz = cam.focal / p.z;
  for (int c = 0; c < 3; ++c) {
    float lighting[9];
    for (int k = 0; k < 9; ++k) lighting[k] = static_cast<float>(a.lighting[9 * c + k]);
    const V3 image{-fz * s.du[c], -fz * s.dv[c], fz * (s.du[c] * p.x + s.dv[c] * p.y) / p.z};
    const V3 by_rotated_normal = s.albedo[c] * to_view(ops::Shade::basis_gradient(s.view, lighting));  // camera frame
    const V3 w = cross(s.rotated, image) + cross(to_view(s.view), by_rotated_normal);
    const float pose[7] = {
        w.x, w.y, w.z, image.x, image.y, image.z, image.z * cam.t.z - fz * (s.du[c] * p.x + s.dv[c] * p.y)};
    for (int k = 0; k < 7; ++k) out.pose[c][k] = pose[k];
    const V3 head = ops::PoseProject::rotate_back(cam.r, by_rotated_normal);
    // Through the normalisation: only the part across the normal counts.
    out.turn[c] = (1 / s.normal_length) * (head - dot(head, s.normal) * s.normal);
    out.image[c] = ops::PoseProject::rotate_back(cam.r, image);
  }
  return out;
}

// Calls add(row, by_position[3]) for every row of the compact basis that the sample depends on.
template <class Add>
HRN_HD void visit_rows(const SampleArgs& a, long i, const Slopes& slope, Add&& add) {
  const Sample sample = a.samples[i];
  V3 self[3] = {slope.image[0], slope.image[1], slope.image[2]};
  const V3 x = load3(a.positions, sample.row);
  for (long e = sample.first_edge; e < sample.first_edge + sample.edge_count; ++e) {
    const Edge edge = a.edges[e];
    const V3 to_a = load3(a.positions, edge.a) - x, to_b = load3(a.positions, edge.b) - x;
    V3 by_a[3], by_b[3];
    for (int c = 0; c < 3; ++c) {  // of turn . (a x b)
      by_a[c] = cross(to_b, slope.turn[c]);
      by_b[c] = cross(slope.turn[c], to_a);
      self[c] = self[c] - by_a[c] - by_b[c];
    }
    add(edge.a, by_a);
    add(edge.b, by_b);
  }
  add(sample.row, self);
}

}  // namespace photometric
}  // namespace hrn::fit
