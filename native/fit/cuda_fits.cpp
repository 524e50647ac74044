#include "fit/cuda_fits.hpp"

#ifndef HRN_CUDA
namespace hrn::fit {

struct CudaFits::State {};

CudaFits::CudaFits(int, int) {}
CudaFits::~CudaFits() = default;

namespace {
[[noreturn]] void refuse() { throw Error(ErrorCode::device_unavailable, "this build of hrn has no CUDA backend"); }
}  // namespace

DeformationResult CudaFits::deformation(const std::shared_ptr<const Model>&, const DeformationProblem&, const Cancel&,
                                        const Progress&) {
  refuse();
}
PhotometricResult CudaFits::photometric(const std::shared_ptr<const Model>&, const PhotometricProblem&, const Cancel&,
                                        const Progress&) {
  refuse();
}
TextureResult CudaFits::texture(const std::shared_ptr<const Model>&, const imaging::Image&, const TextureProblem&,
                                const Cancel&) {
  refuse();
}

}  // namespace hrn::fit
#endif
