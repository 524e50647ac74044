#include "fit/cuda_fits.hpp"

namespace hrn::fit {

std::size_t cuda_bytes_needed() {
  constexpr std::size_t kVertices = 21'430, kTriangles = 42'320, kComponents = 120 + 52 + 12;
  constexpr std::size_t kTexels = 2048 * 2048, kSeen = 1024 * 1024, kFloat = sizeof(float);
  // ResidentModel: the bases, the other values per vertex, the topology.
  constexpr std::size_t kModel = kVertices * (3 * kComponents * sizeof(Half) + 9 * kFloat + 4) + kTriangles * 6 * 4;
  // The texture is the largest job. Per texel: triangle, barycentrics, what the photo shows, the colour in bytes, the
  // raster's key; on coarser levels, a third as many, values and weight.
  constexpr std::size_t kBake = kTexels * (4 + 2 * kFloat + 4 * kFloat + 3 + 8) + kTexels / 3 * 4 * kFloat;
  // Per pixel of what the camera sees: triangle, barycentrics, depth, edges, safety. Eight values of HeadSurface.
  constexpr std::size_t kLook = kSeen * (4 + 2 * kFloat + kFloat + 2 + kFloat) + kVertices * 8 * 3 * kFloat;
  // A margin, not measured: the driver's context, the code, the allocator's rounding, the rows of a large photo.
  constexpr std::size_t kMargin = std::size_t{512} << 20;
  return kModel + kBake + kLook + kMargin;
}

}  // namespace hrn::fit

#ifndef HRN_CUDA
namespace hrn::fit {

struct CudaFits::State {};

CudaFits::CudaFits(int) {}
CudaFits::~CudaFits() = default;

namespace {
[[noreturn]] void refuse() { throw Error(ErrorCode::device_unavailable, "this build of hrn has no CUDA backend"); }
}  // namespace

DeformationResult CudaFits::deformation(const std::shared_ptr<const Model>&, const DeformationProblem&, const Cancel&,
                                        const Progress&) {
  refuse();
}
PhotometricResult CudaFits::photometric(const std::shared_ptr<const Model>&, const PhotometricProblem&, ThreadPool&,
                                        const Cancel&, const Progress&) {
  refuse();
}
std::vector<float> CudaFits::texture(const std::shared_ptr<const Model>&, const imaging::Image&, const TextureProblem&,
                                     std::span<std::uint8_t>, const Cancel&) {
  refuse();
}

}  // namespace hrn::fit
#endif
