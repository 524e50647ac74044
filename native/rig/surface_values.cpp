#include "rig/surface_values.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hrn::rig {
namespace {

using Indices = std::span<const std::uint32_t>;

void add(float& sum, double value) { sum = static_cast<float>(sum + value); }

double total(const std::vector<float>& values, Indices corners) {
  return static_cast<double>(values[corners[0]]) + values[corners[1]] + values[corners[2]];
}

/// Means over the triangles around each vertex and its own value.
std::vector<float> softened(std::span<const float> values, Indices triangles, int steps, const Cancel& cancel) {
  std::vector<float> from(values.begin(), values.end()), counts(values.size(), 1.0f);
  for (const std::uint32_t corner : triangles) ++counts[corner];
  for (int step = 0; step < steps; ++step) {
    cancel.check();
    std::vector<float> sums = from;
    for (std::size_t t = 0; t < triangles.size(); t += 3) {
      const double mean = total(from, triangles.subspan(t, 3)) / 3;
      for (std::size_t k = t; k < t + 3; ++k) add(sums[triangles[k]], mean);
    }
    for (std::size_t v = 0; v < sums.size(); ++v) sums[v] /= counts[v];
    from.swap(sums);
  }
  return from;
}

std::uint8_t to_byte(double value) {
  return static_cast<std::uint8_t>(value > 0 ? std::min(255.0, std::floor(value + 0.5)) : 0.0);
}

/// One triangle and a texel more on every side, so that filters at the border of the layout find what they should.
void draw(const LayoutMapArgs& args, const std::vector<float>& values, Indices corners, std::uint8_t* out) {
  const auto at = [&](std::size_t k, std::size_t axis) {
    return static_cast<double>(args.uvs[2 * corners[k] + axis]) * args.size;
  };
  const double x0 = at(0, 0), y0 = at(0, 1);
  const double x1 = at(1, 0) - x0, y1 = at(1, 1) - y0;
  const double x2 = at(2, 0) - x0, y2 = at(2, 1) - y0;
  const double area = x1 * y2 - x2 * y1;
  if (area == 0 || !std::isfinite(area)) return;
  const double margin = 1 / std::sqrt(std::abs(area));
  const double size = args.size;
  const auto first = [&](double low) { return static_cast<long>(std::clamp(std::floor(low - 1), 0.0, size)); };
  const long top = first(y0 + std::min({0.0, y1, y2})), left = first(x0 + std::min({0.0, x1, x2}));
  const double bottom = std::min(size, y0 + std::max({0.0, y1, y2}) + 1);
  const double right = std::min(size, x0 + std::max({0.0, x1, x2}) + 1);
  for (long row = top; static_cast<double>(row) < bottom; ++row) {
    for (long column = left; static_cast<double>(column) < right; ++column) {
      const double dx = static_cast<double>(column) + 0.5 - x0, dy = static_cast<double>(row) + 0.5 - y0;
      const double b = (dx * y2 - dy * x2) / area;
      const double c = (dy * x1 - dx * y1) / area;
      if (!(b >= -margin && c >= -margin && b + c <= 1 + margin)) continue;
      // Never beyond the corners' own.
      const double p = std::clamp(b, 0.0, 1.0), q = std::clamp(c, 0.0, 1.0);
      const double value =
          std::max(0.0, 1 - p - q) * values[corners[0]] + p * values[corners[1]] + q * values[corners[2]];
      out[row * args.size + column] = to_byte(255 * value / std::max(1.0, p + q));
    }
  }
}

}  // namespace

std::vector<float> spread(std::span<const float> values, std::span<const std::uint8_t> free, Indices triangles,
                          int steps, const Cancel& cancel) {
  std::vector<std::uint32_t> touching;
  std::vector<float> out(values.begin(), values.end()), counts(values.size()), sums(values.size());
  for (std::size_t t = 0; t < triangles.size(); t += 3) {
    const Indices corners = triangles.subspan(t, 3);
    if (!free[corners[0]] && !free[corners[1]] && !free[corners[2]]) continue;
    touching.insert(touching.end(), corners.begin(), corners.end());
    for (const std::uint32_t corner : corners) counts[corner] += 3;
  }
  for (int step = 0; step < steps; ++step) {
    cancel.check();
    std::fill(sums.begin(), sums.end(), 0.0f);
    for (std::size_t t = 0; t < touching.size(); t += 3) {
      const double sum = total(out, Indices(touching).subspan(t, 3));
      for (std::size_t k = t; k < t + 3; ++k) add(sums[touching[k]], sum);
    }
    for (std::size_t v = 0; v < out.size(); ++v)
      if (free[v] && counts[v] > 0) out[v] = sums[v] / counts[v];
  }
  return out;
}

std::vector<std::uint8_t> layout_map(const LayoutMapArgs& args, const Cancel& cancel) {
  const std::vector<float> values = softened(args.values, args.triangles, args.softening, cancel);
  std::vector<std::uint8_t> out(static_cast<std::size_t>(args.size) * static_cast<std::size_t>(args.size),
                                args.background);
  for (std::size_t t = 0; t < args.triangles.size(); t += 3) {
    if (t % 3072 == 0) cancel.check();
    draw(args, values, args.triangles.subspan(t, 3), out.data());
  }
  return out;
}

}  // namespace hrn::rig
