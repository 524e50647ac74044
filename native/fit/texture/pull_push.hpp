// Fills the unknown part of maps from their known part by averaging down and interpolating up a pyramid.
// Gortler et al. 1996, "The Lumigraph", section 3.4: the pull-push algorithm.
#pragma once
#include <cstddef>

#include "backends/backend.hpp"
#include "core/host_device.hpp"

namespace hrn::fit {

// Square maps of `channels` values a texel with one weight a texel: 0 unknown, 1 known. One or several of the same
// size.
template <class B>
struct WeightedMaps {
  template <class T>
  using Array = typename B::template Array<T>;

  long size = 0;
  long channels = 0;
  long maps = 1;
  Array<float> values;   // [maps][size][size][channels]
  Array<float> weights;  // [maps][size][size]

  WeightedMaps(long size_, long channels_, long maps_, B& backend)
      : size(size_),
        channels(channels_),
        maps(maps_),
        values(backend.template alloc<float>(static_cast<std::size_t>(maps_ * size_ * size_ * channels_))),
        weights(backend.template alloc<float>(static_cast<std::size_t>(maps_ * size_ * size_))) {}
  long texels() const { return maps * size * size; }
};

struct PullPushArgs {
  long fine_size, coarse_size, channels;
  float* fine_values;
  const float* fine_weights;
  float* coarse_values;
  float* coarse_weights;
};

struct PullPush {
  // Coarse texel i: the weighted mean of up to four fine ones; its weight is their sum, at most one, so that few well
  // known texels already decide. `look(fine texel, value)` points `value` at one and returns its weight.
  template <class Look>
  HRN_HD static void gather(const PullPushArgs& a, long i, Look&& look) {
    const long n = a.coarse_size, map = i / (n * n), y = i / n % n, x = i % n, m = a.fine_size;
    float total = 0;
    float* out = a.coarse_values + i * a.channels;
    for (long k = 0; k < a.channels; ++k) out[k] = 0;
    for (long dy = 0; dy < 2; ++dy) {
      for (long dx = 0; dx < 2; ++dx) {
        const long fy = 2 * y + dy, fx = 2 * x + dx;
        if (fy >= m || fx >= m) continue;
        const float* value = nullptr;
        const float w = look((map * m + fy) * m + fx, value);
        if (w <= 0) continue;
        total += w;
        for (long k = 0; k < a.channels; ++k) out[k] += w * value[k];
      }
    }
    if (total > 0) {
      for (long k = 0; k < a.channels; ++k) out[k] /= total;
    }
    a.coarse_weights[i] = total < 1 ? total : 1.f;
  }
  // Fine texel i as the coarse level shows it, bilinearly: `take(channel, value)`.
  template <class Take>
  HRN_HD static void spread(const PullPushArgs& a, long i, Take&& take) {
    const long m = a.fine_size, n = a.coarse_size, map = i / (m * m);
    const auto at = [n](long fine) {
      const float s = 0.5f * static_cast<float>(fine) - 0.25f, last = static_cast<float>(n - 1);
      return s > 0 ? (s < last ? s : last) : 0.f;
    };
    const float sy = at(i / m % m), sx = at(i % m);
    const long y0 = static_cast<long>(sy), x0 = static_cast<long>(sx);
    const long y1 = y0 + 1 < n ? y0 + 1 : n - 1, x1 = x0 + 1 < n ? x0 + 1 : n - 1;
    const float ty = sy - static_cast<float>(y0), tx = sx - static_cast<float>(x0);
    const float* coarse = a.coarse_values + map * n * n * a.channels;
    for (long k = 0; k < a.channels; ++k) {
      const auto value = [&](long y, long x) { return coarse[(y * n + x) * a.channels + k]; };
      const float top = value(y0, x0) * (1 - tx) + value(y0, x1) * tx,
                  bottom = value(y1, x0) * (1 - tx) + value(y1, x1) * tx;
      take(k, top * (1 - ty) + bottom * ty);
    }
  }

  // Per coarse texel.
  struct Pull {
    HRN_HD static void run(const PullPushArgs& a, long i) {
      gather(a, i, [&a](long fine, const float*& value) {
        value = a.fine_values + fine * a.channels;
        return a.fine_weights[fine];
      });
    }
  };
  // Per fine texel: blends what is missing from the finished coarse level.
  struct Push {
    HRN_HD static void run(const PullPushArgs& a, long i) {
      const float w = a.fine_weights[i];
      if (w >= 1) return;
      spread(a, i, [&](long k, float value) {
        float& v = a.fine_values[i * a.channels + k];
        v = w * v + (1 - w) * value;
      });
    }
  };
  // Per texel of a map of one texel that is unknown.
  struct Clear {
    HRN_HD static void run(const PullPushArgs& a, long i) {
      if (a.fine_weights[i] > 0) return;
      for (long k = 0; k < a.channels; ++k) a.fine_values[i * a.channels + k] = 0;
    }
  };
};

// Replaces every value by weight * value + (1 - weight) * (what the coarser levels say). Texels whose weight is 1 stay
// as they are. A map that is unknown everywhere becomes zero. Weights are left unchanged.
template <class B>
void pull_push(WeightedMaps<B>& map, B& backend) {
  if (map.size <= 1) {
    const PullPushArgs args{1, 1, map.channels, map.values.data(), map.weights.data(), nullptr, nullptr};
    backend.template for_each<PullPush::Clear>(map.texels(), args);
    return;
  }
  WeightedMaps<B> coarse((map.size + 1) / 2, map.channels, map.maps, backend);
  const PullPushArgs args{map.size,           coarse.size,          map.channels,         map.values.data(),
                          map.weights.data(), coarse.values.data(), coarse.weights.data()};
  backend.template for_each<PullPush::Pull>(coarse.texels(), args);
  pull_push(coarse, backend);
  backend.template for_each<PullPush::Push>(map.texels(), args);
}

}  // namespace hrn::fit
