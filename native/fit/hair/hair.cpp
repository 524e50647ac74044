#include "fit/hair/hair.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/error.hpp"
#include "fit/hair/paint.hpp"
#include "fit/hair/shell.hpp"
#include "fit/hair/sight.hpp"
#include "fit/hair/thickness.hpp"

namespace hrn::fit {
namespace {

constexpr long kRows = HairShell::kRows, kColumns = HairShell::kColumns, kRing = kColumns - 1;
constexpr auto kNodes = static_cast<std::size_t>(kRows * kColumns);

// Nodes that triangles are made of lie so deep at most, mm: beyond it they would pass through the head.
constexpr double kDeepest = -9;

// Area-weighted, and the same on both sides of the seam.
std::vector<Vec3<double>> normals_of(const std::vector<Vec3<double>>& points) {
  std::vector<Vec3<double>> out(kNodes);
  for (long row = 0; row < kRows; ++row)
    for (long column = 0; column < kColumns; ++column) {
      const auto place = [&](long r, long c) {
        return points[HairShell::at(std::clamp(r, 0L, kRows - 1), HairShell::wrapped(c))];
      };
      const Vec3<double> n =
          cross(place(row + 1, column) - place(row - 1, column), place(row, column + 1) - place(row, column - 1));
      const double size = length(n);
      out[HairShell::at(row, column)] = size > 1e-9 ? (1 / size) * n : Vec3<double>{0, 1, 0};
    }
  return out;
}

}  // namespace

HairVolume hair_volume(const Model& model, const imaging::Image& photo, std::span<const float> positions,
                       const CameraPose& camera, const imaging::FaceView& view, const imaging::DenseClasses& classes,
                       const imaging::DenseClasses& wide, ThreadPool& pool) {
  if (positions.size() != 3 * static_cast<std::size_t>(model.vertex_count))
    throw Error(ErrorCode::invalid_argument, "hair: expected three positions per vertex");
  for (const float value : positions)
    if (!std::isfinite(value)) throw Error(ErrorCode::invalid_argument, "hair: expected finite positions");
  const HairShell shell(model, positions);
  if (shell.is_empty()) return {};
  const HairSight sight(photo, camera, view, classes, wide, pool);
  const std::vector<double> thickness = hair_thickness(shell, sight);
  if (thickness.empty()) return {};
  std::vector<Vec3<double>> points(kNodes);
  for (long row = 0; row < kRows; ++row)
    for (long column = 0; column < kColumns; ++column)
      points[HairShell::at(row, column)] =
          shell.point(row, column, std::max(kDeepest, thickness[HairShell::at(row, column)]));
  const std::vector<Vec3<double>> normals = normals_of(points);

  HairVolume hair;
  constexpr std::uint32_t kNone = ~0u;
  std::vector<std::uint32_t> place(kNodes, kNone);
  const auto vertex = [&](long row, long column) {
    const std::size_t i = HairShell::at(row, column);
    if (place[i] == kNone) {
      place[i] = static_cast<std::uint32_t>(hair.positions.size() / 3);
      for (const double value : {points[i].x, points[i].y, points[i].z})
        hair.positions.push_back(static_cast<float>(value));
      for (const double value : {normals[i].x, normals[i].y, normals[i].z})
        hair.normals.push_back(static_cast<float>(value));
      hair.uvs.push_back(static_cast<float>(column) / static_cast<float>(kRing));
      hair.uvs.push_back(static_cast<float>(row) / static_cast<float>(kRows - 1));
    }
    return place[i];
  };
  for (long row = 0; row + 1 < kRows; ++row)
    for (long column = 0; column < kRing; ++column) {
      const std::array<std::pair<long, long>, 4> corner{
          {{row, column}, {row + 1, column}, {row + 1, column + 1}, {row, column + 1}}};
      for (const auto& [a, b, c] : {std::array{0u, 1u, 2u}, std::array{0u, 2u, 3u}}) {
        double most = -1;
        for (const auto i : {a, b, c})
          most = std::max(most, thickness[HairShell::at(corner[i].first, corner[i].second)]);
        if (most <= 0) continue;
        for (const auto i : {a, b, c}) hair.indices.push_back(vertex(corner[i].first, corner[i].second));
      }
    }
  hair.rgb = hair_texture(points, normals, thickness, sight, pool);
  return hair;
}

}  // namespace hrn::fit
