#include "fit/detail/tessellation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "core/vec.hpp"

namespace hrn::fit {
namespace {

using V3 = Vec3<float>;

class Refinement {
 public:
  explicit Refinement(const Model& model) : model_(model) {
    const long n = model.vertex_count;
    positions_.assign(model.mean.data(), model.mean.data() + 3 * n);
    face_.assign(model.deformable.data(), model.deformable.data() + n);
    result_.base_vertices = n;
    result_.uvs.assign(model.uvs.data(), model.uvs.data() + 2 * n);
    for (const Part& part : model.parts) {
      const auto first = model.topology.triangles.begin() + 3 * part.first_triangle;
      parts_.emplace_back(first, first + 3 * part.triangle_count);
    }
  }

  // Halves the edges of the face that are longer than `limit`, mm, until there are none or nearly so.
  void refine(double limit) {
    constexpr int kPasses = 6;
    for (int pass = 0; pass < kPasses; ++pass)
      if (!halve(limit)) break;
  }

  Tessellation take() {
    for (const auto& part : parts_) {
      result_.triangles.insert(result_.triangles.end(), part.begin(), part.end());
      result_.part_triangles.push_back(static_cast<std::uint32_t>(part.size() / 3));
    }
    return std::move(result_);
  }
  long triangle_count() const {
    std::size_t corners = 0;
    for (const auto& part : parts_) corners += part.size();
    return static_cast<long>(corners / 3);
  }

 private:
  double length_of(std::uint32_t a, std::uint32_t b) const {
    return static_cast<double>(length(load3(positions_.data(), a) - load3(positions_.data(), b)));
  }
  static std::uint64_t key(std::uint32_t a, std::uint32_t b) {
    return (static_cast<std::uint64_t>(std::min(a, b)) << 32) | std::max(a, b);
  }

  bool halve(double limit) {
    std::unordered_map<std::uint64_t, std::uint32_t> middles;
    auto& skin = parts_.front();
    const auto middle = [&](std::uint32_t a, std::uint32_t b) -> std::uint32_t {
      const auto found = middles.find(key(a, b));
      return found == middles.end() ? 0 : found->second;
    };
    for (std::size_t t = 0; t < skin.size(); t += 3) {
      for (std::size_t k = 0; k < 3; ++k) {
        const std::uint32_t a = skin[t + k], b = skin[t + (k + 1) % 3];
        if (!(std::max(face_[a], face_[b]) > 0) || length_of(a, b) <= limit) continue;
        const auto [at, is_new] = middles.try_emplace(key(a, b), 0);
        if (!is_new) continue;
        at->second = static_cast<std::uint32_t>(face_.size());
        for (std::size_t c = 0; c < 3; ++c) positions_.push_back((positions_[3 * a + c] + positions_[3 * b + c]) / 2);
        for (std::size_t c = 0; c < 2; ++c)
          result_.uvs.push_back((result_.uvs[2 * a + c] + result_.uvs[2 * b + c]) / 2);
        face_.push_back((face_[a] + face_[b]) / 2);
        result_.parents.push_back(a);
        result_.parents.push_back(b);
      }
    }
    if (middles.empty()) return false;
    std::vector<std::uint32_t> finer;
    finer.reserve(skin.size() * 2);
    const auto add = [&](std::uint32_t a, std::uint32_t b, std::uint32_t c) { finer.insert(finer.end(), {a, b, c}); };
    for (std::size_t t = 0; t < skin.size(); t += 3) {
      const std::uint32_t v[3] = {skin[t], skin[t + 1], skin[t + 2]};
      // Of the edges 0 to 1, 1 to 2, 2 to 0.
      const std::uint32_t m[3] = {middle(v[0], v[1]), middle(v[1], v[2]), middle(v[2], v[0])};
      const int count = (m[0] != 0) + (m[1] != 0) + (m[2] != 0);
      if (count == 0) {
        add(v[0], v[1], v[2]);
      } else if (count == 3) {
        add(v[0], m[0], m[2]);
        add(m[0], v[1], m[1]);
        add(m[2], m[1], v[2]);
        add(m[0], m[1], m[2]);
      } else if (count == 1) {
        const int e = m[0] != 0 ? 0 : (m[1] != 0 ? 1 : 2);
        add(v[e], m[e], v[(e + 2) % 3]);
        add(m[e], v[(e + 1) % 3], v[(e + 2) % 3]);
      } else {
        // Between the halved edges: the corner that they share, and a quadrilateral, cut by its shorter diagonal.
        const int whole = m[0] == 0 ? 0 : (m[1] == 0 ? 1 : 2);
        const std::uint32_t a = v[whole], b = v[(whole + 1) % 3], c = v[(whole + 2) % 3];
        const std::uint32_t bc = m[(whole + 1) % 3], ca = m[(whole + 2) % 3];
        add(c, ca, bc);
        if (length_of(a, bc) < length_of(b, ca)) {
          add(a, b, bc);
          add(a, bc, ca);
        } else {
          add(a, b, ca);
          add(b, bc, ca);
        }
      }
    }
    skin = std::move(finer);
    return true;
  }

  const Model& model_;
  std::vector<float> positions_, face_;
  std::vector<std::vector<std::uint32_t>> parts_;
  Tessellation result_;
};

// Mean over about a millimetre's worth of texels: the mesh is coarser than the map.
float sample_map(std::span<const float> map, long size, float u, float v) {
  const double spread = 0.4 * static_cast<double>(size) / 1024 * 3;
  double sum = 0;
  for (int dy = -1; dy <= 1; ++dy) {
    for (int dx = -1; dx <= 1; ++dx) {
      const double x = std::clamp(static_cast<double>(u) * static_cast<double>(size) - 0.5 + dx * spread, 0.0,
                                  static_cast<double>(size - 1));
      const double y = std::clamp(static_cast<double>(v) * static_cast<double>(size) - 0.5 + dy * spread, 0.0,
                                  static_cast<double>(size - 1));
      const long x0 = std::min(static_cast<long>(x), size - 2), y0 = std::min(static_cast<long>(y), size - 2);
      const double s = x - static_cast<double>(x0), t = y - static_cast<double>(y0);
      const auto at = [&](long column, long row) {
        return static_cast<double>(map[static_cast<std::size_t>(row * size + column)]);
      };
      const double value = (at(x0, y0) * (1 - s) + at(x0 + 1, y0) * s) * (1 - t) +
                           (at(x0, y0 + 1) * (1 - s) + at(x0 + 1, y0 + 1) * s) * t;
      sum += value * (dx == 0 ? 2 : 1) * (dy == 0 ? 2 : 1) / 16;
    }
  }
  return static_cast<float>(sum);
}

}  // namespace

Tessellation tessellate(const Model& model, long triangle_count) {
  // The area of what is refined says how long the edges may be; a few tries find the number that was asked for.
  double limit = 1.6 * std::sqrt(150000.0 / static_cast<double>(std::max(1L, triangle_count)));
  for (int attempt = 0;; ++attempt) {
    Refinement refinement(model);
    refinement.refine(limit);
    const long count = refinement.triangle_count();
    const double off = static_cast<double>(count - model.triangle_count) /
                       std::max(1.0, static_cast<double>(triangle_count - model.triangle_count));
    constexpr int kAttempts = 5;
    if (attempt + 1 == kAttempts || std::abs(off - 1) < 0.04 || triangle_count <= model.triangle_count)
      return refinement.take();
    limit *= std::sqrt(std::clamp(off, 0.25, 4.0));
  }
}

DetailedMesh displaced_mesh(const Tessellation& mesh, std::span<const float> positions, std::span<const float> normals,
                            std::span<const float> map, long size) {
  DetailedMesh out;
  const std::size_t base = static_cast<std::size_t>(mesh.base_vertices),
                    n = static_cast<std::size_t>(mesh.vertex_count());
  std::vector<float> smooth(positions.begin(), positions.end()), direction(normals.begin(), normals.end());
  smooth.resize(3 * n);
  direction.resize(3 * n);
  for (std::size_t v = base; v < n; ++v) {
    const std::uint32_t a = mesh.parents[2 * (v - base)], b = mesh.parents[2 * (v - base) + 1];
    const V3 pa = load3(smooth.data(), a), pb = load3(smooth.data(), b), na = load3(direction.data(), a),
             nb = load3(direction.data(), b), along = pb - pa;
    const V3 middle = 0.5f * (pa + pb) - 0.125f * (dot(along, na) * na - dot(along, nb) * nb);
    const V3 sum = na + nb;
    const float norm = length(sum);
    store3(smooth.data(), static_cast<long>(v), middle);
    store3(direction.data(), static_cast<long>(v), norm > 1e-6f ? (1 / norm) * sum : na);
  }
  for (std::size_t v = 0; v < n; ++v) {
    const float h = sample_map(map, size, mesh.uvs[2 * v], mesh.uvs[2 * v + 1]);
    for (std::size_t k = 0; k < 3; ++k) smooth[3 * v + k] += h * direction[3 * v + k];
  }
  std::vector<float> sums(3 * n);
  for (std::size_t t = 0; t + 2 < mesh.triangles.size(); t += 3) {
    const long a = mesh.triangles[t], b = mesh.triangles[t + 1], c = mesh.triangles[t + 2];
    const V3 pa = load3(smooth.data(), a);
    const V3 normal = cross(load3(smooth.data(), b) - pa, load3(smooth.data(), c) - pa);
    for (const long v : {a, b, c}) store3(sums.data(), v, load3(sums.data(), v) + normal);
  }
  for (std::size_t v = 0; v < n; ++v) {
    const V3 sum = load3(sums.data(), static_cast<long>(v));
    const float norm = length(sum);
    if (norm > 1e-12f) store3(direction.data(), static_cast<long>(v), (1 / norm) * sum);
  }
  out.positions = std::move(smooth);
  out.normals = std::move(direction);
  return out;
}

}  // namespace hrn::fit
