// One texel of the texture, one pixel of what the camera sees: the same source for every backend.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"
#include "core/vec.hpp"
#include "fit/pull_push.hpp"

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

// How the photo shows a vertex.
enum class Sight : std::uint8_t {
  plain,
  narrow,   // in a narrow opening, all of it near a step in depth, like lips
  covered,  // not at all: something else lies over it, like hair over an ear
};

// All pointers into the memory of the backend that bakes.
struct TextureBakeArgs {
  long vertices = 0, triangles = 0;
  const float* positions = nullptr;       // in  [vertices][3], head frame, mm
  const float* normals = nullptr;         // in  [vertices][3], unit
  const float* uvs = nullptr;             // in  [vertices][2], 0..1
  const float* shaded = nullptr;          // in  [vertices][3], albedo times irradiance, sRGB-encoded 0..1
  const std::int32_t* indices = nullptr;  // in  [triangles][3]
  const std::uint8_t* islands = nullptr;  // in  [triangles], UV island of each triangle; fills never cross islands
  int island_count = 0;
  const std::uint8_t* sights = nullptr;  // in  [vertices], a Sight each; null: plain everywhere
  BakeCamera camera{};
  DepthImage seen{};
  const std::uint8_t* photo = nullptr;  // in  rows first_row.. of [height][width][channels], sRGB
  int width = 0, height = 0, channels = 3;
  int first_row = 0;              // of the photo that is given; those beyond the last one given are not looked at
  const float* person = nullptr;  // in  [person_height][person_width], 0..1: does the pixel belong to the person
  int person_width = 0, person_height = 0;
  float person_from_photo[6] = {};  // affine, row-major 2x3: photo pixels to person-mask pixels
  int size = 0;                     // texture side, texels
};

namespace texture {

using V3 = Vec3<float>;

HRN_HD float clamp(float x, float low, float high) { return x > low ? (x < high ? x : high) : low; }

// Bilinear, clamped; pixel centres at +0.5. The image's rows start at `first_row`.
template <class T>
HRN_HD void sample(const T* image, int width, int height, int first_row, int stride, int channels, float u, float v,
                   float* out) {
  const float x = clamp(u - 0.5f, 0.f, static_cast<float>(width - 1));
  const float y = clamp(v - 0.5f, 0.f, static_cast<float>(height - 1));
  const long x0 = static_cast<long>(x), y0 = static_cast<long>(y);
  const long x1 = x0 + 1 < width ? x0 + 1 : width - 1, y1 = y0 + 1 < height ? y0 + 1 : height - 1;
  const float tx = x - static_cast<float>(x0), ty = y - static_cast<float>(y0);
  const T* top = image + (y0 - first_row) * width * stride;
  const T* bottom = image + (y1 - first_row) * width * stride;
  for (int k = 0; k < channels; ++k) {
    const auto at = [&](const T* row, long xx) { return static_cast<float>(row[xx * stride + k]); };
    out[k] =
        (at(top, x0) * (1 - tx) + at(top, x1) * tx) * (1 - ty) + (at(bottom, x0) * (1 - tx) + at(bottom, x1) * tx) * ty;
  }
}

HRN_HD float smoothstep(float lo, float hi, float x) {
  const float t = clamp((x - lo) / (hi - lo), 0.f, 1.f);
  return t * t * (3 - 2 * t);
}

// --- how safely a pixel of the depth image can be sampled
// -------------------------------------------------------------

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

// --- texels
// -----------------------------------------------------------------------------------------------------------

struct TexelArgs {
  TextureBakeArgs bake;
  const std::int32_t* owner;  // [size][size], triangle of each texel, -1 outside every island
  const float* weights;       // [size][size][2], its barycentric weights of corners 0 and 1
  std::uint8_t* away;         // [triangles], 1 where the camera sees at most the back
  const float* safe;          // [seen.height][seen.width]
  float* photo;               // [size][size][4]: colour the photo shows, 0..1, and how far it is trusted
  long block;                 // texels a side of what has one colour correction
  long side;                  // blocks a side
  float* correction;          // [islands][side][side][3]: photo less model, low frequencies
  float* correction_weight;   // [islands][side][side]
  PullPushArgs half;          // its coarse level: the colours at half the size, known inside the islands
  std::uint8_t* bytes;        // out [size][size][3]
};

struct Corners {
  float b[3];
  long v[3];
};
HRN_HD Corners corners(const TexelArgs& a, long i) {
  const long t = a.owner[i];
  Corners c;
  c.b[0] = a.weights[2 * i];
  c.b[1] = a.weights[2 * i + 1];
  c.b[2] = 1 - c.b[0] - c.b[1];
  for (int k = 0; k < 3; ++k) c.v[k] = a.bake.indices[3 * t + k];
  return c;
}
HRN_HD V3 to_camera(const BakeCamera& camera, V3 p) {
  const float* r = camera.rotation;
  return {r[0] * p.x + r[1] * p.y + r[2] * p.z + camera.translation[0],
          r[3] * p.x + r[4] * p.y + r[5] * p.z + camera.translation[1],
          r[6] * p.x + r[7] * p.y + r[8] * p.z + camera.translation[2]};
}
HRN_HD V3 turn(const BakeCamera& camera, V3 n) {
  const float* r = camera.rotation;
  return {r[0] * n.x + r[1] * n.y + r[2] * n.z, r[3] * n.x + r[4] * n.y + r[5] * n.z,
          r[6] * n.x + r[7] * n.y + r[8] * n.z};
}
HRN_HD V3 blend(const Corners& c, const float* values) {
  return c.b[0] * load3(values, c.v[0]) + c.b[1] * load3(values, c.v[1]) + c.b[2] * load3(values, c.v[2]);
}

// How far the photo is trusted to show texel i, and where; 0 where it does not.
HRN_HD float trust(const TexelArgs& args, long i, const Corners& corner, float* u_out, float* v_out) {
  const TextureBakeArgs& a = args.bake;
  const V3 c = to_camera(a.camera, blend(corner, a.positions)), m = turn(a.camera, blend(corner, a.normals));
  if (!(c.z > 1)) return 0;
  const float facing = -dot(m, c) / (length(m) * length(c) + 1e-12f);
  float narrow = a.islands[args.owner[i]] == 0 ? 0.f : 1.f, covered = 0;
  if (a.sights != nullptr) {
    for (int k = 0; k < 3; ++k) {
      const std::uint8_t sight = a.sights[corner.v[k]];
      if (sight == static_cast<std::uint8_t>(Sight::narrow)) narrow += corner.b[k];
      if (sight == static_cast<std::uint8_t>(Sight::covered)) covered += corner.b[k];
    }
    narrow = clamp(narrow, 0.f, 1.f);
    covered = clamp(covered, 0.f, 1.f);
  }
  // The insides of lips are seen at a glancing angle only.
  float weight = smoothstep(0.12f - 0.1f * narrow, 0.42f - 0.3f * narrow, facing) * (1 - covered);
  if (!(weight > 0)) return 0;
  const float u = a.camera.focal * c.x / c.z + a.camera.cx, v = a.camera.focal * c.y / c.z + a.camera.cy;
  if (!(u >= 0 && v >= 0 && u <= static_cast<float>(a.width) && v <= static_cast<float>(a.height))) return 0;
  const float du = (u - a.seen.x0) * a.seen.scale, dv = (v - a.seen.y0) * a.seen.scale;
  if (!(du >= 0 && dv >= 0 && du < static_cast<float>(a.seen.width) && dv < static_cast<float>(a.seen.height)))
    return 0;
  const float depth = a.seen.depth[static_cast<long>(dv) * a.seen.width + static_cast<long>(du)];
  // Tolerance grows on slanted surfaces, where one depth pixel spans more millimetres.
  const float tolerance = 1.5f + 1.5f / (facing > 0.1f ? facing : 0.1f);
  if (!(c.z <= depth + tolerance) || !std::isfinite(depth)) return 0;
  float s = 0;
  sample(args.safe, a.seen.width, a.seen.height, 0, 1, 1, du, dv, &s);
  // Of teeth, eyes and lips, in and around narrow openings, half a tooth beats none.
  weight *= s > 0.9f * narrow ? s : 0.9f * narrow;
  if (a.person != nullptr) {
    const float* q = a.person_from_photo;
    float person = 0;
    sample(a.person, a.person_width, a.person_height, 0, 1, 1, q[0] * u + q[1] * v + q[2], q[3] * u + q[4] * v + q[5],
           &person);
    weight *= smoothstep(0.5f, 0.9f, person);
  }
  *u_out = u;
  *v_out = v;
  return weight;
}

struct Texel {
  // Per triangle: whether no point of it can face the camera, since no corner's normal does from any corner.
  struct Away {
    HRN_HD static void run(const TexelArgs& a, long t) {
      V3 c[3], m[3];
      for (int k = 0; k < 3; ++k) {
        const long v = a.bake.indices[3 * t + k];
        c[k] = to_camera(a.bake.camera, load3(a.bake.positions, v));
        m[k] = turn(a.bake.camera, load3(a.bake.normals, v));
      }
      bool away = true;
      for (const V3& normal : m)
        for (const V3& point : c) away = away && dot(normal, point) >= 0;
      a.away[t] = away ? 1 : 0;
    }
  };

  // Per texel: what the photo shows.
  struct Photo {
    HRN_HD static void run(const TexelArgs& a, long i) {
      float* out = a.photo + 4 * i;
      float u = 0, v = 0;
      const long t = a.owner[i];
      const float weight = t < 0 || a.away[t] != 0 ? 0.f : trust(a, i, corners(a, i), &u, &v);
      out[3] = weight > 0 ? weight : 0.f;
      if (!(weight > 0)) return;
      sample(a.bake.photo, a.bake.width, a.bake.height, a.bake.first_row, a.bake.channels, 3, u, v, out);
      for (int k = 0; k < 3; ++k) out[k] /= 255;
    }
  };

  // Whether skin in a narrow opening may show something else, like teeth on the lining of the mouth: true of the photo,
  // but no witness of the skin's colour nearby.
  HRN_HD static bool painted_on(const TexelArgs& a, long texel) {
    const long v = a.bake.indices[3 * a.owner[texel]];
    return a.bake.sights != nullptr && a.bake.sights[v] == static_cast<std::uint8_t>(Sight::narrow);
  }

  // Per block: each island's mean difference between photo and model where the photo is trusted.
  struct Correction {
    static constexpr long kGrain = 64;
    HRN_HD static void run(const TexelArgs& a, long i) {
      const long size = a.bake.size, blocks = a.side * a.side, by = i / a.side, bx = i % a.side;
      const long y1 = (by + 1) * a.block < size ? (by + 1) * a.block : size,
                 x1 = (bx + 1) * a.block < size ? (bx + 1) * a.block : size;
      for (long y = by * a.block; y < y1; ++y) {
        for (long x = bx * a.block; x < x1; ++x) {
          const long texel = y * size + x;
          const float* photo = a.photo + 4 * texel;
          const float w = photo[3];
          if (!(w > 0)) continue;
          const long island = a.bake.islands[a.owner[texel]];
          if (island == 0 && painted_on(a, texel)) continue;
          const V3 base = blend(corners(a, texel), a.bake.shaded);
          float* sum = a.correction + 3 * (island * blocks + i);
          sum[0] += w * (photo[0] - base.x);
          sum[1] += w * (photo[1] - base.y);
          sum[2] += w * (photo[2] - base.z);
          a.correction_weight[island * blocks + i] += w;
        }
      }
      for (long j = i; j < a.bake.island_count * blocks; j += blocks) {
        const float total = a.correction_weight[j];
        for (int k = 0; k < 3; ++k) a.correction[3 * j + k] = total > 0 ? a.correction[3 * j + k] / total : 0.f;
        const float share = 4 * total / static_cast<float>(a.block * a.block);
        a.correction_weight[j] = share < 1 ? share : 1.f;
      }
    }
  };

  // The model's colour, corrected towards the photo.
  HRN_HD static V3 corrected(const TexelArgs& a, long i) {
    const long size = a.bake.size, island = a.bake.islands[a.owner[i]];
    const float u = (static_cast<float>(i % size) + 0.5f) / static_cast<float>(a.block),
                v = (static_cast<float>(i / size) + 0.5f) / static_cast<float>(a.block);
    float d[3];
    const int side = static_cast<int>(a.side);
    sample(a.correction + 3 * island * a.side * a.side, side, side, 0, 3, 3, u, v, d);
    return blend(corners(a, i), a.bake.shaded) + V3{d[0], d[1], d[2]};
  }

  // A texel's colour: the photo where it is trusted, elsewhere the corrected model with the other cheek's detail.
  HRN_HD static V3 colour(const TexelArgs& a, long i) {
    const float* photo = a.photo + 4 * i;
    const float w = photo[3];
    V3 fill{0, 0, 0};
    if (w < 1) {
      fill = corrected(a, i);
      // The layout is mirror-symmetric about u = 1/2.
      const long size = a.bake.size, m = i - i % size + size - 1 - i % size;
      const float* there = a.photo + 4 * m;
      const float mirrored = there[3] * (1 - w);
      if (mirrored > 0) fill = fill + mirrored * (V3{there[0], there[1], there[2]} - corrected(a, m));
    }
    const V3 out = (1 - w) * fill;
    return w > 0 ? out + w * V3{photo[0], photo[1], photo[2]} : out;
  }
  HRN_HD static std::uint8_t byte(float value) {
    return static_cast<std::uint8_t>(static_cast<int>(255 * clamp(value, 0.f, 1.f) + 0.5f));
  }

  // Per texel of the coarse level: the texels inside the islands among its four, and what they are together.
  struct Blend {
    HRN_HD static void run(const TexelArgs& a, long i) { PullPush::gather(a.half, i, Inside{a, {}}); }

   private:
    // Always inlined, unlike a lambda: compiled for the instruction set of the loop.
    struct Inside {
      const TexelArgs& a;
      float rgb[3];
      HRN_HD float operator()(long texel, const float*& value) {
        if (a.owner[texel] < 0) return 0;
        store3(rgb, 0, colour(a, texel));
        for (int k = 0; k < 3; ++k) a.bytes[3 * texel + k] = byte(rgb[k]);
        value = rgb;
        return 1;
      }
    };
  };
  // Per texel: those outside every island continue their nearest neighbours, so that mip levels never pull in a border
  // colour.
  struct Fill {
    HRN_HD static void run(const TexelArgs& a, long i) {
      if (a.owner[i] >= 0) return;
      PullPush::spread(a.half, i, [&](long k, float value) { a.bytes[3 * i + k] = byte(value); });
    }
  };
};

}  // namespace texture
}  // namespace hrn::fit
