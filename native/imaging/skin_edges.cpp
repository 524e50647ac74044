#include "imaging/skin_edges.hpp"

#include <cmath>
#include <cstdint>
#include <utility>

namespace hrn::imaging {
namespace {

// Reach of the differences that tell the direction of an edge, pixels of the view: its edge is as soft as that.
constexpr long kGradientReach = 2;
// How far inside the edge it is looked at what the photo shows, pixels of the view: some 5 mm, more than two pixels of
// the dense network; and how far outside it must still be the photo.
constexpr double kInside = 8, kOutside = 6;
// Skin of the head there is at least so many times as probable as what covers it. Few outlines are worse for a fit than
// some of the edges of hair.
constexpr double kLeastOdds = 0.4;
// The mask is not to be trusted beside the photo's border, pixels of the view.
constexpr long kBorder = 6;
// Edges a thread takes at a time.
constexpr long kGrain = 64;

// Of the mask, pixels of the view.
struct Edge {
  double u, v, normal_u, normal_v;
};

// Where the mask passes one half between neighbours, row by row.
std::vector<Edge> mask_edges(const FaceView& view) {
  const long size = view.size;
  const float* mask = view.person.data();
  std::vector<Edge> edges;
  for (long v = kBorder; v < size - kBorder; ++v) {
    for (long u = kBorder; u < size - kBorder; ++u) {
      const float* here = mask + v * size + u;
      const double value = static_cast<double>(*here) - 0.5;
      for (const auto& [du, dv] : {std::pair{1L, 0L}, std::pair{0L, 1L}}) {
        const double there = static_cast<double>(here[dv * size + du]) - 0.5;
        if ((value > 0) == (there > 0)) continue;
        const double gu = static_cast<double>(here[-kGradientReach]) - static_cast<double>(here[kGradientReach]);
        const double gv =
            static_cast<double>(here[-kGradientReach * size]) - static_cast<double>(here[kGradientReach * size]);
        const double length = std::hypot(gu, gv);
        if (length == 0) continue;
        const double t = value / (value - there);
        edges.push_back({static_cast<double>(u) + 0.5 + t * static_cast<double>(du),
                         static_cast<double>(v) + 0.5 + t * static_cast<double>(dv), gu / length, gv / length});
      }
    }
  }
  return edges;
}

}  // namespace

SkinEdges skin_edges(const FaceView& view, const DenseClasses& classes, long width, long height, ThreadPool& pool) {
  using enum PixelClass;
  const auto in_photo = [&](const Point& p) {
    return p[0] > 0 && p[1] > 0 && p[0] < static_cast<double>(width) && p[1] < static_cast<double>(height);
  };
  const std::vector<Edge> edges = mask_edges(view);
  const long count = static_cast<long>(edges.size());
  std::vector<std::uint8_t> ends_skin(edges.size());
  pool.parallel_for((count + kGrain - 1) / kGrain, [&](long chunk) {
    for (long i = chunk * kGrain; i < count && i < (chunk + 1) * kGrain; ++i) {
      const Edge& e = edges[static_cast<std::size_t>(i)];
      const auto across = [&](double by) {
        return mapped(view.to_photo, e.u + by * e.normal_u, e.v + by * e.normal_v);
      };
      const Point inside = across(-kInside), outside = across(kOutside);
      ends_skin[static_cast<std::size_t>(i)] =
          in_photo(outside) && classes.holds(inside[0], inside[1]) &&
          classes.share({face, ears, lips, brows, eyes, mouth, teeth}, inside[0], inside[1]) >
              kLeastOdds * classes.share({hair, beard, neck, clothes, occluder}, inside[0], inside[1]);
    }
  });
  SkinEdges found;
  const Affine& m = view.to_photo;
  const double scale = std::hypot(m[0], m[3]);
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (ends_skin[i] == 0) continue;
    const Edge& e = edges[i];
    const Point p = mapped(m, e.u, e.v);
    found.points.insert(found.points.end(), p.begin(), p.end());
    found.normals.push_back((m[0] * e.normal_u + m[1] * e.normal_v) / scale);
    found.normals.push_back((m[3] * e.normal_u + m[4] * e.normal_v) / scale);
  }
  return found;
}

}  // namespace hrn::imaging
