// How fine the detail of a photo is in the square around a face.
#pragma once
#include <span>

namespace hrn::imaging {

inline constexpr long kLeastFineDetailSide = 128;

/// NaN where all is of one colour.
struct FineDetail {
  /// Root of the mean energy of the finest detail over that of one four times as coarse.
  double fine = 0;
  /// The same four times as coarse.
  double coarse = 0;
  /// Of the strongest edges: how much of the change over 32 pixels lies within 8.
  double edges = 0;
};

/// Of the middle half of a square: `rgb` [size][size][3], `person` [size][size], 0..1; `size` at least
/// kLeastFineDetailSide.
FineDetail measure_fine_detail(std::span<const float> rgb, std::span<const float> person, long size);

}  // namespace hrn::imaging
