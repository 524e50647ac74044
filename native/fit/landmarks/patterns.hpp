// Sums of patterns of landmarks' errors.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace hrn::fit {

/// patterns: [rank][size]; weights: [rows][rank]. [rows][size]: each row the sum of the patterns by its weights, in
/// order, every partial sum rounded to a float.
inline std::vector<float> combine_patterns(std::span<const float> patterns, std::span<const double> weights,
                                           std::size_t rank) {
  const std::size_t size = patterns.size() / rank, rows = weights.size() / rank;
  std::vector<float> out(rows * size);
  for (std::size_t k = 0; k < rows; ++k) {
    float* row = out.data() + k * size;
    for (std::size_t r = 0; r < rank; ++r) {
      const double weight = weights[k * rank + r];
      const float* pattern = patterns.data() + r * size;
      for (std::size_t i = 0; i < size; ++i) row[i] = static_cast<float>(row[i] + weight * pattern[i]);
    }
  }
  return out;
}

}  // namespace hrn::fit
