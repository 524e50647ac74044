#include "fit/photometric_term.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/isa.hpp"
#include "core/vec.hpp"
#include "ops/pose_project.hpp"
#include "ops/shade.hpp"

namespace hrn::fit {
namespace {

using V3 = Vec3<float>;
using ops::PoseProject;
using ops::Shade;

constexpr long kChunk = 64;         // samples whose rows are formed and folded into the normal equations together
constexpr long kPartials = 16;      // partial sums, added in order: the result does not depend on the thread count
constexpr float kMinFacing = 0.2f;  // cosine below which texture is too foreshortened to compare

photometric::Camera camera_of(const CameraPose& pose, const PhotoCrop& crop) {
  photometric::Camera c{};
  for (std::size_t i = 0; i < 9; ++i) c.r[i] = static_cast<float>(pose.rotation[i]);
  c.t = {static_cast<float>(pose.translation[0]), static_cast<float>(pose.translation[1]),
         static_cast<float>(pose.translation[2])};
  c.focal = static_cast<float>(pose.focal_px) * crop.scale;
  c.cx = (static_cast<float>(pose.principal_px[0]) - crop.x0) * crop.scale;
  c.cy = (static_cast<float>(pose.principal_px[1]) - crop.y0) * crop.scale;
  return c;
}
V3 to_view(V3 c) { return {c.x, -c.y, -c.z}; }

// Bilinear colour and its derivative per crop pixel. False outside the crop's interior.
bool look_up(const PhotoCrop& crop, float u, float v, float* colour, float* du, float* dv) {
  const float x = u - 0.5f, y = v - 0.5f;
  const float last = static_cast<float>(crop.size - 1);
  if (!(x >= 0 && y >= 0 && x < last && y < last)) return false;
  const long x0 = static_cast<long>(x), y0 = static_cast<long>(y);
  const float tx = x - static_cast<float>(x0), ty = y - static_cast<float>(y0);
  const float* a = crop.rgb + 3 * (y0 * crop.size + x0);
  const float* b = a + 3 * crop.size;
  for (int k = 0; k < 3; ++k) {
    const float top = a[k] + tx * (a[3 + k] - a[k]), bottom = b[k] + tx * (b[3 + k] - b[k]);
    colour[k] = top + ty * (bottom - top);
    if (du) {
      du[k] = (1 - ty) * (a[3 + k] - a[k]) + ty * (b[3 + k] - b[k]);
      dv[k] = bottom - top;
    }
  }
  return true;
}

}  // namespace

PhotometricTerm::PhotometricTerm(const Model& model, long identity_count, ThreadPool& pool)
    : model_(model), pool_(pool) {
  shape_ = identity_count + model.expression_count;
  columns_ = (shape_ + 7) / 8 * 8;
  std::unordered_map<std::int32_t, std::int32_t> row_of;
  const auto row = [&](std::int32_t vertex) {
    const auto [it, added] = row_of.try_emplace(vertex, static_cast<std::int32_t>(rows_.size()));
    if (added) rows_.push_back(vertex);
    return it->second;
  };
  // Every third deformable vertex: neighbours a pixel apart say nearly the same.
  constexpr long kStride = 3;
  const Topology& mesh = model.topology;
  for (long v = 0; v < model.vertex_count; v += kStride) {
    if (model.deformable[static_cast<std::size_t>(v)] < 0.5f) continue;
    Sample s{row(static_cast<std::int32_t>(v)), static_cast<std::int32_t>(v), static_cast<std::int32_t>(edges_.size()),
             0};
    for (long c = mesh.corner_offsets[static_cast<std::size_t>(v)];
         c < mesh.corner_offsets[static_cast<std::size_t>(v) + 1]; ++c) {
      const long corner = mesh.corners[static_cast<std::size_t>(c)], t = corner / 3, k = corner % 3;
      const auto at = [&](long j) { return mesh.triangles[static_cast<std::size_t>(3 * t + j % 3)]; };
      edges_.push_back({row(at(k + 1)), row(at(k + 2))});
      ++s.edge_count;
    }
    samples_.push_back(s);
  }
  basis_.assign(rows_.size() * 3 * static_cast<std::size_t>(columns_), 0.f);
  pool_.parallel_for(static_cast<long>(rows_.size()), [&](long r) {
    float* out = &basis_[static_cast<std::size_t>(r * 3 * columns_)];
    for (int axis = 0; axis < 3; ++axis) {
      const long value = 3L * rows_[static_cast<std::size_t>(r)] + axis;
      for (long k = 0; k < shape_; ++k) {
        const long component = k < identity_count ? k : k - identity_count + model.identity_count;
        out[axis * columns_ + k] = model.shape_value(component, value);
      }
    }
  });
  const long albedo = model.albedo_count;
  albedo_.resize(samples_.size() * 3 * static_cast<std::size_t>(albedo));
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    for (int c = 0; c < 3; ++c) {
      for (long k = 0; k < albedo; ++k) {
        albedo_[(i * 3 + static_cast<std::size_t>(c)) * static_cast<std::size_t>(albedo) +
                static_cast<std::size_t>(k)] = model.albedo_value(k, 3L * samples_[i].vertex + c);
      }
    }
  }
  positions_.resize(rows_.size() * 3);
}

void PhotometricTerm::evaluate_rows(const LandmarkState& state) {
  std::vector<float> c(static_cast<std::size_t>(columns_));
  for (std::size_t k = 0; k < static_cast<std::size_t>(shape_); ++k) c[k] = static_cast<float>(state.coefficients[k]);
  pool_.parallel_for(static_cast<long>(rows_.size() + kChunk - 1) / kChunk, [&](long chunk) {
    const long end = std::min<long>(static_cast<long>(rows_.size()), (chunk + 1) * kChunk);
    for (long r = chunk * kChunk; r < end; ++r) {
      for (int axis = 0; axis < 3; ++axis) {
        const float* b = &basis_[static_cast<std::size_t>((3 * r + axis) * columns_)];
        float lanes[8] = {};
        for (long k = 0; k < columns_; k += 8) {
          for (long j = 0; j < 8; ++j) lanes[j] += b[k + j] * c[static_cast<std::size_t>(k + j)];
        }
        float sum = 0;
        for (const float lane : lanes) sum += lane;
        positions_[static_cast<std::size_t>(3 * r + axis)] =
            model_.mean[static_cast<std::size_t>(3L * rows_[static_cast<std::size_t>(r)] + axis)] + sum;
      }
    }
  });
}

void PhotometricTerm::select(const LandmarkState& state, const PhotoCrop& crop,
                             const std::vector<std::uint8_t>& visible) {
  evaluate_rows(state);
  const photometric::Camera cam = camera_of(state.camera, crop);
  active_.clear();
  weight_.clear();
  total_weight_ = 0;
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const Sample& s = samples_[i];
    if (!visible[static_cast<std::size_t>(s.vertex)]) continue;
    V3 normal{0, 0, 0};
    const V3 x = load3(positions_.data(), s.row);
    for (long e = s.first_edge; e < s.first_edge + s.edge_count; ++e) {
      const Edge& edge = edges_[static_cast<std::size_t>(e)];
      normal = normal + cross(load3(positions_.data(), edge.a) - x, load3(positions_.data(), edge.b) - x);
    }
    const float area = length(normal);
    if (!(area > 1e-9f)) continue;
    const V3 p = PoseProject::rotate(cam.r, x) + cam.t;
    if (!(p.z > 1)) continue;
    const float facing = -dot(PoseProject::rotate(cam.r, normal), p) / (area * length(p));
    if (facing < kMinFacing) continue;
    const float u = cam.focal * p.x / p.z + cam.cx, v = cam.focal * p.y / p.z + cam.cy;
    float colour[3];
    if (!look_up(crop, u, v, colour, nullptr, nullptr)) continue;
    const long px = static_cast<long>(u), py = static_cast<long>(v);
    const float mask = crop.mask ? crop.mask[py * crop.size + px] : 1.f;
    const float w = mask * area * facing;  // image area of the sample's fan
    if (!(mask > 0.05f)) continue;
    active_.push_back(static_cast<std::int32_t>(i));
    weight_.push_back(w);
    total_weight_ += w;
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

bool PhotometricTerm::shade(const Appearance& look, const photometric::Camera& cam, const PhotoCrop& crop, long active,
                            photometric::Shaded* out) const {
  const std::size_t index = static_cast<std::size_t>(active_[static_cast<std::size_t>(active)]);
  const Sample& s = samples_[index];
  const V3 x = load3(positions_.data(), s.row);
  V3 normal{0, 0, 0};
  for (long e = s.first_edge; e < s.first_edge + s.edge_count; ++e) {
    const Edge& edge = edges_[static_cast<std::size_t>(e)];
    normal = normal + cross(load3(positions_.data(), edge.a) - x, load3(positions_.data(), edge.b) - x);
  }
  out->normal_length = length(normal);
  if (!(out->normal_length > 1e-9f)) return false;
  out->normal = (1 / out->normal_length) * normal;
  out->rotated = PoseProject::rotate(cam.r, x);
  out->camera_point = out->rotated + cam.t;
  const V3 p = out->camera_point;
  if (!(p.z > 1)) return false;
  if (!look_up(crop, cam.focal * p.x / p.z + cam.cx, cam.focal * p.y / p.z + cam.cy, out->photo, out->du, out->dv)) {
    return false;
  }
  out->view = to_view(PoseProject::rotate(cam.r, out->normal));
  Shade::basis(out->view, out->harmonics);
  const std::size_t count = look.albedo.size();
  for (std::size_t c = 0; c < 3; ++c) {
    const float* basis = &albedo_[(index * 3 + c) * count];
    double albedo = static_cast<double>(model_.albedo_mean[3 * static_cast<std::size_t>(s.vertex) + c]);
    for (std::size_t k = 0; k < count; ++k) albedo += static_cast<double>(basis[k]) * look.albedo[k];
    double light = 0;
    for (std::size_t k = 0; k < 9; ++k) light += static_cast<double>(out->harmonics[k]) * look.lighting[9 * c + k];
    out->albedo[c] = static_cast<float>(albedo);
    out->light[c] = static_cast<float>(light);
    out->residual[c] = out->albedo[c] * out->light[c] - out->photo[c];
  }
  return true;
}

double PhotometricTerm::scale(const PhotometricOptions& options) const {
  return total_weight_ > 0 ? options.effective_samples / (total_weight_ * sigma_ * sigma_) : 0;
}

double PhotometricTerm::energy(const LandmarkState& state, const Appearance& look, const PhotoCrop& crop,
                               const PhotometricOptions& options) {
  evaluate_rows(state);
  const photometric::Camera cam = camera_of(state.camera, crop);
  const double robust2 = options.robust * options.robust;
  const long chunks = (selected() + kChunk - 1) / kChunk;
  std::vector<double> sums(static_cast<std::size_t>(chunks));
  pool_.parallel_for(chunks, [&](long chunk) {
    double sum = 0;
    for (long i = chunk * kChunk; i < std::min(selected(), (chunk + 1) * kChunk); ++i) {
      photometric::Shaded s;
      double square = 0;
      if (shade(look, cam, crop, i, &s)) {
        for (const float r : s.residual) square += static_cast<double>(r) * static_cast<double>(r);
      } else {
        square = 1;  // leaving the crop must never pay
      }
      sum += static_cast<double>(weight_[static_cast<std::size_t>(i)]) * square / (1 + square / robust2);
    }
    sums[static_cast<std::size_t>(chunk)] = sum;
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return 0.5 * scale(options) * total;
}

double PhotometricTerm::mean_error(const LandmarkState& state, const Appearance& look, const PhotoCrop& crop) {
  evaluate_rows(state);
  const photometric::Camera cam = camera_of(state.camera, crop);
  double sum = 0;
  for (long i = 0; i < selected(); ++i) {
    photometric::Shaded s;
    if (!shade(look, cam, crop, i, &s)) continue;
    for (const float r : s.residual)
      sum += static_cast<double>(weight_[static_cast<std::size_t>(i)] * std::fabs(r)) / 3;
  }
  return total_weight_ > 0 ? sum / total_weight_ : 0;
}

void PhotometricTerm::accumulate(const LandmarkState& state, const Appearance& look, const PhotoCrop& crop,
                                 const PhotometricOptions& options, const ParameterLayout& layout,
                                 optim::NormalEquations& equations) {
  evaluate_rows(state);
  const photometric::Camera cam = camera_of(state.camera, crop);
  const long n = layout.total(), stride = (n + 7) / 8 * 8;
  const double robust2 = options.robust * options.robust, unit = scale(options);
  float lighting[27];
  for (std::size_t k = 0; k < 27; ++k) lighting[k] = static_cast<float>(look.lighting[k]);
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
        photometric::Shaded s;
        if (!shade(look, cam, crop, i, &s)) continue;
        double sum = 0;
        for (const float r : s.residual) sum += static_cast<double>(r) * static_cast<double>(r);
        const double falloff = 1 / ((1 + sum / robust2) * (1 + sum / robust2));
        const float root =
            static_cast<float>(std::sqrt(unit * falloff * static_cast<double>(weight_[static_cast<std::size_t>(i)])));
        jacobian_rows(cam, lighting, layout, i, s, root, stride, rows.data());
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
void PhotometricTerm::jacobian_rows(const photometric::Camera& cam, const float* lighting,
                                    const ParameterLayout& layout, long active, const photometric::Shaded& s,
                                    float root, long stride, float* rows) const {
  const std::size_t index = static_cast<std::size_t>(active_[static_cast<std::size_t>(active)]);
  const Sample& sample = samples_[index];
  std::fill(rows, rows + 3 * stride, 0.f);
  const V3 p = s.camera_point;
  const float fz = cam.focal / p.z;
  V3 image[3], turn[3];  // derivative by the camera point through the image; by the unit normal through the light
  for (int c = 0; c < 3; ++c) {
    float* row = rows + c * stride;
    image[c] = {-fz * s.du[c], -fz * s.dv[c], fz * (s.du[c] * p.x + s.dv[c] * p.y) / p.z};
    const V3 by_rotated_normal =
        s.albedo[c] * to_view(Shade::basis_gradient(s.view, lighting + 9 * c));  // camera frame
    const V3 rotated_normal = to_view(s.view);
    const V3 w = cross(s.rotated, image[c]) + cross(rotated_normal, by_rotated_normal);
    const float pose[7] = {
        w.x, w.y, w.z, image[c].x, image[c].y, image[c].z, image[c].z * cam.t.z - fz * (s.du[c] * p.x + s.dv[c] * p.y)};
    for (int k = 0; k < layout.pose; ++k) row[k] = root * pose[k];
    const float* basis = &albedo_[(index * 3 + static_cast<std::size_t>(c)) * static_cast<std::size_t>(layout.albedo)];
    for (int k = 0; k < layout.albedo; ++k) row[layout.first_albedo() + k] = root * s.light[c] * basis[k];
    for (int k = 0; k < 9; ++k) row[layout.first_light() + 9 * c + k] = root * s.albedo[c] * s.harmonics[k];
    const V3 head = PoseProject::rotate_back(cam.r, by_rotated_normal);
    // Through the normalisation: only the part across the normal counts.
    turn[c] = (1 / s.normal_length) * (head - dot(head, s.normal) * s.normal);
    image[c] = PoseProject::rotate_back(cam.r, image[c]);
  }
  const auto add = [&](std::int32_t row, const V3* by_position) {
    const float* b = &basis_[static_cast<std::size_t>(row) * 3 * static_cast<std::size_t>(columns_)];
    for (int c = 0; c < 3; ++c) {
      float* out = rows + c * stride + layout.pose;
      const float x = root * by_position[c].x, y = root * by_position[c].y, z = root * by_position[c].z;
      add_basis(b, columns_, shape_, x, y, z, out);
    }
  };
  V3 self[3] = {image[0], image[1], image[2]};
  const V3 x = load3(positions_.data(), sample.row);
  for (long e = sample.first_edge; e < sample.first_edge + sample.edge_count; ++e) {
    const Edge& edge = edges_[static_cast<std::size_t>(e)];
    const V3 a = load3(positions_.data(), edge.a) - x, b = load3(positions_.data(), edge.b) - x;
    V3 by_a[3], by_b[3];
    for (int c = 0; c < 3; ++c) {  // of turn . (a x b)
      by_a[c] = cross(b, turn[c]);
      by_b[c] = cross(turn[c], a);
      self[c] = self[c] - by_a[c] - by_b[c];
    }
    add(edge.a, by_a);
    add(edge.b, by_b);
  }
  add(sample.row, self);
}

}  // namespace hrn::fit
