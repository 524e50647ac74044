// Creases of a head whose expression is known: the mean head, its cheeks pressed together sideways by a quarter.
#include "fit/texture/creases.hpp"

#include <algorithm>
#include <vector>

#include "core/half.hpp"
#include "framework.hpp"
#include "synthetic_head.hpp"

namespace hrn::test {
namespace {

HRN_TEST("fit/creases are where an expression draws cheeks together, and nowhere else") {
  const auto head = synthetic_head();
  const std::size_t count = head->mean.size() / 3;
  const auto is_cheek = [&](std::size_t v) { return head->mean[3 * v + 1] < 0; };
  for (std::size_t v = 0; v < count; ++v)
    head->regions[v] = static_cast<std::uint8_t>(is_cheek(v) ? fit::Region::cheeks : fit::Region::forehead);
  // Weight 1 of the first expression presses, weight 1 of the second only moves.
  for (std::size_t i = 0; i < 3 * count; ++i) {
    head->expression[i] = float_to_half(i % 3 == 0 ? -0.25f * head->mean[i] : 0.0f).bits;
    head->expression[3 * count + i] = float_to_half(i % 3 == 2 ? 5.0f : 0.0f).bits;
  }
  const auto model = fit::build_model(head->source);
  const auto worn_by = [&](double presses, double moves) {
    std::vector<double> worn(static_cast<std::size_t>(model->expression_count), 0.0);
    worn[0] = presses;
    worn[1] = moves;
    std::vector<float> positions = head->mean;
    for (std::size_t i = 0; i < 3 * count; ++i)
      for (std::size_t k = 0; k < 2; ++k)
        positions[i] += static_cast<float>(worn[k]) * half_to_float({head->expression[3 * count * k + i]});
    return fit::creases(*model, positions, worn);
  };
  const auto pressed = worn_by(1, 1), moved = worn_by(0, 1), little = worn_by(0.05, 0);
  std::vector<float> cheeks;
  for (std::size_t v = 0; v < count; ++v) {
    report.near(moved[v], 0, 1e-3, "what moves as it is has none");
    report.near(little[v], 0, 0.01, "nor what is pressed by a hundredth");
    if (is_cheek(v))
      cheeks.push_back(pressed[v]);
    else
      report.equal(pressed[v], 0.0f, "nor what is no cheek");
  }
  std::nth_element(cheeks.begin(), cheeks.begin() + static_cast<long>(cheeks.size()) / 2, cheeks.end());
  CHECK(cheeks[cheeks.size() / 2] > 0.8f);
}

}  // namespace
}  // namespace hrn::test
