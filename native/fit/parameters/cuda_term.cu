#include <algorithm>
#include <span>

#include "core/uploaded.hpp"
#include "fit/parameters/cuda_term.cuh"
#include "ops/morphable_model.hpp"

namespace hrn::fit {
namespace {

using photometric::SampleArgs;
using photometric::Shaded;
using photometric::V3;

// --- the compact basis ----------------------------------------------------------------------------------------------

struct UnpackArgs {
  const Half* basis;  // packed
  long components;    // of the packed basis
  long identity, identity_total, shape, columns;
  const std::int32_t* rows;  // [rows], model vertex
  float* out;                // [rows][3][columns]
};
struct Unpack {
  HRN_HD static void run(const UnpackArgs& a, long i) {
    const long k = i % a.columns, value = i / a.columns, row = 3L * a.rows[value / 3] + value % 3;
    const long component = k < a.identity ? k : k - a.identity + a.identity_total;
    a.out[i] =
        k < a.shape
            ? half_to_float(
                  a.basis[(row / ops::kBasisTile * a.components + component) * ops::kBasisTile + row % ops::kBasisTile])
            : 0.f;
  }
};

struct UnpackAlbedoArgs {
  const Half* basis;
  long count;
  const photometric::Sample* samples;
  float* out;  // [samples][3][count]
};
struct UnpackAlbedo {
  HRN_HD static void run(const UnpackAlbedoArgs& a, long i) {
    const long k = i % a.count, value = i / a.count, row = 3L * a.samples[value / 3].vertex + value % 3;
    a.out[i] = half_to_float(a.basis[(row / ops::kBasisTile * a.count + k) * ops::kBasisTile + row % ops::kBasisTile]);
  }
};

// One warp a value: mean + basis . coefficients.
__global__ void evaluate_rows(const float* basis, const float* coefficients, const float* mean,
                              const std::int32_t* rows, long values, long columns, float* positions) {
  const long i = (static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
  if (i >= values) return;
  float sum = 0;
  for (long k = threadIdx.x % 32; k < columns; k += 32) sum += basis[i * columns + k] * coefficients[k];
  for (unsigned offset = 16; offset > 0; offset /= 2) sum += __shfl_down_sync(0xffffffffu, sum, offset);
  if (threadIdx.x % 32 == 0) positions[i] = mean[3L * rows[i / 3] + i % 3] + sum;
}

// --- per sample -----------------------------------------------------------------------------------------------------

struct WeightArgs {
  SampleArgs sample;
  const float* visible;  // [V], 0..1
  float* weight;
};
struct Weight {
  HRN_HD static void run(const WeightArgs& a, long i) {
    const float visible = a.visible[a.sample.samples[i].vertex];
    a.weight[i] = visible > 0 ? visible * photometric::sample_weight(a.sample, i) : 0.f;
  }
};

struct ActiveArgs {
  SampleArgs sample;
  const std::int32_t* active;
  const float* weight;  // per sample
  double robust2;
};
struct Energy {
  HRN_HD static void run(const ActiveArgs& a, long i, double* sum) {
    const long s = a.active[i];
    const double square = photometric::squared_residual(a.sample, s);
    *sum += static_cast<double>(a.weight[s]) * square / (1 + square / a.robust2);
  }
};
struct Difference {
  HRN_HD static void run(const ActiveArgs& a, long i, double* sum) {
    Shaded s;
    if (!photometric::shade(a.sample, a.active[i], &s)) return;
    for (const float r : s.residual)
      *sum += static_cast<double>(a.weight[a.active[i]] * std::fabs(r) / photometric::kChannelWeights);
  }
};

// --- normal equations -----------------------------------------------------------------------------------------------

struct RowArgs {
  ActiveArgs active;
  double unit;
  ParameterLayout layout;
  const float* basis;
  long shape, columns, stride;
  float* rows;
};

constexpr int kRowThreads = 256;

// One block an active sample, one thread a column of its three rows.
__global__ void __launch_bounds__(kRowThreads) jacobian_rows(const __grid_constant__ RowArgs a) {
  const long sample = a.active.active[blockIdx.x];
  float* out = a.rows + 3L * blockIdx.x * a.stride;
  const SampleArgs& args = a.active.sample;
  __shared__ Shaded s;
  __shared__ photometric::Slopes slopes;
  __shared__ float root;
  if (threadIdx.x == 0) {
    root = 0;
    if (photometric::shade(args, sample, &s)) {
      root = photometric::root_weight(s, a.unit, static_cast<double>(a.active.weight[sample]), a.active.robust2);
      slopes = photometric::slopes(args, s);
    }
  }
  __syncthreads();
  if (root == 0) {
    for (long k = threadIdx.x; k < 3 * a.stride; k += kRowThreads) out[k] = 0;
    return;
  }
  const ParameterLayout& at = a.layout;
  for (long k = threadIdx.x; k < a.stride; k += kRowThreads) {
    float value[3] = {};
    if (k < at.pose) {
      for (int c = 0; c < 3; ++c) value[c] = slopes.pose[c][k];
    } else if (k < at.pose + at.shape) {
      const long column = k - at.pose;
      photometric::visit_rows(args, sample, slopes, [&](std::int32_t row, const V3* by_position) {
        const float* b = a.basis + 3L * row * a.columns + column;
        const float x = b[0], y = b[a.columns], z = b[2 * a.columns];
        for (int c = 0; c < 3; ++c) value[c] += by_position[c].x * x + by_position[c].y * y + by_position[c].z * z;
      });
    } else if (k >= at.first_albedo() && k < at.first_light()) {
      for (int c = 0; c < 3; ++c)
        value[c] = s.light[c] * args.albedo_basis[(sample * 3 + c) * at.albedo + k - at.first_albedo()];
    } else if (k >= at.first_light() && k < at.total()) {
      const int c = static_cast<int>(k - at.first_light()) / 9;
      value[c] = s.albedo[c] * s.harmonics[(k - at.first_light()) % 9];
    } else if (k == at.total()) {
      for (int c = 0; c < 3; ++c) value[c] = s.residual[c];
    }
    for (int c = 0; c < 3; ++c) out[c * a.stride + k] = root * value[c];
  }
}

constexpr int kTile = 64, kDepth = 16, kTileThreads = 256, kPerThread = 4;
constexpr long kMaxShares = 24;

// Tiles a side of the products of the unknowns and the residual behind them.
constexpr long product_tiles(int unknowns) { return (unknowns + 1 + kTile - 1) / kTile; }

// One tile of rows^T rows over one share of the rows. Tiles of the upper triangle are numbered column by column.
__global__ void __launch_bounds__(kTileThreads)
    gram_tiles(const float* rows, long count, long stride, long rows_per_share, float* shares) {
  int column = 0, row = static_cast<int>(blockIdx.x);
  while (row > column) row -= ++column;
  const float* left = rows + row * kTile;
  const float* right = rows + column * kTile;
  alignas(16) __shared__ float a[kDepth][kTile], b[kDepth][kTile];
  float sum[kPerThread][kPerThread] = {};
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  const long begin = blockIdx.y * rows_per_share, end = min(count, begin + rows_per_share);
  for (long r0 = begin; r0 < end; r0 += kDepth) {
    for (int i = static_cast<int>(threadIdx.x); i < kDepth * kTile; i += kTileThreads) {
      const long r = r0 + i / kTile;
      a[i / kTile][i % kTile] = r < end ? left[r * stride + i % kTile] : 0.f;
      b[i / kTile][i % kTile] = r < end ? right[r * stride + i % kTile] : 0.f;
    }
    __syncthreads();
    for (int d = 0; d < kDepth; ++d) {
      const float4 y = *reinterpret_cast<const float4*>(&a[d][4 * ty]),
                   x = *reinterpret_cast<const float4*>(&b[d][4 * tx]);
      const float ys[4] = {y.x, y.y, y.z, y.w}, xs[4] = {x.x, x.y, x.z, x.w};
#pragma unroll
      for (int i = 0; i < kPerThread; ++i)
#pragma unroll
        for (int j = 0; j < kPerThread; ++j) sum[i][j] += ys[i] * xs[j];
    }
    __syncthreads();
  }
  float* out = shares + (static_cast<long>(blockIdx.y) * gridDim.x + blockIdx.x) * kTile * kTile;
  for (int i = 0; i < kPerThread; ++i)
    for (int j = 0; j < kPerThread; ++j) out[(4 * ty + i) * kTile + 4 * tx + j] = sum[i][j];
}

struct SumSharesArgs {
  const float* shares;  // [count][tiles][kTile][kTile]
  long count, tiles;
  double* sums;  // [tiles][kTile][kTile]
};
struct SumShares {
  HRN_HD static void run(const SumSharesArgs& a, long i) {
    double sum = 0;
    for (long s = 0; s < a.count; ++s) sum += static_cast<double>(a.shares[s * a.tiles * kTile * kTile + i]);
    a.sums[i] = sum;
  }
};

}  // namespace

CudaPhotometricMesh::CudaPhotometricMesh(const Model& model, CudaBackend& backend)
    : host_(model),
      rows_(uploaded(backend, host_.rows)),
      samples_(uploaded(backend, host_.samples)),
      edges_(uploaded(backend, host_.edges)),
      albedo_(backend.alloc<float>(host_.samples.size() * 3 * static_cast<std::size_t>(model.albedo_count))) {
  const auto basis = uploaded(backend, model.albedo_basis);
  backend.for_each<UnpackAlbedo>(static_cast<long>(albedo_.size()),
                                 UnpackAlbedoArgs{basis.data(), model.albedo_count, samples_.data(), albedo_.data()});
}

CudaPhotometricTerm::CudaPhotometricTerm(const Model& model, const ModelArrays& arrays, const CudaPhotometricMesh& mesh,
                                         long identity_count, CudaBackend& backend)
    : model_(model),
      arrays_(arrays),
      mesh_(mesh),
      backend_(backend),
      identity_(identity_count),
      shape_(identity_count + model.expression_count),
      columns_((shape_ + 7) / 8 * 8) {
  const std::size_t rows = mesh.host().rows.size(), samples = mesh.host().samples.size();
  basis_ = Array<float>(rows * 3 * static_cast<std::size_t>(columns_), backend.stream());
  positions_ = Array<float>(3 * rows, backend.stream());
  coefficients_ = backend.alloc<float>(static_cast<std::size_t>(columns_));
  look_ = backend.alloc<double>(static_cast<std::size_t>(model.albedo_count) + 27);
  active_ = backend.alloc<std::int32_t>(samples);
  weight_ = backend.alloc<float>(samples);
  energy_ = backend.alloc<double>(1);
  backend.for_each<Unpack>(static_cast<long>(basis_.size()),
                           UnpackArgs{arrays.shape_basis, model.shape_count(), identity_count, model.identity_count,
                                      shape_, columns_, mesh.rows(), basis_.data()});
}

// Positions of all rows at the state, and the arguments to look at samples there.
SampleArgs CudaPhotometricTerm::evaluate(const HeadState& state, const Appearance& look, const PhotoCrop& crop) {
  host_floats_.assign(static_cast<std::size_t>(columns_), 0.f);
  for (std::size_t k = 0; k < static_cast<std::size_t>(shape_); ++k)
    host_floats_[k] = static_cast<float>(state.coefficients[k]);
  backend_.upload(coefficients_, host_floats_.data(), host_floats_.size());
  host_sums_.assign(look_.size(), 0.0);
  std::copy(look.albedo.begin(), look.albedo.end(), host_sums_.begin());
  std::copy(look.lighting.begin(), look.lighting.end(), host_sums_.end() - 27);
  backend_.upload(look_, host_sums_.data(), host_sums_.size());
  const long values = static_cast<long>(positions_.size());
  constexpr unsigned kThreads = 256;
  cuda::launch("evaluating the photometric samples", backend_.stream(), cuda::blocks_for(32 * values, kThreads),
               kThreads, evaluate_rows, basis_.data(), coefficients_.data(), arrays_.mean, mesh_.rows(), values,
               columns_, positions_.data());
  PhotoCrop resident = crop;
  resident.rgb = rgb_.data();
  resident.mask = crop.mask != nullptr ? mask_.data() : nullptr;
  return {mesh_.samples(),   mesh_.edges(),
          positions_.data(), arrays_.albedo_mean,
          mesh_.albedo(),    model_.albedo_count,
          look_.data(),      look_.data() + model_.albedo_count,
          resident,          photometric_camera(state.camera, crop)};
}

void CudaPhotometricTerm::select(const HeadState& state, const PhotoCrop& crop, const std::vector<float>& visible) {
  const std::size_t pixels = static_cast<std::size_t>(crop.size) * static_cast<std::size_t>(crop.size);
  grow(rgb_, 3 * pixels);
  backend_.upload(rgb_, crop.rgb, 3 * pixels);
  if (crop.mask != nullptr) {
    grow(mask_, pixels);
    backend_.upload(mask_, crop.mask, pixels);
  }
  const SampleArgs args = evaluate(state, Appearance{}, crop);
  const auto seen = uploaded(backend_, visible);
  backend_.for_each<Weight>(static_cast<long>(weight_.size()), WeightArgs{args, seen.data(), weight_.data()});
  host_floats_.resize(weight_.size());
  backend_.download(host_floats_.data(), weight_, weight_.size());
  std::vector<std::int32_t> active;
  total_weight_ = 0;
  for (std::size_t i = 0; i < host_floats_.size(); ++i) {
    if (!(host_floats_[i] > 0)) continue;
    active.push_back(static_cast<std::int32_t>(i));
    total_weight_ += static_cast<double>(host_floats_[i]);
  }
  backend_.upload(active_, active.data(), active.size());
  selected_ = static_cast<long>(active.size());
}

void CudaPhotometricTerm::start_energy(const HeadState& state, const Appearance& look, const PhotoCrop& crop,
                                       const PhotometricOptions& options) {
  const ActiveArgs args{evaluate(state, look, crop), active_.data(), weight_.data(), options.robust * options.robust};
  backend_.reduce_to<Energy, 1>(selected_, args, energy_.data());
  energy_unit_ = photometric_unit(options, total_weight_, sigma_);
}

double CudaPhotometricTerm::energy() {
  double sum = 0;
  backend_.download(&sum, energy_, 1);
  return 0.5 * energy_unit_ * sum;
}

double CudaPhotometricTerm::mean_error(const HeadState& state, const Appearance& look, const PhotoCrop& crop) {
  const ActiveArgs args{evaluate(state, look, crop), active_.data(), weight_.data(), 1};
  double sum = 0;
  backend_.reduce<Difference, 1>(selected_, args, &sum);
  return total_weight_ > 0 ? sum / total_weight_ : 0;
}

void CudaPhotometricTerm::start_products(const HeadState& state, const Appearance& look, const PhotoCrop& crop,
                                         const PhotometricOptions& options, const ParameterLayout& layout) {
  if (selected_ == 0) return;
  unknowns_ = layout.total();
  const long side = product_tiles(unknowns_), stride = side * kTile;
  const long tiles = side * (side + 1) / 2, count = 3 * selected_;
  grow(rows_, static_cast<std::size_t>(count * stride));
  const RowArgs args{{evaluate(state, look, crop), active_.data(), weight_.data(), options.robust * options.robust},
                     photometric_unit(options, total_weight_, sigma_),
                     layout,
                     basis_.data(),
                     shape_,
                     columns_,
                     stride,
                     rows_.data()};
  cuda::launch("photometric rows", backend_.stream(), static_cast<unsigned>(selected_), kRowThreads, jacobian_rows,
               args);
  // Shares are whole multiples of a step, and their number depends on the count alone.
  const long steps = (count + kDepth - 1) / kDepth, shares = std::min(kMaxShares, steps);
  const long rows_per_share = (steps + shares - 1) / shares * kDepth;
  const std::size_t entries = static_cast<std::size_t>(tiles * kTile * kTile);
  grow(shares_, static_cast<std::size_t>(shares) * entries);
  grow(sums_, entries);
  cuda::launch("the photometric normal equations", backend_.stream(),
               dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(shares)), kTileThreads, gram_tiles,
               rows_.data(), count, stride, rows_per_share, shares_.data());
  backend_.for_each<SumShares>(static_cast<long>(entries), SumSharesArgs{shares_.data(), shares, tiles, sums_.data()});
  backend_.send(sums_, entries);
}

void CudaPhotometricTerm::add_products(optim::NormalEquations& equations, int first) {
  if (selected_ == 0) return;
  const long n = unknowns_, side = product_tiles(unknowns_);
  host_sums_.resize(static_cast<std::size_t>(side * (side + 1) / 2 * kTile * kTile));
  backend_.receive(host_sums_.data());
  for (long i = 0; i < n; ++i) {
    const int place = first + static_cast<int>(i);
    for (long row = i / kTile, column = row; column < side; ++column) {
      const std::span<const double> values(
          &host_sums_[static_cast<std::size_t>(((column * (column + 1) / 2 + row) * kTile + i % kTile) * kTile)],
          kTile);
      const long j = column * kTile, from = std::max(i, j), to = std::min(n, j + kTile);
      if (from < to)
        equations.add_hessian_row(
            place, first + static_cast<int>(from),
            values.subspan(static_cast<std::size_t>(from - j), static_cast<std::size_t>(to - from)));
      if (column == n / kTile) equations.add_gradient(place, values[static_cast<std::size_t>(n % kTile)]);
    }
  }
}

}  // namespace hrn::fit
