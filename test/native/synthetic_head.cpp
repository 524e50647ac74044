#include "synthetic_head.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/half.hpp"

namespace hrn::test {
namespace {

constexpr double kPi = std::numbers::pi;

// Smooth components: waves over the head with a few cycles each.
std::vector<std::uint16_t> waves(const std::vector<float>& mean, long count, double amplitude, Random& random) {
  std::vector<std::uint16_t> halfs;
  halfs.reserve(mean.size() * static_cast<size_t>(count));
  for (long k = 0; k < count; ++k) {
    double direction[3], phase[3], size[3];
    for (int a = 0; a < 3; ++a) {
      direction[a] = normal(random) * 0.03;
      phase[a] = random.uniform(0, 2 * kPi);
      size[a] = amplitude * random.uniform(0.5, 1.5);
    }
    for (size_t i = 0; i < mean.size(); ++i) {
      const size_t v = i / 3 * 3, axis = i % 3;
      double wave = phase[axis];
      for (size_t a = 0; a < 3; ++a) wave += direction[a] * static_cast<double>(mean[v + a]);
      halfs.push_back(float_to_half(static_cast<float>(size[axis] * std::sin(wave))).bits);
    }
  }
  return halfs;
}

}  // namespace

double normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform(0, 1)));
  return radius * std::cos(2 * kPi * random.uniform(0, 1));
}

std::unique_ptr<SyntheticHead> synthetic_head(const SyntheticHeadSize& size) {
  auto head = std::make_unique<SyntheticHead>();
  SyntheticHead& h = *head;
  Random random(7);
  const long columns = size.columns, rows = size.rows, vertices = columns * rows;
  // Longitude 0 looks along +z; the grid is open at the back and at the poles.
  for (long r = 0; r < rows; ++r)
    for (long c = 0; c < columns; ++c) {
      const double u = (static_cast<double>(c) + 0.5) / static_cast<double>(columns);
      const double v = (static_cast<double>(r) + 0.5) / static_cast<double>(rows);
      const double longitude = (u - 0.5) * 2 * kPi * 0.96, latitude = (0.5 - v) * kPi * 0.96;
      const double nose = 22 * std::exp(-std::pow(longitude / 0.2, 2) - std::pow((latitude + 0.15) / 0.3, 2));
      const double brow = 6 * std::cos(3 * latitude) * std::cos(2 * longitude);
      h.mean.push_back(static_cast<float>(75 * std::cos(latitude) * std::sin(longitude)));
      h.mean.push_back(static_cast<float>(110 * std::sin(latitude)));
      h.mean.push_back(static_cast<float>((95 + nose + brow) * std::cos(latitude) * std::cos(longitude) - 60));
      h.uvs.push_back(static_cast<float>(u));
      h.uvs.push_back(static_cast<float>(v));
      h.deformable.push_back(std::abs(longitude) < 2.2 ? 1.0f : 0.0f);
      h.mirror.push_back(static_cast<std::uint32_t>(r * columns + columns - 1 - c));
    }
  for (long r = 0; r + 1 < rows; ++r)
    for (long c = 0; c + 1 < columns; ++c) {
      const std::uint32_t a = static_cast<std::uint32_t>(r * columns + c), b = a + 1,
                          d = a + static_cast<std::uint32_t>(columns), e = d + 1;
      for (const std::uint32_t i : {a, d, b, b, d, e}) h.triangles.push_back(i);
    }
  h.identity = waves(h.mean, size.identity, 3, random);
  h.expression = waves(h.mean, size.expression, 4, random);
  h.albedo = waves(h.mean, size.albedo, 0.05, random);
  h.albedo_mean.assign(h.mean.size(), 0.6f);
  h.regions.assign(static_cast<size_t>(vertices), 0);
  h.expression_mean.assign(static_cast<size_t>(size.expression), 0.1f);
  h.expression_sigma.assign(static_cast<size_t>(size.expression), 0.4f);
  h.expression_min.assign(static_cast<size_t>(size.expression), 0.0f);
  h.expression_max.assign(static_cast<size_t>(size.expression), 1.0f);

  const auto add_landmark = [&](fit::LandmarkSet& set, bool dynamic, double longitude, double latitude) {
    const auto cell = [](double position, long cells) {
      return std::clamp(static_cast<long>(position * static_cast<double>(cells)), 0L, cells - 2);
    };
    const long c = cell(0.5 + longitude / (2 * kPi), columns), r = cell(0.5 - latitude / kPi, rows);
    const std::uint32_t a = static_cast<std::uint32_t>(r * columns + c);
    const double wa = random.uniform(0.1, 0.5), wb = random.uniform(0.1, 0.4);
    set.vertices.insert(set.vertices.end(), {a, a + static_cast<std::uint32_t>(columns), a + 1});
    for (const double w : {wa, wb, 1 - wa - wb}) set.weights.push_back(static_cast<float>(w));
    set.sigma_mm.push_back(dynamic ? 6.0f : 1.0f);
    set.dynamic.push_back(dynamic ? 1 : 0);
    ++set.count;
  };
  for (long i = 0; i < size.landmarks; ++i) {
    const bool dynamic = i % 8 == 7;
    const double angle = 2 * kPi * random.uniform(0, 1), radius = dynamic ? 1.3 : 1.1 * std::sqrt(random.uniform(0, 1));
    add_landmark(h.source.dense, dynamic, radius * std::cos(angle), 0.9 * radius * std::sin(angle));
  }
  for (long i = 0; i < 68; ++i)
    add_landmark(h.source.ibug68, false, 0.8 * std::cos(0.3 * static_cast<double>(i)),
                 0.8 * std::sin(0.3 * static_cast<double>(i)));

  fit::ModelSource& s = h.source;
  s.vertex_count = vertices;
  s.triangle_count = static_cast<long>(h.triangles.size() / 3);
  s.mean = h.mean;
  s.identity_count = size.identity;
  s.expression_count = size.expression;
  s.albedo_count = size.albedo;
  s.identity = h.identity;
  s.expression = h.expression;
  s.albedo = h.albedo;
  s.expression_mean = h.expression_mean;
  s.expression_sigma = h.expression_sigma;
  s.expression_min = h.expression_min;
  s.expression_max = h.expression_max;
  s.albedo_mean = h.albedo_mean;
  s.triangles = h.triangles;
  s.uvs = h.uvs;
  s.regions = h.regions;
  s.mirror = h.mirror;
  s.deformable = h.deformable;
  s.parts.push_back({"skin", 0, s.triangle_count});
  return head;
}

}  // namespace hrn::test
