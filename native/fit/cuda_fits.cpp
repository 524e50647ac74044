#include "fit/cuda_fits.hpp"

#include <algorithm>

namespace hrn::fit {

std::size_t cuda_bytes_needed() {
  constexpr std::size_t kVertices = 21'430, kTriangles = 42'320, kComponents = 120 + 52 + 12;
  constexpr std::size_t kTexels = 2048 * 2048, kSeen = 1024 * 1024, kFloat = sizeof(float);
  // ResidentModel: the bases, the other values per vertex, the topology.
  constexpr std::size_t kModel = kVertices * (3 * kComponents * sizeof(Half) + 9 * kFloat + 4) + kTriangles * 6 * 4;
  // The texture of usual size, or a map of 1024. Per texel: triangle, barycentrics, what the photo shows, the colour in
  // bytes, the raster's key; on coarser levels, a third as many, values and weight.
  constexpr std::size_t kBake = kTexels * (4 + 2 * kFloat + 4 * kFloat + 3 + 8) + kTexels / 3 * 4 * kFloat;
  // Per texel of a map's box, a tenth less than the map: what it is, its rows, and what conjugate gradients keep.
  constexpr std::size_t kMapTexels = 1024 * 1024, kMap = kMapTexels * (44 * kFloat + 1 + 4 + 2 * kFloat + 8);
  // Per pixel of what the camera sees: triangle, barycentrics, depth, edges, safety. Eight values of HeadSurface.
  constexpr std::size_t kLook = kSeen * (4 + 2 * kFloat + kFloat + 2 + kFloat) + kVertices * 8 * 3 * kFloat;
  // A margin, not measured: the driver's context, the code, the allocator's rounding, the rows of a large photo.
  constexpr std::size_t kMargin = std::size_t{512} << 20;
  return kModel + std::max(kBake, kMap) + kLook + kMargin;
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
DetailResult CudaFits::detail(const std::shared_ptr<const Model>&, const imaging::Image&, const DetailProblem&,
                              ThreadPool&, const Cancel&, const Progress&) {
  refuse();
}
reference::Result CudaFits::reference(const std::shared_ptr<const reference::Model>&, const reference::Problem&,
                                      const Cancel&, const Progress&) {
  refuse();
}

}  // namespace hrn::fit
#endif
