#include "rig/blend_shapes.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hrn::rig {
namespace {

double length(const float* v) {
  const double x = v[0], y = v[1], z = v[2];
  return std::sqrt(x * x + y * y + z * z);
}

bool is_zero(const float* v) { return v[0] == 0 && v[1] == 0 && v[2] == 0; }

/// Adds `weight` times the triangle's normal, as long as twice its area, to the sums of its corners. In double: a
/// shape's change is a small difference of large sums.
void add_triangle(const float* positions, const std::uint32_t* corners, double weight, float* sums) {
  const float* p = positions + 3 * corners[0];
  const float* q = positions + 3 * corners[1];
  const float* r = positions + 3 * corners[2];
  double u[3], v[3];
  for (int k = 0; k < 3; ++k) {
    u[k] = static_cast<double>(q[k]) - p[k];
    v[k] = static_cast<double>(r[k]) - p[k];
  }
  const double normal[3] = {weight * (u[1] * v[2] - u[2] * v[1]), weight * (u[2] * v[0] - u[0] * v[2]),
                            weight * (u[0] * v[1] - u[1] * v[0])};
  for (int corner = 0; corner < 3; ++corner) {
    float* sum = sums + 3 * corners[corner];
    for (int k = 0; k < 3; ++k) sum[k] = static_cast<float>(sum[k] + normal[k]);
  }
}

/// (0, 0, 1) where the triangles around a vertex have no area.
void write_direction(const float* sum, float* out) {
  const double size = length(sum);
  const double scale = size > 1e-12 && std::isfinite(size) ? 1 / size : 0;
  for (int k = 0; k < 3; ++k) out[k] = static_cast<float>(scale * sum[k]);
  if (scale == 0) out[2] = 1;
}

void append(SparseVectors& to, std::size_t vertex, const float* value) {
  to.vertices.push_back(static_cast<std::uint32_t>(vertex));
  to.values.insert(to.values.end(), value, value + 3);
}

/// One shape after the other, in the same arrays.
class Shapes {
 public:
  explicit Shapes(const BlendShapeArgs& args)
      : args_(args), count_(args.positions.size() / 3), base_(3 * count_), is_moved_(count_), touched_(count_) {
    for (std::size_t t = 0; t < args.indices.size(); t += 3)
      add_triangle(args.positions.data(), &args.indices[t], 1, base_.data());
    out_.normals.resize(3 * count_);
    for (std::size_t v = 0; v < count_; ++v) write_direction(&base_[3 * v], &out_.normals[3 * v]);
  }

  void add(const ShapeOffsets& shape) {
    move(shape);
    turn();
    out_.position_offsets.end_set();
    out_.normal_offsets.end_set();
  }

  BlendShapes take() { return std::move(out_); }

 private:
  void move(const ShapeOffsets& shape) {
    moved_.assign(args_.positions.begin(), args_.positions.end());
    for (std::size_t v = 0; v < count_; ++v) {
      float offset[3];
      for (std::size_t k = 0; k < 3; ++k)
        offset[k] = shape.halfs.empty() ? shape.floats[3 * v + k] : half_to_float({shape.halfs[3 * v + k]});
      is_moved_[v] = !is_zero(offset) && (shape.halfs.empty() || !(length(offset) < args_.least_mm));
      if (!is_moved_[v]) continue;
      for (std::size_t k = 0; k < 3; ++k) moved_[3 * v + k] += offset[k];
      append(out_.position_offsets, v, offset);
    }
  }

  /// Only triangles with a corner that moves are looked at: most expressions move a small part of the head.
  void turn() {
    sums_ = base_;
    std::fill(touched_.begin(), touched_.end(), 0);
    for (std::size_t t = 0; t < args_.indices.size(); t += 3) {
      const std::uint32_t* corners = &args_.indices[t];
      if (!is_moved_[corners[0]] && !is_moved_[corners[1]] && !is_moved_[corners[2]]) continue;
      add_triangle(args_.positions.data(), corners, -1, sums_.data());
      add_triangle(moved_.data(), corners, 1, sums_.data());
      for (int k = 0; k < 3; ++k) touched_[corners[k]] = 1;
    }
    for (std::size_t v = 0; v < count_; ++v) {
      if (!touched_[v]) continue;
      float change[3];
      write_direction(&sums_[3 * v], change);
      for (std::size_t k = 0; k < 3; ++k) change[k] -= out_.normals[3 * v + k];
      if (!is_zero(change) && !(length(change) < args_.least_normal)) append(out_.normal_offsets, v, change);
    }
  }

  const BlendShapeArgs& args_;
  std::size_t count_;
  std::vector<float> base_, sums_, moved_;
  std::vector<std::uint8_t> is_moved_, touched_;
  BlendShapes out_;
};

}  // namespace

BlendShapes blend_shapes(const BlendShapeArgs& args, const Cancel& cancel) {
  Shapes shapes(args);
  for (const ShapeOffsets& shape : args.shapes) {
    cancel.check();
    shapes.add(shape);
  }
  return shapes.take();
}

}  // namespace hrn::rig
