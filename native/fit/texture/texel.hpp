// One texel of the texture: where the photo shows it, and its colour. The same source for every backend.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"
#include "core/vec.hpp"
#include "fit/texture/confidence.hpp"
#include "fit/texture/pull_push.hpp"

namespace hrn::fit {

// Pinhole camera: p = R x + t in mm (x right, y down, z away), u = focal * p.x / p.z + cx. Pixel centres at +0.5.
struct BakeCamera {
  float rotation[9];
  float translation[3];
  float focal, cx, cy;  // pixels of the photo
};

// How the photo shows a vertex.
enum class Sight : std::uint8_t {
  plain,
  narrow,   // in a narrow opening, all of it near a step in depth, like lips
  covered,  // not at all: something else lies over it, like hair over an ear
  bare,     // where the photo shows skin: hair and clothes may lie over it, like a collar over the neck
  scalp,    // as bare skin or as hair: its colours are no witness of skin elsewhere, nor skin of them
};
constexpr int kSights = 5;

// All pointers into the memory of the backend that bakes.
struct TextureBakeArgs {
  long vertices = 0, triangles = 0;
  const float* positions = nullptr;       // in  [vertices][3], head frame, mm
  const float* normals = nullptr;         // in  [vertices][3], unit
  const float* uvs = nullptr;             // in  [vertices][2], 0..1
  const float* shaded = nullptr;          // in  [vertices][3], fitted albedo in the fitted light, sRGB-encoded 0..1
  const std::int32_t* indices = nullptr;  // in  [triangles][3]
  const std::int32_t* corner_offsets = nullptr;  // in  [vertices + 1], of each vertex' run of `corners`
  const std::int32_t* corners = nullptr;         // in  3 * triangle + corner, at which the vertex is
  const std::uint8_t* islands = nullptr;  // in  [triangles], UV island of each triangle; fills never cross islands
  int island_count = 0;
  const std::uint8_t* sights = nullptr;  // in  [vertices], a Sight each; null: plain everywhere
  BakeCamera camera{};
  DepthImage seen{};
  const std::uint8_t* photo = nullptr;  // in  rows first_row.. of [height][width][channels], sRGB
  int width = 0, height = 0, channels = 3;
  int first_row = 0;              // of the photo that is given; those beyond the last one given are not looked at
  const float* person = nullptr;  // in  [person_height][person_width], 0..1: does the pixel belong to the person
  const float* skin = nullptr;    // in  [person_height][person_width], 0..1: does the pixel show skin; null: all do
  const float* hair = nullptr;    // in  [person_height][person_width], 0..1: does the pixel show hair; null: none does
  // in  [person_height][person_width], 0..1: does the pixel lie between lids or lips, where what is no skin can be
  // seen; null: it can anywhere
  const float* opening = nullptr;
  const float* paint =
      nullptr;              // in  [vertices][4], colour of what is not seen and how far it is known; null: not at all
  bool colourless = false;  // the texture is to have no chroma
  int person_width = 0, person_height = 0;
  float person_from_photo[6] = {};  // affine, row-major 2x3: photo pixels to person-mask pixels
  const float* albedo = nullptr;    // in  [vertices][3], fitted, sRGB-encoded 0..1
  float ambient[3] = {};            // the fitted light's mean over all directions
  int size = 0;                     // texture side, texels
};

namespace texture {

using V3 = Vec3<float>;

// Where a bilinear, clamped sample reads an image; pixel centres at +0.5.
struct Taps {
  long top, bottom, left, right;  // pixels; rows times the width
  float x, y;                     // from the upper left one
};
HRN_HD Taps taps_at(int width, int height, float u, float v) {
  const float x = clamp(u - 0.5f, 0.f, static_cast<float>(width - 1));
  const float y = clamp(v - 0.5f, 0.f, static_cast<float>(height - 1));
  // Non-negative, so that these are quick to convert to.
  const int x0 = static_cast<int>(x), y0 = static_cast<int>(y);
  const int x1 = x0 + 1 < width ? x0 + 1 : width - 1, y1 = y0 + 1 < height ? y0 + 1 : height - 1;
  return {static_cast<long>(y0) * width, static_cast<long>(y1) * width, x0, x1,
          x - static_cast<float>(x0),    y - static_cast<float>(y0)};
}
// `image`: the channel of the first pixel; `stride` values a pixel.
template <class T>
HRN_HD float sample(const T* image, const Taps& t, int stride = 1) {
  const auto at = [&](long pixel) { return static_cast<float>(image[pixel * stride]); };
  return (at(t.top + t.left) * (1 - t.x) + at(t.top + t.right) * t.x) * (1 - t.y) +
         (at(t.bottom + t.left) * (1 - t.x) + at(t.bottom + t.right) * t.x) * t.y;
}

// What is true of all of a triangle.
constexpr std::uint8_t kAway = 1;     // the camera sees at most its back
constexpr std::uint8_t kSpecial = 2;  // it is no skin, or its sights are not all plain

// Of owner, weights, photo, witness and strands there are the rows from first_row on that are worked on at a time; the
// pointers are such that texels have the same index everywhere.
struct TexelArgs {
  TextureBakeArgs bake;
  long first_row;
  const std::int32_t* owner;  // [size][size], triangle of each texel, -1 outside every island
  const float* weights;       // [size][size][2], its barycentric weights of corners 0 and 1
  float* posed;               // [vertices][8], position and normal in the camera's frame, padded to one line of a cache
  std::uint8_t* facts;        // [triangles], of kAway and kSpecial
  const float* safe;          // [seen.height][seen.width]
  float border;               // pixels of the photo beside its border in which trust fades
  std::uint16_t* photo;       // [size][size][4], see Shown
  std::uint8_t* witness;      // [size][size], 0..255: how far that tells the colour of what lies around it
  std::uint8_t* strands;      // [size][size], 0..255: how far that is hair
  long block;                 // texels a side of a block
  long side;                  // blocks a side
  // Mean colours of photo and model where the photo is trusted, low frequencies: their ratio corrects the model's. One
  // map an island and one for the scalp.
  float* block_means;    // [islands + 1][side][side][photo 3, model 3]
  float* block_weight;   // [islands + 1][side][side]
  float* fill;           // [vertices][3], the model's colours corrected towards the photo
  PullPushArgs half;     // its coarse level: the colours at half the size, known inside the islands
  std::uint8_t* inside;  // [size][size], 1 inside the islands
  std::uint8_t* bytes;   // out [size][size][3]
};

// What the photo shows of a texel: its colour, 0..1, and how far it is trusted, 0..1. Kept in 16 bits a value: a photo
// has eight, and of all that the texels need this is the most.
struct Shown {
  V3 colour;
  float weight;
};
HRN_HD float trust(const TexelArgs& a, long i) { return static_cast<float>(a.photo[4 * i + 3]) * (1 / 65535.f); }
HRN_HD Shown shown(const TexelArgs& a, long i) {
  const std::uint16_t* p = a.photo + 4 * i;
  const auto value = [p](int k) { return static_cast<float>(p[k]) * (1 / 65535.f); };
  return {{value(0), value(1), value(2)}, value(3)};
}
HRN_HD void show(const TexelArgs& a, long i, const Shown& shown) {
  const auto packed = [](float x) {
    return static_cast<std::uint16_t>(static_cast<int>(65535 * clamp(x, 0.f, 1.f) + 0.5f));
  };
  std::uint16_t* out = a.photo + 4 * i;
  out[0] = packed(shown.colour.x);
  out[1] = packed(shown.colour.y);
  out[2] = packed(shown.colour.z);
  out[3] = packed(shown.weight);
}

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
// Of `posed`.
struct Posed {
  V3 position, normal;
};
HRN_HD Posed posed(const TexelArgs& a, long v) {
  const float* p = a.posed + 8 * v;
  return {{p[0], p[1], p[2]}, {p[3], p[4], p[5]}};
}
HRN_HD Posed posed(const TexelArgs& a, const Corners& c) {
  const Posed p[3] = {posed(a, c.v[0]), posed(a, c.v[1]), posed(a, c.v[2])};
  return {c.b[0] * p[0].position + c.b[1] * p[1].position + c.b[2] * p[2].position,
          c.b[0] * p[0].normal + c.b[1] * p[1].normal + c.b[2] * p[2].normal};
}
HRN_HD V3 blend(const Corners& c, const float* values) {
  return c.b[0] * load3(values, c.v[0]) + c.b[1] * load3(values, c.v[1]) + c.b[2] * load3(values, c.v[2]);
}

// Shares of the sights of a texel's corners; narrow too is what is no skin, like eyes and teeth.
struct Sights {
  float narrow = 0, covered = 0, bare = 0, scalp = 0;
};
HRN_HD Sights sights(const TexelArgs& args, long i, const Corners& corner) {
  const TextureBakeArgs& a = args.bake;
  const long t = args.owner[i];
  if ((args.facts[t] & kSpecial) == 0) return {};
  const auto share = [&](Sight sight) {
    float sum = 0;
    for (int k = 0; k < 3 && a.sights != nullptr; ++k) {
      if (a.sights[corner.v[k]] == static_cast<std::uint8_t>(sight)) sum += corner.b[k];
    }
    return clamp(sum, 0.f, 1.f);
  };
  return {a.islands[t] == 0 ? share(Sight::narrow) : 1.f, share(Sight::covered), share(Sight::bare),
          share(Sight::scalp)};
}

// Where the photo shows a texel, and how far it is trusted to.
struct Seen {
  float u = 0, v = 0;
  float weight = 0;
  float witness = 1;  // how far it tells the colour of what lies around it, where it is trusted
  float hair = 0;     // how far it is hair
};
HRN_HD Seen look(const TexelArgs& args, long i) {
  const TextureBakeArgs& a = args.bake;
  const Corners corner = corners(args, i);
  const auto [c, m] = posed(args, corner);
  if (!(c.z > 1)) return {};
  const float facing = -dot(m, c) / (std::sqrt(dot(m, m) * dot(c, c)) + 1e-12f);
  // The insides of lips are seen at a glancing angle only.
  if (!(facing > 0.02f)) return {};
  const Sights sight = sights(args, i, corner);
  float weight = smoothstep(0.12f - 0.1f * sight.narrow, 0.42f - 0.3f * sight.narrow, facing) * (1 - sight.covered);
  if (!(weight > 0)) return {};
  const float u = a.camera.focal * c.x / c.z + a.camera.cx, v = a.camera.focal * c.y / c.z + a.camera.cy;
  const float right = static_cast<float>(a.width) - u, below = static_cast<float>(a.height) - v;
  const float beside = u < right ? u : right, over = v < below ? v : below;
  if (!(beside >= 0 && over >= 0)) return {};
  weight *= smoothstep(0, args.border, beside < over ? beside : over);
  const float du = (u - a.seen.x0) * a.seen.scale, dv = (v - a.seen.y0) * a.seen.scale;
  if (!(du >= 0 && dv >= 0 && du < static_cast<float>(a.seen.width) && dv < static_cast<float>(a.seen.height)))
    return {};
  const float depth = a.seen.depth[static_cast<long>(dv) * a.seen.width + static_cast<long>(du)];
  // Tolerance grows on slanted surfaces, where one depth pixel spans more millimetres.
  const float tolerance = 1.5f + 1.5f / (facing > 0.1f ? facing : 0.1f);
  if (!(c.z <= depth + tolerance) || !std::isfinite(depth)) return {};
  const float s = sample(args.safe, taps_at(a.seen.width, a.seen.height, du, dv));
  // Of teeth, eyes and lips, in and around narrow openings, half a tooth beats none.
  weight *= s > 0.9f * sight.narrow ? s : 0.9f * sight.narrow;
  const float* q = a.person_from_photo;
  const Taps taps = taps_at(a.person_width, a.person_height, q[0] * u + q[1] * v + q[2], q[3] * u + q[4] * v + q[5]);
  if (a.person != nullptr) weight *= smoothstep(0.5f, 0.9f, sample(a.person, taps));
  const bool is_skin = a.islands[args.owner[i]] == 0;
  if (!is_skin && a.opening != nullptr) weight *= sample(a.opening, taps);
  // Skin in a narrow opening may show something else, like teeth on the lining of the mouth.
  float witness = is_skin ? 1 - sight.narrow : 1.f;
  const float hair = is_skin && a.hair != nullptr ? sample(a.hair, taps) : 0.f;
  if (a.skin != nullptr) {
    const float skin = sample(a.skin, taps);
    // Neither skin nor hair: cloth, or what is in front.
    if (is_skin) weight *= larger(sight.narrow, smoothstep(0.25f, 0.75f, skin + hair));
    // Beards and shadows are witnesses where there are no better ones.
    if (is_skin && sight.scalp < 0.5f) witness *= 0.03f + 0.97f * skin;
    // At a glancing angle hair and what is behind the head are easily taken for the cheek.
    const float glancing = (1 - smoothstep(0.3f, 0.7f, facing)) * (1 - sight.narrow) * (1 - sight.scalp);
    // A lock that hangs over the side of the face would float there.
    const float floating = hair * (1 - sight.scalp) * (1 - smoothstep(0.65f, 0.9f, facing));
    weight *= 1 - floating;
    weight *= 1 - (sight.bare > glancing ? sight.bare : glancing) * (1 - smoothstep(0.5f, 1.f, skin));
  }
  return {u, v, weight, witness, hair};
}

struct Texel {
  // Per vertex: where the camera sees it.
  struct Pose {
    HRN_HD static void run(const TexelArgs& a, long v) {
      const V3 position = to_camera(a.bake.camera, load3(a.bake.positions, v));
      const V3 normal = turn(a.bake.camera, load3(a.bake.normals, v));
      float* p = a.posed + 8 * v;
      p[0] = position.x;
      p[1] = position.y;
      p[2] = position.z;
      p[3] = normal.x;
      p[4] = normal.y;
      p[5] = normal.z;
    }
  };
  // Per triangle: whether no point of it can face the camera, since no corner's normal does from any corner, and
  // whether all of it is plain skin.
  struct Facts {
    HRN_HD static void run(const TexelArgs& a, long t) {
      Posed corner[3];
      bool special = a.bake.islands[t] != 0;
      for (int k = 0; k < 3; ++k) {
        const long v = a.bake.indices[3 * t + k];
        corner[k] = posed(a, v);
        if (a.bake.sights != nullptr) special = special || a.bake.sights[v] != static_cast<std::uint8_t>(Sight::plain);
      }
      bool away = true;
      for (const Posed& one : corner)
        for (const Posed& other : corner) away = away && dot(one.normal, other.position) >= 0;
      a.facts[t] = static_cast<std::uint8_t>((away ? kAway : 0) | (special ? kSpecial : 0));
    }
  };

  // Per texel of the rows: what the photo shows.
  struct Photo {
    HRN_HD static void run(const TexelArgs& a, long local) {
      const long i = local + a.first_row * a.bake.size;
      const long t = a.owner[i];
      const Seen seen = t < 0 || (a.facts[t] & kAway) != 0 ? Seen{} : look(a, i);
      if (!(seen.weight > 0)) {
        a.photo[4 * i + 3] = 0;
        return;
      }
      const Taps taps = taps_at(a.bake.width, a.bake.height, seen.u, seen.v);
      const std::uint8_t* rows = a.bake.photo - static_cast<long>(a.bake.first_row) * a.bake.width * a.bake.channels;
      const auto colour = [&](int k) { return sample(rows + k, taps, a.bake.channels) * (1 / 255.f); };
      show(a, i, {{colour(0), colour(1), colour(2)}, seen.weight});
      a.witness[i] = byte(seen.witness);
      a.strands[i] = byte(seen.hair);
    }
  };

  // The model's colour, corrected towards the photo.
  HRN_HD static V3 filled(const TexelArgs& a, long i) { return blend(corners(a, i), a.fill); }

  // How far the colour of what is not seen is known.
  HRN_HD static float painted(const TexelArgs& a, long i) {
    if (a.bake.paint == nullptr) return 0;
    const Corners c = corners(a, i);
    return c.b[0] * a.bake.paint[4 * c.v[0] + 3] + c.b[1] * a.bake.paint[4 * c.v[1] + 3] +
           c.b[2] * a.bake.paint[4 * c.v[2] + 3];
  }

  // How much of a texel's colour is hair that the photo shows.
  HRN_HD static float hair(const TexelArgs& a, long i) {
    const float w = trust(a, i);
    return w > 0 ? w * static_cast<float>(a.strands[i]) * (1 / 255.f) : 0.f;
  }
  // How far what the photo shows of a texel is surely no hair.
  HRN_HD static float bare(const TexelArgs& a, long i) {
    return 1 - smoothstep(0.05f, 0.4f, static_cast<float>(a.strands[i]) * (1 / 255.f));
  }

  // A texel's colour: the photo where it is trusted, elsewhere the corrected model with the other cheek's detail.
  HRN_HD static V3 colour(const TexelArgs& a, long i) {
    const auto [photo, w] = shown(a, i);
    V3 fill{0, 0, 0};
    if (w < 1) {
      fill = filled(a, i);
      // The layout is mirror-symmetric about u = 1/2.
      const long size = a.bake.size, m = i - i % size + size - 1 - i % size;
      const Shown there = shown(a, m);
      // The other side's strands would be patches on hair of one colour.
      const float seen = there.weight > 0 ? there.weight * there.weight * bare(a, m) : 0.f;
      const float mirrored = seen * (1 - w) * (1 - painted(a, i));
      if (mirrored > 0) {
        // As lighter and darker, which suits the light of this side, and colours of which a channel is nearly black.
        constexpr float kLeast = 0.05f;
        const V3 smooth = filled(a, m);
        const float detail = larger(there.colour.x + there.colour.y + there.colour.z, kLeast) /
                             larger(smooth.x + smooth.y + smooth.z, kLeast);
        fill = (1 + mirrored * (clamp(detail, 0.4f, 1.4f) - 1)) * fill;
      }
    }
    V3 out = (1 - w) * fill;
    if (w > 0) out = out + w * photo;
    if (a.bake.colourless) {
      const float grey = 0.299f * out.x + 0.587f * out.y + 0.114f * out.z;
      out = {grey, grey, grey};
    }
    return out;
  }
  HRN_HD static std::uint8_t byte(float value) {
    return static_cast<std::uint8_t>(static_cast<int>(255 * clamp(value, 0.f, 1.f) + 0.5f));
  }

  // Per texel of the rows in the coarse level: the texels inside the islands among its four, and what they are
  // together.
  struct Blend {
    HRN_HD static void run(const TexelArgs& a, long i) {
      PullPush::gather(a.half, i + a.first_row / 2 * a.half.coarse_size, Inside{a, {}});
    }

   private:
    // Always inlined, unlike a lambda: compiled for the instruction set of the loop.
    struct Inside {
      const TexelArgs& a;
      float rgb[3];
      HRN_HD float operator()(long texel, const float*& value) {
        a.inside[texel] = a.owner[texel] < 0 ? 0 : 1;
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
      if (a.inside[i] != 0) return;
      PullPush::spread(a.half, i, [&](long k, float value) { a.bytes[3 * i + k] = byte(value); });
    }
  };
};

}  // namespace texture
}  // namespace hrn::fit
