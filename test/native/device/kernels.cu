// Instantiates the per-element kernels as device code. Nothing runs: test/device-compile.test.ts compiles this file
// where nvcc is installed, so that the sources stay usable by a CUDA backend.
#include "losses/contour.hpp"
#include "losses/landmark.hpp"
#include "losses/photometric.hpp"
#include "losses/prior.hpp"
#include "losses/total_variation.hpp"
#include "ops/corner_gather.hpp"
#include "ops/detail_normals.hpp"
#include "ops/interpolate.hpp"
#include "ops/morphable_model.hpp"
#include "ops/normals.hpp"
#include "ops/pose_project.hpp"
#include "ops/rasterize.hpp"
#include "ops/shade.hpp"
#include "ops/uv_sample.hpp"
#include "optim/adam.hpp"

namespace hrn::test {

__device__ long element() { return blockIdx.x * static_cast<long>(blockDim.x) + threadIdx.x; }

template <class K, class A>
__global__ void each(long n, A args) {
  const long i = element();
  if (i < n) K::run(args, i);
}

template <class K, int N, class A>
__global__ void reduce(long n, A args, double* partial) {
  const long i = element();
  double sum[N] = {};
  if (i < n) K::run(args, i, sum);
  for (int k = 0; k < N; ++k) partial[i * N + k] = sum[k];
}

#define EACH(K, A) template __global__ void each<K, A>(long, A)
#define REDUCE(K, N, A) template __global__ void reduce<K, N, A>(long, A, double*)

EACH(ops::PoseProject::Forward, ops::PoseProjectArgs<float>);
EACH(ops::PoseProject::Backward, ops::PoseProjectArgs<float>);
REDUCE(ops::PoseProject::BackwardPose, 7, ops::PoseProjectArgs<float>);
EACH(ops::Interpolate<3>::Forward, ops::InterpolateArgs<float>);
EACH(ops::Interpolate<3>::Backward, ops::InterpolateArgs<float>);
EACH(ops::Interpolate<3>::BackwardScreen, ops::InterpolateArgs<float>);
EACH(ops::Interpolate<3>::BackwardScreenAdd, ops::InterpolateArgs<float>);
EACH(ops::CornerGather<3>::Set, ops::CornerGatherArgs<float>);
EACH(ops::CornerGather<3>::Add, ops::CornerGatherArgs<float>);
EACH(ops::Normals::ForwardFace, ops::NormalsArgs<float>);
EACH(ops::Normals::ForwardVertex, ops::NormalsArgs<float>);
EACH(ops::Normals::BackwardVertex, ops::NormalsArgs<float>);
EACH(ops::Normals::BackwardFace, ops::NormalsArgs<float>);
EACH(ops::Shade::Forward, ops::ShadeArgs<float>);
EACH(ops::Shade::Backward, ops::ShadeArgs<float>);
REDUCE(ops::Shade::BackwardLight, ops::Shade::kReduced, ops::ShadeArgs<float>);
EACH(ops::UvSample<3>::Forward, ops::UvSampleArgs<float>);
EACH(ops::UvSample<3>::Forward, ops::TextureSampleArgs<float>);
EACH(ops::UvSample<3>::Backward, ops::UvSampleArgs<float>);
EACH(ops::DetailNormals::Forward, ops::DetailNormalsArgs<float>);
EACH(ops::DetailNormals::BackwardTangents, ops::DetailNormalsArgs<float>);
EACH(ops::DetailNormals::Backward, ops::DetailNormalsArgs<float>);

EACH(losses::Photometric::Backward, losses::PhotometricArgs<float>);
REDUCE(losses::Photometric::Forward, losses::Photometric::kReduced, losses::PhotometricArgs<float>);
EACH(losses::Landmark::Backward, losses::LandmarkArgs<float>);
REDUCE(losses::Landmark::Forward, 1, losses::LandmarkArgs<float>);
EACH(losses::Contour::Backward, losses::ContourArgs<float>);
EACH(losses::TotalVariation<3>::Backward, losses::TotalVariationArgs<float>);
EACH(optim::Adam::Update, optim::AdamArgs<float>);

__global__ void model_forward(ops::BasisArgs<float, Half> a) { ops::MorphableModel::forward(a, element()); }
__global__ void model_backward(ops::BasisArgs<float, Half> a, double* grad) {
  ops::MorphableModel::backward(a, element(), grad);
}

__global__ void rasterize(ops::RasterizeArgs<float> a, ops::Rasterize::Vertex* v, unsigned long long* keys) {
  using ops::Rasterize;
  const long t = element();
  v[t] = Rasterize::snap(a.screen + 3 * t, a.near_mm);
  a.boxes[t] = Rasterize::box(v[0], v[1], v[2], a.width, a.height, a.cull_back_faces);
  const auto e = Rasterize::setup<std::int64_t>(v[0], v[1], v[2], a.boxes[t].x0, a.boxes[t].y0);
  const auto f = Rasterize::fragment(e, e.start[0], e.start[1], e.start[2]);
  atomicMin(keys, static_cast<unsigned long long>(Rasterize::key(f.inverse_depth, static_cast<std::int32_t>(t))));
}

}  // namespace hrn::test
