#include "fit/texture/blend.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "backends/cpu/cpu_backend.hpp"
#include "core/error.hpp"
#include "fit/texture/fit.hpp"

namespace hrn::fit {
namespace {

using texture::TexelArgs;
using texture::V3;

constexpr Requirement require{"texture blend"};

struct MergeArgs {
  TexelArgs texels;       // of the photo seen last
  const float* relight;   // in [V][3], reference's light over this one's
  float gain[3];          // of what is left between their colours
  float worth;            // sharpness, and the reference's advantage
  float scale;            // pixels per mm at which a photo is worth 1
  bool is_reference;      // what moves is this photo's
  float* sum;             // in and out [texels][4]
  float* trust;           // in and out [texels]
  std::uint8_t* witness;  // in and out [texels]
  std::uint8_t* strands;  // in and out [texels]
};

// How much a photo that shows a texel counts: by the pixels that it has for a square millimetre, steeply, so that
// details are one photo's and not the blur of two.
float worth_of(const MergeArgs& a, long i) {
  const texture::Corners corner = texture::corners(a.texels, i);
  const auto [c, m] = texture::posed(a.texels, corner);
  const float facing = -dot(m, c) / (std::sqrt(dot(m, m) * dot(c, c)) + 1e-12f);
  const float pixels = a.texels.bake.camera.focal / c.z * a.scale;
  const float density = a.worth * (facing > 0 ? facing : 0) * std::min(pixels * pixels, 4.f);
  const float square = density * density;
  float worth = square * square;
  // Eyes and mouths move from photo to photo.
  const texture::Sights sight = texture::sights(a.texels, i, corner);
  if (!a.is_reference) worth *= 1 - 0.999f * sight.narrow;
  return worth + 1e-6f;
}

V3 matched(const MergeArgs& a, long i) {
  const V3 photo = texture::shown(a.texels, i).colour;
  const V3 relight = texture::blend(texture::corners(a.texels, i), a.relight);
  return {photo.x * relight.x * a.gain[0], photo.y * relight.y * a.gain[1], photo.z * relight.z * a.gain[2]};
}

// Sums over the texels that this photo and those before it show: what is there, and what this one says.
struct Overlap {
  static void run(const MergeArgs& a, long i, double* sums) {
    const float own = texture::trust(a.texels, i), *sum = a.sum + 4 * i;
    if (a.texels.owner[i] < 0 || !(own > 0.5f) || !(a.trust[i] > 0.5f)) return;
    const V3 colour = matched(a, i);
    const float here[3] = {colour.x, colour.y, colour.z};
    for (int k = 0; k < 3; ++k) {
      sums[k] += static_cast<double>(sum[k] / sum[3]);
      sums[3 + k] += static_cast<double>(here[k]);
    }
    sums[6] += 1;
  }
};

struct Merge {
  static void run(const MergeArgs& a, long i, double* taken) {
    const float own = texture::trust(a.texels, i);
    if (a.texels.owner[i] < 0 || !(own > 0)) return;
    const float weight = own * worth_of(a, i);
    const V3 colour = matched(a, i);
    float* sum = a.sum + 4 * i;
    sum[0] += weight * colour.x;
    sum[1] += weight * colour.y;
    sum[2] += weight * colour.z;
    sum[3] += weight;
    a.strands[i] = a.trust[i] > 0 ? std::min(a.strands[i], a.texels.strands[i]) : a.texels.strands[i];
    a.trust[i] = 1 - (1 - a.trust[i]) * (1 - own);
    a.witness[i] = std::max(a.witness[i], a.texels.witness[i]);
    taken[0] += static_cast<double>(weight);
  }
};

}  // namespace

struct TextureBlend::Texels {
  TexelMemory<CpuBackend> memory;
};

TextureBlend::TextureBlend(std::shared_ptr<const Model> model)
    : model_(std::move(model)), texels_(std::make_unique<Texels>()) {}
TextureBlend::~TextureBlend() = default;

void TextureBlend::add(const imaging::Image& photo, const TextureProblem& problem, double sharpness, ThreadPool& pool,
                       const Cancel& cancel) {
  const std::size_t texels = static_cast<std::size_t>(problem.size) * static_cast<std::size_t>(problem.size);
  const bool first = taken_.empty();
  require(first || problem.size == reference_.size, "textures of one size");
  require(sharpness >= 0 && sharpness <= 1, "a sharpness of 0 to 1");
  check_texture_problem(*model_, problem,
                        std::span<const std::uint8_t>(static_cast<const std::uint8_t*>(nullptr), 3 * texels));
  CpuBackend backend(pool);
  const PreparedBake<CpuBackend> prepared(*model_, host_arrays(*model_), photo, problem, backend, cancel);
  const TextureBakeArgs& bake = prepared.bake();
  TextureBaker<CpuBackend> baker(bake, bake.size, backend, std::move(texels_->memory));
  baker.see(bake, cancel);

  const std::size_t values = 3 * static_cast<std::size_t>(model_->vertex_count);
  if (first) {
    reference_ = problem;
    reference_width_ = photo.width;
    reference_height_ = photo.height;
    reference_shaded_.assign(bake.shaded, bake.shaded + values);
    sum_ = HostArray<float>(4 * texels);
    trust_ = HostArray<float>(texels);
    witness_ = HostArray<std::uint8_t>(texels);
    strands_ = HostArray<std::uint8_t>(texels);
  }
  // Albedo is the same, so colours differ by the light alone. Light that was guessed, far from 1, is not to be trusted.
  std::vector<float> relight(values);
  for (std::size_t i = 0; i < values; ++i)
    relight[i] = std::clamp((reference_shaded_[i] + 0.02f) / (bake.shaded[i] + 0.02f), 0.5f, 2.f);
  constexpr float kReferenceAdvantage = 1.05f;
  // Densities are compared among the photos: by the reference's at its own distance.
  const float scale = static_cast<float>(reference_.camera.translation[2] / reference_.camera.focal_px);
  MergeArgs args{baker.arguments(bake),
                 relight.data(),
                 {1, 1, 1},
                 static_cast<float>(sharpness) * (first ? kReferenceAdvantage : 1.f),
                 scale,
                 first,
                 sum_.data(),
                 trust_.data(),
                 witness_.data(),
                 strands_.data()};
  if (!first) {
    constexpr double kLeastOverlap = 500;
    double sums[7];
    backend.reduce<Overlap, 7>(baker.texels(), args, sums);
    for (std::size_t k = 0; k < 3 && sums[6] > kLeastOverlap; ++k)
      args.gain[k] = static_cast<float>(std::clamp(sums[k] / std::max(sums[3 + k], 1e-9), 0.4, 2.5));
  }
  cancel.check();
  double taken;
  backend.reduce<Merge, 1>(baker.texels(), args, &taken);
  taken_.push_back(taken);
  texels_->memory = baker.release();
}

void TextureBlend::finish(std::span<std::uint8_t> rgb, ThreadPool& pool, const Cancel& cancel) {
  require(!taken_.empty(), "a photo at least");
  check_texture_problem(*model_, reference_, rgb);
  CpuBackend backend(pool);
  // The photo itself is not looked at any more; its size is what the bake asks for.
  const std::vector<std::uint8_t> nothing(static_cast<std::size_t>(3 * reference_width_ * reference_height_));
  const imaging::Image photo{nothing, reference_width_, reference_height_, 3};
  const PreparedBake<CpuBackend> prepared(*model_, host_arrays(*model_), photo, reference_, backend, cancel);
  TextureBaker<CpuBackend> baker(prepared.bake(), prepared.bake().size, backend, std::move(texels_->memory));
  TexelArgs args = baker.arguments(prepared.bake());
  baker.pose(args);
  pool.parallel_for(reference_.size, [&](long row) {
    for (long i = row * reference_.size; i < (row + 1) * reference_.size; ++i) {
      const std::size_t texel = static_cast<std::size_t>(i);
      const float* sum = sum_.data() + 4 * texel;
      const float inverse = sum[3] > 0 ? 1 / sum[3] : 0;
      texture::show(args, i,
                    {{sum[0] * inverse, sum[1] * inverse, sum[2] * inverse}, sum[3] > 0 ? trust_[texel] : 0.f});
      args.witness[texel] = witness_[texel];
      args.strands[texel] = strands_[texel];
    }
  });
  // What one photo shows at a slant another has shown from the front.
  baker.finish(prepared.bake(), rgb.data(), cancel, nullptr, false);
}

std::vector<double> TextureBlend::shares() const {
  double sum = 0;
  for (const double taken : taken_) sum += taken;
  std::vector<double> shares;
  for (const double taken : taken_) shares.push_back(sum > 0 ? taken / sum : 1 / static_cast<double>(taken_.size()));
  return shares;
}

}  // namespace hrn::fit
