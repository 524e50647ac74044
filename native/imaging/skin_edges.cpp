#include "imaging/skin_edges.hpp"

#include <cmath>
#include <cstdint>
#include <utility>

#include "imaging/hair_colour.hpp"
#include "imaging/skin_colour.hpp"

namespace hrn::imaging {
namespace {

// Reach of the differences that tell the direction of an edge, pixels of the view: its edge is as soft as that.
constexpr long kGradientReach = 2;
// How far inside the edge the colour is looked at, pixels of the view: some 3 mm, beyond the soft rim of the photo.
constexpr double kInside = 4;
// The mask is not to be trusted beside the photo's border, pixels of the view.
constexpr long kBorder = 6;
// Edges a thread takes at a time: each is compared with some hundred colours.
constexpr long kGrain = 16;

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

SkinEdges skin_edges(const FaceView& view, long width, long height, ThreadPool& pool) {
  const SkinColour skin(view);
  // Hair taken for skin would draw the head to its own outline.
  if (!skin.tells_hair()) return {};
  const HairColour hair(view);
  const auto in_photo = [&](double u, double v) {
    const Point p = mapped(view.to_photo, u, v);
    return p[0] > 0 && p[1] > 0 && p[0] < static_cast<double>(width) && p[1] < static_cast<double>(height);
  };
  const std::vector<Edge> edges = mask_edges(view);
  const long count = static_cast<long>(edges.size());
  std::vector<std::uint8_t> ends_skin(edges.size());
  pool.parallel_for((count + kGrain - 1) / kGrain, [&](long chunk) {
    for (long i = chunk * kGrain; i < count && i < (chunk + 1) * kGrain; ++i) {
      const Edge& e = edges[static_cast<std::size_t>(i)];
      const double u = e.u - kInside * e.normal_u, v = e.v - kInside * e.normal_v;
      const double border = static_cast<double>(kBorder);
      ends_skin[static_cast<std::size_t>(i)] =
          skin.is_skin(u, v) && !hair.is_hair(u, v) && in_photo(e.u + border * e.normal_u, e.v + border * e.normal_v);
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
