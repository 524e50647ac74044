// A small smooth head-like morphable model made from formulas, for tests and benchmarks of the fits.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "fit/model.hpp"

namespace hrn::test {

/// Repeatable random numbers that are the same on every platform.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 1) {}
  double uniform() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<double>(state_ >> 11) * 0x1p-53;
  }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal();

 private:
  std::uint64_t state_;
};

struct SyntheticHeadSize {
  long columns = 64, rows = 48;  // of the latitude-longitude grid; vertices = columns x rows
  long identity = 20, expression = 8, albedo = 6, landmarks = 150;
};

/// Keeps the arrays that `source` points into.
struct SyntheticHead {
  fit::ModelSource source;
  std::vector<float> mean, expression_mean, expression_sigma, expression_min, expression_max, albedo_mean, uvs,
      deformable;
  std::vector<std::uint16_t> identity, expression, albedo;
  std::vector<std::uint32_t> triangles, mirror;
  std::vector<std::uint8_t> regions;
};

std::unique_ptr<SyntheticHead> synthetic_head(const SyntheticHeadSize& size = {});

}  // namespace hrn::test
