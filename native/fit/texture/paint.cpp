#include "fit/texture/paint.hpp"

#include <algorithm>
#include <limits>

#include "core/smoothstep.hpp"
#include "fit/texture/hair_paint.hpp"
#include "fit/texture/photo_of_head.hpp"
#include "fit/texture/texel_args.hpp"

namespace hrn::fit {
namespace {

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
// And faces the camera by this cosine.
constexpr double kAboutFacing = 0.55;

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

// Lips that lie where the photo shows teeth have the colour of the nearest that are seen.
void paint_lips(std::vector<float>& paint, const Model& model, const TextureProblem& problem,
                const imaging::FaceView& view) {
  const PhotoOfHead photo(problem, view);
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
    set_paint(paint, v, colour, 1);
  }
}

// Lids have the colour of the skin about their eye: what is above an open one in the photo are lashes and shadow.
void paint_lids(std::vector<float>& paint, const Model& model, const TextureProblem& problem,
                const imaging::FaceView& view) {
  if (problem.lids.empty() || model.parts.empty()) return;
  const PhotoOfHead photo(problem, view);
  struct Skin {
    Vec3<float> at;
    std::array<float, 3> colour;
    float brightness;
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
      if (at.x * side < 0 || away(at) > kAboutLids * kAboutLids || !(photo.facing(v) > kAboutFacing)) continue;
      const long pixel = photo.pixel(photo.place(v));
      if (pixel < 0 || !(problem.person.skin[static_cast<std::size_t>(pixel)] > kPerson) ||
          problem.person.opening[static_cast<std::size_t>(pixel)] > 0)
        continue;
      const auto colour = photo.colour(pixel);
      about.push_back({at, colour, colour[0] + colour[1] + colour[2]});
    }
    if (static_cast<long>(about.size()) < kNearestLips) continue;
    // Brows, lashes and the shadow of a deep eye are the darker ones.
    const auto lightest = about.begin() + static_cast<std::ptrdiff_t>(kDarkAbout * static_cast<double>(about.size()));
    std::nth_element(about.begin(), lightest, about.end(),
                     [](const Skin& a, const Skin& b) { return a.brightness < b.brightness; });
    for (const long v : lid) {
      const Vec3<float> at = load3(model.mean.data(), v);
      std::array<float, 3> colour{};
      float sum = 0;
      for (auto s = lightest; s != about.end(); ++s) {
        const Vec3<float> d = s->at - at;
        const float square = dot(d, d) + kLidReach * kLidReach, weight = 1 / (square * square);
        sum += weight;
        for (std::size_t k = 0; k < 3; ++k) colour[k] += weight * s->colour[k];
      }
      for (float& value : colour) value *= kLidShade / sum;
      set_paint(paint, v, colour, smoothstep(0, kWholeLid, problem.lids[static_cast<std::size_t>(v)]));
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
