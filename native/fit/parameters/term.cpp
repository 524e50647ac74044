#include "fit/parameters/term.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <unordered_map>

#include "core/isa.hpp"

namespace hrn::fit {
namespace {

using photometric::Shaded;
using photometric::V3;

constexpr long kChunk = 64;  // samples whose rows are formed and folded into the normal equations together
constexpr long kPanel = optim::kGramTile;
constexpr long kPartials = 16;  // partial sums, added in order: the result does not depend on the thread count

const bool kAvx2 = detect_isa() == Isa::avx2;

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

namespace {

// Positions of rows [begin, end): mean + basis . coefficients.
struct EvaluateRows {
  const PhotometricBasis& basis;
  const float* mean;          // of the model
  const float* coefficients;  // [columns]
  float* positions;           // out

  HRN_HD static void run(const EvaluateRows& e, long begin, long end) {
    const long columns = e.basis.columns;
    for (long i = 3 * begin; i < 3 * end; ++i) {
      const float* b = e.basis.shape_basis.data() + i * columns;
      float lanes[8] = {};
      for (long k = 0; k < columns; k += 8) {
        for (long j = 0; j < 8; ++j) lanes[j] += b[k + j] * e.coefficients[k + j];
      }
      float sum = 0;
      for (const float lane : lanes) sum += lane;
      e.positions[i] = e.mean[3L * e.basis.mesh.rows[static_cast<std::size_t>(i / 3)] + i % 3] + sum;
    }
  }
  static void baseline(const EvaluateRows& e, long begin, long end) { run(e, begin, end); }
  HRN_TARGET_AVX2 static void avx2(const EvaluateRows& e, long begin, long end) { run(e, begin, end); }
};

}  // namespace

void PhotometricTerm::evaluate_rows(const HeadState& state) {
  std::vector<float> c(static_cast<std::size_t>(basis_->columns));
  for (std::size_t k = 0; k < static_cast<std::size_t>(basis_->shape); ++k)
    c[k] = static_cast<float>(state.coefficients[k]);
  if (c == evaluated_) return;
  const EvaluateRows args{*basis_, model_.mean.data(), c.data(), positions_.data()};
  const auto run = kAvx2 ? EvaluateRows::avx2 : EvaluateRows::baseline;
  const long rows = static_cast<long>(basis_->mesh.rows.size());
  pool_.parallel_for((rows + kChunk - 1) / kChunk,
                     [&](long chunk) { run(args, chunk * kChunk, std::min(rows, (chunk + 1) * kChunk)); });
  evaluated_ = std::move(c);
}

photometric::SampleArgs PhotometricTerm::arguments(const HeadState& state, const Appearance& look,
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

void PhotometricTerm::select(const HeadState& state, const PhotoCrop& crop, const std::vector<float>& visible) {
  evaluate_rows(state);
  const Appearance unlit;  // what is selected does not depend on it
  const photometric::SampleArgs args = arguments(state, unlit, crop);
  active_.clear();
  weight_.clear();
  total_weight_ = 0;
  for (std::size_t i = 0; i < basis_->mesh.samples.size(); ++i) {
    const float share = visible[static_cast<std::size_t>(basis_->mesh.samples[i].vertex)];
    if (!(share > 0)) continue;
    const float w = share * photometric::sample_weight(args, static_cast<long>(i));
    if (!(w > 0)) continue;
    active_.push_back(static_cast<std::int32_t>(i));
    weight_.push_back(w);
    total_weight_ += static_cast<double>(w);
  }
}

namespace {

typedef float Eight __attribute__((vector_size(32)));

// The three channels' rows from the vertices that a sample depends on, along the three axes of each one's basis. Eight
// columns at a time stay in registers over all vertices.
HRN_HD void combine(const PhotometricTerm::Influence* influences, std::size_t count, const PhotometricBasis& basis,
                    float root, float* rows, long row_stride) {
  const long columns = basis.columns;
  for (long k = 0; k < columns; k += 8) {
    Eight sums[3] = {};
    for (std::size_t i = 0; i < count; ++i) {
      const float* b = basis.shape_basis.data() + 3 * influences[i].row * columns + k;
      Eight x, y, z;
      std::memcpy(&x, b, sizeof x);
      std::memcpy(&y, b + columns, sizeof y);
      std::memcpy(&z, b + 2 * columns, sizeof z);
      for (int c = 0; c < 3; ++c) {
        const V3 p = influences[i].by_position[c];
        sums[c] += p.x * x + p.y * y + p.z * z;
      }
    }
    for (int c = 0; c < 3; ++c) {
      const Eight value = root * sums[c];
      std::memcpy(rows + c * row_stride + k, &value, sizeof value);
    }
  }
}
void combine_baseline(const PhotometricTerm::Influence* influences, std::size_t count, const PhotometricBasis& basis,
                      float root, float* rows, long row_stride) {
  combine(influences, count, basis, root, rows, row_stride);
}
HRN_TARGET_AVX2 void combine_avx2(const PhotometricTerm::Influence* influences, std::size_t count,
                                  const PhotometricBasis& basis, float root, float* rows, long row_stride) {
  combine(influences, count, basis, root, rows, row_stride);
}
const auto combine_influences = kAvx2 ? combine_avx2 : combine_baseline;

}  // namespace

void PhotometricTerm::start_energy(const HeadState& state, const Appearance& look, const PhotoCrop& crop,
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
  energy_ = 0.5 * scale(options) * total;
}

double PhotometricTerm::mean_error(const HeadState& state, const Appearance& look, const PhotoCrop& crop) {
  evaluate_rows(state);
  const photometric::SampleArgs args = arguments(state, look, crop);
  double sum = 0;
  for (std::size_t i = 0; i < active_.size(); ++i) {
    Shaded s;
    if (!photometric::shade(args, active_[i], &s)) continue;
    for (const float r : s.residual)
      sum += static_cast<double>(weight_[i] * std::fabs(r) / photometric::kChannelWeights);
  }
  return total_weight_ > 0 ? sum / total_weight_ : 0;
}

void PhotometricTerm::start_products(const HeadState& state, const Appearance& look, const PhotoCrop& crop,
                                     const PhotometricOptions& options, const ParameterLayout& layout) {
  evaluate_rows(state);
  const photometric::SampleArgs args = arguments(state, look, crop);
  layout_ = layout;
  const ParameterLayout own = own_layout();
  constexpr long kRows = 3 * kChunk;
  const long panels = product_panels(), stride = panels * kPanel;
  const double robust2 = options.robust * options.robust, unit = scale(options);
  const long chunks = (selected() + kChunk - 1) / kChunk;
  const std::size_t square = static_cast<std::size_t>(stride * stride);
  // Upper triangles of J^T W J, one per partial; a partial takes every kPartials-th chunk in order.
  products_.assign(kPartials * square, 0.f);
  pool_.parallel_for(kPartials, [&](long partial) {
    std::vector<float> rows(static_cast<std::size_t>(3 * stride)), block(static_cast<std::size_t>(kRows * stride));
    std::vector<Influence> influences;
    float* products = &products_[static_cast<std::size_t>(partial) * square];
    for (long chunk = partial; chunk < chunks; chunk += kPartials) {
      long count = 0;
      for (long i = chunk * kChunk; i < std::min(selected(), (chunk + 1) * kChunk); ++i) {
        const long sample = active_[static_cast<std::size_t>(i)];
        Shaded s;
        if (!photometric::shade(args, sample, &s)) continue;
        const double weight = static_cast<double>(weight_[static_cast<std::size_t>(i)]);
        const float root = photometric::root_weight(s, unit, weight, robust2);
        jacobian_rows(args, own, sample, s, root, stride, influences, rows.data());
        for (long c = 0; c < 3; ++c, ++count)
          for (long p = 0; p < panels; ++p)
            std::copy_n(&rows[static_cast<std::size_t>(c * stride + p * kPanel)], kPanel,
                        &block[static_cast<std::size_t>((p * kRows + count) * kPanel)]);
      }
      for (long p = 0; p < panels; ++p)
        for (long q = p; q < panels; ++q)
          optim::dense_kernels().add_gram_tile_single(&block[static_cast<std::size_t>(p * kRows * kPanel)],
                                                      &block[static_cast<std::size_t>(q * kRows * kPanel)],
                                                      static_cast<int>(count), products + (p * stride + q) * kPanel,
                                                      static_cast<int>(stride));
    }
  });
}

void PhotometricTerm::add_products(optim::NormalEquations& equations, int first) {
  const ParameterLayout own = own_layout();
  const long n = own.total(), stride = product_panels() * kPanel;
  const std::size_t square = static_cast<std::size_t>(stride * stride);
  const auto place = [&](long i) {
    return first + static_cast<int>(i < own.first_albedo() ? i : i + layout_.nuisance);
  };
  row_sums_.resize(square);
  pool_.parallel_for(n, [&](long i) {
    const std::span<double> sums(&row_sums_[static_cast<std::size_t>(i * stride)], static_cast<std::size_t>(n + 1));
    const std::size_t own_first = static_cast<std::size_t>(i), size = sums.size();
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::size_t p = 0; p < kPartials; ++p)
      optim::dense_kernels().add_row(&products_[p * square + static_cast<std::size_t>(i * (stride + 1))], n + 1 - i,
                                     &sums[own_first]);
    const std::size_t gap = static_cast<std::size_t>(std::max<long>(i, own.first_albedo()));
    equations.add_hessian_row(place(i), place(i), sums.subspan(own_first, gap - own_first));
    equations.add_hessian_row(place(i), place(static_cast<long>(gap)), sums.subspan(gap, size - 1 - gap));
    equations.add_gradient(place(i), sums.back());
  });
}

// The unknowns that this term knows; behind them comes the residual, so that its products are the gradient.
ParameterLayout PhotometricTerm::own_layout() const {
  ParameterLayout own = layout_;
  own.nuisance = 0;
  return own;
}
long PhotometricTerm::product_panels() const { return own_layout().total() / kPanel + 1; }

// Three rows (one a channel), already multiplied by the root of the weight, and behind them the residual likewise.
void PhotometricTerm::jacobian_rows(const photometric::SampleArgs& args, const ParameterLayout& layout, long sample,
                                    const Shaded& s, float root, long stride, std::vector<Influence>& influences,
                                    float* rows) const {
  photometric::Slopes slopes{};
  if (layout.first_albedo() > 0) {
    slopes = photometric::slopes(args, s);
    // A neighbour belongs to two triangles of the sample's fan.
    influences.clear();
    photometric::visit_rows(args, sample, slopes, [&](std::int32_t row, const V3* by_position) {
      auto found = std::find_if(influences.begin(), influences.end(),
                                [row](const Influence& other) { return other.row == row; });
      if (found == influences.end()) found = influences.insert(found, Influence{row, {}});
      for (int c = 0; c < 3; ++c) found->by_position[c] = found->by_position[c] + by_position[c];
    });
    // The basis' padding reaches into the columns behind the shape's, which are written after it.
    combine_influences(influences.data(), influences.size(), *basis_, root, rows + layout.pose, stride);
  }
  for (int c = 0; c < 3; ++c) {
    float* row = rows + c * stride;
    std::fill(row + layout.first_albedo(), row + stride, 0.f);
    for (int k = 0; k < layout.pose; ++k) row[k] = root * slopes.pose[c][k];
    const float* basis = args.albedo_basis + (sample * 3 + c) * layout.albedo;
    for (int k = 0; k < layout.albedo; ++k) row[layout.first_albedo() + k] = root * s.light[c] * basis[k];
    for (int k = 0; k < 9; ++k) row[layout.first_light() + 9 * c + k] = root * s.albedo[c] * s.harmonics[k];
    row[layout.total()] = root * s.residual[c];
  }
}

}  // namespace hrn::fit
