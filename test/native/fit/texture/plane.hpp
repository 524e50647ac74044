// A flat mesh seen frontally, whose texture is known.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "backends/cpu/cpu_backend.hpp"
#include "core/topology.hpp"
#include "fit/texture/bake.hpp"

namespace hrn::test {

constexpr int kSide = 256;
constexpr float kDistance = 500, kHalf = 100;  // mm
constexpr int kBorder = 5;                     // texels beside the photo's border
constexpr float kInfinity = std::numeric_limits<float>::infinity();

inline std::size_t texel(int row, int column) { return 3 * static_cast<std::size_t>(row * kSide + column); }

// A square of 200 mm that fills a photo of kSide pixels, one texel a pixel. Its left and its right half are two UV
// islands; the outermost texels belong to none.
struct Plane {
  std::vector<float> positions, normals, uvs, shaded, depth;
  std::vector<std::int32_t> indices;
  std::vector<std::uint8_t> islands, photo;
  Topology topology;
  fit::TextureBakeArgs args;

  explicit Plane(float margin = 0) : depth(kSide * kSide, kDistance), photo(3 * kSide * kSide, 128) {
    const float far = kHalf - margin;
    for (int half = 0; half < 2; ++half) {
      const std::int32_t first = static_cast<std::int32_t>(positions.size() / 3);
      for (const float y : {far, -far}) {
        for (const float x : {half == 0 ? -far : 0.f, half == 0 ? 0.f : far}) {
          positions.insert(positions.end(), {x, y, 0});
          normals.insert(normals.end(), {0, 0, 1});
          uvs.insert(uvs.end(), {(x + kHalf) / (2 * kHalf), (kHalf - y) / (2 * kHalf)});
          shaded.insert(shaded.end(), {0.4f, 0.3f, 0.2f});
        }
      }
      for (const int corner : {0, 2, 1, 1, 2, 3}) indices.push_back(first + corner);
      islands.insert(islands.end(), 2, static_cast<std::uint8_t>(half));
    }
    args.vertices = static_cast<long>(positions.size() / 3);
    const std::vector<std::uint32_t> corners(indices.begin(), indices.end());
    topology = build_topology(corners.data(), static_cast<long>(indices.size() / 3), args.vertices);
    args.triangles = static_cast<long>(indices.size() / 3);
    args.island_count = 2;
    args.camera = {
        {1, 0, 0, 0, -1, 0, 0, 0, -1}, {0, 0, kDistance}, kSide * kDistance / (2 * kHalf), 0.5f * kSide, 0.5f * kSide};
    args.width = args.height = args.size = kSide;
    args.seen.width = args.seen.height = kSide;
  }

  void one_island() {
    std::fill(islands.begin(), islands.end(), std::uint8_t{0});
    args.island_count = 1;
  }

  std::vector<std::uint8_t> bake(int threads = 1, std::uint8_t* unlit = nullptr,
                                 long texels_at_a_time = fit::kTexelsAtATime) {
    args.positions = positions.data();
    args.normals = normals.data();
    args.uvs = uvs.data();
    args.shaded = shaded.data();
    args.indices = indices.data();
    args.corner_offsets = topology.corner_offsets.data();
    args.corners = topology.corners.data();
    args.islands = islands.data();
    args.photo = photo.data();
    args.seen.depth = depth.data();
    ThreadPool pool(threads);
    CpuBackend backend(pool);
    std::vector<std::uint8_t> texture(static_cast<std::size_t>(3 * args.size * args.size));
    fit::bake_texture(args, texture.data(), backend, Cancel(), unlit, texels_at_a_time);
    return texture;
  }

  // Something in front of the right half.
  void cover_right() {
    for (int i = 0; i < kSide * kSide; ++i) {
      if (i % kSide >= kSide / 2) depth[static_cast<std::size_t>(i)] = kDistance / 2;
    }
  }
  void paint(const std::function<int(int row, int column, int channel)>& colour) {
    for (int i = 0; i < 3 * kSide * kSide; ++i) {
      photo[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(colour(i / 3 / kSide, i / 3 % kSide, i % 3));
    }
  }
};

// A mask of the whole photo whose left half is 1 and whose right half is 0.
struct LeftHalf {
  static constexpr int kWidth = 64, kHeight = 32;
  std::vector<float> everywhere = std::vector<float>(kWidth * kHeight, 1.f), left;

  LeftHalf() {
    for (int i = 0; i < kWidth * kHeight; ++i) left.push_back(i % kWidth < kWidth / 2 ? 1.f : 0.f);
  }
  void frame(fit::TextureBakeArgs& args) const {
    args.person_width = kWidth;
    args.person_height = kHeight;
    args.person_from_photo[0] = static_cast<float>(kWidth) / kSide;
    args.person_from_photo[4] = static_cast<float>(kHeight) / kSide;
  }
};

}  // namespace hrn::test
