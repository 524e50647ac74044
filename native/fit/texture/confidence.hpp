// How safely a pixel of what the camera sees can be sampled: a fitted outline is never exact. The same source for every
// backend.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"
#include "core/smoothstep.hpp"

namespace hrn::fit {

// What the camera sees of the mesh: depth in mm on a crop of the photo, infinity where nothing is.
struct DepthImage {
  const float* depth = nullptr;  // [height][width]
  int width = 0, height = 0;
  float scale = 1, x0 = 0, y0 = 0;  // depth pixel = scale * (photo pixel - (x0, y0))
};

namespace texture {

HRN_HD float larger(float x, float y) { return x > y ? x : y; }

struct ConfidenceArgs {
  DepthImage seen;
  long radius;          // px, of the soft margin
  std::uint8_t* edge;   // [height][width]
  std::uint8_t* along;  // [height][width], distance to the nearest edge in the row, at most 2 radius
  float* confidence;    // out [height][width], 0 beside a silhouette or a step in depth, 1 well inside
};

struct Confidence {
  // Per pixel: where a step in depth can be seen. Where the crop ends the surface may go on.
  struct Edge {
    HRN_HD static void run(const ConfidenceArgs& a, long i) {
      constexpr float kStepMm = 12;
      const long w = a.seen.width, h = a.seen.height, x = i % w, y = i / w;
      const float d = a.seen.depth[i];
      bool edge = !std::isfinite(d);
      const auto look = [&](bool inside, long j) {
        if (!inside) return;
        const float n = a.seen.depth[j];
        edge = edge || !std::isfinite(n) || d - n > kStepMm;
      };
      look(x + 1 < w, i + 1);
      look(x > 0, i - 1);
      look(y + 1 < h, i + w);
      look(y > 0, i - w);
      a.edge[i] = edge ? 1 : 0;
    }
  };
  // Per row. The distance along each axis in turn is exact enough for a soft margin.
  struct Along {
    static constexpr long kGrain = 16;
    HRN_HD static void run(const ConfidenceArgs& a, long y) {
      const long w = a.seen.width, far = 2 * a.radius;
      const std::uint8_t* edge = a.edge + y * w;
      std::uint8_t* out = a.along + y * w;
      long d = far;
      for (long x = 0; x < w; ++x) {
        d = edge[x] ? 0 : (d < far ? d + 1 : far);
        out[x] = static_cast<std::uint8_t>(d);
      }
      d = far;
      for (long x = w - 1; x >= 0; --x) {
        d = edge[x] ? 0 : (d < far ? d + 1 : far);
        if (d < out[x]) out[x] = static_cast<std::uint8_t>(d);
      }
    }
  };
  // Per pixel.
  struct Margin {
    HRN_HD static void run(const ConfidenceArgs& a, long i) {
      const long w = a.seen.width, h = a.seen.height, x = i % w, y = i / w, far = 2 * a.radius;
      const long first = y < far ? -y : -far, last = y + far < h ? far : h - 1 - y;
      long best = far * far;
      for (long dy = first; dy <= last; ++dy) {
        const long r = a.along[(y + dy) * w + x], square = r * r + dy * dy;
        best = square < best ? square : best;
      }
      const float distance = std::sqrt(static_cast<float>(best)) / static_cast<float>(a.radius);
      a.confidence[i] = smoothstep(0.4f, 1.6f, distance);
    }
  };
};

}  // namespace texture
}  // namespace hrn::fit
