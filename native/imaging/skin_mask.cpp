#include "imaging/skin_mask.hpp"

#include <algorithm>
#include <cmath>

namespace hrn::imaging {
namespace {

// A ring of landmarks in pixels of the crop.
std::vector<Point> polygon_of(const FaceView& view, const std::vector<std::uint32_t>& ring, const CropFrame& frame) {
  std::vector<Point> polygon;
  polygon.reserve(ring.size());
  for (const std::uint32_t point : ring) {
    const Point p = view.landmark(point);
    polygon.push_back({(p[0] - frame.x0) * frame.scale, (p[1] - frame.y0) * frame.scale});
  }
  return polygon;
}

// Sets every pixel of a row whose centre lies in the polygon (even-odd rule).
void fill_row(float* row, long y, long size, const std::vector<Point>& polygon, float value,
              std::vector<double>& crossings) {
  const double at = static_cast<double>(y) + 0.5;
  crossings.clear();
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Point &a = polygon[i], &b = polygon[(i + 1) % polygon.size()];
    if ((a[1] <= at) == (b[1] <= at)) continue;
    crossings.push_back(a[0] + ((at - a[1]) / (b[1] - a[1])) * (b[0] - a[0]));
  }
  std::sort(crossings.begin(), crossings.end());
  const double end = static_cast<double>(size);
  for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
    const long from = static_cast<long>(std::clamp(std::ceil(crossings[i] - 0.5), 0.0, end));
    const long to = static_cast<long>(std::clamp(std::ceil(crossings[i + 1] - 0.5), 0.0, end));
    if (from < to) std::fill(row + from, row + to, value);
  }
}

// The person mask at (u, v) of the view.
float person_at(const FaceView& view, double u, double v) {
  const double column = std::floor(u), line = std::floor(v), last = static_cast<double>(view.size - 1);
  if (!(column >= 0 && line >= 0 && column < last && line < last)) return 0;
  const float* at = view.person.data() + static_cast<long>(line) * view.size + static_cast<long>(column);
  const auto value = [&](long i) { return static_cast<double>(at[i]); };
  const double right = u - column;
  const double upper = value(0) + right * (value(1) - value(0));
  const double lower = value(view.size) + right * (value(view.size + 1) - value(view.size));
  return static_cast<float>(std::clamp(upper + (v - line) * (lower - upper), 0.0, 1.0));
}

}  // namespace

std::vector<float> skin_mask(const FaceView& view, const DenseClasses* classes, const CropFrame& frame, long width,
                             long height, ThreadPool& pool) {
  using enum PixelClass;
  const Affine from_photo = inverse(view.to_photo);
  const std::vector<Point> outline = polygon_of(view, view.points.outline, frame);
  const std::vector<Point> openings[] = {polygon_of(view, view.points.right_lids, frame),
                                         polygon_of(view, view.points.left_lids, frame),
                                         polygon_of(view, view.points.inner_lips, frame)};
  std::vector<float> mask(static_cast<std::size_t>(frame.size * frame.size));
  pool.parallel_for(frame.size, [&](long y) {
    float* row = mask.data() + y * frame.size;
    std::vector<double> crossings;
    fill_row(row, y, frame.size, outline, 1, crossings);
    for (const auto& opening : openings) fill_row(row, y, frame.size, opening, 0, crossings);
    const double py = frame.y0 + (static_cast<double>(y) + 0.5) / frame.scale;
    for (long x = 0; x < frame.size; ++x) {
      if (row[x] == 0) continue;
      const double px = frame.x0 + (static_cast<double>(x) + 0.5) / frame.scale;
      const bool in_photo = px >= 0 && py >= 0 && px <= static_cast<double>(width) && py <= static_cast<double>(height);
      const Point at = mapped(from_photo, px, py);
      row[x] = in_photo ? person_at(view, at[0] - 0.5, at[1] - 0.5) : 0;
      if (classes != nullptr && row[x] > 0)
        row[x] *= static_cast<float>(std::min(1.0, classes->share({face, ears, neck, lips, brows}, px, py)));
    }
  });
  return mask;
}

}  // namespace hrn::imaging
