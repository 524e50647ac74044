#include "fit/detail/bare_skin.hpp"

#include <algorithm>
#include <cmath>

#include "core/smoothstep.hpp"
#include "imaging/skin_colour.hpp"
#include "imaging/skin_mask.hpp"

namespace hrn::fit {
namespace {

struct Box {
  double left = 1e9, top = 1e9, right = -1e9, low = -1e9;
  bool holds(double x, double y) const { return x >= left && x <= right && y >= top && y <= low; }
};

Box box_of(const CoveredPart& part) {
  Box box;
  for (std::size_t i = 0; i + 1 < part.ring.size(); i += 2) {
    const double x = static_cast<double>(part.ring[i]), y = static_cast<double>(part.ring[i + 1]);
    box.left = std::min(box.left, x - 2 * part.margin_px);
    box.right = std::max(box.right, x + 2 * part.margin_px);
    box.top = std::min(box.top, y - 2 * part.margin_px);
    box.low = std::max(box.low, y + 2 * part.margin_px);
  }
  return box;
}

// Distance to the ring, negative inside (even-odd rule).
double distance(const std::vector<float>& ring, double x, double y) {
  const std::size_t n = ring.size() / 2;
  double best = 1e18;
  bool inside = false;
  for (std::size_t i = 0, j = n - 1; i < n; j = i++) {
    const double ax = static_cast<double>(ring[2 * j]), ay = static_cast<double>(ring[2 * j + 1]),
                 bx = static_cast<double>(ring[2 * i]), by = static_cast<double>(ring[2 * i + 1]);
    if ((ay > y) != (by > y) && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
    const double ux = bx - ax, uy = by - ay, square = ux * ux + uy * uy;
    const double t = square > 0 ? std::clamp(((x - ax) * ux + (y - ay) * uy) / square, 0.0, 1.0) : 0;
    best = std::min(best, std::hypot(x - ax - t * ux, y - ay - t * uy));
  }
  return inside ? -best : best;
}

}  // namespace

std::vector<float> bare_skin(const imaging::FaceView& view, const imaging::DenseClasses& classes,
                             const PhotoSquare& square, long photo_width, long photo_height,
                             const std::vector<CoveredPart>& covered, int size, ThreadPool& pool) {
  const double scale = size / square.side;
  std::vector<float> mask =
      imaging::skin_mask(view, &classes, {square.x0, square.y0, scale, size}, photo_width, photo_height, pool);
  const imaging::SkinColour colour(view);
  const std::vector<float> likeness = colour.likeness_map(pool);
  const imaging::Affine from_photo = imaging::inverse(view.to_photo);
  std::vector<Box> boxes;
  for (const CoveredPart& part : covered) boxes.push_back(box_of(part));
  pool.parallel_for(size, [&](long row) {
    for (long column = 0; column < size; ++column) {
      float& trust = mask[static_cast<std::size_t>(row * size + column)];
      if (!(trust > 0)) continue;
      const double x = square.x0 + (static_cast<double>(column) + 0.5) / scale,
                   y = square.y0 + (static_cast<double>(row) + 0.5) / scale;
      const imaging::Point at = imaging::mapped(from_photo, x, y);
      const long u = static_cast<long>(std::floor(at[0])), v = static_cast<long>(std::floor(at[1]));
      double share = 1;
      if (u >= 0 && v >= 0 && u < view.size && v < view.size)
        share = smoothstep(0.2, 0.8, static_cast<double>(likeness[static_cast<std::size_t>(v * view.size + u)]));
      for (std::size_t k = 0; k < covered.size(); ++k) {
        if (!boxes[k].holds(x, y)) continue;
        const CoveredPart& part = covered[k];
        const double d = distance(part.ring, x, y);
        share *= part.trust + (1 - part.trust) * smoothstep(part.margin_px, 2 * part.margin_px + 1e-6, d);
      }
      trust = static_cast<float>(static_cast<double>(trust) * share);
    }
  });
  return mask;
}

}  // namespace hrn::fit
