// What a bake of the texture is given, and what is kept of each texel meanwhile. The same source for every backend.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"
#include "core/vec.hpp"
#include "fit/texture/confidence.hpp"
#include "fit/texture/grain.hpp"
#include "fit/texture/pull_push.hpp"
#include "imaging/tone.hpp"

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
  lid,      // drawn together above an open eye, under lashes and shadow: shut it is skin, as its paint is
};
constexpr int kSights = 6;

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
      nullptr;           // in  [vertices][4], colour of what is not seen and how far it is known; null: not at all
  imaging::Tone tone{};  // the texture is to have this one alone, where it is known
  int person_width = 0, person_height = 0;
  float person_from_photo[6] = {};  // affine, row-major 2x3: photo pixels to person-mask pixels
  const float* albedo = nullptr;    // in  [vertices][3], fitted, sRGB-encoded 0..1
  float ambient[3] = {};            // the fitted light's mean over all directions
  const float* creases = nullptr;   // in  [vertices], share of dark lines that is the expression's; null: none is
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
constexpr std::uint8_t kSlant = 4;    // skin, a corner of which falls away from the camera

// Of owner, weights, photo, witness and strands there are the rows from first_row on that are worked on at a time; the
// pointers are such that texels have the same index everywhere.
struct TexelArgs {
  TextureBakeArgs bake;
  long first_row;
  const std::int32_t* owner;  // [size][size], triangle of each texel, -1 outside every island
  const float* weights;       // [size][size][2], its barycentric weights of corners 0 and 1
  float* posed;               // [vertices][8], position and normal in the camera's frame, padded to one line of a cache
  std::uint8_t* facts;        // [triangles], of kAway, kSpecial and kSlant
  float* spacing;             // [triangles], mm that a texel spans
  const float* safe;          // [seen.height][seen.width]
  float border;               // pixels of the photo beside its border in which trust fades
  std::uint16_t* photo;       // [size][size][4], see Shown
  std::uint8_t* witness;      // [size][size], 0..255: how far that tells the colour of what lies around it
  std::uint8_t* strands;      // [size][size], 0..255: how far that is hair
  long block;                 // texels a side of a block
  long side;                  // blocks a side
  // Mean colours of photo and model where the photo is trusted, low frequencies: their ratio corrects the model's. One
  // map an island and one for the scalp.
  float* block_means;   // [islands + 1][side][side][photo 3, model 3]
  float* block_weight;  // [islands + 1][side][side]
  float* fill;          // [vertices][3], the model's colours corrected towards the photo
  PullPushArgs half;    // its coarse level: the colours at half the size, known inside the islands
  // [vertices][3]: what brings the photo's low frequencies to those of `fill` where the surface falls away; null:
  // nothing
  const float* evened;
  std::uint8_t* inside;  // [size][size], 1 inside the islands
  Grain grain;           // of what is not seen
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

// How light a colour is, sRGB-encoded.
using imaging::luma;

// Shares of the sights of a texel's corners; narrow too is what is no skin, like eyes and teeth.
struct Sights {
  float narrow = 0, covered = 0, bare = 0, scalp = 0, lid = 0;
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
          share(Sight::scalp), share(Sight::lid)};
}

}  // namespace texture
}  // namespace hrn::fit
