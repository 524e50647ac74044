#include "fit/hair/shell.hpp"

#include <algorithm>
#include <array>

#include "core/error.hpp"

namespace hrn::fit {
namespace {
// The dome begins so far above the middle of the ears, mm.
constexpr double kAboveEars = 12;
constexpr double kHalfTurn = std::numbers::pi;
constexpr double kNothing = -1;
}  // namespace

HairShell::HairShell(const Model& model, std::span<const float> positions)
    : radius_(static_cast<std::size_t>(kRows * kColumns), kNothing),
      regions_(radius_.size(), Region::other),
      outwards_(radius_.size()) {
  double ears = 0, ear_count = 0, scalp_count = 0;
  bottom_ = 1e9;
  for (long v = 0; v < model.vertex_count; ++v) {
    const Vec3<float> p = load3(positions.data(), v);
    const auto region = static_cast<Region>(model.regions[static_cast<std::size_t>(v)]);
    if (region == Region::ears) {
      ears += static_cast<double>(p.y);
      ++ear_count;
    } else if (region == Region::scalp) {
      middle_.z += static_cast<double>(p.z);
      ++scalp_count;
    }
    bottom_ = std::min(bottom_, static_cast<double>(p.y));
  }
  if (ear_count == 0 || scalp_count == 0) return;  // a model that does not tell where hair grows
  middle_ = {0, ears / ear_count + kAboveEars, middle_.z / scalp_count};
  cover(model, positions);
  fill();
}

Vec3<double> HairShell::on_ray(double row, double column, double radius) const {
  const double turn = 2 * kHalfTurn * column / static_cast<double>(kColumns - 1) - kHalfTurn;
  const double x = std::sin(turn), z = std::cos(turn);
  if (row <= static_cast<double>(kDome)) {
    const double polar = 0.5 * kHalfTurn * std::max(row, 0.1) / static_cast<double>(kDome);
    return middle_ + Vec3<double>{radius * std::sin(polar) * x, radius * std::cos(polar), radius * std::sin(polar) * z};
  }
  const double down = (row - static_cast<double>(kDome)) / static_cast<double>(kRows - 1 - kDome);
  return {middle_.x + radius * x, middle_.y + down * (bottom_ - middle_.y), middle_.z + radius * z};
}

Vec3<double> HairShell::placed(Vec3<double> p) const {
  const Vec3<double> d = p - middle_;
  const double across = std::hypot(d.x, d.z);
  const double column = (std::atan2(d.x, d.z) + kHalfTurn) / (2 * kHalfTurn) * static_cast<double>(kColumns - 1);
  if (d.y > 0)
    return {std::atan2(across, d.y) / (0.5 * kHalfTurn) * static_cast<double>(kDome), column, std::sqrt(dot(d, d))};
  const double down = d.y / (bottom_ - middle_.y);
  return {static_cast<double>(kDome) + down * static_cast<double>(kRows - 1 - kDome), column, across};
}

// The outermost skin on every ray.
void HairShell::cover(const Model& model, std::span<const float> positions) {
  for (const Part& part : model.parts) {
    if (part.name != "skin") continue;
    for (long t = part.first_triangle; t < part.first_triangle + part.triangle_count; ++t) {
      std::array<Vec3<double>, 3> corner;
      std::array<Region, 3> region;
      for (std::size_t c = 0; c < 3; ++c) {
        const long v = model.topology.triangles[static_cast<std::size_t>(3 * t) + c];
        const Vec3<float> p = load3(positions.data(), v);
        corner[c] = placed({static_cast<double>(p.x), static_cast<double>(p.y), static_cast<double>(p.z)});
        region[c] = static_cast<Region>(model.regions[static_cast<std::size_t>(v)]);
      }
      const auto [low, high] = std::minmax({corner[0].y, corner[1].y, corner[2].y});
      const auto turn = static_cast<double>(kColumns - 1);
      if (high - low > 0.5 * turn)
        for (Vec3<double>& c : corner)
          if (c.y < 0.5 * turn) c.y += turn;
      const Vec3<double>&a = corner[0], &b = corner[1], &c = corner[2];
      const double area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
      if (std::abs(area) < 1e-9) continue;
      const auto first = [](double x, double y, double z) { return static_cast<long>(std::ceil(std::min({x, y, z}))); };
      const auto last = [](double x, double y, double z) { return static_cast<long>(std::floor(std::max({x, y, z}))); };
      for (long row = std::max(0L, first(a.x, b.x, c.x)); row <= std::min(kRows - 1, last(a.x, b.x, c.x)); ++row) {
        for (long column = first(a.y, b.y, c.y); column <= last(a.y, b.y, c.y); ++column) {
          const double u = static_cast<double>(row) - a.x, v = static_cast<double>(column) - a.y;
          const double wb = (u * (c.y - a.y) - v * (c.x - a.x)) / area, wc = (v * (b.x - a.x) - u * (b.y - a.y)) / area;
          if (wb < -1e-9 || wc < -1e-9 || wb + wc > 1 + 1e-9) continue;
          const double radius = a.z + wb * (b.z - a.z) + wc * (c.z - a.z);
          const std::size_t i = at(row, wrapped(column));
          if (radius <= radius_[i]) continue;
          radius_[i] = radius;
          regions_[i] = wb > wc ? (wb > 0.5 ? region[1] : region[0]) : (wc > 0.5 ? region[2] : region[0]);
        }
      }
    }
  }
}

// Rays that meet nothing, at the crown and at the rim, are as long as those beside them.
void HairShell::fill() {
  const auto known = [&](std::size_t i) { return radius_[i] > 0; };
  long left = 1;
  for (long round = 0; round < kRows && left > 0; ++round) {
    left = 0;
    std::vector<double> next = radius_;
    for (long row = 0; row < kRows; ++row) {
      for (long column = 0; column < kColumns - 1; ++column) {
        const std::size_t i = at(row, column);
        if (known(i)) continue;
        double sum = 0, count = 0;
        for (const auto& [r, c] :
             {std::pair{row - 1, column}, {row + 1, column}, {row, column - 1}, {row, column + 1}}) {
          if (r < 0 || r >= kRows || !known(at(r, wrapped(c)))) continue;
          sum += radius_[at(r, wrapped(c))];
          regions_[i] = regions_[at(r, wrapped(c))];
          ++count;
        }
        if (count > 0)
          next[i] = sum / count;
        else
          ++left;
      }
    }
    radius_ = std::move(next);
  }
  if (left > 0) throw Error(ErrorCode::invalid_argument, "hair: expected a head with a scalp and a neck");
  for (long row = 0; row < kRows; ++row) {
    radius_[at(row, kColumns - 1)] = radius_[at(row, 0)];
    regions_[at(row, kColumns - 1)] = regions_[at(row, 0)];
  }
  for (long row = 0; row < kRows; ++row) {
    for (long column = 0; column < kColumns; ++column) {
      const long above = std::max(0L, row - 1), below = std::min(kRows - 1, row + 1);
      const Vec3<double> down = point(below, column, 0) - point(above, column, 0);
      const Vec3<double> along = point(row, wrapped(column + 1), 0) - point(row, wrapped(column - 1), 0);
      const Vec3<double> n = cross(down, along);
      const double length = std::sqrt(dot(n, n));
      outwards_[at(row, column)] = length > 1e-12 ? (1 / length) * n : Vec3<double>{0, 1, 0};
    }
  }
}

}  // namespace hrn::fit
