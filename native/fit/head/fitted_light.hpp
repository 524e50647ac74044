// The model's colours: albedo in the light that was fitted. The same source for every backend.
#pragma once
#include "core/host_device.hpp"
#include "core/vec.hpp"
#include "ops/pose_project.hpp"
#include "ops/shade.hpp"

namespace hrn::fit {

struct FittedLightArgs {
  const float* albedo;   // [vertices][3], sRGB-encoded
  const float* normals;  // [vertices][3], unit
  float rotation[9];     // head to camera frame
  float lighting[27];    // [3][9], view frame
  float* colours;        // out [vertices][3]
};
// Per vertex: albedo in the fitted light. The photo tells nothing of light from behind: what faces away has the light
// of the rim, and none is darker than a share of the mean.
struct FittedLight {
  HRN_HD static void run(const FittedLightArgs& a, long v) {
    constexpr float kDarkest = 0.3f;
    const Vec3<float> m = ops::PoseProject::rotate(a.rotation, load3(a.normals, v));
    Vec3<float> n{m.x, -m.y, -m.z > 0 ? -m.z : 0.f};
    n = (1 / (length(n) + 1e-6f)) * n;
    float h[9];
    ops::Shade::basis(n, h);
    for (int c = 0; c < 3; ++c) {
      const float* light = a.lighting + 9 * c;
      float irradiance = 0;
      for (int k = 0; k < 9; ++k) irradiance += light[k] * h[k];
      const float least = kDarkest * light[0] * h[0];
      a.colours[3 * v + c] = a.albedo[3 * v + c] * (irradiance > least ? irradiance : least);
    }
  }
};

}  // namespace hrn::fit
