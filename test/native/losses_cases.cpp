// The losses and Adam as cases.
#include "case.hpp"
#include "core/topology.hpp"
#include "losses/contour.hpp"
#include "losses/landmark.hpp"
#include "losses/photometric.hpp"
#include "losses/prior.hpp"
#include "losses/total_variation.hpp"
#include "ops/corner_gather.hpp"
#include "optim/adam.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

using Floats = std::vector<float>;

std::size_t size(long n) { return static_cast<std::size_t>(n); }

struct CopyArgs {
  const float* from;
  float* to;
};
struct Copy {
  HRN_HD static void run(const CopyArgs& a, long i) { a.to[i] = a.from[i]; }
};

/// An output that a kernel adds to, set to zero first.
template <class B>
float* zeroed(B& backend, Buffers<B>& io, const std::string& name, long n) {
  float* data = io.template output<float>(name, n);
  backend.template for_each<Copy>(n, CopyArgs{io.input(Floats(size(n))), data});
  return data;
}

HRN_CASE(PhotometricLoss, "photometric", 1e-5) {
  const long pixels = sizes.side * sizes.side;
  Random random(seed);
  std::vector<std::int32_t> id;
  for (long i = 0; i < pixels; ++i) id.push_back(static_cast<std::int32_t>(random.below(10)) - 2);
  losses::PhotometricArgs<float> a;
  a.rendered = io.input(random.vector<float>(3 * pixels, 0, 1));
  a.target = io.input(random.vector<float>(3 * pixels, 0, 1));
  a.weight = io.input(random.vector<float>(pixels, 0, 1));
  a.triangle_id = io.input(id);
  a.grad_rendered = io.template output<float>("grad_rendered", 3 * pixels);
  a.form = static_cast<losses::PhotometricForm>(seed % 3);
  double sums[losses::Photometric::kReduced];
  backend.template reduce<losses::Photometric::Forward, losses::Photometric::kReduced>(pixels, a, sums);
  io.result("sums", sums, losses::Photometric::kReduced);
  a.grad_scale = 0.01f;
  backend.template for_each<losses::Photometric::Backward>(pixels, a);
}

HRN_CASE(LandmarkLoss, "landmark", 1e-5) {
  const long vertices = (sizes.grid + 1) * (sizes.grid + 1), count = sizes.grid * 4;
  Random random(seed);
  std::vector<std::uint32_t> points;
  for (long i = 0; i < 3 * count; ++i) points.push_back(static_cast<std::uint32_t>(random.below(vertices)));
  Floats precision;
  for (long i = 0; i < count; ++i) {
    const float x = static_cast<float>(random.uniform()), y = static_cast<float>(random.uniform());
    precision.insert(precision.end(), {x * x, x * y, y * y});
  }
  const Topology corners = build_topology(points.data(), count, vertices);
  losses::LandmarkArgs<float> a;
  a.screen = io.input(random.vector<float>(3 * vertices, 0, static_cast<double>(sizes.side)));
  a.vertices = io.input(corners.triangles);
  a.barycentrics = io.input(random.vector<float>(3 * count, 0, 1));
  a.target = io.input(random.vector<float>(2 * count, 0, static_cast<double>(sizes.side)));
  a.precision = io.input(precision);
  a.form = static_cast<losses::Robust>(seed % 3);
  a.slots = io.template output<float>("slots", 9 * count);
  double sum;
  backend.template reduce<losses::Landmark::Forward, 1>(count, a, &sum);
  io.result("sum", &sum, 1);
  backend.template for_each<losses::Landmark::Backward>(count, a);
  ops::CornerGatherArgs<float> gather;
  gather.corner_offsets = io.input(corners.corner_offsets);
  gather.corners = io.input(corners.corners);
  gather.slots = a.slots;
  gather.values = io.template output<float>("grad_screen", 3 * vertices);
  backend.template for_each<ops::CornerGather<3>::Set>(vertices, gather);
}

HRN_CASE(ContourLoss, "contour", 1e-5) {
  const long vertices = (sizes.grid + 1) * (sizes.grid + 1), side = sizes.side;
  Random random(seed);
  const Floats mask = random.vector<float>(side * side, -1, 0.6);
  std::vector<losses::MaskSpan<float>> rows(size(side)), columns(size(side));
  losses::mask_spans(mask.data(), side, side, 0.5f, rows.data(), columns.data());
  const double reach = static_cast<double>(side);
  losses::ContourArgs<float> a;
  a.screen = io.input(random.vector<float>(3 * vertices, -0.2 * reach, 1.2 * reach));
  a.weight = io.input(random.vector<float>(vertices, 0, 1));
  a.rows = io.input(rows);
  a.columns = io.input(columns);
  a.width = a.height = side;
  a.grad_screen = zeroed(backend, io, "grad_screen", 3 * vertices);
  double sum;
  backend.template reduce<losses::Contour::Forward, 1>(vertices, a, &sum);
  io.result("sum", &sum, 1);
  backend.template for_each<losses::Contour::Backward>(vertices, a);
}

HRN_CASE(TotalVariationLoss, "total_variation", 2e-5) {
  const long side = sizes.side + 1, entries = side * side * 3;
  using Loss = losses::TotalVariation<3>;
  losses::TotalVariationArgs<float> a;
  a.size = side;
  a.map = io.input(Random(seed).vector<float>(entries));
  a.spread_weight = 0.01f;
  a.grad_map = zeroed(backend, io, "grad_map", entries);
  double sums[Loss::kReduced];
  backend.template reduce<Loss::Forward, Loss::kReduced>(side * side, a, sums);
  io.result("sums", sums, Loss::kReduced);
  // The same means for every backend: a difference of their last bits is the forward's business.
  a.mean_vertical = a.mean_horizontal = 0.6f;
  backend.template for_each<Loss::Backward>(side * side, a);
}

HRN_CASE(Priors, "prior", 1e-5) {
  const long n = sizes.grid * sizes.grid, entries = sizes.side * sizes.side * 3;
  Random random(seed);
  double sums[5];
  losses::CoefficientPriorArgs<float> coefficients;
  coefficients.values = io.input(random.vector<float>(n));
  coefficients.mean = io.input(random.vector<float>(n));
  coefficients.weight = io.input(random.vector<float>(n, 0, 1));
  coefficients.grad = zeroed(backend, io, "grad_coefficients", n);
  backend.template reduce<losses::CoefficientPrior::Forward, 1>(n, coefficients, &sums[0]);
  backend.template for_each<losses::CoefficientPrior::Backward>(n, coefficients);

  losses::LightPriorArgs<float> light;
  light.lighting = io.input(random.vector<float>(losses::LightPrior::kCount));
  light.grad = zeroed(backend, io, "grad_lighting", losses::LightPrior::kCount);
  backend.template reduce<losses::LightPrior::Forward, 1>(losses::LightPrior::kCount, light, &sums[1]);
  backend.template for_each<losses::LightPrior::Backward>(losses::LightPrior::kCount, light);

  const float* map = io.input(random.vector<float>(entries));
  losses::TexturePriorArgs<float> texture;
  texture.values = map;
  texture.form = static_cast<losses::TexturePriorForm>(seed % 2);
  texture.grad = zeroed(backend, io, "grad_texture", entries);
  backend.template reduce<losses::TexturePrior::Forward, 1>(entries, texture, &sums[2]);
  backend.template for_each<losses::TexturePrior::Backward>(entries, texture);

  losses::SymmetryPriorArgs<float> symmetry;
  symmetry.size = sizes.side;
  symmetry.map = map;
  symmetry.grad_map = zeroed(backend, io, "grad_symmetry", entries);
  backend.template reduce<losses::SymmetryPrior<true>::Forward, 1>(entries / 3, symmetry, &sums[3]);
  backend.template reduce<losses::SymmetryPrior<false>::Forward, 1>(entries / 3, symmetry, &sums[4]);
  backend.template for_each<losses::SymmetryPrior<true>::Backward>(entries / 3, symmetry);
  backend.template for_each<losses::SymmetryPrior<false>::Backward>(entries / 3, symmetry);
  io.result("sums", sums, 5);
}

HRN_CASE(AdamSteps, "adam", 1e-5) {
  const long n = sizes.side * sizes.side;
  Random random(seed);
  optim::AdamArgs<float> a;
  a.values = zeroed(backend, io, "values", n);
  a.first = zeroed(backend, io, "first", n);
  a.second = zeroed(backend, io, "second", n);
  for (long step = 1; step <= 3; ++step) {
    a.grad = io.input(random.vector<float>(n));
    optim::Adam::set_step(a, step);
    backend.template for_each<optim::Adam::Update>(n, a);
  }
}

}  // namespace
}  // namespace hrn::test
