// Every loss and Adam, forward and backward: 224 and 512 px pictures, the head's vertices, a 300 x 300 map. Bytes are
// counted as for the ops.
#include <string>
#include <vector>

#include "core/uploaded.hpp"
#include "harness.hpp"
#include "losses/contour.hpp"
#include "losses/landmark.hpp"
#include "losses/photometric.hpp"
#include "losses/prior.hpp"
#include "losses/total_variation.hpp"
#include "optim/adam.hpp"
#include "random.hpp"

namespace hrn::bench {
namespace {

using test::Random;

constexpr double kFloat = sizeof(float);
constexpr long kVertices = 138L * 138L;

template <class B>
auto uniform(B& backend, long n, std::uint64_t seed, double low = 0, double high = 1) {
  return uploaded(backend, Random(seed).vector<float>(n, low, high));
}
template <class B>
void photometric(B& backend, const Recorder& recorder, long side) {
  const long n = side * side;
  const double pixels = static_cast<double>(n);
  const std::string size = std::to_string(side) + " px";
  const auto rendered = uniform(backend, 3 * n, 1), target = uniform(backend, 3 * n, 2),
             weight = uniform(backend, n, 3);
  const auto id = uploaded(backend, std::vector<std::int32_t>(static_cast<std::size_t>(n), 1));
  auto grad = backend.template alloc<float>(static_cast<std::size_t>(3 * n));
  auto sums = backend.template alloc<double>(losses::Photometric::kReduced);
  losses::PhotometricArgs<float> a;
  a.rendered = rendered.data();
  a.target = target.data();
  a.weight = weight.data();
  a.triangle_id = id.data();
  a.form = losses::PhotometricForm::geman_mcclure;
  a.grad_rendered = grad.data();
  recorder.measure(backend, "photometric/forward", size, 8 * pixels * kFloat, [&] {
    backend.template reduce_to<losses::Photometric::Forward, losses::Photometric::kReduced>(n, a, sums.data());
  });
  recorder.measure(backend, "photometric/backward", size, 11 * pixels * kFloat,
                   [&] { backend.template for_each<losses::Photometric::Backward>(n, a); });
}

template <class B>
void points(B& backend, const Recorder& recorder) {
  constexpr long kCount = 478, kSide = 224;
  Random random(4);
  std::vector<std::int32_t> corners;
  for (long i = 0; i < 3 * kCount; ++i) corners.push_back(static_cast<std::int32_t>(random.below(kVertices)));
  const auto screen = uniform(backend, 3 * kVertices, 5, 0, kSide), barycentrics = uniform(backend, 3 * kCount, 6),
             target = uniform(backend, 2 * kCount, 7, 0, kSide), precision = uniform(backend, 3 * kCount, 8);
  const auto vertices = uploaded(backend, corners);
  auto slots = backend.template alloc<float>(9 * kCount);
  auto sum = backend.template alloc<double>(1);
  losses::LandmarkArgs<float> l;
  l.screen = screen.data();
  l.vertices = vertices.data();
  l.barycentrics = barycentrics.data();
  l.target = target.data();
  l.precision = precision.data();
  l.form = losses::Robust::huber;
  l.slots = slots.data();
  recorder.measure(backend, "landmark/forward", "478 points", 20.0 * kCount * kFloat,
                   [&] { backend.template reduce_to<losses::Landmark::Forward, 1>(kCount, l, sum.data()); });
  recorder.measure(backend, "landmark/backward", "478 points", 29.0 * kCount * kFloat,
                   [&] { backend.template for_each<losses::Landmark::Backward>(kCount, l); });

  const auto spans = uploaded(backend, std::vector<losses::MaskSpan<float>>(kSide, {0.2f * kSide, 0.8f * kSide}));
  auto grad = backend.template alloc<float>(3 * kVertices);
  losses::ContourArgs<float> c;
  c.screen = screen.data();
  c.rows = c.columns = spans.data();
  c.width = c.height = kSide;
  c.grad_screen = grad.data();
  recorder.measure(backend, "contour/forward", "19k vertices", 3.0 * kVertices * kFloat,
                   [&] { backend.template reduce_to<losses::Contour::Forward, 1>(kVertices, c, sum.data()); });
  recorder.measure(backend, "contour/backward", "19k vertices", 9.0 * kVertices * kFloat,
                   [&] { backend.template for_each<losses::Contour::Backward>(kVertices, c); });
}

template <class B>
void maps(B& backend, const Recorder& recorder) {
  constexpr long kSide = 300, kTexels = kSide * kSide;
  const std::string size = "300 x 300 map";
  using Smooth = losses::TotalVariation<3>;
  const auto map = uniform(backend, 3 * kTexels, 9);
  auto grad = backend.template alloc<float>(3 * kTexels), first = backend.template alloc<float>(3 * kTexels),
       second = backend.template alloc<float>(3 * kTexels), values = backend.template alloc<float>(3 * kTexels);
  auto sums = backend.template alloc<double>(Smooth::kReduced);
  losses::TotalVariationArgs<float> t;
  t.size = kSide;
  t.map = map.data();
  t.spread_weight = 0.01f;
  t.grad_map = grad.data();
  recorder.measure(backend, "total_variation/forward", size, 3.0 * kTexels * kFloat,
                   [&] { backend.template reduce_to<Smooth::Forward, Smooth::kReduced>(kTexels, t, sums.data()); });
  recorder.measure(backend, "total_variation/backward", size, 9.0 * kTexels * kFloat,
                   [&] { backend.template for_each<Smooth::Backward>(kTexels, t); });
  losses::SymmetryPriorArgs<float> s;
  s.size = kSide;
  s.map = map.data();
  s.grad_map = grad.data();
  recorder.measure(backend, "prior/symmetry forward", size, 3.0 * kTexels * kFloat, [&] {
    backend.template reduce_to<losses::SymmetryPrior<true>::Forward, 1>(kTexels, s, sums.data());
  });
  recorder.measure(backend, "prior/symmetry backward", size, 9.0 * kTexels * kFloat,
                   [&] { backend.template for_each<losses::SymmetryPrior<true>::Backward>(kTexels, s); });
  optim::AdamArgs<float> a;
  a.values = values.data();
  a.grad = map.data();
  a.first = first.data();
  a.second = second.data();
  optim::Adam::set_step(a, 1);
  recorder.measure(backend, "adam", size, 21.0 * kTexels * kFloat,
                   [&] { backend.template for_each<optim::Adam::Update>(3 * kTexels, a); });
}

template <class B>
void all_losses(B& backend, const Recorder& recorder) {
  for (const long side : {224L, 512L}) photometric(backend, recorder, side);
  points(backend, recorder);
  maps(backend, recorder);
}

const int added = add(all_losses<BenchBackend>);

}  // namespace
}  // namespace hrn::bench
