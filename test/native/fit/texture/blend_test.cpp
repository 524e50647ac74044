// One texture from several photos of a head.
#include "fit/texture/blend.hpp"

#include <cmath>

#include "fit_scene.hpp"
#include "framework.hpp"

namespace hrn::test {
namespace {

using Texels = std::vector<std::uint8_t>;

std::shared_ptr<const fit::Model> shared_head() {
  // The head lives as long as the tests do.
  return {std::shared_ptr<const fit::Model>(), &small_head()};
}

double difference(const Texels& a, const Texels& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
  return sum / static_cast<double>(a.size());
}

Texels alone(const imaging::Image& photo) {
  const fit::TextureProblem problem = texture_problem();
  Texels rgb(room_for(problem));
  ThreadPool pool(1);
  fit::recover_texture(small_head(), photo, problem, rgb, pool, Cancel());
  return rgb;
}

Texels blended(std::initializer_list<const imaging::Image*> photos, std::vector<double>* shares = nullptr,
               int threads = 1) {
  const fit::TextureProblem problem = texture_problem();
  ThreadPool pool(threads);
  fit::TextureBlend blend(shared_head());
  for (const imaging::Image* photo : photos) blend.add(*photo, problem, 1, pool, Cancel());
  Texels rgb(room_for(problem));
  blend.finish(rgb, pool, Cancel());
  if (shares != nullptr) *shares = blend.shares();
  return rgb;
}

HRN_TEST("fit/texture/blend/of one photo is the texture of that photo") {
  const imaging::Image photo = photo_image();
  CHECK(difference(blended({&photo}), alone(photo)) < 0.1);
}

HRN_TEST("fit/texture/blend/of a photo twice is the same again, half each, whatever the threads") {
  const imaging::Image photo = photo_image();
  std::vector<double> shares;
  const Texels twice = blended({&photo, &photo}, &shares);
  CHECK(difference(twice, alone(photo)) < 1.5);
  report.near(shares[0] + shares[1], 1, 1e-9, "sum of shares");
  report.near(shares[0], 0.5, 0.15, "share");
  CHECK(twice == blended({&photo, &photo}, nullptr, 3));
}

HRN_TEST("fit/texture/blend/a darker photo is brought to the colours of the first") {
  const imaging::Image photo = photo_image();
  std::vector<std::uint8_t> dark(photo.pixels.begin(), photo.pixels.end());
  for (std::uint8_t& value : dark) value = static_cast<std::uint8_t>(0.6 * value);
  const imaging::Image darker{dark, photo.width, photo.height, photo.channels};
  CHECK(difference(blended({&photo, &darker}), alone(photo)) < 3);
}

HRN_TEST("fit/texture/blend/refuses what does not fit") {
  const imaging::Image photo = photo_image();
  ThreadPool pool(1);
  fit::TextureBlend blend(shared_head());
  Texels rgb(12);
  report.equal(error_of([&] { blend.finish(rgb, pool, Cancel()); }), std::string("INVALID_ARGUMENT"), "no photo");
  fit::TextureProblem problem = texture_problem();
  blend.add(photo, problem, 1, pool, Cancel());
  problem.size *= 2;
  report.equal(error_of([&] { blend.add(photo, problem, 1, pool, Cancel()); }), std::string("INVALID_ARGUMENT"),
               "two sizes");
  report.equal(error_of([&] { blend.finish(rgb, pool, Cancel()); }), std::string("INVALID_ARGUMENT"), "no room");
}

}  // namespace
}  // namespace hrn::test
