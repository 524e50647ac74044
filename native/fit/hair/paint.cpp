#include "fit/hair/paint.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "fit/hair/hair.hpp"
#include "fit/hair/shell.hpp"

namespace hrn::fit {
namespace {

constexpr long kRows = HairShell::kRows, kColumns = HairShell::kColumns, kRing = kColumns - 1;
constexpr auto kNodes = static_cast<std::size_t>(kRows * kColumns);

constexpr double kStrandContrast = 0.11;
constexpr int kSweeps = 120;

// Noise in 0..1 of whole numbers.
double noise(long x, long y) {
  auto h = static_cast<std::uint32_t>(x) * 0x9E3779B1u ^ static_cast<std::uint32_t>(y) * 0x85EBCA77u;
  h ^= h >> 15;
  h *= 0x2C1B3C6Du;
  h ^= h >> 12;
  h *= 0x297A2D39u;
  h ^= h >> 15;
  return static_cast<double>(h) / 4294967295.0;
}
// Smooth, of cells of one, repeating after `period` columns.
double smooth_noise(double x, double y, long period) {
  const double fx = std::floor(x), fy = std::floor(y);
  const double u = smoothstep(0, 1, x - fx), v = smoothstep(0, 1, y - fy);
  const auto cell = [&](long i, long j) {
    return noise((static_cast<long>(fx) + i + period) % period, static_cast<long>(fy) + j);
  };
  const double above = cell(0, 0) + u * (cell(1, 0) - cell(0, 0)), below = cell(0, 1) + u * (cell(1, 1) - cell(0, 1));
  return above + v * (below - above);
}

// Strands run down from the crown and wave a little; about 0, of deviation about 1.
double strands(double x, double y) {
  const double wave = 14 * (smooth_noise(x / 64, y / 90, kHairTextureWidth / 64) - 0.5);
  const double at = x + wave + static_cast<double>(kHairTextureWidth);
  const double fine = smooth_noise(at / 2, y / 110, kHairTextureWidth / 2) - 0.5;
  const double wide = smooth_noise(at / 8, y / 150, kHairTextureWidth / 8) - 0.5;
  return 2.2 * fine + 2.6 * wide;
}

class Painter {
 public:
  Painter(const std::vector<Vec3<double>>& points, const std::vector<Vec3<double>>& normals,
          const std::vector<double>& thickness, const HairSight& sight)
      : points_(points), normals_(normals), thickness_(thickness), sight_(sight) {}

  std::vector<std::uint8_t> paint(ThreadPool& pool) {
    gather();
    std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * kHairTextureWidth * kHairTextureHeight));
    pool.parallel_for(kHairTextureHeight, [&](long y) {
      for (long x = 0; x < kHairTextureWidth; ++x) {
        const double row = (static_cast<double>(y) + 0.5) / static_cast<double>(kHairTextureHeight) *
                           static_cast<double>(kRows - 1),
                     column = (static_cast<double>(x) + 0.5) / static_cast<double>(kHairTextureWidth) *
                              static_cast<double>(kRing);
        const auto [seen, colour] = look(row, column);
        const std::array<double, 3> plain = mixed(row, column);
        const double contrast =
            1 + kStrandContrast * strands(static_cast<double>(x), static_cast<double>(y) + 0.3 * row);
        for (std::size_t k = 0; k < 3; ++k) {
          const double value = seen * colour[k] + (1 - seen) * plain[k] * contrast;
          rgb[static_cast<std::size_t>(3 * (y * kHairTextureWidth + x)) + k] =
              static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
        }
      }
    });
    return rgb;
  }

 private:
  template <class T>
  T between(const std::vector<T>& values, double row, double column) const {
    const long r = std::min(kRows - 2, static_cast<long>(row)), c = std::min(kRing - 1, static_cast<long>(column));
    const double fr = row - static_cast<double>(r), fc = column - static_cast<double>(c);
    const T above = (1 - fc) * values[HairShell::at(r, c)] + fc * values[HairShell::at(r, c + 1)];
    const T below = (1 - fc) * values[HairShell::at(r + 1, c)] + fc * values[HairShell::at(r + 1, c + 1)];
    return (1 - fr) * above + fr * below;
  }
  // How far the photo shows hair at a place, and its colour.
  std::pair<double, std::array<double, 3>> look(double row, double column) const {
    const Vec3<double> p = between(points_, row, column);
    const imaging::Point at = sight_.pixel(p);
    if (!sight_.shows(at) || between(thickness_, row, column) < 0) return {0, {}};
    const double facing = sight_.facing(p, between(normals_, row, column));
    const double seen = smoothstep(0.3, 0.75, facing) * smoothstep(0.5, 0.8, sight_.strand(at));
    if (seen <= 0) return {0, {}};
    return {seen, sight_.colour(at)};
  }

  // The colours of nodes, carried on to where none is seen.
  void gather() {
    std::vector<double> known(kNodes);
    colours_.assign(kNodes, {});
    std::array<double, 3> sum{};
    double total = 0;
    for (long row = 0; row < kRows; ++row)
      for (long column = 0; column < kRing; ++column) {
        const auto [seen, colour] = look(static_cast<double>(row), static_cast<double>(column));
        const std::size_t i = HairShell::at(row, column);
        known[i] = seen;
        for (std::size_t k = 0; k < 3; ++k) {
          colours_[i][k] = colour[k];
          sum[k] += seen * colour[k];
        }
        total += seen;
      }
    for (double& value : sum) value = total > 0 ? value / total : 60;
    for (std::size_t i = 0; i < kNodes; ++i)
      if (known[i] < 0.05) colours_[i] = sum;
    for (int sweep = 0; sweep < kSweeps; ++sweep)
      for (long row = 0; row < kRows; ++row)
        for (long column = 0; column < kRing; ++column) {
          const std::size_t i = HairShell::at(row, column);
          std::array<double, 3> around{};
          double count = 0;
          for (const auto& [r, c] :
               {std::pair{row - 1, column}, {row + 1, column}, {row, column - 1}, {row, column + 1}}) {
            if (r < 0 || r >= kRows) continue;
            for (std::size_t k = 0; k < 3; ++k) around[k] += colours_[HairShell::at(r, HairShell::wrapped(c))][k];
            ++count;
          }
          // Strands of one place are not carried on: seen colours give way to their neighbours too, and what is far
          // from all that is seen has the mean.
          const double keep = 0.6 * known[i], mean = (1 - known[i]) * 0.02;
          for (std::size_t k = 0; k < 3; ++k)
            colours_[i][k] =
                keep * colours_[i][k] + mean * sum[k] + (1 - keep - mean) * around[k] / std::max(count, 1.0);
        }
    for (long row = 0; row < kRows; ++row) colours_[HairShell::at(row, kRing)] = colours_[HairShell::at(row, 0)];
  }
  std::array<double, 3> mixed(double row, double column) const {
    const long r = std::min(kRows - 2, static_cast<long>(row)), c = std::min(kRing - 1, static_cast<long>(column));
    const double fr = row - static_cast<double>(r), fc = column - static_cast<double>(c);
    std::array<double, 3> out{};
    for (std::size_t k = 0; k < 3; ++k)
      out[k] = (1 - fr) * ((1 - fc) * colours_[HairShell::at(r, c)][k] + fc * colours_[HairShell::at(r, c + 1)][k]) +
               fr * ((1 - fc) * colours_[HairShell::at(r + 1, c)][k] + fc * colours_[HairShell::at(r + 1, c + 1)][k]);
    return out;
  }

  const std::vector<Vec3<double>>&points_, &normals_;
  const std::vector<double>& thickness_;
  const HairSight& sight_;
  std::vector<std::array<double, 3>> colours_;
};

}  // namespace

std::vector<std::uint8_t> hair_texture(const std::vector<Vec3<double>>& points,
                                       const std::vector<Vec3<double>>& normals, const std::vector<double>& thickness,
                                       const HairSight& sight, ThreadPool& pool) {
  return Painter(points, normals, thickness, sight).paint(pool);
}

}  // namespace hrn::fit
