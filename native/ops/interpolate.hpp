// Vertex attributes to pixels through the rasterizer's triangle ids and barycentrics, and the gradients back: pixels
// are gathered by their triangle into corner slots (see corner_gather.hpp for the step to vertices).
//
// Visibility is constant within an iteration; barycentrics depend on the screen positions of the three corners. With A
// the interpolated attribute, p the pixel, lambda the screen-space and b the perspective-correct barycentrics:
//   dA/dscreen_j = -lambda_j dA/dp   (moving corner j by d moves the point with given lambda by lambda_j d)
//   dA/ddepth_j  = -(A_j - A) b_j / depth_j
#pragma once
#include <cstdint>

#include "core/host_device.hpp"
#include "core/vec.hpp"
#include "ops/rasterize.hpp"

namespace hrn::ops {

template <class Real>
struct InterpolateArgs {
  const std::int32_t* triangles = nullptr;    // in, [T][3]
  const std::int32_t* triangle_id = nullptr;  // in, [H][W]
  const Real* barycentrics = nullptr;         // in, [H][W][2]
  const Real* attributes = nullptr;           // in, [V][C]
  Real* pixels = nullptr;                     // out, [H][W][C]; zero where nothing is seen
  // Backward.
  long width = 0;                     // px
  const PixelBox* boxes = nullptr;    // in, [T]
  const Real* grad_pixels = nullptr;  // in, [H][W][C]
  Real* attribute_slots = nullptr;    // out, [T][3][C], gradient per corner
  const Real* screen = nullptr;       // in, [V][3]; only for screen_slots
  Real* screen_slots = nullptr;       // out or added to (see BackwardScreen), [T][3][3]
};

template <int C>
struct Interpolate {
  template <class Real>
  HRN_HD static void forward(const InterpolateArgs<Real>& a, long pixel) {
    const long t = a.triangle_id[pixel];
    Real value[C] = {};
    if (t >= 0) {
      const Real b0 = a.barycentrics[2 * pixel], b1 = a.barycentrics[2 * pixel + 1];
      const Real b[3] = {b0, b1, Real(1) - b0 - b1};
      for (int corner = 0; corner < 3; ++corner) {
        const Real* attribute = a.attributes + static_cast<long>(a.triangles[3 * t + corner]) * C;
        for (int c = 0; c < C; ++c) value[c] += b[corner] * attribute[c];
      }
    }
    for (int c = 0; c < C; ++c) a.pixels[pixel * C + c] = value[c];
  }

  /// One pixel's share of its triangle's attribute gradients.
  template <class Real>
  HRN_HD static void add_attributes(const InterpolateArgs<Real>& a, long pixel, Real slot[3][C]) {
    const Real b0 = a.barycentrics[2 * pixel], b1 = a.barycentrics[2 * pixel + 1];
    const Real b2 = Real(1) - b0 - b1;
    for (int c = 0; c < C; ++c) {
      const Real g = a.grad_pixels[pixel * C + c];
      slot[0][c] += b0 * g;
      slot[1][c] += b1 * g;
      slot[2][c] += b2 * g;
    }
  }

  /// Gradient with respect to the attributes of the three corners of triangle t.
  template <class Real>
  HRN_HD static void backward(const InterpolateArgs<Real>& a, long t) {
    Real slot[3][C] = {};
    const PixelBox box = a.boxes[t];
    for (long y = box.y0; y < box.y1; ++y) {
      for (long x = box.x0; x < box.x1; ++x) {
        const long pixel = y * a.width + x;
        if (a.triangle_id[pixel] != t) continue;
        add_attributes(a, pixel, slot);
      }
    }
    for (int corner = 0; corner < 3; ++corner)
      for (int c = 0; c < C; ++c) a.attribute_slots[(3 * t + corner) * C + c] = slot[corner][c];
  }

  /// What backward_screen needs of a triangle.
  template <class Real>
  struct ScreenTriangle {
    const Real* attribute[3];
    Real depth[3], inverse_depth[3];
    Real dx[3], dy[3];  // d lambda_i / d pixel
    bool valid;
  };

  template <class Real>
  HRN_HD static ScreenTriangle<Real> screen_triangle(const InterpolateArgs<Real>& a, long t) {
    Vec3<Real> s[3];
    ScreenTriangle<Real> out;
    for (int i = 0; i < 3; ++i) {
      const long v = a.triangles[3 * t + i];
      s[i] = load3(a.screen, v);
      out.attribute[i] = a.attributes + v * C;
      out.depth[i] = s[i].z;
      out.inverse_depth[i] = Real(1) / s[i].z;
    }
    const Real area = (s[1].x - s[0].x) * (s[2].y - s[0].y) - (s[1].y - s[0].y) * (s[2].x - s[0].x);
    out.valid = area > Real(1.0 / 256) || area < Real(-1.0 / 256);
    const Real inverse_area = Real(1) / area;
    for (int i = 0; i < 3; ++i) {
      const Vec3<Real> b = s[(i + 1) % 3], c = s[(i + 2) % 3];
      out.dx[i] = (b.y - c.y) * inverse_area;
      out.dy[i] = (c.x - b.x) * inverse_area;
    }
    return out;
  }

  /// Gradient with respect to the screen positions (x, y, depth) of the three corners of triangle t. Slivers below
  /// 1/256 px of doubled area get none: their barycentrics are not a meaningful function of position.
  template <class Real>
  HRN_HD static void backward_screen(const InterpolateArgs<Real>& a, long t, Real slot[9]) {
    for (int i = 0; i < 9; ++i) slot[i] = 0;
    const PixelBox box = a.boxes[t];
    // Prepared at the first pixel: most triangles own none.
    ScreenTriangle<Real> s;
    bool prepared = false;
    for (long y = box.y0; y < box.y1; ++y) {
      for (long x = box.x0; x < box.x1; ++x) {
        const long pixel = y * a.width + x;
        if (a.triangle_id[pixel] != t) continue;
        if (!prepared) {
          s = screen_triangle(a, t);
          if (!s.valid) return;
          prepared = true;
        }
        add_pixel(a, s, pixel, slot);
      }
    }
  }

  template <class Real>
  HRN_HD static void add_pixel(const InterpolateArgs<Real>& a, const ScreenTriangle<Real>& s, long pixel,
                               Real slot[9]) {
    const Real b0 = a.barycentrics[2 * pixel], b1 = a.barycentrics[2 * pixel + 1];
    const Real b[3] = {b0, b1, Real(1) - b0 - b1};
    // Projections of the attributes on the gradient: g . A_i, and their interpolated value g . A.
    Real along[3] = {};
    for (int c = 0; c < C; ++c) {
      const Real g = a.grad_pixels[pixel * C + c];
      for (int i = 0; i < 3; ++i) along[i] += g * s.attribute[i][c];
    }
    const Real mean = b[0] * along[0] + b[1] * along[1] + b[2] * along[2];
    Real q[3], grad_x = 0, grad_y = 0;
    for (int i = 0; i < 3; ++i) {
      q[i] = (along[i] - mean) * s.inverse_depth[i];
      grad_x += q[i] * s.dx[i];
      grad_y += q[i] * s.dy[i];
    }
    // The depth of the pixel in q and its reciprocal in lambda cancel.
    for (int i = 0; i < 3; ++i) {
      const Real lambda_depth = b[i] * s.depth[i];
      slot[3 * i] -= lambda_depth * grad_x;
      slot[3 * i + 1] -= lambda_depth * grad_y;
      slot[3 * i + 2] -= q[i] * b[i];
    }
  }

  /// Both gradients of triangle t in one pass over its pixels; overwrites both kinds of slots.
  template <class Real>
  HRN_HD static void backward_both(const InterpolateArgs<Real>& a, long t) {
    Real attribute[3][C] = {}, slot[9] = {};
    const PixelBox box = a.boxes[t];
    ScreenTriangle<Real> s;
    bool prepared = false;
    for (long y = box.y0; y < box.y1; ++y) {
      for (long x = box.x0; x < box.x1; ++x) {
        const long pixel = y * a.width + x;
        if (a.triangle_id[pixel] != t) continue;
        if (!prepared) {
          s = screen_triangle(a, t);
          prepared = true;
        }
        add_attributes(a, pixel, attribute);
        if (s.valid) add_pixel(a, s, pixel, slot);
      }
    }
    for (int corner = 0; corner < 3; ++corner)
      for (int c = 0; c < C; ++c) a.attribute_slots[(3 * t + corner) * C + c] = attribute[corner][c];
    for (int i = 0; i < 9; ++i) a.screen_slots[9 * t + i] = slot[i];
  }

  /// Per pixel.
  struct Forward {
    template <class Args>
    HRN_HD static void run(const Args& a, long pixel) {
      forward(a, pixel);
    }
  };
  /// Per triangle.
  struct Backward {
    template <class Args>
    HRN_HD static void run(const Args& a, long t) {
      backward(a, t);
    }
  };
  /// Per triangle; overwrites attribute_slots and screen_slots.
  struct BackwardBoth {
    template <class Args>
    HRN_HD static void run(const Args& a, long t) {
      backward_both(a, t);
    }
  };
  /// Per triangle; overwrites screen_slots.
  struct BackwardScreen {
    template <class Real>
    HRN_HD static void run(const InterpolateArgs<Real>& a, long t) {
      Real slot[9];
      backward_screen(a, t, slot);
      for (int i = 0; i < 9; ++i) a.screen_slots[9 * t + i] = slot[i];
    }
  };
  /// Per triangle; adds, for a second attribute of the same iteration.
  struct BackwardScreenAdd {
    template <class Real>
    HRN_HD static void run(const InterpolateArgs<Real>& a, long t) {
      Real slot[9];
      backward_screen(a, t, slot);
      for (int i = 0; i < 9; ++i) a.screen_slots[9 * t + i] += slot[i];
    }
  };
};

}  // namespace hrn::ops
