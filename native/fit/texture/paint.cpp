#include "fit/texture/paint.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "fit/texture/texel.hpp"

namespace hrn::fit {
namespace {

// Of the person mask: surely not background. Of what shows hair: more so than skin.
constexpr float kPerson = 0.9f, kHair = 0.5f;
// With fewer vertices seen the scalp is not known; with a smaller share of them not skin it is bare.
constexpr std::size_t kLeastSeen = 60;
constexpr double kLeastShare = 0.2;
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
// Hair hangs over the skin next to the scalp, up to so many neighbours away; elsewhere it is a beard or a mistake.
constexpr int kReach = 14;
// Between these shares hair fades into skin.
constexpr float kSkinShare = 0.3f, kHairShare = 0.7f;
// Hair is darker where strands are apart than where they shine; between these shares of its brightness is its colour.
constexpr double kDark = 0.25, kBright = 0.75;

// About the middle of a head.
constexpr Vec3<float> kMiddle{0, 20, -80};
// Lips are redder than skin: red less green of the model's albedo. Their lining is dark.
constexpr float kLipRed = 0.2f, kLipBright = 0.4f;
// Whose mean goes on where a lip is hidden.
constexpr long kNearestLips = 12;
// Skin about an eye lies so near its lid, mm; so much of it is brow, lash and shadow; lids are a little darker than
// it. So far apart, mm, the colours of a lid differ.
constexpr float kAboutLids = 12, kLidShade = 0.95f, kLidReach = 4;
constexpr double kDarkAbout = 0.4;
constexpr std::size_t kLidStride = 5;
// What goes this share of a lid's way is lid altogether.
constexpr float kWholeLid = 0.5f;

struct Sample {
  std::array<float, 3> colour;
  float brightness;
};

// Colours of the hair that the photo shows on the scalp, and how many vertices of the scalp it shows.
struct Seen {
  std::vector<Sample> hair;
  std::size_t count = 0;
};

class View {
 public:
  View(const TextureProblem& problem, const imaging::FaceView& view)
      : problem_(problem), view_(view), from_photo_(imaging::inverse(view.to_photo)) {}

  // Where the view shows a vertex.
  imaging::Point place(long v) const {
    const Vec3<float> p = load3(problem_.positions.data(), v);
    double pixel[2];
    problem_.camera.project(
        problem_.camera.transform({static_cast<double>(p.x), static_cast<double>(p.y), static_cast<double>(p.z)}),
        pixel);
    return imaging::mapped(from_photo_, pixel[0], pixel[1]);
  }
  // Cosine between the way out of the head at a vertex and the way to the camera. A head bulges: where it is negative
  // lies what is behind its rim.
  double facing(long v) const {
    const Vec3<float> at = load3(problem_.positions.data(), v), out = at - kMiddle;
    const auto wide = [](Vec3<float> a) {
      return Vec3<double>{static_cast<double>(a.x), static_cast<double>(a.y), static_cast<double>(a.z)};
    };
    const Vec3<double> facing = problem_.camera.rotate(wide(out)), there = problem_.camera.transform(wide(at));
    return -dot(facing, there) / std::sqrt(dot(facing, facing) * dot(there, there) + 1e-12);
  }
  // The pixel there, -1 beside the view.
  long pixel(const imaging::Point& at) const {
    const double size = static_cast<double>(view_.size);
    if (!(at[0] >= 0 && at[1] >= 0 && at[0] < size && at[1] < size)) return -1;
    return static_cast<long>(at[1]) * view_.size + static_cast<long>(at[0]);
  }
  std::array<float, 3> colour(long pixel) const {
    const float* rgb = view_.rgb.data() + 3 * pixel;
    return {rgb[0], rgb[1], rgb[2]};
  }

 private:
  const TextureProblem& problem_;
  const imaging::FaceView& view_;
  imaging::Affine from_photo_;
};

Seen look_at_scalp(const Model& model, const TextureProblem& p, const imaging::FaceView& view) {
  const View photo(p, view);
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

// Vertices of the skin that are red lips.
std::vector<bool> lips_of(const Model& model) {
  std::vector<bool> lips(static_cast<std::size_t>(model.vertex_count));
  const Part& skin = model.parts.front();
  for (long c = 3 * skin.first_triangle; c < 3 * (skin.first_triangle + skin.triangle_count); ++c) {
    const auto v = static_cast<std::size_t>(model.topology.triangles[static_cast<std::size_t>(c)]);
    const Vec3<float> albedo = load3(model.albedo_mean.data(), static_cast<long>(v));
    lips[v] = static_cast<Region>(model.regions[v]) == Region::mouth && albedo.x - albedo.y > kLipRed &&
              albedo.x > kLipBright;
  }
  return lips;
}

// Where hair may be: on the scalp and on the skin beside it, but not on ears and neck.
std::vector<std::uint8_t> near_scalp(const Model& model, const std::vector<std::uint8_t>& sights) {
  std::vector<std::uint8_t> near(sights.size());
  for (std::size_t v = 0; v < sights.size(); ++v) near[v] = sights[v] == static_cast<std::uint8_t>(Sight::scalp);
  const Topology& t = model.topology;
  for (int step = 0; step < kReach; ++step) {
    const std::vector<std::uint8_t> before = near;
    for (std::size_t v = 0; v < near.size(); ++v) {
      if (sights[v] != static_cast<std::uint8_t>(Sight::plain)) continue;
      for (auto n = t.neighbour_offsets[v]; n < t.neighbour_offsets[v + 1] && near[v] == 0; ++n)
        near[v] = before[static_cast<std::size_t>(t.neighbours[static_cast<std::size_t>(n)])];
    }
  }
  return near;
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
  const View photo(p, view);
  const auto count = static_cast<std::size_t>(model.vertex_count);
  struct Known {
    float share, firmness;
  };
  std::vector<Known> own(count, {0, 0});
  const std::vector<std::uint8_t> near = near_scalp(model, p.sights);
  for (long v = 0; v < model.vertex_count; ++v) {
    const auto i = static_cast<std::size_t>(v);
    if (near[i] == 0) continue;
    const long pixel = photo.pixel(photo.place(v));
    if (pixel < 0 || !(view.person[static_cast<std::size_t>(pixel)] > kPerson)) continue;
    const double facing = std::clamp((photo.facing(v) - kGlancing) / (kFacing - kGlancing), 0.0, 1.0);
    const float hair = p.person.hair[static_cast<std::size_t>(pixel)],
                skin = p.person.skin[static_cast<std::size_t>(pixel)];
    if (hair + skin > kPerson) own[i] = {hair / (hair + skin), kSeenFirmness * static_cast<float>(facing)};
  }
  std::vector<Known> known = own;
  for (std::size_t v = 0; v < count; ++v) {
    const auto sight = static_cast<Sight>(p.sights[v]);
    const Known& there = own[model.mirror[v]];
    if (!(own[v].firmness > 0)) known[v] = {there.share, 0.5f * there.firmness};
    const float firmness = known[v].firmness + kUsual, usual = sight == Sight::scalp ? 1.f : 0.f;
    known[v] = {(known[v].firmness * known[v].share + kUsual * usual) / firmness, firmness};
    if (near[v] == 0) known[v] = {0, 1};
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
  for (float& s : share) {
    const float x = std::clamp((s - kSkinShare) / (kHairShare - kSkinShare), 0.f, 1.f);
    s = x * x * (3 - 2 * x);
  }
  keep_grown(share, model, p.sights);
  return share;
}

void set(std::vector<float>& paint, long v, const std::array<float, 3>& colour, float share) {
  for (std::size_t k = 0; k < 3; ++k) paint[static_cast<std::size_t>(4 * v) + k] = std::clamp(colour[k], 0.f, 1.f);
  paint[static_cast<std::size_t>(4 * v) + 3] = share;
}

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
  for (long v = 0; v < model.vertex_count; ++v)
    if (share[static_cast<std::size_t>(v)] > 0) set(paint, v, colour, share[static_cast<std::size_t>(v)]);
}

// Lips that lie where the photo shows teeth have the colour of the nearest that are seen.
void paint_lips(std::vector<float>& paint, const Model& model, const TextureProblem& problem,
                const imaging::FaceView& view) {
  const View photo(problem, view);
  struct Lip {
    Vec3<float> at;
    std::array<float, 3> colour;
  };
  if (model.parts.empty()) return;
  const std::vector<bool> lips = lips_of(model);
  std::vector<Lip> seen;
  std::vector<long> hidden;
  for (long v = 0; v < model.vertex_count; ++v) {
    if (!lips[static_cast<std::size_t>(v)]) continue;
    const auto sight = static_cast<Sight>(problem.sights[static_cast<std::size_t>(v)]);
    if (sight == Sight::covered) hidden.push_back(v);
    if (sight != Sight::narrow) continue;
    const long pixel = photo.pixel(photo.place(v));
    // Not what shows between the lips either: the rim is a pixel or two off.
    if (pixel < 0 || problem.person.opening[static_cast<std::size_t>(pixel)] > 0) continue;
    seen.push_back({load3(model.mean.data(), v), photo.colour(pixel)});
  }
  if (static_cast<long>(seen.size()) < 2 * kNearestLips) return;
  std::vector<std::pair<float, std::size_t>> near(seen.size());
  for (const long v : hidden) {
    const Vec3<float> at = load3(model.mean.data(), v);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const Vec3<float> away = seen[i].at - at;
      near[i] = {dot(away, away), i};
    }
    std::partial_sort(near.begin(), near.begin() + kNearestLips, near.end());
    std::array<float, 3> colour{};
    for (std::size_t i = 0; i < static_cast<std::size_t>(kNearestLips); ++i)
      for (std::size_t k = 0; k < 3; ++k)
        colour[k] += seen[near[i].second].colour[k] / static_cast<float>(kNearestLips);
    set(paint, v, colour, 1);
  }
}

// Lids have the colour of the skin about their eye: what is above an open one in the photo are lashes and shadow.
void paint_lids(std::vector<float>& paint, const Model& model, const TextureProblem& problem,
                const imaging::FaceView& view) {
  if (problem.lids.empty() || model.parts.empty()) return;
  const View photo(problem, view);
  struct Skin {
    Vec3<float> at;
    Sample sample;
  };
  const auto is_lid = [&](long v) {
    return problem.sights[static_cast<std::size_t>(v)] == static_cast<std::uint8_t>(Sight::lid);
  };
  for (const float side : {-1.f, 1.f}) {
    std::vector<long> lid;
    for (long v = 0; v < model.vertex_count; ++v)
      if (is_lid(v) && model.mean.data()[3 * v] * side > 0) lid.push_back(v);
    if (lid.empty()) continue;
    // Of the whole lid, in which vertices are close, some do for distances.
    const auto away = [&](Vec3<float> p) {
      float least = std::numeric_limits<float>::infinity();
      for (std::size_t i = 0; i < lid.size(); i += kLidStride) {
        const Vec3<float> d = load3(model.mean.data(), lid[i]) - p;
        least = std::min(least, dot(d, d));
      }
      return least;
    };
    std::vector<Skin> about;
    const Part& skin = model.parts.front();
    std::vector<bool> met(static_cast<std::size_t>(model.vertex_count));
    for (long c = 3 * skin.first_triangle; c < 3 * (skin.first_triangle + skin.triangle_count); ++c) {
      const long v = model.topology.triangles[static_cast<std::size_t>(c)];
      const auto i = static_cast<std::size_t>(v);
      if (met[i]) continue;
      met[i] = true;
      if (problem.sights[i] != static_cast<std::uint8_t>(Sight::plain) || problem.lids[i] > 0) continue;
      const Vec3<float> at = load3(model.mean.data(), v);
      if (at.x * side < 0 || away(at) > kAboutLids * kAboutLids || !(photo.facing(v) > kGlancing)) continue;
      const long pixel = photo.pixel(photo.place(v));
      if (pixel < 0 || !(problem.person.skin[static_cast<std::size_t>(pixel)] > kPerson) ||
          problem.person.opening[static_cast<std::size_t>(pixel)] > 0)
        continue;
      const auto colour = photo.colour(pixel);
      about.push_back({at, {colour, colour[0] + colour[1] + colour[2]}});
    }
    if (static_cast<long>(about.size()) < kNearestLips) continue;
    // Brows, lashes and the shadow of a deep eye are the darker ones.
    const auto lightest = about.begin() + static_cast<std::ptrdiff_t>(kDarkAbout * static_cast<double>(about.size()));
    std::nth_element(about.begin(), lightest, about.end(),
                     [](const Skin& a, const Skin& b) { return a.sample.brightness < b.sample.brightness; });
    for (const long v : lid) {
      const Vec3<float> at = load3(model.mean.data(), v);
      std::array<float, 3> colour{};
      float sum = 0;
      for (auto s = lightest; s != about.end(); ++s) {
        const Vec3<float> d = s->at - at;
        const float square = dot(d, d) + kLidReach * kLidReach, weight = 1 / (square * square);
        sum += weight;
        for (std::size_t k = 0; k < 3; ++k) colour[k] += weight * s->sample.colour[k];
      }
      for (float& value : colour) value *= kLidShade / sum;
      const float way = std::clamp(problem.lids[static_cast<std::size_t>(v)] / kWholeLid, 0.f, 1.f);
      set(paint, v, colour, way * way * (3 - 2 * way));
    }
  }
}

}  // namespace

std::vector<float> texture_paint(const Model& model, const TextureProblem& problem, const imaging::FaceView& view,
                                 ThreadPool& pool) {
  std::vector<float> paint(static_cast<std::size_t>(4 * model.vertex_count));
  paint_scalp(paint, model, problem, view, pool);
  paint_lips(paint, model, problem, view);
  paint_lids(paint, model, problem, view);
  return paint;
}

}  // namespace hrn::fit
