// One texel of the texture: where the photo shows it, and its colour. The same source for every backend.
#pragma once
#include <cmath>
#include <cstdint>

#include "fit/texture/texel_args.hpp"

namespace hrn::fit::texture {

// Where the photo shows a texel, and how far it is trusted to.
struct Seen {
  float u = 0, v = 0;
  float weight = 0;
  float witness = 1;  // how far it tells the colour of what lies around it, where it is trusted
  float hair = 0;     // how far it is hair
  float lid = 0;      // how far it is a lid
};
// Cosine between a surface and the way to the camera.
HRN_HD float facing_of(const Posed& p) {
  return -dot(p.normal, p.position) / (std::sqrt(dot(p.normal, p.normal) * dot(p.position, p.position)) + 1e-12f);
}
// How far the light on a surface is that of the outline, which the fitted light cannot follow: flashes leave cheeks
// dark there, and the colours that go on beyond have to be those of the face.
HRN_HD float slanted(float facing) {
  constexpr float kOutline = 0.4f, kFace = 0.8f;
  return 1 - smoothstep(kOutline, kFace, facing);
}
// The layout is mirror-symmetric about u = 1/2.
HRN_HD long mirrored(const TexelArgs& a, long i) {
  const long size = a.bake.size, column = i % size;
  return i - column + size - 1 - column;
}
// How far the same place on the other side of the face is the better witness: where a surface falls away from the
// camera a fit that is a little off shows shadows, the outline's other side and drawn-out pixels. Heads are symmetric
// enough for this about x = 0.
HRN_HD float better_there(const BakeCamera& camera, const Posed& p, float facing) {
  constexpr float kGlancing = 0.3f, kEnough = 0.75f, kLittle = 0.12f, kMuch = 0.35f;
  if (facing >= kEnough) return 0;
  const float* r = camera.rotation;
  const auto sideways = [r](V3 v) { return r[0] * v.x + r[3] * v.y + r[6] * v.z; };
  const float more = 2 * sideways(p.normal) * sideways(p.position) /
                     (std::sqrt(dot(p.normal, p.normal) * dot(p.position, p.position)) + 1e-12f);
  return (1 - smoothstep(kGlancing, kEnough, facing)) * smoothstep(kLittle, kMuch, more);
}
// How far the photo shows hair beside a place, in the direction of the nearest outline: where its surface turns to.
HRN_HD float hair_outwards(const TextureBakeArgs& a, const Posed& there) {
  constexpr float kRimMm[3] = {3, 7, 12};
  const V3 p = there.position, n = there.normal;
  const float* q = a.person_from_photo;
  const float scale = a.camera.focal / p.z, across = std::sqrt(n.x * n.x + n.y * n.y) + 1e-6f;
  float hair = 0;
  for (const float mm : kRimMm) {
    const float u = scale * (p.x + mm * n.x / across) + a.camera.cx,
                v = scale * (p.y + mm * n.y / across) + a.camera.cy;
    hair = larger(hair, sample(a.hair, taps_at(a.person_width, a.person_height, q[0] * u + q[1] * v + q[2],
                                               q[3] * u + q[4] * v + q[5])));
  }
  return hair;
}
HRN_HD Seen look(const TexelArgs& args, long i) {
  const TextureBakeArgs& a = args.bake;
  const Corners corner = corners(args, i);
  const Posed there = posed(args, corner);
  const V3 c = there.position;
  if (!(c.z > 1)) return {};
  const float facing = facing_of(there);
  // The insides of lips are seen at a glancing angle only.
  if (!(facing > 0.02f)) return {};
  const Sights sight = sights(args, i, corner);
  float weight = smoothstep(0.2f - 0.18f * sight.narrow, 0.58f - 0.46f * sight.narrow, facing) * (1 - sight.covered);
  if (weight > 0) weight *= 1 - (1 - sight.narrow) * better_there(a.camera, there, facing);
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
    constexpr float kFrontMm = 38, kSideMm = 50;
    const float from_middle = std::abs(blend(corner, a.positions).x);
    const float aside = larger(1 - smoothstep(0.65f, 0.9f, facing), smoothstep(kFrontMm, kSideMm, from_middle));
    const float sideways = (1 - sight.scalp) * aside;
    weight *= 1 - hair * sideways;
    // So do its rim and its shadow.
    if (is_skin && a.hair != nullptr && sideways > 0 && weight > 0)
      weight *= 1 - sideways * (1 - sight.narrow) * hair_outwards(a, there);
    weight *= 1 - (sight.bare > glancing ? sight.bare : glancing) * (1 - smoothstep(0.5f, 1.f, skin));
  }
  return {u, v, weight, witness, hair, sight.lid};
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
      const bool is_skin = a.bake.islands[t] == 0;
      bool special = !is_skin, slant = false;
      for (int k = 0; k < 3; ++k) {
        const long v = a.bake.indices[3 * t + k];
        corner[k] = posed(a, v);
        slant = slant || (is_skin && slanted(facing_of(corner[k])) > 0);
        if (a.bake.sights != nullptr) special = special || a.bake.sights[v] != static_cast<std::uint8_t>(Sight::plain);
      }
      bool away = true;
      for (const Posed& one : corner)
        for (const Posed& other : corner) away = away && dot(one.normal, other.position) >= 0;
      a.facts[t] = static_cast<std::uint8_t>((away ? kAway : 0) | (special ? kSpecial : 0) | (slant ? kSlant : 0));
      a.spacing[t] = spacing(a, t);
    }
  };

  HRN_HD static float spacing(const TexelArgs& a, long t) {
    const std::int32_t* v = a.bake.indices + 3 * t;
    const auto edge = [&](const float* values, long width, long from, int k) {
      return values[width * v[from] + k] - values[width * v[0] + k];
    };
    const float *p = a.bake.positions, *uv = a.bake.uvs, size = static_cast<float>(a.bake.size);
    const V3 one{edge(p, 3, 1, 0), edge(p, 3, 1, 1), edge(p, 3, 1, 2)},
        two{edge(p, 3, 2, 0), edge(p, 3, 2, 1), edge(p, 3, 2, 2)};
    const float texels =
        size * size * std::abs(edge(uv, 2, 1, 0) * edge(uv, 2, 2, 1) - edge(uv, 2, 1, 1) * edge(uv, 2, 2, 0));
    return std::sqrt(length(cross(one, two)) / larger(texels, 1e-6f));
  }

  // What a lid shows when it is shut: lashes, the shadow of the crease and what is seen of the eye would be drawn out
  // over all of it. Their darkness goes as far as make-up does, and they have the colour of the skin about the eye.
  HRN_HD static V3 of_lid(V3 photo, V3 skin) {
    constexpr float kLeast = 0.02f, kDarkFrom = 0.94f, kDarkest = 0.7f, kBrightFrom = 1.06f, kBrightest = 1.16f;
    const float own = larger(luma(photo), kLeast), usual = larger(luma(skin), kLeast), ratio = own / usual;
    const float beyond = ratio < kDarkFrom     ? (kDarkFrom - ratio) / (kDarkFrom - kDarkest)
                         : ratio > kBrightFrom ? (ratio - kBrightFrom) / (kBrightest - kBrightFrom)
                                               : 0.f;
    if (!(beyond > 0)) return photo;
    const float within = beyond / (1 + beyond);
    const float kept = ratio < kDarkFrom ? kDarkFrom - (kDarkFrom - kDarkest) * within
                                         : kBrightFrom + (kBrightest - kBrightFrom) * within;
    const float foreign = smoothstep(0.f, 1.f, beyond);
    // Skin in shade is redder.
    constexpr float kRed = 0.8f, kBlue = 1.15f;
    const V3 own_skin{skin.x * (1 - kRed * (1 - kept)), skin.y * kept, skin.z * (1 - kBlue * (1 - kept))};
    return foreign * own_skin + ((1 - foreign) * kept / ratio) * photo;
  }

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
      V3 shown{colour(0), colour(1), colour(2)};
      if (seen.lid > 0 && a.bake.paint != nullptr) {
        const Corners c = corners(a, i);
        V3 skin{0, 0, 0};
        float known = 0;
        for (int k = 0; k < 3; ++k) {
          const float* paint = a.bake.paint + 4 * c.v[k];
          skin = skin + c.b[k] * paint[3] * V3{paint[0], paint[1], paint[2]};
          known += c.b[k] * paint[3];
        }
        if (known > 0) shown = (1 - known) * shown + known * of_lid(shown, (1 / known) * skin);
      }
      show(a, i, {shown, seen.weight});
      a.witness[i] = byte(seen.witness);
      a.strands[i] = byte(seen.hair);
    }
  };

  // How far the colour of what is not seen is known, other than that of lids, which are skin.
  HRN_HD static float painted(const TexelArgs& a, long i) { return painted(a, i, corners(a, i)); }
  HRN_HD static float painted(const TexelArgs& a, long i, const Corners& c) {
    if (a.bake.paint == nullptr) return 0;
    const float known = c.b[0] * a.bake.paint[4 * c.v[0] + 3] + c.b[1] * a.bake.paint[4 * c.v[1] + 3] +
                        c.b[2] * a.bake.paint[4 * c.v[2] + 3];
    return known > 0 ? known * (1 - sights(a, i, c).lid) : 0.f;
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

  // Of a texel that is not seen: skin's, so far as it is bare and the other side shows nothing, and that of hair.
  HRN_HD static float grain(const TexelArgs& a, long i, const Corners& corner, float skin, float hair) {
    const long t = a.owner[i];
    if (a.bake.islands[t] != 0) return 0;
    const Sights sight = sights(a, i, corner);
    const float plain = (1 - sight.narrow) * (1 - sight.covered);
    if (!(plain > 0)) return 0;
    float sum = 0;
    constexpr float kLeast = 1 / 64.f;
    if (skin > kLeast)
      sum += skin * a.grain.skin(blend(corner, a.bake.positions), blend(corner, a.bake.normals), a.spacing[t]);
    if (hair > kLeast) sum += hair * a.grain.hair(corner.v, corner.b, a.spacing[t]);
    return plain * sum;
  }

  // What the photo shows of a texel, with the low frequencies of the fill where the surface falls away: a cheek's dark
  // rim would end in a blotch.
  HRN_HD static Shown even(const TexelArgs& a, long i) {
    Shown photo = shown(a, i);
    if (a.evened == nullptr || !(photo.weight > 0) || (a.facts[a.owner[i]] & kSlant) == 0) return photo;
    const V3 gain = blend(corners(a, i), a.evened);
    photo.colour = {photo.colour.x * gain.x, photo.colour.y * gain.y, photo.colour.z * gain.z};
    return photo;
  }

  // A texel's colour: the photo where it is trusted, elsewhere the corrected model with the other cheek's detail.
  HRN_HD static V3 colour(const TexelArgs& a, long i) {
    // Of what is seen nearly whole, the rest shows no grain.
    constexpr float kAllSeen = 63 / 64.f;
    const auto [photo, w] = even(a, i);
    V3 fill{0, 0, 0};
    if (w < 1) {
      const Corners corner = corners(a, i);
      // The model's colour, corrected towards the photo.
      fill = blend(corner, a.fill);
      const long m = texture::mirrored(a, i);
      const Shown there = even(a, m);
      // The other side's strands would be patches on hair of one colour.
      const float seen = there.weight > 0 ? there.weight * there.weight * bare(a, m) : 0.f;
      const float paint = painted(a, i, corner), mirrored = seen * (1 - w) * (1 - paint);
      if (mirrored > 0) {
        // As lighter and darker, which suits the light of this side; in its channels, as far as they are not nearly
        // black: bright skin would be grey in the other side's shadows.
        constexpr float kLeast = 0.05f, kBlack = 0.15f, kEnough = 0.5f;
        const V3 smooth = blend(corners(a, m), a.fill);
        const float common = larger(there.colour.x + there.colour.y + there.colour.z, kLeast) /
                             larger(smooth.x + smooth.y + smooth.z, kLeast);
        const auto detail = [&](float photo_there, float smooth_there) {
          const float own = larger(photo_there, kLeast) / larger(smooth_there, kLeast);
          const float known = smoothstep(kBlack, kEnough, smooth_there);
          return 1 + mirrored * (clamp(known * own + (1 - known) * common, 0.4f, 1.4f) - 1);
        };
        fill = {detail(there.colour.x, smooth.x) * fill.x, detail(there.colour.y, smooth.y) * fill.y,
                detail(there.colour.z, smooth.z) * fill.z};
      }
      if (w < kAllSeen) fill = (1 + grain(a, i, corner, (1 - seen) * (1 - paint), paint)) * fill;
    }
    V3 out = (1 - w) * fill;
    if (w > 0) out = out + w * photo;
    return a.bake.tone.is_known ? imaging::toned(a.bake.tone, luma(out)) : out;
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

}  // namespace hrn::fit::texture
