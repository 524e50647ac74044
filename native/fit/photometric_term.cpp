#include "fit/photometric_term.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/isa.hpp"

namespace hrn::fit {
namespace {

using photometric::Shaded;
using photometric::V3;

constexpr long kChunk = 64;     // samples whose rows are formed and folded into the normal equations together
constexpr long kPartials = 16;  // partial sums, added in order: the result does not depend on the thread count

}  // namespace

PhotometricSamples::PhotometricSamples(const Model& model) {
  std::unordered_map<std::int32_t, std::int32_t> row_of;
  const auto row = [&](std::int32_t vertex) {
    const auto [it, added] = row_of.try_emplace(vertex, static_cast<std::int32_t>(rows.size()));
    if (added) rows.push_back(vertex);
    return it->second;
  };
  // Every third deformable vertex: neighbours a pixel apart say nearly the same.
  constexpr long kStride = 3;
  const Topology& mesh = model.topology;
  for (long v = 0; v < model.vertex_count; v += kStride) {
    if (model.deformable[static_cast<std::size_t>(v)] < 0.5f) continue;
    photometric::Sample s{row(static_cast<std::int32_t>(v)), static_cast<std::int32_t>(v),
                          static_cast<std::int32_t>(edges.size()), 0};
    for (long c = mesh.corner_offsets[static_cast<std::size_t>(v)];
         c < mesh.corner_offsets[static_cast<std::size_t>(v) + 1]; ++c) {
      const long corner = mesh.corners[static_cast<std::size_t>(c)], t = corner / 3, k = corner % 3;
      const auto at = [&](long j) { return mesh.triangles[static_cast<std::size_t>(3 * t + j % 3)]; };
      edges.push_back({row(at(k + 1)), row(at(k + 2))});
      ++s.edge_count;
    }
    samples.push_back(s);
  }
}

double photometric_unit(const PhotometricOptions& options, double weight, double sigma) {
  return weight > 0 ? options.effective_samples / (weight * sigma * sigma) : 0;
}

photometric::Camera photometric_camera(const CameraPose& pose, const PhotoCrop& crop) {
  photometric::Camera c{};
  for (std::size_t i = 0; i < 9; ++i) c.r[i] = static_cast<float>(pose.rotation[i]);
  c.t = {static_cast<float>(pose.translation[0]), static_cast<float>(pose.translation[1]),
         static_cast<float>(pose.translation[2])};
  c.focal = static_cast<float>(pose.focal_px) * crop.scale;
  c.cx = (static_cast<float>(pose.principal_px[0]) - crop.x0) * crop.scale;
  c.cy = (static_cast<float>(pose.principal_px[1]) - crop.y0) * crop.scale;
  return c;
}

PhotometricBasis::PhotometricBasis(const Model& model, long identity_count, ThreadPool& pool) : mesh(model) {
  shape = identity_count + model.expression_count;
  columns = (shape + 7) / 8 * 8;
  shape_basis.assign(mesh.rows.size() * 3 * static_cast<std::size_t>(columns), 0.f);
  pool.parallel_for(static_cast<long>(mesh.rows.size()), [&](long r) {
    float* out = &shape_basis[static_cast<std::size_t>(r * 3 * columns)];
    for (int axis = 0; axis < 3; ++axis) {
      const long value = 3L * mesh.rows[static_cast<std::size_t>(r)] + axis;
      for (long k = 0; k < shape; ++k) {
        const long component = k < identity_count ? k : k - identity_count + model.identity_count;
        out[axis * columns + k] = model.shape_value(component, value);
      }
    }
  });
  const long count = model.albedo_count;
  albedo.resize(mesh.samples.size() * 3 * static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < mesh.samples.size(); ++i) {
    for (int c = 0; c < 3; ++c) {
      for (long k = 0; k < count; ++k) {
        albedo[(i * 3 + static_cast<std::size_t>(c)) * static_cast<std::size_t>(count) + static_cast<std::size_t>(k)] =
            model.albedo_value(k, 3L * mesh.samples[i].vertex + c);
      }
    }
  }
}

PhotometricTerm::PhotometricTerm(const Model& model, long identity_count, ThreadPool& pool)
    : model_(model), pool_(pool), basis_(model.photometric_bases.get(identity_count, [&] {
        return PhotometricBasis(model, identity_count, pool);
      })) {
  positions_.resize(basis_->mesh.rows.size() * 3);
}

void PhotometricTerm::evaluate_rows(const LandmarkState& state) {
  std::vector<float> c(static_cast<std::size_t>(basis_->columns));
  for (std::size_t k = 0; k < static_cast<std::size_t>(basis_->shape); ++k)
    c[k] = static_cast<float>(state.coefficients[k]);
  pool_.parallel_for(static_cast<long>(basis_->mesh.rows.size() + kChunk - 1) / kChunk, [&](long chunk) {
    const long end = std::min<long>(static_cast<long>(basis_->mesh.rows.size()), (chunk + 1) * kChunk);
    for (long r = chunk * kChunk; r < end; ++r) {
      for (int axis = 0; axis < 3; ++axis) {
        const float* b = &basis_->shape_basis[static_cast<std::size_t>((3 * r + axis) * basis_->columns)];
        float lanes[8] = {};
        for (long k = 0; k < basis_->columns; k += 8) {
          for (long j = 0; j < 8; ++j) lanes[j] += b[k + j] * c[static_cast<std::size_t>(k + j)];
        }
        float sum = 0;
        for (const float lane : lanes) sum += lane;
        positions_[static_cast<std::size_t>(3 * r + axis)] =
            model_.mean[static_cast<std::size_t>(3L * basis_->mesh.rows[static_cast<std::size_t>(r)] + axis)] + sum;
      }
    }
  });
}

photometric::SampleArgs PhotometricTerm::arguments(const LandmarkState& state, const Appearance& look,
                                                   const PhotoCrop& crop) const {
  return {basis_->mesh.samples.data(),
          basis_->mesh.edges.data(),
          positions_.data(),
          model_.albedo_mean.data(),
          basis_->albedo.data(),
          model_.albedo_count,
          look.albedo.data(),
          look.lighting.data(),
          crop,
          photometric_camera(state.camera, crop)};
}

void PhotometricTerm::select(const LandmarkState& state, const PhotoCrop& crop,
                             const std::vector<std::uint8_t>& visible) {
  evaluate_rows(state);
  const Appearance unlit;  // what is selected does not depend on it
  const photometric::SampleArgs args = arguments(state, unlit, crop);
  active_.clear();
  weight_.clear();
  total_weight_ = 0;
  for (std::size_t i = 0; i < basis_->mesh.samples.size(); ++i) {
    if (!visible[static_cast<std::size_t>(basis_->mesh.samples[i].vertex)]) continue;
    const float w = photometric::sample_weight(args, static_cast<long>(i));
    if (!(w > 0)) continue;
    active_.push_back(static_cast<std::int32_t>(i));
    weight_.push_back(w);
    total_weight_ += static_cast<double>(w);
  }
}

namespace {

// h += rows^T rows (lower triangle), g += rows^T (root * residual), over the three channels at once.
HRN_HD void fold_rows(const float* rows, const float* residual, float root, long n, long stride, float* h, float* g) {
  const float *a = rows, *b = rows + stride, *c = rows + 2 * stride;
  const float ra = root * residual[0], rb = root * residual[1], rc = root * residual[2];
  for (long i = 0; i < n; ++i) {
    const float ai = a[i], bi = b[i], ci = c[i];
    g[i] += ai * ra + bi * rb + ci * rc;
    if (ai == 0 && bi == 0 && ci == 0) continue;
    float* out = h + i * stride;
    for (long j = 0; j <= i; ++j) out[j] += ai * a[j] + bi * b[j] + ci * c[j];
  }
}

// out += x b[0] + y b[1] + z b[2], the three axes of one vertex' basis.
HRN_HD void add_axes(const float* b, long stride, long n, float x, float y, float z, float* out) {
  const float *by = b + stride, *bz = by + stride;
  for (long k = 0; k < n; ++k) out[k] += x * b[k] + y * by[k] + z * bz[k];
}

using FoldRows = void (*)(const float*, const float*, float, long, long, float*, float*);
using AddAxes = void (*)(const float*, long, long, float, float, float, float*);
void fold_rows_baseline(const float* rows, const float* residual, float root, long n, long stride, float* h, float* g) {
  fold_rows(rows, residual, root, n, stride, h, g);
}
HRN_TARGET_AVX2 void fold_rows_avx2(const float* rows, const float* residual, float root, long n, long stride, float* h,
                                    float* g) {
  fold_rows(rows, residual, root, n, stride, h, g);
}
void add_axes_baseline(const float* b, long stride, long n, float x, float y, float z, float* out) {
  add_axes(b, stride, n, x, y, z, out);
}
HRN_TARGET_AVX2 void add_axes_avx2(const float* b, long stride, long n, float x, float y, float z, float* out) {
  add_axes(b, stride, n, x, y, z, out);
}
const bool kAvx2 = detect_isa() == Isa::avx2;
const FoldRows fold = kAvx2 ? fold_rows_avx2 : fold_rows_baseline;
const AddAxes add_basis = kAvx2 ? add_axes_avx2 : add_axes_baseline;

}  // namespace

double PhotometricTerm::energy(const LandmarkState& state, const Appearance& look, const PhotoCrop& crop,
                               const PhotometricOptions& options) {
  evaluate_rows(state);
  const photometric::SampleArgs args = arguments(state, look, crop);
  const double robust2 = options.robust * options.robust;
  const long chunks = (selected() + kChunk - 1) / kChunk;
  std::vector<double> sums(static_cast<std::size_t>(chunks));
  pool_.parallel_for(chunks, [&](long chunk) {
    double sum = 0;
    for (long i = chunk * kChunk; i < std::min(selected(), (chunk + 1) * kChunk); ++i) {
      const std::size_t k = static_cast<std::size_t>(i);
      const double square = photometric::squared_residual(args, active_[k]);
      sum += static_cast<double>(weight_[k]) * square / (1 + square / robust2);
    }
    sums[static_cast<std::size_t>(chunk)] = sum;
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return 0.5 * scale(options) * total;
}

double PhotometricTerm::mean_error(const LandmarkState& state, const Appearance& look, const PhotoCrop& crop) {
  evaluate_rows(state);
  const photometric::SampleArgs args = arguments(state, look, crop);
  double sum = 0;
  for (std::size_t i = 0; i < active_.size(); ++i) {
    Shaded s;
    if (!photometric::shade(args, active_[i], &s)) continue;
    for (const float r : s.residual) sum += static_cast<double>(weight_[i] * std::fabs(r)) / 3;
  }
  return total_weight_ > 0 ? sum / total_weight_ : 0;
}

void PhotometricTerm::accumulate(const LandmarkState& state, const Appearance& look, const PhotoCrop& crop,
                                 const PhotometricOptions& options, const ParameterLayout& layout,
                                 optim::NormalEquations& equations) {
  evaluate_rows(state);
  const photometric::SampleArgs args = arguments(state, look, crop);
  const long n = layout.total(), stride = (n + 7) / 8 * 8;
  const double robust2 = options.robust * options.robust, unit = scale(options);
  const long chunks = (selected() + kChunk - 1) / kChunk;
  const std::size_t square = static_cast<std::size_t>(stride * stride);
  // Lower triangles of J^T W J and J^T W r, one per partial; a partial takes every kPartials-th chunk in order.
  hessian_.assign(kPartials * square, 0.f);
  gradient_.assign(static_cast<std::size_t>(kPartials * stride), 0.f);
  pool_.parallel_for(kPartials, [&](long partial) {
    std::vector<float> rows(static_cast<std::size_t>(3 * stride));
    float* h = &hessian_[static_cast<std::size_t>(partial) * square];
    float* g = &gradient_[static_cast<std::size_t>(partial * stride)];
    for (long chunk = partial; chunk < chunks; chunk += kPartials) {
      for (long i = chunk * kChunk; i < std::min(selected(), (chunk + 1) * kChunk); ++i) {
        const long sample = active_[static_cast<std::size_t>(i)];
        Shaded s;
        if (!photometric::shade(args, sample, &s)) continue;
        const double weight = static_cast<double>(weight_[static_cast<std::size_t>(i)]);
        const float root = photometric::root_weight(s, unit, weight, robust2);
        jacobian_rows(args, layout, sample, s, root, stride, rows.data());
        fold(rows.data(), s.residual, root, n, stride, h, g);
      }
    }
  });
  for (long i = 0; i < n; ++i) {
    for (long j = 0; j <= i; ++j) {
      double sum = 0;
      for (long p = 0; p < kPartials; ++p) {
        sum += static_cast<double>(
            hessian_[static_cast<std::size_t>(p) * square + static_cast<std::size_t>(i * stride + j)]);
      }
      equations.add_hessian(static_cast<int>(i), static_cast<int>(j), sum);
    }
    double sum = 0;
    for (long p = 0; p < kPartials; ++p)
      sum += static_cast<double>(gradient_[static_cast<std::size_t>(p * stride + i)]);
    equations.add_gradient(static_cast<int>(i), sum);
  }
}

// Three rows (one a channel), already multiplied by the root of the weight; zero in columns this term does not know.
void PhotometricTerm::jacobian_rows(const photometric::SampleArgs& args, const ParameterLayout& layout, long sample,
                                    const Shaded& s, float root, long stride, float* rows) const {
  std::fill(rows, rows + 3 * stride, 0.f);
  const photometric::Slopes slopes = photometric::slopes(args, s);
  for (int c = 0; c < 3; ++c) {
    float* row = rows + c * stride;
    for (int k = 0; k < layout.pose; ++k) row[k] = root * slopes.pose[c][k];
    const float* basis = args.albedo_basis + (sample * 3 + c) * layout.albedo;
    for (int k = 0; k < layout.albedo; ++k) row[layout.first_albedo() + k] = root * s.light[c] * basis[k];
    for (int k = 0; k < 9; ++k) row[layout.first_light() + 9 * c + k] = root * s.albedo[c] * s.harmonics[k];
  }
  photometric::visit_rows(args, sample, slopes, [&](std::int32_t row, const V3* by_position) {
    const float* b =
        &basis_->shape_basis[static_cast<std::size_t>(row) * 3 * static_cast<std::size_t>(basis_->columns)];
    for (int c = 0; c < 3; ++c) {
      float* out = rows + c * stride + layout.pose;
      const float x = root * by_position[c].x, y = root * by_position[c].y, z = root * by_position[c].z;
      add_basis(b, basis_->columns, basis_->shape, x, y, z, out);
    }
  });
}

}  // namespace hrn::fit
