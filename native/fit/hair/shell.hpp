// The grid that a volume of hair is laid on: around the middle of the skull above, around the neck's axis below.
#pragma once
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

#include "core/vec.hpp"
#include "fit/head/model.hpp"

namespace hrn::fit {

/// Rows go from the crown to the rim of the neck, columns once around, from the back over the subject's right and the
/// face; the last column lies on the first.
class HairShell {
 public:
  static constexpr long kColumns = 145, kDome = 44, kRows = kDome + 53;

  HairShell(const Model& model, std::span<const float> positions);

  static std::size_t at(long row, long column) { return static_cast<std::size_t>(row * kColumns + column); }
  static long wrapped(long column) { return (column % (kColumns - 1) + kColumns - 1) % (kColumns - 1); }

  /// The model does not tell where hair grows.
  bool is_empty() const { return radius_[0] <= 0; }
  /// So far above the skin, mm.
  Vec3<double> point(long row, long column, double above) const {
    return on_ray(static_cast<double>(row), static_cast<double>(column), radius_[at(row, column)] + above);
  }
  /// Of the skin's surface, outwards, unit; what the shell is looked at by.
  Vec3<double> outwards(long row, long column) const { return outwards_[at(row, column)]; }
  Region region(long row, long column) const { return regions_[at(row, column)]; }

 private:
  Vec3<double> on_ray(double row, double column, double radius) const;
  // (row, column, radius) of a point.
  Vec3<double> placed(Vec3<double> p) const;
  void cover(const Model& model, std::span<const float> positions);
  void fill();

  Vec3<double> middle_{};
  double bottom_ = 0;
  std::vector<double> radius_;  // [kRows][kColumns], mm
  std::vector<Region> regions_;
  std::vector<Vec3<double>> outwards_;
};

}  // namespace hrn::fit
