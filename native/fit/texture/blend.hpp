// One texture from several photos of a head: each texel from those that show it best, their colours matched.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/array.hpp"
#include "core/cancel.hpp"
#include "core/thread_pool.hpp"
#include "fit/head/model.hpp"
#include "fit/texture/texture.hpp"
#include "imaging/image.hpp"

namespace hrn::fit {

/// Photos are added one after the other and need not be kept. The first one is the reference: the others' colours are
/// brought to its light, and what moves (eyes, mouth) is its own where it shows it.
class TextureBlend {
 public:
  explicit TextureBlend(std::shared_ptr<const Model> model);
  ~TextureBlend();

  /// All problems are of one size. `sharpness`: how far the photo is worth its pixels, 0..1. Throws
  /// Error(invalid_argument), Error(cancelled).
  void add(const imaging::Image& photo, const TextureProblem& problem, double sharpness, ThreadPool& pool,
           const Cancel& cancel);

  /// Writes the texture as recover_texture() does, in the reference's light. Throws Error(invalid_argument),
  /// Error(cancelled). Bit-identical for any thread count.
  void finish(std::span<std::uint8_t> rgb, ThreadPool& pool, const Cancel& cancel);

  /// Each photo's share of the texture, in the order of add().
  std::vector<double> shares() const;

 private:
  std::shared_ptr<const Model> model_;
  TextureProblem reference_;
  long reference_width_ = 0, reference_height_ = 0;
  std::vector<float> reference_shaded_;  // [V][3]
  HostArray<float> sum_;                 // [size][size][4], weighted colours and weights
  HostArray<float> trust_;               // [size][size], 0..1
  HostArray<std::uint8_t> witness_;      // [size][size]
  HostArray<std::uint8_t> strands_;      // [size][size]
  std::vector<double> taken_;            // per photo
  struct Texels;
  std::unique_ptr<Texels> texels_;  // of the photo seen last; their layout is every photo's
};

}  // namespace hrn::fit
