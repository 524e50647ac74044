#include "fit/deformation/map_covariance.hpp"

#include <algorithm>

#include "backends/cpu/cpu_backend.hpp"

namespace hrn::fit {

MapCovariance::MapCovariance(long size, const std::vector<MapScale>& scales, double mirror, bool vectors,
                             const CpuBackend& backend)
    : size_(size),
      mirror_(static_cast<float>(mirror)),
      vectors_(vectors),
      sum_(static_cast<std::size_t>(3 * size * size)),
      scratch_(static_cast<std::size_t>(3 * size * size)) {
  ThreadPool one(1);
  for (const MapScale& scale : scales) {
    smoothers_.emplace_back(size, 3, scale.length_texels * scale.length_texels, kMapPower, backend.threads());
    // The smoother's response at a texel to a unit there is its variance before scaling.
    const std::size_t middle = static_cast<std::size_t>(3 * (size / 2 * size + size / 2));
    std::fill(scratch_.begin(), scratch_.end(), 0.f);
    scratch_[middle] = 1;
    smoothers_.back().apply(scratch_.data(), one);
    gains_.push_back(static_cast<float>(scale.sigma * scale.sigma) / scratch_[middle]);
  }
}

void MapCovariance::apply(HostArray<float>& map, const CpuBackend& backend) {
  ThreadPool& pool = backend.pool();
  const long width = 3 * size_;
  for (std::size_t s = 0; s < smoothers_.size(); ++s) {
    std::copy(map.begin(), map.end(), scratch_.begin());
    smoothers_[s].apply(scratch_.data(), pool);
    const float gain = gains_[s];
    pool.parallel_for(size_, [&](long row) {
      for (long i = row * width; i < (row + 1) * width; ++i) {
        const std::size_t k = static_cast<std::size_t>(i);
        sum_[k] = (s == 0 ? 0.f : sum_[k]) + gain * scratch_[k];
      }
    });
  }
  pool.parallel_for(size_, [&](long row) {
    for (long column = 0; column < size_; ++column) {
      for (long c = 0; c < 3; ++c) {
        const std::size_t here = static_cast<std::size_t>(row * width + 3 * column + c);
        const std::size_t there = static_cast<std::size_t>(row * width + 3 * (size_ - 1 - column) + c);
        const float other = vectors_ && c == 0 ? -sum_[there] : sum_[there];
        map[here] = (sum_[here] + mirror_ * other) / (1 + mirror_);
      }
    }
  });
}

}  // namespace hrn::fit
