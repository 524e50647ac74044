// A small smooth head-like morphable model made from formulas, for tests and benchmarks of the fits.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "fit/head/model.hpp"
#include "random.hpp"

namespace hrn::test {

/// A standard normal number.
double normal(Random& random);

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
