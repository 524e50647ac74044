#include "fit/texture_bake.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/vec.hpp"
#include "fit/pull_push.hpp"

namespace hrn::fit {
namespace {

using V3 = Vec3<float>;

// Which triangle owns each texel, and the barycentrics of the texel's centre. UV layouts are bijective, so no depth
// test.
struct TexelOwner {
  std::vector<std::int32_t> triangle;  // -1 outside every island
  std::vector<float> bary;             // [size][size][2], weights of corners 1 and 2
};

TexelOwner own_texels(const TextureBakeArgs& a, ThreadPool& pool) {
  const long size = a.size;
  TexelOwner owner;
  owner.triangle.assign(static_cast<std::size_t>(size * size), -1);
  owner.bary.resize(static_cast<std::size_t>(size * size * 2));
  // Bands of rows are independent; within a band triangles come in index order, so shared edges always resolve alike.
  const long bands = std::min<long>(64, size);
  pool.parallel_for(bands, [&](long band) {
    const long row0 = size * band / bands, row1 = size * (band + 1) / bands;
    for (long t = 0; t < a.triangles; ++t) {
      float x[3], y[3];
      for (int k = 0; k < 3; ++k) {
        const long v = a.indices[3 * t + k];
        x[k] = a.uvs[2 * v] * static_cast<float>(size) - 0.5f;
        y[k] = a.uvs[2 * v + 1] * static_cast<float>(size) - 0.5f;
      }
      const float ymin = std::min({y[0], y[1], y[2]}), ymax = std::max({y[0], y[1], y[2]});
      if (!(ymax >= static_cast<float>(row0) && ymin <= static_cast<float>(row1 - 1))) continue;
      const float area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
      if (!(std::fabs(area) > 1e-12f)) continue;
      const float inv = 1 / area;
      const long x0 = std::clamp<long>(static_cast<long>(std::ceil(std::min({x[0], x[1], x[2]}))), 0, size - 1);
      const long x1 = std::clamp<long>(static_cast<long>(std::floor(std::max({x[0], x[1], x[2]}))), 0, size - 1);
      const long y0 = std::clamp<long>(static_cast<long>(std::ceil(ymin)), row0, row1 - 1);
      const long y1 = std::clamp<long>(static_cast<long>(std::floor(ymax)), row0, row1 - 1);
      for (long py = y0; py <= y1; ++py) {
        for (long px = x0; px <= x1; ++px) {
          const float dx = static_cast<float>(px) - x[0], dy = static_cast<float>(py) - y[0];
          const float b1 = (dx * (y[2] - y[0]) - (x[2] - x[0]) * dy) * inv;
          const float b2 = ((x[1] - x[0]) * dy - dx * (y[1] - y[0])) * inv;
          if (b1 < -1e-6f || b2 < -1e-6f || b1 + b2 > 1 + 1e-6f) continue;
          const std::size_t i = static_cast<std::size_t>(py * size + px);
          owner.triangle[i] = static_cast<std::int32_t>(t);
          owner.bary[2 * i] = b1;
          owner.bary[2 * i + 1] = b2;
        }
      }
    }
  });
  return owner;
}

// Bilinear, clamped; pixel centres at +0.5.
template <class T>
void sample(const T* image, int width, int height, int stride, int channels, float u, float v, float* out) {
  const float x = std::clamp(u - 0.5f, 0.f, static_cast<float>(width - 1));
  const float y = std::clamp(v - 0.5f, 0.f, static_cast<float>(height - 1));
  const long x0 = static_cast<long>(x), y0 = static_cast<long>(y);
  const long x1 = std::min<long>(x0 + 1, width - 1), y1 = std::min<long>(y0 + 1, height - 1);
  const float tx = x - static_cast<float>(x0), ty = y - static_cast<float>(y0);
  for (int k = 0; k < channels; ++k) {
    const auto at = [&](long yy, long xx) { return static_cast<float>(image[(yy * width + xx) * stride + k]); };
    out[k] = (at(y0, x0) * (1 - tx) + at(y0, x1) * tx) * (1 - ty) + (at(y1, x0) * (1 - tx) + at(y1, x1) * tx) * ty;
  }
}

float smoothstep(float lo, float hi, float x) {
  const float t = std::clamp((x - lo) / (hi - lo), 0.f, 1.f);
  return t * t * (3 - 2 * t);
}

// How safely a pixel of the depth image can be sampled: 0 beside a silhouette or a step in depth, 1 well inside. A
// fitted outline is never exact, and one pixel of background on a cheek is seen at once.
std::vector<float> confidence(const DepthImage& seen, ThreadPool& pool) {
  const long w = seen.width, h = seen.height;
  const long radius = std::max<long>(2, std::lround(0.012 * static_cast<double>(std::max(w, h))));
  constexpr float step_mm = 12;
  std::vector<float> jump(static_cast<std::size_t>(w * h)), rows(jump.size()), out(jump.size());
  pool.parallel_for(h, [&](long y) {
    for (long x = 0; x < w; ++x) {
      const float d = seen.depth[y * w + x];
      bool edge = !std::isfinite(d);
      for (const auto& o : {std::pair<long, long>{1, 0}, {-1, 0}, {0, 1}, {0, -1}}) {
        const long xx = x + o.first, yy = y + o.second;
        // Where the crop ends the surface may go on; only a step that can be seen counts.
        if (xx < 0 || yy < 0 || xx >= w || yy >= h) continue;
        const float n = seen.depth[yy * w + xx];
        edge |= !std::isfinite(n) || d - n > step_mm;
      }
      jump[static_cast<std::size_t>(y * w + x)] = edge ? 1.f : 0.f;
    }
  });
  // Distance to the nearest edge along each axis in turn: exact enough for a soft margin.
  const float far = static_cast<float>(2 * radius);
  pool.parallel_for(h, [&](long y) {
    float* r = &rows[static_cast<std::size_t>(y * w)];
    const float* j = &jump[static_cast<std::size_t>(y * w)];
    float d = far;
    for (long x = 0; x < w; ++x) r[x] = d = j[x] > 0 ? 0 : std::min(d + 1, far);
    d = far;
    for (long x = w - 1; x >= 0; --x) r[x] = std::min(r[x], d = j[x] > 0 ? 0 : std::min(d + 1, far));
  });
  pool.parallel_for((w + 63) / 64, [&](long block) {
    for (long x = 64 * block; x < std::min(w, 64 * (block + 1)); ++x) {
      for (long y = 0; y < h; ++y) {
        float best = far * far;
        for (long dy = -2 * radius; dy <= 2 * radius; ++dy) {
          if (y + dy < 0 || y + dy >= h) continue;
          const float r = rows[static_cast<std::size_t>((y + dy) * w + x)];
          best = std::min(best, r * r + static_cast<float>(dy * dy));
        }
        const float distance = std::sqrt(best) / static_cast<float>(radius);
        out[static_cast<std::size_t>(y * w + x)] = smoothstep(0.4f, 1.6f, distance);
      }
    }
  });
  return out;
}

struct Layers {
  std::vector<float> photo;  // [size][size][4]: colour the photo shows, 0..1, and its weight
  std::vector<float> base;   // [size][size][3]: fitted albedo times light
};

Layers project_photo(const TextureBakeArgs& a, const TexelOwner& owner, ThreadPool& pool) {
  const long size = a.size;
  const std::vector<float> safe = confidence(a.seen, pool);
  Layers layers;
  layers.photo.resize(static_cast<std::size_t>(size * size * 4));
  layers.base.resize(static_cast<std::size_t>(size * size * 3));
  pool.parallel_for(size, [&](long y) {
    for (long x = 0; x < size; ++x) {
      const std::size_t i = static_cast<std::size_t>(y * size + x);
      const long t = owner.triangle[i];
      if (t < 0) continue;
      const float b[3] = {1 - owner.bary[2 * i] - owner.bary[2 * i + 1], owner.bary[2 * i], owner.bary[2 * i + 1]};
      V3 p{0, 0, 0}, n{0, 0, 0}, base{0, 0, 0};
      for (int k = 0; k < 3; ++k) {
        const long v = a.indices[3 * t + k];
        p = p + b[k] * load3(a.positions, v);
        n = n + b[k] * load3(a.normals, v);
        base = base + b[k] * load3(a.shaded, v);
      }
      store3(layers.base.data(), static_cast<long>(i), base);
      const float* r = a.camera.rotation;
      const V3 c{r[0] * p.x + r[1] * p.y + r[2] * p.z + a.camera.translation[0],
                 r[3] * p.x + r[4] * p.y + r[5] * p.z + a.camera.translation[1],
                 r[6] * p.x + r[7] * p.y + r[8] * p.z + a.camera.translation[2]};
      const V3 m{r[0] * n.x + r[1] * n.y + r[2] * n.z, r[3] * n.x + r[4] * n.y + r[5] * n.z,
                 r[6] * n.x + r[7] * n.y + r[8] * n.z};
      if (!(c.z > 1)) continue;
      const float facing = -dot(m, c) / (length(m) * length(c) + 1e-12f);
      float weight = smoothstep(0.12f, 0.42f, facing);
      if (weight <= 0) continue;
      const float u = a.camera.focal * c.x / c.z + a.camera.cx, v = a.camera.focal * c.y / c.z + a.camera.cy;
      if (!(u >= 0 && v >= 0 && u <= static_cast<float>(a.width) && v <= static_cast<float>(a.height))) continue;
      const float du = (u - a.seen.x0) * a.seen.scale, dv = (v - a.seen.y0) * a.seen.scale;
      if (!(du >= 0 && dv >= 0 && du < static_cast<float>(a.seen.width) && dv < static_cast<float>(a.seen.height))) {
        continue;
      }
      const std::size_t d = static_cast<std::size_t>(static_cast<long>(dv) * a.seen.width + static_cast<long>(du));
      // Tolerance grows on slanted surfaces, where one depth pixel spans more millimetres.
      const float tolerance = 1.5f + 1.5f / std::max(facing, 0.1f);
      if (!(c.z <= a.seen.depth[d] + tolerance) || !std::isfinite(a.seen.depth[d])) continue;
      float s = 0;
      sample(safe.data(), a.seen.width, a.seen.height, 1, 1, du, dv, &s);
      // Teeth and eyes lie in narrow openings, all of them near a step in depth: half a tooth beats none.
      weight *= a.islands[t] == 0 ? s : std::max(s, 0.9f);
      if (a.person) {
        const float* q = a.person_from_photo;
        float person = 0;
        sample(a.person, a.person_width, a.person_height, 1, 1, q[0] * u + q[1] * v + q[2], q[3] * u + q[4] * v + q[5],
               &person);
        weight *= smoothstep(0.5f, 0.9f, person);
      }
      if (weight <= 0) continue;
      float* out = &layers.photo[4 * i];
      sample(a.photo, a.width, a.height, a.channels, 3, u, v, out);
      for (int k = 0; k < 3; ++k) out[k] /= 255;
      out[3] = weight;
    }
  });
  return layers;
}

// Low-frequency difference between photo and model, one map per UV island: known where the photo is trusted, filled
// smoothly elsewhere. Blocks of `block` texels.
std::vector<WeightedMap> colour_corrections(const TextureBakeArgs& a, const TexelOwner& owner, const Layers& layers,
                                            int block, ThreadPool& pool) {
  const long size = a.size;
  const int side = static_cast<int>((size + block - 1) / block);
  std::vector<WeightedMap> maps(static_cast<std::size_t>(a.island_count), WeightedMap(side, 3));
  pool.parallel_for(side, [&](long by) {
    for (long y = by * block; y < std::min(size, (by + 1) * block); ++y) {
      for (long x = 0; x < size; ++x) {
        const std::size_t i = static_cast<std::size_t>(y * size + x);
        const float w = layers.photo[4 * i + 3];
        if (w <= 0) continue;
        WeightedMap& map = maps[a.islands[owner.triangle[i]]];
        const std::size_t o = static_cast<std::size_t>(by * side + x / block);
        for (std::size_t k = 0; k < 3; ++k) {
          map.values[3 * o + k] += w * (layers.photo[4 * i + k] - layers.base[3 * i + k]);
        }
        map.weights[o] += w;
      }
    }
    for (WeightedMap& map : maps) {
      for (long bx = 0; bx < side; ++bx) {
        const std::size_t o = static_cast<std::size_t>(by * side + bx);
        const float total = map.weights[o];
        if (total <= 0) continue;
        for (std::size_t k = 0; k < 3; ++k) map.values[3 * o + k] /= total;
        map.weights[o] = std::min(1.f, 4 * total / static_cast<float>(block * block));
      }
    }
  });
  for (WeightedMap& map : maps) pull_push(map, pool);
  return maps;
}

}  // namespace

std::vector<std::uint8_t> bake_texture(const TextureBakeArgs& a, ThreadPool& pool, const Cancel& cancel) {
  const long size = a.size;
  const TexelOwner owner = own_texels(a, pool);
  cancel.check();
  const Layers layers = project_photo(a, owner, pool);
  cancel.check();
  const int block = std::max(1, a.size / 128);
  const std::vector<WeightedMap> correction = colour_corrections(a, owner, layers, block, pool);
  cancel.check();

  const auto corrected = [&](std::size_t i, long y, long x, int island, float* out) {
    float d[3];
    const WeightedMap& low = correction[static_cast<std::size_t>(island)];
    const float u = (static_cast<float>(x) + 0.5f) / static_cast<float>(block);
    const float v = (static_cast<float>(y) + 0.5f) / static_cast<float>(block);
    sample(low.values.data(), low.size, low.size, 3, 3, u, v, d);
    for (std::size_t k = 0; k < 3; ++k) out[k] = layers.base[3 * i + k] + d[k];
  };
  WeightedMap texture(a.size, 3);
  pool.parallel_for(size, [&](long y) {
    for (long x = 0; x < size; ++x) {
      const std::size_t i = static_cast<std::size_t>(y * size + x);
      const long t = owner.triangle[i];
      if (t < 0) continue;
      const float* photo = &layers.photo[4 * i];
      float fill[3];
      corrected(i, y, x, a.islands[t], fill);
      // The layout is mirror-symmetric about u = 1/2: the texel across carries the other cheek's detail.
      const long mx = size - 1 - x;
      const std::size_t m = static_cast<std::size_t>(y * size + mx);
      const float mirrored = layers.photo[4 * m + 3] * (1 - photo[3]);
      if (mirrored > 0 && owner.triangle[m] >= 0) {
        float there[3];
        corrected(m, y, mx, a.islands[owner.triangle[m]], there);
        for (std::size_t k = 0; k < 3; ++k) fill[k] += mirrored * (layers.photo[4 * m + k] - there[k]);
      }
      for (std::size_t k = 0; k < 3; ++k) texture.values[3 * i + k] = photo[3] * photo[k] + (1 - photo[3]) * fill[k];
      texture.weights[i] = 1;
    }
  });
  cancel.check();
  // Texels outside every island continue their nearest neighbours, so that mip levels never pull in a border colour.
  pull_push(texture, pool);
  std::vector<std::uint8_t> out(static_cast<std::size_t>(size * size * 3));
  pool.parallel_for(size, [&](long y) {
    for (long i = y * size * 3; i < (y + 1) * size * 3; ++i) {
      out[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(
          std::lround(255 * std::clamp(texture.values[static_cast<std::size_t>(i)], 0.f, 1.f)));
    }
  });
  return out;
}

}  // namespace hrn::fit
