#include "fit/texture/sights.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "fit/texture/paint.hpp"
#include "fit/texture/texel.hpp"
#include "fit/texture/usual_hair.hpp"
#include "imaging/openings.hpp"

namespace hrn::fit {
namespace {

// The lining of the mouth bears the label of what is no face, but lies behind the lips: so far beside them, so deep,
// mm.
constexpr double kLiningRadius = 45, kLiningDepth = 100;
// So far behind the rim of the opening begins what the photo shows between the lips, mm.
constexpr double kBehindLips = 3;
// How far the rim of the opening is off, in shares of the mouth's width, and of its height at most.
constexpr double kRimError = 0.035, kRimShare = 0.25;
// An ear of which the photo shows less skin than this share is hair's, and is left to the model's colours.
constexpr double kBareEar = 0.5;
// Of the usual hair: where it grows.
constexpr float kGrows = 0.5f;
// What goes down by more than this share of its lid's way is lid.
constexpr float kLid = 0.02f;

class Sights {
 public:
  Sights(const Model& model, std::span<const float> positions, const CameraPose& camera)
      : model_(model), positions_(positions), camera_(camera), sights_(static_cast<std::size_t>(model.vertex_count)) {}

  // Lips and what lies behind them are seen through a narrow opening.
  void label() {
    const std::vector<float> hair = usual_hair(model_);
    std::array<double, 3> mouth{};
    long count = 0;
    for (long v = 0; v < model_.vertex_count; ++v) {
      if (region(v) != Region::mouth) continue;
      ++count;
      for (int k = 0; k < 3; ++k) mouth[static_cast<std::size_t>(k)] += mean(v, k);
    }
    for (double& value : mouth) value /= static_cast<double>(count);
    for (long v = 0; v < model_.vertex_count; ++v) {
      const Region r = region(v);
      if (r == Region::mouth) {
        set(v, Sight::narrow);
      } else if (r == Region::neck || r == Region::ears) {
        set(v, Sight::bare);
      } else if (r == Region::scalp || r == Region::other) {
        const bool is_lining = count > 0 && std::hypot(mean(v, 0) - mouth[0], mean(v, 1) - mouth[1]) < kLiningRadius &&
                               mean(v, 2) - mouth[2] > -kLiningDepth;
        // The lining is dark whatever the photo shows there: teeth of a smile would stay on it in every expression.
        // Beside the ears the scalp's region reaches over skin, on which hair may lie as on any.
        set(v, is_lining ? Sight::covered : hair[static_cast<std::size_t>(v)] > kGrows ? Sight::scalp : Sight::plain);
      }
    }
  }

  // Lips are not what the photo shows between its lips: the fitted ones are never quite as far open, and got teeth.
  void cover_lips(const imaging::FaceView& view) {
    const auto& rim = view.points.inner_lips;
    double low[2] = {1e9, 1e9}, high[2] = {-1e9, -1e9};
    for (const std::uint32_t point : rim) {
      const imaging::Point p = view.landmark(point);
      for (std::size_t k = 0; k < 2; ++k) {
        low[k] = std::min(low[k], p[k]);
        high[k] = std::max(high[k], p[k]);
      }
    }
    // Beside a mouth that is open the rim is that uncertain; a shut one has nothing to show.
    const double width = high[0] - low[0], beside = std::min(kRimError * width, kRimShare * (high[1] - low[1]));
    const auto is_between = [&](const imaging::Point& p) {
      for (const double up : {0.0, -beside, beside})
        if (is_inside(view, rim, {p[0], p[1] + up})) return true;
      return false;
    };
    for (long v = 0; v < model_.vertex_count; ++v) {
      if (region(v) == Region::mouth && is_between(in_photo(v)) && !is_behind(v, rim)) set(v, Sight::covered);
    }
  }

  // The network's landmarks tell nothing of the tongue, and teeth are easily taken for it.
  void cover_tongue() {
    for (const Part& part : model_.parts) {
      if (part.name != "tongue") continue;
      for (long c = 3 * part.first_triangle; c < 3 * (part.first_triangle + part.triangle_count); ++c)
        set(model_.topology.triangles[static_cast<std::size_t>(c)], Sight::covered);
    }
  }

  // Ears that hair covers.
  void cover_ears(const imaging::FaceView& view, const std::vector<float>& skin) {
    const imaging::Affine from_photo = imaging::inverse(view.to_photo);
    for (const bool right : {true, false}) {
      std::vector<long> ear;
      long bare = 0;
      for (long v = 0; v < model_.vertex_count; ++v) {
        if (region(v) != Region::ears || (mean(v, 0) < 0) != right) continue;
        ear.push_back(v);
        const imaging::Point p = in_photo(v);
        const imaging::Point at = imaging::mapped(from_photo, p[0], p[1]);
        const long size = view.size, u = static_cast<long>(std::floor(at[0])), w = static_cast<long>(std::floor(at[1]));
        if (u >= 0 && w >= 0 && u < size && w < size && skin[static_cast<std::size_t>(w * size + u)] > 0.5f) ++bare;
      }
      if (static_cast<double>(bare) >= kBareEar * static_cast<double>(ear.size())) continue;
      for (const long v : ear) set(v, Sight::covered);
    }
  }

  // Upper lids, as far as they are drawn together above an open eye.
  void label_lids(const std::vector<float>& lids) {
    for (std::size_t v = 0; v < lids.size(); ++v)
      if (lids[v] > kLid && sights_[v] == static_cast<std::uint8_t>(Sight::plain))
        set(static_cast<long>(v), Sight::lid);
  }

  std::vector<std::uint8_t> take() { return std::move(sights_); }

 private:
  Region region(long v) const { return static_cast<Region>(model_.regions[static_cast<std::size_t>(v)]); }
  double mean(long v, int k) const { return static_cast<double>(model_.mean.data()[3 * v + k]); }
  void set(long v, Sight sight) { sights_[static_cast<std::size_t>(v)] = static_cast<std::uint8_t>(sight); }

  // Where the photo shows a vertex, px.
  imaging::Point in_photo(long v) const {
    const Vec3<float> p = load3(positions_.data(), v);
    imaging::Point pixel;
    camera_.project(camera_.transform({static_cast<double>(p.x), static_cast<double>(p.y), static_cast<double>(p.z)}),
                    pixel.data());
    return pixel;
  }

  // Even-odd rule.
  static bool is_inside(const imaging::FaceView& view, const std::vector<std::uint32_t>& ring,
                        const imaging::Point& p) {
    bool inside = false;
    for (std::size_t i = 0; i < ring.size(); ++i) {
      const imaging::Point a = view.landmark(ring[i]), b = view.landmark(ring[(i + 1) % ring.size()]);
      if ((a[1] > p[1]) != (b[1] > p[1]) && p[0] < a[0] + ((p[1] - a[1]) / (b[1] - a[1])) * (b[0] - a[0]))
        inside = !inside;
    }
    return inside;
  }

  bool is_behind(long v, const std::vector<std::uint32_t>& rim) const {
    double least = std::numeric_limits<double>::infinity(), depth = mean(v, 2);
    for (const std::uint32_t point : rim) {
      const long r = static_cast<long>(model_.dense.vertices[3 * point]);
      double away = 0;
      for (int k = 0; k < 3; ++k) away += (mean(v, k) - mean(r, k)) * (mean(v, k) - mean(r, k));
      if (away >= least) continue;
      least = away;
      depth = mean(r, 2);
    }
    return mean(v, 2) < depth - kBehindLips;
  }

  const Model& model_;
  std::span<const float> positions_;
  const CameraPose& camera_;
  std::vector<std::uint8_t> sights_;
};

}  // namespace

std::vector<std::uint8_t> texture_sights(const Model& model, std::span<const float> positions, const CameraPose& camera,
                                         const imaging::FaceView& view, const std::vector<float>& skin,
                                         const std::vector<float>& lids) {
  if (positions.size() != 3 * static_cast<std::size_t>(model.vertex_count) ||
      static_cast<long>(view.landmarks.size()) != 2 * model.dense.count) {
    throw Error(ErrorCode::invalid_argument, "texture: expected three positions per vertex and the model's landmarks");
  }
  Sights sights(model, positions, camera);
  sights.label();
  sights.cover_lips(view);
  sights.cover_tongue();
  sights.cover_ears(view, skin);
  sights.label_lids(lids);
  return sights.take();
}

void look_at_face(TextureProblem& problem, const Model& model, const imaging::FaceView& view,
                  const imaging::DenseClasses& classes, ThreadPool& pool) {
  imaging::check_numbers(view);
  imaging::PixelKinds kinds = imaging::pixel_kinds(view, classes, pool);
  problem.person.values.assign(view.person.begin(), view.person.end());
  problem.person.skin = std::move(kinds.skin);
  problem.person.hair = std::move(kinds.hair);
  problem.person.width = problem.person.height = static_cast<int>(view.size);
  const imaging::Affine from_photo = imaging::inverse(view.to_photo);
  for (std::size_t i = 0; i < from_photo.size(); ++i) problem.person.from_photo[i] = static_cast<float>(from_photo[i]);
  problem.person.opening = imaging::opening_mask(view, pool);
  problem.tone = imaging::tone_of(view);
  problem.sights = texture_sights(model, problem.positions, problem.camera, view, problem.person.skin, problem.lids);
  problem.paint = texture_paint(model, problem, view, pool);
}

}  // namespace hrn::fit
