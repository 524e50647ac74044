// Precomputed taps of a set of UV positions on a map, and their inverse: the samples that touch each texel. Built once
// per (UVs, map size) on the host; the arrays are the inputs of UvSample.
#pragma once
#include <cstdint>
#include <vector>

#include "core/error.hpp"
#include "ops/uv_sample.hpp"

namespace hrn::ops {

template <class Real>
struct UvTaps {
  long size = 0;                            // texels a side
  std::vector<UvTap<Real>> taps;            // [n]
  std::vector<std::int32_t> texel_offsets;  // [size * size + 1]
  std::vector<TexelSample<Real>> samples;   // by texel, then by sample
};

/// `uvs`: [n][2]. A sample whose `used` flag is 0 reads and contributes nothing; null means that all are used.
template <class Real>
UvTaps<Real> build_uv_taps(const Real* uvs, long n, long size, const std::uint8_t* used = nullptr) {
  if (size < 2 || size > 16384) throw Error(ErrorCode::invalid_argument, "expected a map of 2 to 16384 texels a side");
  const auto at = [](long i) { return static_cast<std::size_t>(i); };
  UvTaps<Real> t;
  t.size = size;
  t.taps.resize(at(n));
  t.texel_offsets.assign(at(size * size + 1), 0);
  // Visits the taps of a sample that carry weight.
  const auto visit = [&](const UvTap<Real>& tap, auto&& body) {
    if (tap.first < 0) return;
    const Real w11 = tap.right * tap.lower, w01 = tap.right - w11, w10 = tap.lower - w11;
    const Real weight[4] = {Real(1) - tap.right - w10, w01, w10, w11};
    const long texel[4] = {tap.first, tap.first + 1L, tap.first + size, tap.first + size + 1};
    for (int k = 0; k < 4; ++k)
      if (weight[k] != 0) body(texel[k], weight[k]);
  };
  for (long i = 0; i < n; ++i) {
    t.taps[at(i)] = used == nullptr || used[i] != 0 ? uv_tap(uvs[2 * i], uvs[2 * i + 1], size) : UvTap<Real>{-1, 0, 0};
    visit(t.taps[at(i)], [&](long texel, Real) { ++t.texel_offsets[at(texel + 1)]; });
  }
  for (std::size_t texel = 1; texel < t.texel_offsets.size(); ++texel)
    t.texel_offsets[texel] += t.texel_offsets[texel - 1];
  t.samples.resize(at(t.texel_offsets.back()));
  std::vector<std::int32_t> cursor(t.texel_offsets.begin(), t.texel_offsets.end() - 1);
  for (long i = 0; i < n; ++i)
    visit(t.taps[at(i)], [&](long texel, Real weight) {
      t.samples[at(cursor[at(texel)]++)] = {static_cast<std::int32_t>(i), weight};
    });
  return t;
}

}  // namespace hrn::ops
