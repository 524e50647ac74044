// What the evidence of a vertex says, against its definition in double.
#include "fit/parameters/evidence.hpp"

#include <cmath>

#include "fit_scene.hpp"
#include "framework.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

struct Believed {
  long identity;
  std::vector<double> sigma, covariance;
};

// A covariance of `share` of the prior in every direction, and some correlation.
Believed believed(const fit::Model& model, long identity, double share) {
  const std::size_t shape = static_cast<std::size_t>(identity + model.expression_count);
  Believed b{identity, std::vector<double>(shape), std::vector<double>(shape * shape, 0.0)};
  Random random(7);
  std::vector<double> mixed(shape);
  for (std::size_t k = 0; k < shape; ++k) {
    b.sigma[k] = k < static_cast<std::size_t>(identity) ? 0.8 : 0.3;
    mixed[k] = random.uniform(-0.5, 0.5) * b.sigma[k] / std::sqrt(static_cast<double>(shape));
  }
  for (std::size_t i = 0; i < shape; ++i)
    for (std::size_t j = 0; j < shape; ++j)
      b.covariance[i * shape + j] = share * ((i == j ? b.sigma[i] * b.sigma[i] : 0) - mixed[i] * mixed[j]);
  return b;
}

HRN_TEST("fit/evidence/is the share of the deviation along the normal that is gone") {
  const fit::Model& model = small_head();
  const Believed b = believed(model, model.identity_count - 1, 0.3);
  const std::size_t shape = b.sigma.size(), identity = static_cast<std::size_t>(b.identity);
  const std::vector<float> positions(model.mean.begin(), model.mean.end());
  ThreadPool pool(2);
  const auto got = fit::shape_evidence(model, b.identity, b.sigma, b.covariance, positions, pool);
  report.equal(got.size(), static_cast<std::size_t>(model.vertex_count), "vertices");
  for (std::size_t v = 0; v < got.size(); ++v) {
    double n[3] = {0, 0, 0};
    for (std::size_t t = 0; t < static_cast<std::size_t>(model.triangle_count); ++t) {
      const std::int32_t* c = model.topology.triangles.data() + 3 * t;
      if (c[0] != static_cast<long>(v) && c[1] != static_cast<long>(v) && c[2] != static_cast<long>(v)) continue;
      double a[3], e[3];
      for (std::size_t k = 0; k < 3; ++k) {
        const double o = static_cast<double>(positions[3 * static_cast<std::size_t>(c[0]) + k]);
        a[k] = static_cast<double>(positions[3 * static_cast<std::size_t>(c[1]) + k]) - o;
        e[k] = static_cast<double>(positions[3 * static_cast<std::size_t>(c[2]) + k]) - o;
      }
      for (std::size_t k = 0; k < 3; ++k) n[k] += a[(k + 1) % 3] * e[(k + 2) % 3] - a[(k + 2) % 3] * e[(k + 1) % 3];
    }
    const double length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    if (!(length > 0)) continue;
    std::vector<double> row(shape, 0.0);
    double before = 0, left = 0;
    for (std::size_t k = 0; k < shape; ++k) {
      const long component =
          static_cast<long>(k < identity ? k : k - identity) + (k < identity ? 0 : model.identity_count);
      for (std::size_t axis = 0; axis < 3; ++axis)
        row[k] += n[axis] / length * static_cast<double>(model.shape_value(component, static_cast<long>(3 * v + axis)));
      before += row[k] * row[k] * b.sigma[k] * b.sigma[k];
    }
    for (std::size_t i = 0; i < shape; ++i)
      for (std::size_t j = 0; j < shape; ++j) left += row[i] * row[j] * b.covariance[i * shape + j];
    if (before > 1e-6) report.near(static_cast<double>(got[v]), 1 - std::sqrt(left / before), 1e-4, "evidence");
  }
}

HRN_TEST("fit/evidence/is nothing where nothing was learned, and refuses what does not fit") {
  const fit::Model& model = small_head();
  Believed b = believed(model, model.identity_count, 1);
  const std::size_t shape = b.sigma.size();
  std::fill(b.covariance.begin(), b.covariance.end(), 0.0);
  for (std::size_t k = 0; k < shape; ++k) b.covariance[k * shape + k] = b.sigma[k] * b.sigma[k];
  const std::vector<float> positions(model.mean.begin(), model.mean.end());
  ThreadPool pool(1);
  for (const float e : fit::shape_evidence(model, b.identity, b.sigma, b.covariance, positions, pool))
    report.near(static_cast<double>(e), 0, 1e-5, "evidence");
  b.covariance.pop_back();
  report.equal(error_of([&] { fit::shape_evidence(model, b.identity, b.sigma, b.covariance, positions, pool); }),
               std::string("INVALID_ARGUMENT"), "covariance of another size");
}

}  // namespace
}  // namespace hrn::test
