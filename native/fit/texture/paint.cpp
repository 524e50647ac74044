#include "fit/texture/paint.hpp"

#include <algorithm>
#include <cmath>

#include "fit/texture/texel.hpp"
#include "imaging/hair_colour.hpp"

namespace hrn::fit {
namespace {

// Of the person mask: surely not background. Of the likeness of skin: surely not skin.
constexpr float kPerson = 0.9f, kNoSkin = 0.3f;
// With fewer vertices seen the scalp is not known; with a smaller share of them not skin it is bare.
constexpr std::size_t kLeastSeen = 60;
constexpr double kLeastShare = 0.45;
// Steps of averaging over neighbours, a millimetre and a half or so each, over which hair fades into skin.
constexpr int kFade = 14;
// Hair is darker where strands are apart than where they shine; between these shares of its brightness is its colour.
constexpr double kDark = 0.25, kBright = 0.75;

// About the middle of a head.
constexpr Vec3<float> kMiddle{0, 20, -80};
// Lips are redder than skin: red less green of the model's albedo. Their lining is dark.
constexpr float kLipRed = 0.2f, kLipBright = 0.4f;
// Whose mean goes on where a lip is hidden.
constexpr long kNearestLips = 12;

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
  const imaging::HairColour hair(view);
  Seen seen;
  for (long v = 0; v < model.vertex_count; ++v) {
    if (p.sights[static_cast<std::size_t>(v)] != static_cast<std::uint8_t>(Sight::scalp)) continue;
    const imaging::Point at = photo.place(v);
    const long pixel = photo.pixel(at);
    if (pixel < 0 || !(view.person[static_cast<std::size_t>(pixel)] > kPerson)) continue;
    // The scalp bulges: what lies on its far side is behind its rim.
    const Vec3<float> out = load3(p.positions.data(), v) - kMiddle;
    const Vec3<double> facing =
        p.camera.rotate({static_cast<double>(out.x), static_cast<double>(out.y), static_cast<double>(out.z)});
    if (!(facing.z < 0)) continue;
    ++seen.count;
    if (p.person.skin[static_cast<std::size_t>(pixel)] > kNoSkin && !hair.is_hair(at[0], at[1])) continue;
    const auto colour = photo.colour(pixel);
    seen.hair.push_back({colour, colour[0] + colour[1] + colour[2]});
  }
  return seen;
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

// 1 on the scalp, fading over its border.
std::vector<float> faded_scalp(const Model& model, const std::vector<std::uint8_t>& sights) {
  std::vector<float> share(sights.size()), next(sights.size());
  for (std::size_t v = 0; v < sights.size(); ++v)
    share[v] = sights[v] == static_cast<std::uint8_t>(Sight::scalp) ? 1.f : 0.f;
  const std::vector<float> scalp = share;
  const Topology& t = model.topology;
  for (int step = 0; step < kFade; ++step) {
    for (std::size_t v = 0; v < share.size(); ++v) {
      float sum = share[v];
      const auto first = t.neighbour_offsets[v], last = t.neighbour_offsets[v + 1];
      for (auto n = first; n < last; ++n)
        sum += share[static_cast<std::size_t>(t.neighbours[static_cast<std::size_t>(n)])];
      next[v] = sum / static_cast<float>(last - first + 1);
    }
    share.swap(next);
  }
  // Only inwards: skin stays skin up to the hairline.
  for (std::size_t v = 0; v < share.size(); ++v) share[v] = scalp[v] > 0 ? std::clamp(2 * share[v] - 1, 0.f, 1.f) : 0.f;
  return share;
}

void set(std::vector<float>& paint, long v, const std::array<float, 3>& colour, float share) {
  for (std::size_t k = 0; k < 3; ++k) paint[static_cast<std::size_t>(4 * v) + k] = std::clamp(colour[k], 0.f, 1.f);
  paint[static_cast<std::size_t>(4 * v) + 3] = share;
}

void paint_scalp(std::vector<float>& paint, const Model& model, const TextureProblem& problem,
                 const imaging::FaceView& view) {
  Seen seen = look_at_scalp(model, problem, view);
  if (seen.count < kLeastSeen ||
      static_cast<double>(seen.hair.size()) < kLeastShare * static_cast<double>(seen.count)) {
    return;
  }
  std::sort(seen.hair.begin(), seen.hair.end(),
            [](const Sample& a, const Sample& b) { return a.brightness < b.brightness; });
  const auto at = [&](double share) { return static_cast<std::size_t>(share * static_cast<double>(seen.hair.size())); };
  std::array<float, 3> colour{};
  const std::size_t first = at(kDark), last = std::max(at(kBright), first + 1);
  for (std::size_t i = first; i < last; ++i)
    for (std::size_t k = 0; k < 3; ++k) colour[k] += seen.hair[i].colour[k] / static_cast<float>(last - first);
  const std::vector<float> share = faded_scalp(model, problem.sights);
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

}  // namespace

std::vector<float> texture_paint(const Model& model, const TextureProblem& problem, const imaging::FaceView& view) {
  std::vector<float> paint(static_cast<std::size_t>(4 * model.vertex_count));
  paint_scalp(paint, model, problem, view);
  paint_lips(paint, model, problem, view);
  return paint;
}

}  // namespace hrn::fit
