#include "fit/dense/normal_term.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/vec.hpp"
#include "fit/head/basis_rows.hpp"
#include "fit/head/target_rows.hpp"
#include "losses/robust.hpp"

namespace hrn::fit {
namespace {

// Cosine towards the camera below which a patch is too foreshortened, and above which it counts in full.
constexpr double kMinFacing = 0.15, kFullFacing = 0.35;
// Least share of visible skin.
constexpr double kMinSkin = 0.5;

constexpr losses::Robust kForm = losses::Robust::geman_mcclure;

constexpr Requirement require{"normals"};

Vec3<double> unit(Vec3<double> v) { return (1 / std::sqrt(dot(v, v))) * v; }

// Rotation, as a vector, that brings unit vectors `from` closest to `to`, by weights: three steps of Gauss and Newton.
template <class Pairs>
CameraPose alignment(const Pairs& pairs) {
  CameraPose turned;
  turned.rotation = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  for (int step = 0; step < 3; ++step) {
    double a[6] = {}, b[3] = {};
    for (const auto& pair : pairs) {
      const Vec3<double> n = turned.rotate(pair.from), c = cross(n, pair.to);
      const double w = pair.weight;
      a[0] += w * (1 - n.x * n.x), a[1] -= w * n.x * n.y, a[2] -= w * n.x * n.z;
      a[3] += w * (1 - n.y * n.y), a[4] -= w * n.y * n.z, a[5] += w * (1 - n.z * n.z);
      b[0] += w * c.x, b[1] += w * c.y, b[2] += w * c.z;
    }
    // By cofactors of the symmetric 3 x 3.
    const double c00 = a[3] * a[5] - a[4] * a[4], c01 = a[2] * a[4] - a[1] * a[5], c02 = a[1] * a[4] - a[2] * a[3];
    const double determinant = a[0] * c00 + a[1] * c01 + a[2] * c02;
    if (!(determinant > 1e-9)) break;
    const double c11 = a[0] * a[5] - a[2] * a[2], c12 = a[1] * a[2] - a[0] * a[4], c22 = a[0] * a[3] - a[1] * a[1];
    turned.turn({(c00 * b[0] + c01 * b[1] + c02 * b[2]) / determinant,
                 (c01 * b[0] + c11 * b[1] + c12 * b[2]) / determinant,
                 (c02 * b[0] + c12 * b[1] + c22 * b[2]) / determinant});
  }
  return turned;
}

}  // namespace

void check_normals(const NormalProblem& p) {
  if (p.size == 0) return;
  require(p.size >= 2 && p.size <= 4096, "a map of 2 to 4096 px");
  const std::size_t plane = static_cast<std::size_t>(p.size) * static_cast<std::size_t>(p.size);
  require(p.normals.size() == 3 * plane && p.sigma.size() == plane && p.skin.size() == plane,
          "normals, deviations and skin of size x size");
  for (const float v : p.normals) require(std::isfinite(v), "finite normals");
  for (const float v : p.sigma) require(v > 0 && std::isfinite(v), "positive deviations");
  for (const float v : p.skin) require(v >= 0 && v <= 1.001f, "probabilities of 0 to 1");
  const double determinant = p.to_photo[0] * p.to_photo[4] - p.to_photo[1] * p.to_photo[3];
  require(std::isfinite(determinant) && determinant > 0, "a map that is turned and scaled only");
  for (const double v : {p.effective, p.floor_sigma, p.robust_scale})
    require(v >= 0 && std::isfinite(v), "deviations of 0 or more");
  require(p.robust_scale > 0 && p.floor_sigma > 0, "positive deviations");
}

NormalTerm::NormalTerm(const Model& model, const NormalProblem& problem, long identity_count)
    : model_(model),
      problem_(problem),
      identity_count_(identity_count),
      coefficients_(identity_count + model.expression_count) {
  if (problem.size == 0) return;
  patches_ = model.normal_patches.get(0, [&] { return NormalPatches(model); });
  from_photo_ = imaging::inverse(problem.to_photo);
}

// Bilinear; the normal in the camera's frame (x right, y down, z away).
void NormalTerm::read_map(const CameraPose& camera, double x, double y, Vec3<double>& normal, double& sigma,
                          double& skin) const {
  const imaging::Point p = imaging::mapped(from_photo_, x, y);
  const long size = problem_.size;
  const double last = static_cast<double>(size - 1);
  skin = 0;
  if (!(p[0] >= 0.5 && p[1] >= 0.5 && p[0] < last && p[1] < last)) return;
  const double u = p[0] - 0.5, v = p[1] - 0.5;
  const long column = static_cast<long>(u), row = static_cast<long>(v);
  const double right = u - static_cast<double>(column), down = v - static_cast<double>(row);
  const auto look_up = [&](const std::vector<float>& plane, long first) {
    const float* at = plane.data() + (first * size + row) * size + column;
    const auto value = [&](long i) { return static_cast<double>(at[i]); };
    const double upper = value(0) + right * (value(1) - value(0));
    const double lower = value(size) + right * (value(size + 1) - value(size));
    return upper + down * (lower - upper);
  };
  skin = look_up(problem_.skin, 0);
  sigma = look_up(problem_.sigma, 0);
  // The camera that looks at the middle of the map and is level with it.
  const imaging::Point middle = imaging::mapped(problem_.to_photo, 0.5 * last + 0.5, 0.5 * last + 0.5);
  const Vec3<double> forward = unit({(middle[0] - camera.principal_px[0]) / camera.focal_px,
                                     (middle[1] - camera.principal_px[1]) / camera.focal_px, 1});
  const Vec3<double> level = unit({problem_.to_photo[0], problem_.to_photo[3], 0});
  const Vec3<double> across = unit(level - dot(level, forward) * forward), below = cross(forward, across);
  const double nx = look_up(problem_.normals, 0), ny = look_up(problem_.normals, 1), nz = look_up(problem_.normals, 2);
  normal = unit(nx * across - ny * below - nz * forward);
}

void NormalTerm::match(const HeadState& state, const std::vector<float>& positions, const std::vector<float>& visible,
                       ThreadPool& pool) {
  targets_.clear();
  if (!patches_) return;
  struct Pair {
    std::size_t patch;
    Vec3<double> from, to;  // what the photo shows, what the head has; camera frame
    double weight, sigma;
    Vec3<double> area;
  };
  std::vector<Pair> pairs;
  const CameraPose& camera = state.camera;
  const auto vertex = [&](std::uint32_t v) {
    const Vec3<float> p = load3(positions.data(), static_cast<long>(v));
    return Vec3<double>{static_cast<double>(p.x), static_cast<double>(p.y), static_cast<double>(p.z)};
  };
  for (std::size_t i = 0; i < patches_->patches.size(); ++i) {
    const NormalPatches::Patch& patch = patches_->patches[i];
    double weight = static_cast<double>(visible[patch.centre]);
    if (!(weight > 0)) continue;
    const Vec3<double> centre = vertex(patch.centre);
    Vec3<double> area{0, 0, 0};
    for (long e = patch.first_edge; e < patch.first_edge + patch.edge_count; ++e) {
      const NormalPatches::Edge& edge = patches_->edges[static_cast<std::size_t>(e)];
      area = area + 0.5 * cross(vertex(patches_->vertices[static_cast<std::size_t>(edge.from)]) - centre,
                                vertex(patches_->vertices[static_cast<std::size_t>(edge.to)]) - centre);
    }
    if (!(dot(area, area) > 1e-6)) continue;
    const Vec3<double> at = camera.transform(centre), own = camera.rotate(unit(area));
    const double facing = -dot(own, unit(at));
    weight *= std::clamp((facing - kMinFacing) / (kFullFacing - kMinFacing), 0.0, 1.0);
    double pixel[2], sigma = 1, skin;
    camera.project(at, pixel);
    Vec3<double> seen{0, 0, -1};
    read_map(camera, pixel[0], pixel[1], seen, sigma, skin);
    weight *= std::clamp((skin - kMinSkin) / (1 - kMinSkin), 0.0, 1.0);
    if (!(weight > 0)) continue;
    sigma = std::sqrt(sigma * sigma + problem_.floor_sigma * problem_.floor_sigma);
    pairs.push_back({i, seen, own, weight / (sigma * sigma), sigma, area});
  }
  const CameraPose aligned = alignment(pairs);
  const double share = problem_.effective / static_cast<double>(patches_->patches.size());
  for (const Pair& pair : pairs) {
    const Vec3<double> n = unit(camera.rotate_back(aligned.rotate(pair.from)));
    const Vec3<double> a = unit(cross(n, std::abs(n.y) < 0.8 ? Vec3<double>{0, 1, 0} : Vec3<double>{1, 0, 0}));
    const Vec3<double> b = cross(n, a);
    const double weight = pair.weight * pair.sigma * pair.sigma * share;
    targets_.push_back({{{a.x, a.y, a.z}, {b.x, b.y, b.z}}, 1 / pair.sigma, weight, pair.area});
  }
  matched_at_.assign(state.coefficients.begin(), state.coefficients.begin() + coefficients_);
  // Area vectors move with the coefficients nearly linearly.
  const std::size_t shape = static_cast<std::size_t>(coefficients_),
                    columns = static_cast<std::size_t>(patches_->columns);
  jacobian_.assign(3 * pairs.size() * shape, 0.0f);
  pool.parallel_for(static_cast<long>(pairs.size()), [&](long t) {
    const NormalPatches::Patch& patch = patches_->patches[pairs[static_cast<std::size_t>(t)].patch];
    const Vec3<double> centre = vertex(patch.centre);
    std::vector<float> rows(3 * columns), sums(3 * columns, 0.0f);
    const auto add = [&](std::int32_t place, Vec3<double> c) {
      // d area = 0.5 c x dx for this vertex, by rows of its x, y and z.
      for (std::size_t axis = 0; axis < 3; ++axis)
        basis_row_kernels().unpack(patches_->basis.data() + (3 * static_cast<std::size_t>(place) + axis) * columns,
                                   patches_->columns, rows.data() + axis * columns);
      const float cx = static_cast<float>(0.5 * c.x), cy = static_cast<float>(0.5 * c.y),
                  cz = static_cast<float>(0.5 * c.z);
      const float *x = rows.data(), *y = x + columns, *z = y + columns;
      for (std::size_t k = 0; k < columns; ++k) {
        sums[k] += cy * z[k] - cz * y[k];
        sums[columns + k] += cz * x[k] - cx * z[k];
        sums[2 * columns + k] += cx * y[k] - cy * x[k];
      }
    };
    for (long e = patch.first_edge; e < patch.first_edge + patch.edge_count; ++e) {
      const NormalPatches::Edge& edge = patches_->edges[static_cast<std::size_t>(e)];
      const Vec3<double> from = vertex(patches_->vertices[static_cast<std::size_t>(edge.from)]) - centre;
      const Vec3<double> to = vertex(patches_->vertices[static_cast<std::size_t>(edge.to)]) - centre;
      // from x d(to), and d(from) x to = (-to) x d(from).
      add(edge.to, from);
      add(edge.from, -1.0 * to);
    }
    float* out = jacobian_.data() + 3 * static_cast<std::size_t>(t) * shape;
    const std::size_t identity = static_cast<std::size_t>(identity_count_);
    const std::size_t skipped = static_cast<std::size_t>(model_.identity_count) - identity;
    for (std::size_t axis = 0; axis < 3; ++axis)
      for (std::size_t k = 0; k < shape; ++k)
        out[axis * shape + k] = sums[axis * columns + (k < identity ? k : k + skipped)];
  });
}

std::vector<double> NormalTerm::moved(const HeadState& state) const {
  std::vector<double> moved(matched_at_.size());
  for (std::size_t k = 0; k < moved.size(); ++k) moved[k] = state.coefficients[k] - matched_at_[k];
  return moved;
}

Vec3<double> NormalTerm::area(const std::vector<double>& moved, std::size_t i) const {
  const std::size_t shape = static_cast<std::size_t>(coefficients_);
  const float* j = jacobian_.data() + 3 * i * shape;
  const auto change = [&](std::size_t axis) {
    return basis_row_kernels().evaluate(0, j + axis * shape, moved.data(), coefficients_);
  };
  return targets_[i].area + Vec3<double>{change(0), change(1), change(2)};
}

double NormalTerm::energy(const HeadState& state, ThreadPool& pool) const {
  const std::vector<double> change = moved(state);
  return 0.5 * sum_of_targets(pool, targets_.size(), [&](std::size_t i) {
           const Target& t = targets_[i];
           const Vec3<double> n = unit(area(change, i));
           double squared = 0;
           for (const auto& axis : t.axes) {
             const double r = (axis[0] * n.x + axis[1] * n.y + axis[2] * n.z) * t.inverse_sigma;
             squared += r * r;
           }
           return t.weight * losses::robust(kForm, squared, problem_.robust_scale).rho;
         });
}

void NormalTerm::accumulate(const HeadState& state, const ParameterLayout& layout, ThreadPool& pool,
                            optim::NormalEquations& equations) {
  const std::vector<double> change = moved(state);
  accumulate_pairs(
      targets_.size(), kRows, layout, pool, rows_, equations,
      [&](std::size_t i, int first, std::span<float> row) { set_rows(i, change, layout, first, row, equations); });
}

// Both rows of target i.
void NormalTerm::set_rows(std::size_t i, const std::vector<double>& change, const ParameterLayout& layout, int first,
                          std::span<float> row, optim::NormalEquations& equations) const {
  const std::size_t shape = static_cast<std::size_t>(coefficients_);
  const Target& t = targets_[i];
  const Vec3<double> a = area(change, i);
  const double length = std::sqrt(dot(a, a));
  const Vec3<double> n = (1 / length) * a;
  double r[2], squared = 0;
  for (int k = 0; k < 2; ++k) {
    r[k] = (t.axes[k][0] * n.x + t.axes[k][1] * n.y + t.axes[k][2] * n.z) * t.inverse_sigma;
    squared += r[k] * r[k];
  }
  const double root = std::sqrt(t.weight * losses::robust(kForm, squared, problem_.robust_scale).derivative);
  for (int k = 0; k < 2; ++k) {
    const Vec3<double> axis{t.axes[k][0], t.axes[k][1], t.axes[k][2]};
    const Vec3<double> g = (root * t.inverse_sigma / length) * (axis - dot(axis, n) * n);
    const float weights[3] = {static_cast<float>(g.x), static_cast<float>(g.y), static_cast<float>(g.z)};
    const float* j = jacobian_.data() + 3 * i * shape;
    const float* rows[3] = {j, j + shape, j + 2 * shape};
    basis_row_kernels().combine(rows, weights, 3, coefficients_, row.data() + layout.pose);
    equations.set_row(first + k, row, root * r[k]);
  }
}

}  // namespace hrn::fit
