#include "fit/texture/hair_paint.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/smoothstep.hpp"
#include "fit/texture/photo_of_head.hpp"
#include "fit/texture/texel_args.hpp"
#include "fit/texture/usual_hair.hpp"

namespace hrn::fit {
namespace {

// Of what shows hair: more so than skin.
constexpr float kHair = 0.5f;
// With fewer vertices seen the scalp is not known; with a smaller share of them not skin it is bare.
constexpr std::size_t kLeastSeen = 60;
constexpr double kLeastShare = 0.1;
// Where the photo ends above the forehead, hair beside the face tells its colour: so much of it at least, in shares of
// the view.
constexpr double kLeastBeside = 0.01;
// Steps of averaging over neighbours, a millimetre and a half or so each, that carry what is seen of the hairline on.
constexpr int kSteps = 30;
// Vertices that one thread takes at a time.
constexpr std::size_t kVertices = 1024;
// How firmly what is seen holds against its neighbours; and what a head is like where nothing is.
constexpr float kSeenFirmness = 1, kUsual = 0.03f;
// Cosines between the surface and the camera: beside the outline hair and background are easily taken for skin's place.
constexpr double kGlancing = 0.55, kFacing = 0.9;
// Hair hangs over the skin next to the scalp, up to so many neighbours away; elsewhere it is a beard or a mistake. At
// the side of the face, from so far beside its middle, mm, what reaches further than a hairline does is a lock in the
// air. Over the last of them hair thins, or it would end in the mesh's teeth.
constexpr float kReach = 14, kSideReach = 4, kFront = 26, kSide = 50, kThins = 5;
// Between these shares hair fades into skin.
constexpr float kSkinShare = 0.3f, kHairShare = 0.7f;
constexpr int kSoftSteps = 4;
// Colours of hair are seen from this cosine on; so many steps and so little firmness of the usual colour let what is
// seen fade into it within some centimetres.
constexpr double kSeenFrom = 0.25;
constexpr int kColourSteps = 40;
constexpr float kToUsual = 0.01f;
// Hair is darker where strands are apart than where they shine; between these shares of its brightness is its colour.
constexpr double kDark = 0.25, kBright = 0.75;

struct Sample {
  std::array<float, 3> colour;
  float brightness;
};

// Colours of the hair that the photo shows on the scalp, and how many vertices of the scalp it shows.
struct Seen {
  std::vector<Sample> hair;
  std::size_t count = 0;
};

Seen look_at_scalp(const Model& model, const TextureProblem& p, const imaging::FaceView& view) {
  const PhotoOfHead photo(p, view);
  Seen seen;
  for (long v = 0; v < model.vertex_count; ++v) {
    if (p.sights[static_cast<std::size_t>(v)] != static_cast<std::uint8_t>(Sight::scalp)) continue;
    const imaging::Point at = photo.place(v);
    const long pixel = photo.pixel(at);
    if (pixel < 0 || !(view.person[static_cast<std::size_t>(pixel)] > kPerson)) continue;
    if (!(photo.facing(v) > 0)) continue;
    const auto colour = photo.colour(pixel);
    const float brightness = colour[0] + colour[1] + colour[2];
    if (!(brightness > 0)) continue;  // beside the photo
    ++seen.count;
    if (p.person.hair[static_cast<std::size_t>(pixel)] > kHair) seen.hair.push_back({colour, brightness});
  }
  return seen;
}

// Colours of hair anywhere in the view.
std::vector<Sample> hair_beside(const TextureProblem& p, const imaging::FaceView& view) {
  std::vector<Sample> hair;
  for (std::size_t i = 0; i < view.person.size(); ++i) {
    if (!(view.person[i] > kPerson && p.person.hair[i] > kHair)) continue;
    const float* rgb = view.rgb.data() + 3 * i;
    hair.push_back({{rgb[0], rgb[1], rgb[2]}, rgb[0] + rgb[1] + rgb[2]});
  }
  return hair;
}

// How much hair there may be: on the scalp, less and less on the skin beside it, none on ears and neck.
std::vector<float> room_for_hair(const Model& model, const std::vector<std::uint8_t>& sights) {
  constexpr float kFar = 1e3f;
  std::vector<float> steps(sights.size(), kFar);
  for (std::size_t v = 0; v < sights.size(); ++v)
    if (sights[v] == static_cast<std::uint8_t>(Sight::scalp)) steps[v] = 0;
  const Topology& t = model.topology;
  for (float step = 0; step < kReach; ++step) {
    const std::vector<float> before = steps;
    for (std::size_t v = 0; v < steps.size(); ++v) {
      if (sights[v] != static_cast<std::uint8_t>(Sight::plain) || steps[v] < kFar) continue;
      for (auto n = t.neighbour_offsets[v]; n < t.neighbour_offsets[v + 1] && !(steps[v] < kFar); ++n)
        if (before[static_cast<std::size_t>(t.neighbours[static_cast<std::size_t>(n)])] < kFar) steps[v] = step + 1;
    }
  }
  std::vector<float> room(sights.size());
  for (std::size_t v = 0; v < room.size(); ++v) {
    const float side = smoothstep(kFront, kSide, std::abs(load3(model.mean.data(), static_cast<long>(v)).x));
    const float reach = kReach + side * (kSideReach - kReach);
    room[v] = 1 - smoothstep(std::max(0.0f, reach - kThins), reach + 1, steps[v]);
  }
  return room;
}

// Takes hair away that does not hang together with that of the scalp by what is mostly hair; a rim fades on.
void keep_grown(std::vector<float>& share, const Model& model, const std::vector<std::uint8_t>& sights) {
  constexpr float kMostly = 0.6f;
  constexpr int kRim = 4;
  std::vector<std::size_t> open;
  std::vector<bool> grown(share.size());
  const Topology& t = model.topology;
  // Adds the neighbours of what was added last; those added are the last ones then.
  const auto grow = [&](float least) {
    std::vector<std::size_t> next;
    for (const std::size_t v : open)
      for (auto n = t.neighbour_offsets[v]; n < t.neighbour_offsets[v + 1]; ++n) {
        const auto other = static_cast<std::size_t>(t.neighbours[static_cast<std::size_t>(n)]);
        if (grown[other] || !(share[other] > least)) continue;
        grown[other] = true;
        next.push_back(other);
      }
    open.swap(next);
  };
  for (std::size_t v = 0; v < share.size(); ++v)
    if (sights[v] == static_cast<std::uint8_t>(Sight::scalp) && share[v] == 1) {
      grown[v] = true;
      open.push_back(v);
    }
  while (!open.empty()) grow(kMostly);
  for (std::size_t v = 0; v < share.size(); ++v)
    if (grown[v]) open.push_back(v);
  for (int ring = 0; ring < kRim; ++ring) grow(0);
  for (std::size_t v = 0; v < share.size(); ++v)
    if (!grown[v]) share[v] = 0;
}

// Share of hair at every vertex: as the photo shows it, on the other side if it does not show this one, else hair on
// the scalp and skin elsewhere; smooth, so that seen and unseen hair meet without a gap.
std::vector<float> hairline(const Model& model, const TextureProblem& p, const imaging::FaceView& view,
                            ThreadPool& pool) {
  const PhotoOfHead photo(p, view);
  const auto count = static_cast<std::size_t>(model.vertex_count);
  struct Known {
    float share, firmness;
  };
  std::vector<Known> own(count, {0, 0});
  const std::vector<float> room = room_for_hair(model, p.sights);
  for (long v = 0; v < model.vertex_count; ++v) {
    const auto i = static_cast<std::size_t>(v);
    if (!(room[i] > 0)) continue;
    const long pixel = photo.pixel(photo.place(v));
    if (pixel < 0 || !(view.person[static_cast<std::size_t>(pixel)] > kPerson)) continue;
    const double facing = std::clamp((photo.facing(v) - kGlancing) / (kFacing - kGlancing), 0.0, 1.0);
    const float hair = p.person.hair[static_cast<std::size_t>(pixel)],
                skin = p.person.skin[static_cast<std::size_t>(pixel)];
    if (hair + skin > kPerson) own[i] = {hair / (hair + skin), kSeenFirmness * static_cast<float>(facing)};
  }
  const std::vector<float> grows = usual_hair(model);
  std::vector<Known> known = own;
  for (std::size_t v = 0; v < count; ++v) {
    const Known& there = own[model.mirror[v]];
    if (!(own[v].firmness > 0)) known[v] = {there.share, 0.5f * there.firmness};
    const float firmness = known[v].firmness + kUsual, usual = grows[v];
    known[v] = {(known[v].firmness * known[v].share + kUsual * usual) / firmness, firmness};
    // The less room, the surer there is none.
    known[v] = {room[v] * known[v].share, room[v] * known[v].firmness + (1 - room[v])};
  }
  const Topology& t = model.topology;
  std::vector<float> share(count), next(count);
  for (std::size_t v = 0; v < count; ++v) share[v] = known[v].share;
  for (int step = 0; step < kSteps; ++step) {
    pool.parallel_for(static_cast<long>((count + kVertices - 1) / kVertices), [&](long chunk) {
      const std::size_t begin = static_cast<std::size_t>(chunk) * kVertices;
      for (std::size_t v = begin; v < std::min(begin + kVertices, count); ++v) {
        const auto first = t.neighbour_offsets[v], last = t.neighbour_offsets[v + 1];
        float sum = 0;
        for (auto n = first; n < last; ++n)
          sum += share[static_cast<std::size_t>(t.neighbours[static_cast<std::size_t>(n)])];
        const float neighbours = static_cast<float>(last - first), own_weight = known[v].firmness * neighbours;
        next[v] = neighbours > 0 ? (own_weight * known[v].share + sum) / (own_weight + neighbours) : known[v].share;
      }
    });
    share.swap(next);
  }
  for (float& s : share) s = smoothstep(kSkinShare, kHairShare, s);
  keep_grown(share, model, p.sights);
  // Where hair that goes on in the photo ends for want of room, its end is soft.
  for (int step = 0; step < kSoftSteps; ++step) {
    const std::vector<float> before = share;
    for (std::size_t v = 0; v < count; ++v) {
      if (!(room[v] > 0 && room[v] < 1)) continue;
      float sum = before[v];
      for (auto n = t.neighbour_offsets[v]; n < t.neighbour_offsets[v + 1]; ++n)
        sum += before[static_cast<std::size_t>(t.neighbours[static_cast<std::size_t>(n)])];
      share[v] = sum / static_cast<float>(1 + t.neighbour_offsets[v + 1] - t.neighbour_offsets[v]);
    }
  }
  return share;
}

// Colours of the hair at every vertex: of what is seen there and near it, fading into the usual one.
std::vector<Vec3<float>> hair_colours(const Model& model, const TextureProblem& p, const imaging::FaceView& view,
                                      const std::array<float, 3>& usual, const std::vector<float>& share,
                                      ThreadPool& pool) {
  const PhotoOfHead photo(p, view);
  const auto count = static_cast<std::size_t>(model.vertex_count);
  const Vec3<float> mean{usual[0], usual[1], usual[2]};
  std::vector<Vec3<float>> colours(count, mean), next(count, mean), own(count, mean);
  std::vector<float> firmness(count);
  for (long v = 0; v < model.vertex_count; ++v) {
    const auto i = static_cast<std::size_t>(v);
    if (!(share[i] > 0)) continue;
    const long pixel = photo.pixel(photo.place(v));
    if (pixel < 0 || !(view.person[static_cast<std::size_t>(pixel)] > kPerson)) continue;
    const float facing =
        static_cast<float>(std::clamp((photo.facing(v) - kSeenFrom) / (kFacing - kSeenFrom), 0.0, 1.0));
    const auto colour = photo.colour(pixel);
    own[i] = {colour[0], colour[1], colour[2]};
    firmness[i] = facing * p.person.hair[static_cast<std::size_t>(pixel)];
    colours[i] = firmness[i] * own[i] + (1 - firmness[i]) * mean;
  }
  const Topology& t = model.topology;
  for (int step = 0; step < kColourSteps; ++step) {
    pool.parallel_for(static_cast<long>((count + kVertices - 1) / kVertices), [&](long chunk) {
      const std::size_t begin = static_cast<std::size_t>(chunk) * kVertices;
      for (std::size_t v = begin; v < std::min(begin + kVertices, count); ++v) {
        if (!(share[v] > 0)) continue;
        const auto first = t.neighbour_offsets[v], last = t.neighbour_offsets[v + 1];
        Vec3<float> sum{0, 0, 0};
        float all = 0;
        for (auto n = first; n < last; ++n) {
          const auto other = static_cast<std::size_t>(t.neighbours[static_cast<std::size_t>(n)]);
          if (!(share[other] > 0)) continue;
          sum = sum + colours[other];
          ++all;
        }
        const float seen = firmness[v] * (all + 1), unseen = kToUsual * (all + 1);
        next[v] = (1 / (all + seen + unseen)) * (sum + seen * own[v] + unseen * mean);
      }
    });
    colours.swap(next);
  }
  return colours;
}

}  // namespace

void paint_scalp(std::vector<float>& paint, const Model& model, const TextureProblem& problem,
                 const imaging::FaceView& view, ThreadPool& pool) {
  Seen seen = look_at_scalp(model, problem, view);
  if (seen.count < kLeastSeen) {
    seen.hair = hair_beside(problem, view);
    if (static_cast<double>(seen.hair.size()) < kLeastBeside * static_cast<double>(view.person.size())) return;
  } else if (static_cast<double>(seen.hair.size()) < kLeastShare * static_cast<double>(seen.count)) {
    return;
  }
  std::sort(seen.hair.begin(), seen.hair.end(),
            [](const Sample& a, const Sample& b) { return a.brightness < b.brightness; });
  const auto at = [&](double share) { return static_cast<std::size_t>(share * static_cast<double>(seen.hair.size())); };
  std::array<float, 3> colour{};
  const std::size_t first = at(kDark), last = std::max(at(kBright), first + 1);
  for (std::size_t i = first; i < last; ++i)
    for (std::size_t k = 0; k < 3; ++k) colour[k] += seen.hair[i].colour[k] / static_cast<float>(last - first);
  const std::vector<float> share = hairline(model, problem, view, pool);
  const std::vector<Vec3<float>> colours = hair_colours(model, problem, view, colour, share, pool);
  for (long v = 0; v < model.vertex_count; ++v) {
    const auto i = static_cast<std::size_t>(v);
    if (share[i] > 0) set_paint(paint, v, {colours[i].x, colours[i].y, colours[i].z}, share[i]);
  }
}

}  // namespace hrn::fit
