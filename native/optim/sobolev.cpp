#include "optim/sobolev.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.hpp"
#include "core/host_device.hpp"

namespace hrn::optim {
namespace {

/// Numbers side by side that one task of a column pass carries through all rows.
constexpr long kStrip = 64;
/// Rows that one task of a row pass solves side by side, transposed so that they fill a vector register.
constexpr long kLines = 16;
/// Texels of one task of the update; fixed, so that nothing depends on the thread count.
constexpr long kChunk = 4096;

// Solves (I + lambda L) x = b in place for `width` independent lines: element (k, j) of line j is at k * stride + j.
template <class Real>
HRN_HD void solve_lines(Real* x, long size, long stride, long width, Real lambda, const Real* inverse,
                        const Real* upper) {
  for (long j = 0; j < width; ++j) x[j] *= inverse[0];
  for (long k = 1; k < size; ++k) {
    Real* row = x + k * stride;
    const Real* before = row - stride;
    const Real scale = inverse[k];
#pragma GCC ivdep
    for (long j = 0; j < width; ++j) row[j] = (row[j] + lambda * before[j]) * scale;
  }
  for (long k = size - 2; k >= 0; --k) {
    Real* row = x + k * stride;
    const Real* after = row + stride;
    const Real factor = upper[k];
#pragma GCC ivdep
    for (long j = 0; j < width; ++j) row[j] += factor * after[j];
  }
}

// Thomas' elimination of the tridiagonal matrix: 1 + 2 lambda on the diagonal (1 + lambda at the ends), -lambda beside
// it. It needs no pivoting because the matrix is diagonally dominant.
template <class Real>
void eliminate(long size, double lambda, Real* inverses, Real* upper) {
  double previous = 0;
  for (long k = 0; k < size; ++k) {
    const double diagonal = 1 + lambda * (k == 0 || k + 1 == size ? 1 : 2);
    const double inverse = 1 / (diagonal - lambda * previous);
    previous = lambda * inverse;
    inverses[k] = static_cast<Real>(inverse);
    upper[k] = static_cast<Real>(previous);
  }
}

template <class Real>
HRN_HD void transpose_solve(Real* map, Real* scratch, long size, long channels, long lines, Real lambda,
                            const Real* inverse, const Real* upper) {
  const long width = size * channels;
  // scratch[column][channel][line]; rows are read in order and the block is small enough for the second-level cache.
  for (long line = 0; line < lines; ++line)
    for (long i = 0; i < width; ++i) scratch[i * kLines + line] = map[line * width + i];
  solve_lines(scratch, size, channels * kLines, channels * kLines, lambda, inverse, upper);
  for (long line = 0; line < lines; ++line)
    for (long i = 0; i < width; ++i) map[line * width + i] = scratch[i * kLines + line];
}

template <class Real>
HRN_TARGET_AVX2 void solve_lines_avx2(Real* x, long size, long stride, long width, Real lambda, const Real* inverse,
                                      const Real* upper) {
  solve_lines(x, size, stride, width, lambda, inverse, upper);
}
template <class Real>
HRN_TARGET_AVX2 void transpose_solve_avx2(Real* map, Real* scratch, long size, long channels, long lines, Real lambda,
                                          const Real* inverse, const Real* upper) {
  transpose_solve(map, scratch, size, channels, lines, lambda, inverse, upper);
}

}  // namespace

template <class Real>
SobolevSmoother<Real>::SobolevSmoother(long size, long channels, double lambda, int power, int max_threads)
    : size_(size), channels_(channels), lambda_(static_cast<Real>(lambda)), power_(power), max_threads_(max_threads) {
  if (size < 2 || size > 16384 || channels < 1 || channels > 16 || !(lambda >= 0) || !(lambda < 1e8) || power < 1 ||
      power > 8 || max_threads < 1)
    throw Error(ErrorCode::invalid_argument,
                "smoother: expected 2 to 16384 texels a side, 1 to 16 channels, lambda from 0 to 1e8, power 1 to 8");
  inverse_ = HostArray<Real>(static_cast<size_t>(size));
  upper_ = HostArray<Real>(static_cast<size_t>(size));
  scratch_ = HostArray<Real>(static_cast<size_t>(size * channels * kLines) * static_cast<size_t>(max_threads));
  eliminate(size, lambda, inverse_.data(), upper_.data());
}

std::vector<double> smoothing_filter(long size, double lambda, int power) {
  std::vector<double> matrix(static_cast<size_t>(size * size)), inverse(static_cast<size_t>(size)), upper(inverse);
  for (long k = 0; k < size; ++k) matrix[static_cast<size_t>(k * (size + 1))] = 1;
  eliminate(size, lambda, inverse.data(), upper.data());
  // All columns of the unit matrix at once.
  for (int p = 0; p < power; ++p) solve_lines(matrix.data(), size, size, size, lambda, inverse.data(), upper.data());
  return matrix;
}

template <class Real>
template <bool kAvx2>
void SobolevSmoother<Real>::columns(void* data, long strip, int) {
  const Pass& pass = *static_cast<const Pass*>(data);
  const SobolevSmoother& s = *pass.smoother;
  const long width = s.size_ * s.channels_, begin = strip * kStrip;
  (kAvx2 ? solve_lines_avx2<Real> : solve_lines<Real>)(pass.map + begin, s.size_, width,
                                                       std::min(kStrip, width - begin), s.lambda_, s.inverse_.data(),
                                                       s.upper_.data());
}

template <class Real>
template <bool kAvx2>
void SobolevSmoother<Real>::rows(void* data, long block, int worker) {
  const Pass& pass = *static_cast<const Pass*>(data);
  const SobolevSmoother& s = *pass.smoother;
  const long width = s.size_ * s.channels_, begin = block * kLines;
  // A worker's own scratch; it is written before it is read, so nothing of another block shows through.
  Real* scratch = const_cast<Real*>(s.scratch_.data()) + static_cast<long>(worker) * width * kLines;
  (kAvx2 ? transpose_solve_avx2<Real> : transpose_solve<Real>)(pass.map + begin * width, scratch, s.size_, s.channels_,
                                                               std::min(kLines, s.size_ - begin), s.lambda_,
                                                               s.inverse_.data(), s.upper_.data());
}

template <class Real>
void SobolevSmoother<Real>::apply(Real* map, ThreadPool& pool, Isa isa) {
  if (pool.threads() > max_threads_) throw Error(ErrorCode::internal, "smoother: made for fewer threads");
  Pass pass{this, map};
  const long strips = (size_ * channels_ + kStrip - 1) / kStrip, blocks = (size_ + kLines - 1) / kLines;
  for (int p = 0; p < power_; ++p) {
    pool.parallel_for(strips, isa == Isa::avx2 ? columns<true> : columns<false>, &pass);
    pool.parallel_for(blocks, isa == Isa::avx2 ? rows<true> : rows<false>, &pass);
  }
}

namespace {

template <class Real>
struct Update {
  Real *map, *momentum;
  const Real* grad;
  double* largest;
  long texels, channels;
  Real beta, factor;
};

template <class Real>
HRN_HD void accumulate(const Update<Real>& u, long chunk) {
  const long begin = chunk * kChunk, end = std::min(begin + kChunk, u.texels);
  double largest = 0;
  for (long i = begin; i < end; ++i) {
    double norm = 0;
    for (long c = 0; c < u.channels; ++c) {
      const Real g = u.grad[i * u.channels + c];
      norm += static_cast<double>(g) * static_cast<double>(g);
    }
    largest = norm > largest ? norm : largest;
  }
  u.largest[chunk] = largest;
#pragma GCC ivdep
  for (long i = begin * u.channels; i < end * u.channels; ++i)
    u.momentum[i] = u.beta * u.momentum[i] + (Real(1) - u.beta) * u.grad[i];
}

template <class Real>
HRN_HD void move(const Update<Real>& u, long chunk) {
  const long begin = chunk * kChunk * u.channels, end = std::min(begin + kChunk * u.channels, u.texels * u.channels);
#pragma GCC ivdep
  for (long i = begin; i < end; ++i) u.map[i] -= u.factor * u.momentum[i];
}

template <class Real>
HRN_TARGET_AVX2 void accumulate_avx2(void* update, long chunk, int) {
  accumulate(*static_cast<const Update<Real>*>(update), chunk);
}
template <class Real>
void accumulate_baseline(void* update, long chunk, int) {
  accumulate(*static_cast<const Update<Real>*>(update), chunk);
}
template <class Real>
HRN_TARGET_AVX2 void move_avx2(void* update, long chunk, int) {
  move(*static_cast<const Update<Real>*>(update), chunk);
}
template <class Real>
void move_baseline(void* update, long chunk, int) {
  move(*static_cast<const Update<Real>*>(update), chunk);
}

}  // namespace

template <class Real>
LargeSteps<Real>::LargeSteps(long size, long channels, const LargeStepsOptions& options, int max_threads)
    : smoother_(size, channels, options.lambda, options.power, max_threads),
      options_(options),
      momentum_(static_cast<size_t>(size * size * channels)),
      largest_(static_cast<size_t>((size * size + kChunk - 1) / kChunk)) {}

template <class Real>
void LargeSteps<Real>::step(Real* map, Real* grad, Real learning_rate, ThreadPool& pool, Isa isa) {
  smoother_.apply(grad, pool, isa);
  const long texels = smoother_.size() * smoother_.size(), chunks = static_cast<long>(largest_.size());
  Update<Real> update{
      map, momentum_.data(), grad, largest_.data(), texels, smoother_.channels(), static_cast<Real>(options_.beta1), 0};
  pool.parallel_for(chunks, isa == Isa::avx2 ? accumulate_avx2<Real> : accumulate_baseline<Real>, &update);
  const double largest = *std::max_element(largest_.begin(), largest_.end());
  ++steps_;
  second_ = options_.beta2 * second_ + (1 - options_.beta2) * largest;
  // A gradient that is zero everywhere, from the first step on, moves nothing.
  if (!(second_ > 0)) return;
  const double t = static_cast<double>(steps_);
  const double scale = std::sqrt(second_ / (1 - std::pow(options_.beta2, t)));
  update.factor = static_cast<Real>(static_cast<double>(learning_rate) / ((1 - std::pow(options_.beta1, t)) * scale));
  pool.parallel_for(chunks, isa == Isa::avx2 ? move_avx2<Real> : move_baseline<Real>, &update);
}

template class SobolevSmoother<float>;
template class SobolevSmoother<double>;
template class LargeSteps<float>;
template class LargeSteps<double>;

}  // namespace hrn::optim
