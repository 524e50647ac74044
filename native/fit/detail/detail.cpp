#include "fit/detail/detail.hpp"

#include <algorithm>
#include <cmath>

#include "backends/cpu/cpu_backend.hpp"
#include "core/error.hpp"
#include "fit/detail/fit.hpp"
#include "fit/detail/sharpness.hpp"
#include "fit/parameters/fit.hpp"
#include "optim/dense.hpp"

namespace hrn::fit {
namespace {

constexpr Requirement require{"detail"};

void check_problem(const Model& model, const DetailProblem& p) {
  require(p.positions.size() == 3 * static_cast<std::size_t>(model.vertex_count), "three positions per vertex");
  for (const float v : p.positions) require(std::isfinite(v), "finite positions");
  require(static_cast<long>(p.albedo.size()) == model.albedo_count, "one value per albedo component");
  for (const double v : p.albedo) require(std::isfinite(v), "finite albedo coefficients");
  check_camera(p.camera);
  require(p.size >= 64 && p.size <= 8192, "a map of 64 to 8192 texels");
  require(std::isfinite(p.square.x0) && std::isfinite(p.square.y0) && p.square.side >= 1 && p.square.side < 1e6,
          "a square of the photo");
  require(
      p.skin_size > 0 && p.skin.size() == static_cast<std::size_t>(p.skin_size) * static_cast<std::size_t>(p.skin_size),
      "a skin mask of size x size");
  for (const float v : p.skin) require(v >= 0 && v <= 1, "skin mask values of 0 to 1");
  require(!model.parts.empty() && model.parts.front().first_triangle == 0, "a model whose first part is the skin");
}

// Pixels of the photo per mm at the middle of the face.
double pixels_per_mm_of(const Model& model, const DetailProblem& p) {
  double depth = 0, weight = 0;
  for (long v = 0; v < model.vertex_count; ++v) {
    const double w = static_cast<double>(model.deformable.data()[v]);
    if (!(w > 0)) continue;
    const Vec3<float> q = load3(p.positions.data(), v);
    depth += w * p.camera.transform({static_cast<double>(q.x), static_cast<double>(q.y), static_cast<double>(q.z)}).z;
    weight += w;
  }
  require(weight > 0 && depth > weight, "a face before the camera");
  return p.camera.focal_px * weight / depth;
}

std::vector<detail::Level> levels_of(const imaging::Image& photo, const DetailProblem& p, double pixels_per_mm,
                                     ThreadPool& pool) {
  constexpr long kCoarsest = 256, kFinest = 2048, kMostPixels = 2048;
  std::vector<detail::Level> levels;
  for (long size = kCoarsest; size <= kFinest && (size <= p.size || levels.empty()); size *= 2) {
    // A texel finer than half a pixel would be made up.
    const double texel_mm = detail::kTexelMm * 1024 / static_cast<double>(size);
    if (!levels.empty() && texel_mm * pixels_per_mm < 0.5) break;
    const double scale = std::min({1.0, 1 / (texel_mm * pixels_per_mm), kMostPixels / p.square.side});
    detail::Level level;
    level.size = size;
    level.side = std::max(16L, std::lround(scale * p.square.side));
    const double step = p.square.side / static_cast<double>(level.side);
    level.pixels_per_mm = pixels_per_mm / step;
    level.rgb = imaging::crop(
        pool, photo,
        {{step, 0, p.square.x0, 0, step, p.square.y0}, level.side, level.side, 0, 1, ops::Border::replicate});
    levels.push_back(std::move(level));
  }
  return levels;
}

bool is_grey(const std::vector<detail::Level>& levels) {
  constexpr double kSpread = 0.015;  // what rounding and compression leave of one
  const std::vector<float>& rgb = levels.front().rgb;
  double spread = 0;
  for (std::size_t i = 0; i < rgb.size(); i += 3) {
    const auto [low, high] = std::minmax({rgb[i], rgb[i + 1], rgb[i + 2]});
    spread += static_cast<double>(high - low);
  }
  return spread < kSpread * static_cast<double>(rgb.size() / 3);
}

}  // namespace

namespace detail {

Box box_of(const Model& model, long size) {
  double left = 1, top = 1, low = 0;
  for (long v = 0; v < model.vertex_count; ++v) {
    if (!(model.deformable.data()[v] > 0)) continue;
    const double u = static_cast<double>(model.uvs.data()[2 * v]), w = static_cast<double>(model.uvs.data()[2 * v + 1]);
    left = std::min({left, u, 1 - u});
    top = std::min(top, w);
    low = std::max(low, w);
  }
  const double n = static_cast<double>(size);
  const auto texel = [&](double at) { return std::clamp(static_cast<long>(std::floor(at * n)), 0L, size); };
  Box box;
  box.size = size;
  box.x0 = std::clamp(texel(left) - 2, 0L, size / 2 - 2);
  box.y0 = std::clamp(texel(top) - 2, 0L, size - 4);
  box.width = size - 2 * box.x0;
  box.height = std::clamp(texel(low) + 3 - box.y0, 4L, size - box.y0);
  return box;
}

std::array<float, 27> solved_light(const double* sums) {
  constexpr int kUnknowns = 16;  // a multiple of optim::kFactorBlock; the last ones are rows of the identity
  std::array<float, 27> light{};
  double a[kUnknowns * kUnknowns] = {};
  int at = 0;
  for (int r = 0; r < 9; ++r)
    for (int c = r; c < 9; ++c) a[r * kUnknowns + c] = sums[at++];
  // What faces show of the higher orders is little: they stay small unless they explain something.
  const double mean = a[0] / 0.7854;
  for (int r = 1; r < 9; ++r) a[r * kUnknowns + r] += (r < 4 ? 1e-3 : 2e-2) * mean;
  for (int r = 9; r < kUnknowns; ++r) a[r * kUnknowns + r] = 1;
  const auto& kernels = optim::dense_kernels(Isa::baseline);
  if (!(mean > 0) || !kernels.cholesky(a, kUnknowns, kUnknowns)) {
    for (std::size_t k = 0; k < 3; ++k) light[9 * k] = 1.f / 0.886227f;
    return light;
  }
  for (int k = 0; k < 3; ++k) {
    double b[kUnknowns] = {};
    for (int r = 0; r < 9; ++r) b[r] = sums[45 + 9 * k + r];
    optim::cholesky_solve(kernels, a, kUnknowns, kUnknowns, b);
    for (int r = 0; r < 9; ++r) light[static_cast<std::size_t>(9 * k + r)] = static_cast<float>(b[r]);
  }
  return light;
}

Separation separation() {
  // Pigment, and blood; deviations in log light. Shine is pigment's opposite: it whitens. Light that has gone through
  // skin softens relief, red light most, so wrinkles look a little like both: taken for wider, they hide wrinkles.
  constexpr double kPigment[3] = {0.39, 0.70, 1.0}, kBlood[3] = {0.15, 0.75, 0.6};
  constexpr double kPigmentSigma = 0.05, kBloodSigma = 0.03, kNoise = 0.025;
  double n[3][3];
  for (int r = 0; r < 3; ++r)
    for (int c = 0; c < 3; ++c)
      n[r][c] = kPigmentSigma * kPigmentSigma * kPigment[r] * kPigment[c] +
                kBloodSigma * kBloodSigma * kBlood[r] * kBlood[c] + (r == c ? kNoise * kNoise : 0);
  double inverse[3][3];
  const auto minor = [&](int r, int c) {
    const int r1 = (r + 1) % 3, r2 = (r + 2) % 3, c1 = (c + 1) % 3, c2 = (c + 2) % 3;
    return n[r1][c1] * n[r2][c2] - n[r1][c2] * n[r2][c1];
  };
  const double det = n[0][0] * minor(0, 0) + n[0][1] * minor(0, 1) + n[0][2] * minor(0, 2);
  double total = 0, share[3] = {0, 0, 0};
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) {
      inverse[r][c] = minor(c, r) / det;
      share[c] += inverse[r][c];
      total += inverse[r][c];
    }
  }
  Separation result;
  for (std::size_t k = 0; k < 3; ++k) result.share[k] = static_cast<float>(share[k] / total);
  int at = 0;
  for (int r = 0; r < 3; ++r)
    for (int c = r; c < 3; ++c) result.doubt[static_cast<std::size_t>(at++)] = static_cast<float>(inverse[r][c]);
  return result;
}

Resolved resolve(const Model& model, const imaging::Image& photo, const DetailProblem& problem, ThreadPool& pool) {
  check_problem(model, problem);
  Resolved resolved;
  resolved.pixels_per_mm = pixels_per_mm_of(model, problem) / pixels_per_sharp_pixel(photo, problem.square, pool);
  resolved.levels = levels_of(photo, problem, resolved.pixels_per_mm, pool);
  resolved.is_grey = is_grey(resolved.levels);
  return resolved;
}

}  // namespace detail

DetailResult fit_detail(const Model& model, const imaging::Image& photo, const DetailProblem& problem, ThreadPool& pool,
                        const Cancel& cancel, const Progress& progress) {
  const detail::Resolved resolved = detail::resolve(model, photo, problem, pool);
  CpuBackend backend(pool);
  return run_detail(model, host_arrays(model), problem, resolved, backend, cancel, progress);
}

}  // namespace hrn::fit
