// The linear least squares behind one displacement map: the height h over the texels of a box that minimises
//
//   sum_i weight (slope_u h_u + slope_v h_v + sky h - shift)^2      what the photo's shading says of height and
//   gradient
//       + area (tilt |grad h|^2 + bend (laplace h)^2 + lift h^2)     what heights are likely
//
// with h_u, h_v the differences to the next texel of the row and of the column, gradient and Laplacian on the surface.
// Conjugate gradients, preconditioned by the diagonal. The same source for every backend.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "backends/backend.hpp"
#include "core/cancel.hpp"
#include "fit/detail/grid.hpp"

namespace hrn::fit::detail {

struct HeightArgs {
  Box box{};
  float tilt = 0;                        // prior of the gradient, mm^-2
  float bend = 0;                        // prior of the Laplacian
  const std::uint8_t* active = nullptr;  // in [n]: 1 where the height is solved for; 0 on the border of the box
  const float* slope_u = nullptr;        // in [n]
  const float* slope_v = nullptr;        // in [n]
  const float* sky = nullptr;            // in [n], mm^-1
  const float* shift = nullptr;          // in [n]
  const float* lift = nullptr;           // in [n], prior of the height, mm^-4
  const float* weight = nullptr;         // in [n]
  const float* area = nullptr;           // in [n], mm^2
  const float* metric = nullptr;         // in [n][3]: |grad h|^2 = m0 h_u^2 + 2 m1 h_u h_v + m2 h_v^2, mm^-2
  float* height = nullptr;               // in and out [n], mm
  float* residual = nullptr;             // [n]
  float* direction = nullptr;            // [n]
  float* product = nullptr;              // [n], the matrix times the direction
  float* flux = nullptr;                 // [n][4], of a texel: what differences, Laplacian and height are multiplied by
  float* diagonal = nullptr;             // [n]
  double step = 0;
};

struct HeightSystem {
  static constexpr int kFlux = 4;
  // Whether texel i and the next of row and column are solved for.
  HRN_HD static bool has_gradient(const HeightArgs& a, long i) {
    return a.active[i] != 0 && a.active[i + 1] != 0 && a.active[i + a.box.width] != 0;
  }
  HRN_HD static bool has_laplacian(const HeightArgs& a, long i) {
    return has_gradient(a, i) && a.active[i - 1] != 0 && a.active[i - a.box.width] != 0;
  }

  // Per texel: its part of the energy's derivative by its differences, for the heights x.
  HRN_HD static void spread(const HeightArgs& a, long i, const float* x) {
    float flux[kFlux] = {};
    if (has_gradient(a, i)) {
      const float c = x[i], u = x[i + 1] - c, v = x[i + a.box.width] - c;
      const float* m = a.metric + 3 * i;
      const float data = a.weight[i] * (a.slope_u[i] * u + a.slope_v[i] * v + a.sky[i] * c), prior = a.tilt * a.area[i];
      flux[0] = data * a.slope_u[i] + prior * (m[0] * u + m[1] * v);
      flux[1] = data * a.slope_v[i] + prior * (m[1] * u + m[2] * v);
      flux[3] = data * a.sky[i];
      if (has_laplacian(a, i))
        flux[2] = a.bend * a.area[i] * (m[0] * (u + x[i - 1] - c) + m[2] * (v + x[i - a.box.width] - c));
    }
    for (int k = 0; k < kFlux; ++k) a.flux[kFlux * i + k] = flux[k];
  }
  // Per texel: what all differences that it takes part in say.
  HRN_HD static float collect(const HeightArgs& a, long i, float x) {
    if (a.active[i] == 0) return 0;
    const long w = a.box.width;
    const auto flux = [&](long j, int k) { return a.flux[kFlux * j + k]; };
    const auto metric = [&](long j, int k) { return a.metric[3 * j + k]; };
    return a.lift[i] * a.area[i] * x + flux(i, 3) - flux(i, 0) - flux(i, 1) + flux(i - 1, 0) + flux(i - w, 1) -
           2 * (metric(i, 0) + metric(i, 2)) * flux(i, 2) + metric(i - 1, 0) * flux(i - 1, 2) +
           metric(i + 1, 0) * flux(i + 1, 2) + metric(i - w, 2) * flux(i - w, 2) + metric(i + w, 2) * flux(i + w, 2);
  }
  HRN_HD static float diagonal_of(const HeightArgs& a, long i) {
    if (a.active[i] == 0) return 1;
    const long w = a.box.width;
    float sum = a.lift[i] * a.area[i];
    const auto first = [&](long j, float du, float dv, float own) {
      if (!has_gradient(a, j)) return;
      const float* m = a.metric + 3 * j;
      const float s = a.slope_u[j] * du + a.slope_v[j] * dv + a.sky[j] * own;
      sum += a.weight[j] * s * s + a.tilt * a.area[j] * (m[0] * du * du + 2 * m[1] * du * dv + m[2] * dv * dv);
    };
    first(i, -1, -1, 1);
    first(i - 1, 1, 0, 0);
    first(i - w, 0, 1, 0);
    const auto second = [&](long j, float factor) {
      if (has_laplacian(a, j)) sum += a.bend * a.area[j] * factor * factor;
    };
    second(i, 2 * (a.metric[3 * i] + a.metric[3 * i + 2]));
    // A neighbour on the border of the box has none, and its neighbours may lie outside.
    for (const long j : {i - 1, i + 1})
      if (a.active[j] != 0) second(j, a.metric[3 * j]);
    for (const long j : {i - w, i + w})
      if (a.active[j] != 0) second(j, a.metric[3 * j + 2]);
    return sum > 1e-20f ? sum : 1;
  }
  // The texels beside the border of the box are not active, so none looks outside.
  HRN_HD static bool inside(const HeightArgs& a, long i) {
    const long x = i % a.box.width, y = i / a.box.width;
    return x > 0 && y > 0 && x + 1 < a.box.width && y + 1 < a.box.height;
  }

  struct Diagonal {
    HRN_HD static void run(const HeightArgs& a, long i) { a.diagonal[i] = inside(a, i) ? diagonal_of(a, i) : 1; }
  };
  struct SpreadHeight {
    HRN_HD static void run(const HeightArgs& a, long i) {
      if (inside(a, i)) spread(a, i, a.height);
    }
  };
  // residual = right side - matrix * height; direction = residual / diagonal.
  struct Residual {
    HRN_HD static void run(const HeightArgs& a, long i) {
      float r = 0;
      if (inside(a, i) && a.active[i] != 0) {
        const long w = a.box.width;
        const auto pull = [&](long j, float du, float dv, float own) {
          if (has_gradient(a, j))
            r += a.weight[j] * a.shift[j] * (a.slope_u[j] * du + a.slope_v[j] * dv + a.sky[j] * own);
        };
        pull(i, -1, -1, 1);
        pull(i - 1, 1, 0, 0);
        pull(i - w, 0, 1, 0);
        r -= collect(a, i, a.height[i]);
      }
      a.residual[i] = r;
      a.direction[i] = r / a.diagonal[i];
    }
  };
  struct SpreadDirection {
    HRN_HD static void run(const HeightArgs& a, long i) {
      if (inside(a, i)) spread(a, i, a.direction);
    }
  };
  struct Product {
    HRN_HD static void run(const HeightArgs& a, long i) {
      a.product[i] = inside(a, i) ? collect(a, i, a.direction[i]) : 0;
    }
  };
  // Reductions: residual . residual / diagonal; direction . product.
  struct ResidualNorm {
    HRN_HD static void run(const HeightArgs& a, long i, double* sum) {
      const double r = static_cast<double>(a.residual[i]);
      sum[0] += r * r / static_cast<double>(a.diagonal[i]);
    }
  };
  struct Curvature {
    HRN_HD static void run(const HeightArgs& a, long i, double* sum) {
      sum[0] += static_cast<double>(a.direction[i]) * static_cast<double>(a.product[i]);
    }
  };
  struct Step {
    HRN_HD static void run(const HeightArgs& a, long i) {
      const float step = static_cast<float>(a.step);
      a.height[i] += step * a.direction[i];
      a.residual[i] -= step * a.product[i];
    }
  };
  struct Turn {
    HRN_HD static void run(const HeightArgs& a, long i) {
      a.direction[i] = a.residual[i] / a.diagonal[i] + static_cast<float>(a.step) * a.direction[i];
    }
  };
};

/// Improves `args.height`, until the residual has fallen to `tolerance` of that of the zero map or for at most so many
/// iterations. Returns how many it took. Throws hrn::Error when cancelled.
template <class B>
int solve_heights(HeightArgs args, int iterations, double tolerance, B& backend, const Cancel& cancel) {
  using S = HeightSystem;
  const long n = args.box.texels();
  backend.template for_each<S::Diagonal>(n, args);
  backend.template for_each<S::SpreadHeight>(n, args);
  backend.template for_each<S::Residual>(n, args);
  double norm = 0;
  backend.template reduce<S::ResidualNorm, 1>(n, args, &norm);
  const double goal = norm * tolerance * tolerance;
  int done = 0;
  while (done < iterations && norm > goal && norm > 0) {
    cancel.check();
    backend.template for_each<S::SpreadDirection>(n, args);
    backend.template for_each<S::Product>(n, args);
    double curvature = 0;
    backend.template reduce<S::Curvature, 1>(n, args, &curvature);
    if (!(curvature > 0)) break;
    args.step = norm / curvature;
    backend.template for_each<S::Step>(n, args);
    double next = 0;
    backend.template reduce<S::ResidualNorm, 1>(n, args, &next);
    args.step = next / norm;
    backend.template for_each<S::Turn>(n, args);
    norm = next;
    ++done;
  }
  return done;
}

}  // namespace hrn::fit::detail
