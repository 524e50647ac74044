#include "core/catmull_clark.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <string>
#include <unordered_map>

#include "core/error.hpp"
#include "core/half.hpp"
#include "core/isa.hpp"

namespace hrn {
namespace {

using Index = std::uint32_t;

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorCode::model_corrupt, "Not a usable head model: " + what + "; reinstall hrn or give another model");
}

std::uint64_t edge_key(Index a, Index b) { return std::uint64_t{std::min(a, b)} << 32 | std::max(a, b); }

struct Ring {
  const std::uint16_t* corners;
  std::size_t count;
  Index operator[](std::size_t k) const { return corners[k]; }
  Index next(std::size_t k) const { return corners[(k + 1) % count]; }
};

Ring ring(std::span<const std::uint16_t> faces, std::size_t face) {
  const std::uint16_t* corners = faces.data() + 4 * face;
  return {corners, corners[3] == kNoVertex ? std::size_t{3} : std::size_t{4}};
}

struct Edge {
  Index vertices[2];
  long faces[2];  // the second is -1 on a border
};

struct Edges {
  std::vector<Edge> list;        // in order of first appearance
  std::vector<Index> of_corner;  // [F][4]: the edge from each corner to the next
};

Edges find_edges(long cage_count, std::span<const std::uint16_t> faces) {
  Edges edges;
  edges.of_corner.resize(faces.size());
  std::unordered_map<std::uint64_t, Index> ids;
  ids.reserve(faces.size());
  for (std::size_t face = 0; 4 * face < faces.size(); ++face) {
    const Ring r = ring(faces, face);
    for (std::size_t k = 0; k < r.count; ++k) {
      const Index a = r[k], b = r.next(k);
      if (a >= static_cast<std::size_t>(cage_count))
        corrupt("face " + std::to_string(face) + " holds vertex " + std::to_string(a) + ", expected less than " +
                std::to_string(cage_count));
      if (std::count(r.corners, r.corners + r.count, r.corners[k]) > 1)
        corrupt("face " + std::to_string(face) + " repeats a vertex");
      const auto [entry, is_new] = ids.try_emplace(edge_key(a, b), static_cast<Index>(edges.list.size()));
      if (is_new) {
        // Kept in the first face's direction until the second has been compared with it.
        edges.list.push_back({{a, b}, {static_cast<long>(face), -1}});
      } else {
        Edge& edge = edges.list[entry->second];
        if (edge.faces[1] != -1 || edge.vertices[0] != b) corrupt("two of its faces use an edge in the same direction");
        edge.faces[1] = static_cast<long>(face);
      }
      edges.of_corner[4 * face + k] = entry->second;
    }
  }
  for (Edge& edge : edges.list)
    if (edge.vertices[0] > edge.vertices[1]) std::swap(edge.vertices[0], edge.vertices[1]);
  return edges;
}

// The items that contain each vertex, ascending.
struct Incidence {
  std::vector<std::size_t> offsets;
  std::vector<std::size_t> items;

  template <class VerticesOf>
  Incidence(long vertex_count, std::size_t item_count, VerticesOf vertices_of)
      : offsets(static_cast<std::size_t>(vertex_count) + 1) {
    for (std::size_t i = 0; i < item_count; ++i)
      for (const Index v : vertices_of(i)) ++offsets[v + 1];
    for (std::size_t v = 1; v < offsets.size(); ++v) offsets[v] += offsets[v - 1];
    items.resize(offsets.back());
    std::vector<std::size_t> cursor(offsets.begin(), offsets.end() - 1);
    for (std::size_t i = 0; i < item_count; ++i)
      for (const Index v : vertices_of(i)) items[cursor[v]++] = i;
  }
  std::span<const std::size_t> operator[](long v) const {
    const auto i = static_cast<std::size_t>(v);
    return {items.data() + offsets[i], offsets[i + 1] - offsets[i]};
  }
};

// Collects one row at a time, adding up repeated columns.
class Rows {
 public:
  explicit Rows(Subdivision& out) : out_(out) { out_.offsets.push_back(0); }

  void add(Index column, double weight) {
    const auto found = std::find_if(row_.begin(), row_.end(), [&](const Entry& e) { return e.column == column; });
    if (found == row_.end())
      row_.push_back({column, weight});
    else
      found->weight += weight;
  }
  void add(const Ring& face, double weight) {
    for (std::size_t k = 0; k < face.count; ++k) add(face[k], weight / static_cast<double>(face.count));
  }
  void finish() {
    std::sort(row_.begin(), row_.end(), [](const Entry& a, const Entry& b) { return a.column < b.column; });
    for (const Entry& e : row_) {
      out_.columns.push_back(static_cast<std::uint16_t>(e.column));
      out_.weights.push_back(static_cast<float>(e.weight));
    }
    out_.offsets.push_back(static_cast<Index>(out_.columns.size()));
    row_.clear();
  }

 private:
  struct Entry {
    Index column;
    double weight;
  };
  Subdivision& out_;
  std::vector<Entry> row_;
};

// Columns that are subdivided side by side, neighbours in memory. Their vectors are spelled out: the auto-vectoriser
// leaves the changes between float and double in scalar registers.
constexpr long kLanes = 4;
typedef float Floats __attribute__((vector_size(16)));
typedef double Doubles __attribute__((vector_size(32)));

// out[row][axis][lane] = sum over the row's entries, in order, each partial sum rounded to float.
HRN_HD void apply_lanes(const Subdivision& s, const float* cage, float* out) {
  for (long row = 0; row < s.vertex_count; ++row) {
    Floats sum[3] = {};
    const Index end = s.offsets[static_cast<std::size_t>(row) + 1];
    for (Index i = s.offsets[static_cast<std::size_t>(row)]; i < end; ++i) {
      const double weight = static_cast<double>(s.weights[i]);
      const float* in = cage + static_cast<std::size_t>(s.columns[i]) * 3 * kLanes;
      for (long axis = 0; axis < 3; ++axis) {
        Floats value;
        std::memcpy(&value, in + axis * kLanes, sizeof value);
        sum[axis] = __builtin_convertvector(
            __builtin_convertvector(sum[axis], Doubles) + weight * __builtin_convertvector(value, Doubles), Floats);
      }
    }
    std::memcpy(out + row * 3 * kLanes, sum, sizeof sum);
  }
}

// Lane l of `in` to column l of `out`, whose columns are `size` long.
HRN_HD void encode_lanes(const float* in, long size, long lanes, std::uint16_t* out) {
  constexpr long kRun = 64;
  for (long begin = 0; begin < size; begin += kRun) {
    const long n = std::min(kRun, size - begin);
    std::uint16_t halfs[kRun * kLanes];
    for (long i = 0; i < n * kLanes; ++i) halfs[i] = float_to_half_away(in[begin * kLanes + i]).bits;
    for (long lane = 0; lane < lanes; ++lane)
      for (long i = 0; i < n; ++i) out[lane * size + begin + i] = halfs[i * kLanes + lane];
  }
}

void apply_baseline(const Subdivision& s, const float* cage, float* scratch, long lanes, std::uint16_t* out) {
  apply_lanes(s, cage, scratch);
  encode_lanes(scratch, 3 * s.vertex_count, lanes, out);
}
HRN_TARGET_AVX2 void apply_avx2(const Subdivision& s, const float* cage, float* scratch, long lanes,
                                std::uint16_t* out) {
  apply_lanes(s, cage, scratch);
  encode_lanes(scratch, 3 * s.vertex_count, lanes, out);
}

}  // namespace

void Subdivision::apply(const float* cage, float* out) const {
  for (std::size_t row = 0; row + 1 < offsets.size(); ++row)
    for (std::size_t axis = 0; axis < 3; ++axis) {
      float sum = 0;
      for (Index i = offsets[row]; i < offsets[row + 1]; ++i)
        sum = static_cast<float>(static_cast<double>(sum) +
                                 static_cast<double>(weights[i]) * static_cast<double>(cage[3 * columns[i] + axis]));
      out[3 * row + axis] = sum;
    }
}

void Subdivision::apply_halfs(const std::uint16_t* cage, long count, std::uint16_t* out) const {
  const long cage_size = 3 * cage_count, size = 3 * vertex_count;
  const auto run = detect_isa() == Isa::avx2 ? apply_avx2 : apply_baseline;
  std::vector<float> in(static_cast<std::size_t>(cage_size * kLanes)), scratch(static_cast<std::size_t>(size * kLanes));
  for (long first = 0; first < count; first += kLanes) {
    const long lanes = std::min(kLanes, count - first);
    for (long lane = 0; lane < lanes; ++lane)
      for (long i = 0; i < cage_size; ++i)
        in[static_cast<std::size_t>(i * kLanes + lane)] = half_to_float({cage[(first + lane) * cage_size + i]});
    run(*this, in.data(), scratch.data(), lanes, out + first * size);
  }
}

Subdivision catmull_clark(long cage_count, std::span<const std::uint16_t> faces) {
  const std::size_t face_count = faces.size() / 4;
  const Edges edges = find_edges(cage_count, faces);
  const std::size_t edge_count = edges.list.size();
  Subdivision s;
  s.cage_count = cage_count;
  s.vertex_count = cage_count + static_cast<long>(edge_count + face_count);
  const Incidence faces_of(cage_count, face_count, [&](std::size_t face) {
    const Ring r = ring(faces, face);
    return std::span(r.corners, r.count);
  });
  const Incidence edges_of(cage_count, edge_count, [&](std::size_t e) { return std::span(edges.list[e].vertices); });

  Rows rows(s);
  for (long v = 0; v < cage_count; ++v) {
    const auto around = edges_of[v];
    const auto vertex = static_cast<Index>(v);
    const auto other = [&](const Edge& edge) { return edge.vertices[edge.vertices[0] == vertex ? 1 : 0]; };
    const long border =
        std::count_if(around.begin(), around.end(), [&](std::size_t e) { return edges.list[e].faces[1] == -1; });
    if (border > 0) {
      rows.add(vertex, 0.75);
      for (const std::size_t e : around)
        if (edges.list[e].faces[1] == -1) rows.add(other(edges.list[e]), 0.25 / static_cast<double>(border));
    } else if (!around.empty()) {
      const auto adjacent = faces_of[v];
      const double n = static_cast<double>(adjacent.size());
      rows.add(vertex, 1 - 2 / n);
      for (const std::size_t e : around) rows.add(other(edges.list[e]), 1 / (n * n));
      for (const std::size_t face : adjacent) rows.add(ring(faces, face), 1 / (n * n));
    } else {
      rows.add(vertex, 1);
    }
    rows.finish();
  }
  for (const Edge& edge : edges.list) {
    const bool border = edge.faces[1] == -1;
    for (const Index v : edge.vertices) {
      rows.add(v, border ? 0.5 : 0.25);
      s.edges.push_back(v);
    }
    if (!border)
      for (const long face : edge.faces) rows.add(ring(faces, static_cast<std::size_t>(face)), 0.25);
    rows.finish();
  }
  for (std::size_t face = 0; face < face_count; ++face) {
    const Ring r = ring(faces, face);
    rows.add(r, 1);
    rows.finish();
    for (std::size_t k = 0; k < r.count; ++k) {
      const auto edge_point = [&](std::size_t corner) {
        return static_cast<Index>(cage_count) + edges.of_corner[4 * face + corner];
      };
      const Index corner = r[k], next = edge_point(k),
                  centre = static_cast<Index>(s.vertex_count - static_cast<long>(face_count - face)),
                  previous = edge_point((k + r.count - 1) % r.count);
      s.triangles.insert(s.triangles.end(), {corner, next, centre, corner, centre, previous});
    }
  }
  return s;
}

std::vector<std::uint32_t> subdivided_mirror(const Subdivision& s, std::span<const std::uint16_t> faces,
                                             std::span<const std::uint16_t> mirror) {
  const std::size_t edge_count = s.edges.size() / 2, face_count = faces.size() / 4;
  const auto first_edge = static_cast<Index>(s.cage_count), first_face = first_edge + static_cast<Index>(edge_count);
  const auto missing = [] { corrupt("cageMirror does not map the mesh onto itself"); };
  std::vector<std::uint32_t> out(mirror.begin(), mirror.end());
  out.reserve(static_cast<std::size_t>(s.vertex_count));

  std::unordered_map<std::uint64_t, Index> edge_ids;
  edge_ids.reserve(edge_count);
  for (std::size_t e = 0; e < edge_count; ++e)
    edge_ids.emplace(edge_key(s.edges[2 * e], s.edges[2 * e + 1]), static_cast<Index>(e));
  for (std::size_t e = 0; e < edge_count; ++e) {
    const auto image = edge_ids.find(edge_key(mirror[s.edges[2 * e]], mirror[s.edges[2 * e + 1]]));
    if (image == edge_ids.end()) missing();
    out.push_back(first_edge + image->second);
  }

  // A face is known by its corners, whatever their order.
  using Corners = std::array<std::uint16_t, 4>;
  const auto corners_of = [&](std::size_t face, auto image) {
    const Ring r = ring(faces, face);
    Corners corners;
    corners.fill(kNoVertex);
    std::transform(r.corners, r.corners + r.count, corners.begin(), image);
    std::sort(corners.begin(), corners.end());
    return corners;
  };
  std::map<Corners, Index> face_ids;
  for (std::size_t face = 0; face < face_count; ++face)
    face_ids[corners_of(face, [](std::uint16_t v) { return v; })] = static_cast<Index>(face);
  for (std::size_t face = 0; face < face_count; ++face) {
    const auto image = face_ids.find(corners_of(face, [&](std::uint16_t v) { return mirror[v]; }));
    if (image == face_ids.end()) missing();
    out.push_back(first_face + image->second);
  }
  return out;
}

}  // namespace hrn
