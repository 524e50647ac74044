#include "fit/parameters/evidence.hpp"

#include <algorithm>
#include <cmath>

#include "core/eight_floats.hpp"
#include "core/error.hpp"
#include "core/host_device.hpp"
#include "core/isa.hpp"
#include "core/vec.hpp"
#include "fit/head/basis_rows.hpp"
#include "ops/morphable_model.hpp"
#include "optim/dense.hpp"

namespace hrn::fit {
namespace {

// Vertices at a time: three whole tiles of the packed basis.
constexpr std::size_t kBlock = static_cast<std::size_t>(ops::kBasisTile);

// Rows of U that are multiplied at a time.
constexpr std::size_t kRows = 4;
std::size_t whole_rows(std::size_t shape) { return (shape + kRows - 1) / kRows * kRows; }

// U with covariance = U^T U, by columns, whole_rows(shape) apart: column j holds U[0..j][j], then zeros.
std::vector<float> root_by_columns(std::span<const double> covariance, std::size_t shape) {
  const std::size_t padded = (shape + optim::kFactorBlock - 1) / optim::kFactorBlock * optim::kFactorBlock;
  std::vector<double> root(padded * padded, 0.0);
  for (std::size_t i = 0; i < padded; ++i) {
    if (i < shape) std::copy_n(covariance.data() + i * shape, shape, root.data() + i * padded);
    // What a bound holds has no variance, and the factor needs some.
    root[i * padded + i] += i < shape ? 1e-12 : 1;
  }
  const int n = static_cast<int>(padded);
  if (!optim::dense_kernels().cholesky(root.data(), n, n)) return {};
  const std::size_t stride = whole_rows(shape);
  std::vector<float> columns(shape * stride, 0.0f);
  for (std::size_t j = 0; j < shape; ++j)
    for (std::size_t i = 0; i <= j; ++i) columns[j * stride + i] = static_cast<float>(root[i * padded + j]);
  return columns;
}

// Unit normals of vertices [first, last), by the areas around them; zero where there is none.
void normals_of(const Topology& mesh, const std::vector<float>& positions, std::size_t first, std::size_t last,
                float* out) {
  const auto at = [&](std::int32_t v) { return load3(positions.data(), static_cast<long>(v)); };
  for (std::size_t v = first; v < last; ++v, out += 3) {
    Vec3<float> sum{0, 0, 0};
    for (std::int32_t c = mesh.corner_offsets[v]; c < mesh.corner_offsets[v + 1]; ++c) {
      const std::int32_t* t = mesh.triangles.data() + mesh.corners[static_cast<std::size_t>(c)] / 3 * 3;
      const Vec3<float> a = at(t[0]);
      sum = sum + cross(at(t[1]) - a, at(t[2]) - a);
    }
    const float length = std::sqrt(dot(sum, sum)), scale = length > 0 ? 1 / length : 0;
    out[0] = scale * sum.x, out[1] = scale * sum.y, out[2] = scale * sum.z;
  }
}

// For a block of vertices, whose components along the normals are `along`, [shape][kBlock]: the squares of U `along`,
// summed over the rows of U, which `columns` holds.
struct Squares {
  static void baseline(const float* columns, const float* along, std::size_t shape, float* squares) {
    const std::size_t stride = whole_rows(shape);
    for (std::size_t i = 0; i < shape; ++i) {
      float sum[kBlock] = {};
      for (std::size_t j = i; j < shape; ++j) {
        const float u = columns[j * stride + i];
        const float* row = along + j * kBlock;
        for (std::size_t r = 0; r < kBlock; ++r) sum[r] += u * row[r];
      }
      for (std::size_t r = 0; r < kBlock; ++r) squares[r] += sum[r] * sum[r];
    }
  }
#if HRN_X86
  // Few vertices at a time, whose components stay in the first-level cache for all rows of U.
  HRN_TARGET_AVX2 static void avx2(const float* columns, const float* along, std::size_t shape, float* squares) {
    constexpr std::size_t kLanes = 8;
    const std::size_t stride = whole_rows(shape);
    for (std::size_t r = 0; r < kBlock; r += 2 * kLanes) {
      EightFloats low = load8(squares + r), high = load8(squares + r + kLanes);
      for (std::size_t i = 0; i < shape; i += kRows) {
        EightFloats sum[kRows][2];
        for (auto& row : sum) row[0] = row[1] = broadcast8(0);
        for (std::size_t j = i; j < shape; ++j) {
          const float* row = along + j * kBlock + r;
          const EightFloats x = load8(row), y = load8(row + kLanes);
#pragma GCC unroll 4
          for (std::size_t k = 0; k < kRows; ++k) {
            const EightFloats u = broadcast8(columns[j * stride + i + k]);
            sum[k][0] = multiply_add(u, x, sum[k][0]);
            sum[k][1] = multiply_add(u, y, sum[k][1]);
          }
        }
        for (const auto& row : sum) {
          low = multiply_add(row[0], row[0], low);
          high = multiply_add(row[1], row[1], high);
        }
      }
      store8(low, squares + r);
      store8(high, squares + r + kLanes);
    }
  }
#else
  static constexpr auto avx2 = baseline;
#endif
};
const auto add_squares = detect_isa() == Isa::avx2 ? Squares::avx2 : Squares::baseline;

}  // namespace

std::vector<float> shape_evidence(const Model& model, long identity_count, std::span<const double> prior_sigma,
                                  std::span<const double> covariance, const std::vector<float>& positions,
                                  ThreadPool& pool) {
  const std::size_t identity = static_cast<std::size_t>(identity_count);
  const std::size_t shape = identity + static_cast<std::size_t>(model.expression_count);
  const std::size_t vertices = static_cast<std::size_t>(model.vertex_count);
  if (prior_sigma.size() != shape || covariance.size() != shape * shape || positions.size() != 3 * vertices)
    throw Error(ErrorCode::invalid_argument,
                "evidence: expected deviations and covariance of the shape, and positions");
  std::vector<float> evidence(vertices, 0.0f);
  const std::vector<float> columns = root_by_columns(covariance, shape);
  if (columns.empty()) return evidence;
  const std::size_t components = static_cast<std::size_t>(model.shape_count());
  const long blocks = static_cast<long>((vertices + kBlock - 1) / kBlock);
  pool.parallel_for(blocks, [&](long b) {
    const std::size_t first = static_cast<std::size_t>(b) * kBlock, last = std::min(first + kBlock, vertices);
    float normals[3 * kBlock] = {}, prior[kBlock] = {}, left[kBlock] = {};
    normals_of(model.topology, positions, first, last, normals);
    // Components along the normals, [shape][kBlock]: a block's rows are three tiles, each of 64 whole rows.
    std::vector<float> along(shape * kBlock, 0.0f);
    const std::size_t tiles = static_cast<std::size_t>(ops::basis_tiles(3 * model.vertex_count));
    for (std::size_t k = 0; k < shape; ++k) {
      const std::size_t component = k < identity ? k : k - identity + static_cast<std::size_t>(model.identity_count);
      float* row = along.data() + k * kBlock;
      for (std::size_t t = 0; t < 3 && 3 * static_cast<std::size_t>(b) + t < tiles; ++t) {
        const Half* in =
            model.shape_basis.data() + ((3 * static_cast<std::size_t>(b) + t) * components + component) * kBlock;
        float values[kBlock];
        basis_row_kernels().unpack(in, static_cast<long>(kBlock), values);
        for (std::size_t r = 0; r < kBlock; ++r) {
          const std::size_t value = t * kBlock + r;
          row[value / 3] += normals[value] * values[r];
        }
      }
      const float sigma = static_cast<float>(prior_sigma[k]);
      for (std::size_t r = 0; r < kBlock; ++r) prior[r] += sigma * sigma * row[r] * row[r];
    }
    add_squares(columns.data(), along.data(), shape, left);
    for (std::size_t v = first; v < last; ++v) {
      const std::size_t r = v - first;
      // What the prior holds still is known without a photo, and nothing was seen of it.
      if (prior[r] > 1e-8f) evidence[v] = std::clamp(1 - std::sqrt(left[r] / prior[r]), 0.0f, 1.0f);
    }
  });
  return evidence;
}

}  // namespace hrn::fit
