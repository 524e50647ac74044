// The scalp of a bare head.
#include "fit/texture/even_scalp.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "framework.hpp"
#include "synthetic_head.hpp"

namespace hrn::test {
namespace {

HRN_TEST("fit/texture/a bare scalp goes on in the colours of the skin around it, one with hair stays as it is") {
  const auto head = synthetic_head();
  const auto vertices = static_cast<std::size_t>(head->source.vertex_count);
  // A dark cap on a head of one colour.
  float top = 0;
  for (std::size_t v = 0; v < vertices; ++v) top = std::max(top, head->mean[3 * v + 1]);
  const auto is_cap = [&](std::size_t v) { return head->mean[3 * v + 1] > 0.6f * top; };
  for (std::size_t v = 0; v < vertices; ++v) {
    head->regions[v] = static_cast<std::uint8_t>(is_cap(v) ? fit::Region::scalp : fit::Region::forehead);
    for (std::size_t k = 0; k < 3; ++k) head->albedo_mean[3 * v + k] = is_cap(v) ? 0.3f : 0.5f;
  }
  const auto model = fit::build_model(head->source);
  std::vector<double> albedo(static_cast<std::size_t>(model->albedo_count));
  const std::vector<float> even = fit::even_scalp_mean(*model, albedo, {});
  double off = 0;
  for (const float value : even) off = std::max(off, std::abs(static_cast<double>(value) - 0.5));
  report.near(off, 0, 1e-5, "of one colour");

  // With coefficients the sum is even, within what they make of the skin around.
  albedo[0] = 1.5;
  const std::vector<float> sums = fit::even_scalp_mean(*model, albedo, {});
  std::array<double, 2> skin{1, 0}, cap{1, 0};
  for (std::size_t v = 0; v < vertices; ++v)
    for (long k = 0; k < 3; ++k) {
      const long row = 3 * static_cast<long>(v) + k;
      const double value = static_cast<double>(sums[static_cast<std::size_t>(row)]) +
                           albedo[0] * static_cast<double>(model->albedo_value(0, row));
      auto& range = is_cap(v) ? cap : skin;
      range = {std::min(range[0], value), std::max(range[1], value)};
    }
  CHECK(cap[0] > skin[0] - 1e-5 && cap[1] < skin[1] + 1e-5);

  std::vector<float> paint(4 * vertices);
  const auto hair = static_cast<std::size_t>(
      std::find_if(head->regions.begin(), head->regions.end(),
                   [](std::uint8_t r) { return r == static_cast<std::uint8_t>(fit::Region::scalp); }) -
      head->regions.begin());
  paint[4 * hair + 3] = 1;
  CHECK(std::ranges::equal(fit::even_scalp_mean(*model, albedo, paint), head->albedo_mean));
}

}  // namespace
}  // namespace hrn::test
