// Texture recovery: a flat mesh seen frontally, whose texture is known, and the whole stage on a synthetic head.
#include "fit/texture/texture.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "fit/head/fitted_light.hpp"
#include "fit/texture/plane.hpp"
#include "fit_scene.hpp"
#include "framework.hpp"

namespace hrn::test {
namespace {

HRN_TEST("fit/texture-bake/a surface seen frontally has the photo's colours") {
  Plane plane;
  plane.paint([](int row, int column, int channel) { return (7 * row + 3 * column * (channel + 1)) % 256; });
  const auto texture = plane.bake();
  report.equal(texture.size(), std::size_t{3 * kSide * kSide}, "bytes");
  int worst = 0;
  // Beside the photo's border it is trusted less.
  for (int row = kBorder; row < kSide - kBorder; ++row) {
    for (std::size_t i = texel(row, kBorder); i < texel(row, kSide - kBorder); ++i)
      worst = std::max(worst, std::abs(texture[i] - plane.photo[i]));
  }
  // One grey step of rounding; interpolation weights are exact to about a thousandth of the steepest step.
  CHECK(worst <= 2);
}

HRN_TEST("fit/texture-bake/worked on row by row it has the same bytes, with light and without") {
  Plane plane;
  plane.one_island();
  plane.cover_right();
  plane.paint([](int row, int column, int channel) { return (5 * row + 3 * column * (channel + 1)) % 200 + 20; });
  std::vector<float> albedo = plane.shaded;
  plane.args.albedo = albedo.data();
  for (float& light : plane.args.ambient) light = 1;
  std::vector<std::uint8_t> unlit(3 * kSide * kSide), unlit_by_rows = unlit;
  const auto whole = plane.bake(2, unlit.data());
  // Rows in steps of 4: bands of 60 do not divide the side.
  const auto by_rows = plane.bake(2, unlit_by_rows.data(), 4 * 60 * kSide);
  CHECK(by_rows == whole);
  CHECK(unlit_by_rows == unlit);
}

HRN_TEST("fit/texture-bake/a photo with four channels gives the same") {
  Plane plane;
  plane.paint([](int row, int column, int) { return (row + column) % 200; });
  const auto expected = plane.bake();
  std::vector<std::uint8_t> rgba;
  for (std::size_t i = 0; i < plane.photo.size(); i += 3) {
    rgba.insert(rgba.end(), {plane.photo[i], plane.photo[i + 1], plane.photo[i + 2], 7});
  }
  plane.photo = rgba;
  plane.args.channels = 4;
  CHECK(plane.bake() == expected);
}

HRN_TEST("fit/texture-bake/a hidden half shows the other half's detail and colour, mirrored") {
  Plane plane;
  plane.one_island();
  plane.cover_right();
  // Detail finer than the colour correction, different read from either side; on the right what is in front.
  const int pattern[4] = {24, 8, -8, -24};
  plane.paint([&](int, int column, int) { return column < kSide / 2 ? 150 + pattern[column % 4] : 20; });
  const auto texture = plane.bake();
  const int margin = kSide / 16;
  for (int row = margin; row < kSide - margin; row += 5) {
    double mean = 0, detail = 0, expected_detail = 0;
    for (int column = kSide / 2 + 2 * margin; column < kSide - margin; ++column) {
      const double value = texture[texel(row, column)];
      mean += value;
      const double wanted = pattern[(kSide - 1 - column) % 4];
      detail += (value - 150) * wanted;
      expected_detail += wanted * wanted;
      CHECK(value > 100);  // nothing of the occluder
    }
    mean /= kSide / 2 - 3 * margin;
    report.near(mean, 150, 8, "mean colour of the hidden half");
    // Part of so coarse a pattern counts as colour, not as detail.
    CHECK(detail > 0.2 * expected_detail);
  }
}

HRN_TEST("fit/texture-bake/where nothing is seen it has the shaded colours") {
  const auto check = [&](const std::string& why, Plane& plane) {
    const auto texture = plane.bake();
    for (int row = 0; row < kSide; row += 9) {
      for (int column = 0; column < kSide; column += 9) {
        const int expected[3] = {102, 77, 51};
        for (std::size_t c = 0; c < 3; ++c) {
          report.near(texture[texel(row, column) + c], expected[c], 1, why + ", channel " + std::to_string(c));
        }
      }
    }
  };
  Plane behind;
  std::fill(behind.depth.begin(), behind.depth.end(), kDistance / 2);
  check("behind something", behind);
  Plane unseen;
  std::fill(unseen.depth.begin(), unseen.depth.end(), kInfinity);
  check("no depth", unseen);
  Plane away;
  for (std::size_t i = 2; i < away.normals.size(); i += 3) away.normals[i] = -1;
  check("facing away", away);
  Plane beside;
  beside.args.camera.translation[0] = 900;
  check("beside the photo", beside);
  Plane masked;
  const std::vector<float> nobody(16, 0.f);
  masked.args.person = nobody.data();
  masked.args.person_width = masked.args.person_height = 4;
  masked.args.person_from_photo[0] = masked.args.person_from_photo[4] = 4.f / kSide;
  check("not the person", masked);
}

HRN_TEST("fit/texture-bake/what is covered is not taken from the photo, what is narrow also beside steps in depth") {
  Plane plane;
  plane.one_island();
  // The fill follows the photo's mean, but not its detail.
  plane.paint([](int, int column, int) { return column % 4 == 2 ? 220 : 60; });
  // Bars in front, so near to each other that no pixel between them is away from an edge.
  for (int i = 0; i < kSide * kSide; ++i)
    if (i % kSide % 4 == 0) plane.depth[static_cast<std::size_t>(i)] = kDistance - 40;
  const auto brightness = [&](fit::Sight sight) {
    const std::vector<std::uint8_t> sights(static_cast<std::size_t>(plane.args.vertices),
                                           static_cast<std::uint8_t>(sight));
    plane.args.sights = sights.data();
    const auto texture = plane.bake();
    double sum = 0;
    for (int row = kSide / 4; row < 3 * kSide / 4; ++row)
      for (int column = kSide / 4; column < 3 * kSide / 4; ++column)
        if (column % 4 == 2) sum += texture[texel(row, column)];
    return sum / (kSide / 2 * (kSide / 8));
  };
  report.near(brightness(fit::Sight::covered), 102, 1, "covered");
  CHECK(brightness(fit::Sight::narrow) > 190);
  CHECK(brightness(fit::Sight::plain) < brightness(fit::Sight::narrow) - 10);
}

HRN_TEST("fit/texture-bake/the person mask is read where its map says") {
  Plane plane;
  plane.one_island();
  plane.shaded.assign(plane.shaded.size(), 128.f / 255);
  // The person on the left half; elsewhere red.
  plane.paint([](int, int column, int channel) { return column < kSide / 2 ? 128 : channel == 0 ? 255 : 0; });
  const LeftHalf mask;
  mask.frame(plane.args);
  plane.args.person = mask.left.data();
  const auto texture = plane.bake();
  for (const std::uint8_t value : texture) report.near(value, 128, 2, "colour");
}

HRN_TEST("fit/texture-bake/what is to be bare is taken from the photo where that looks like skin") {
  Plane plane;
  plane.one_island();
  // Skin on the left, a collar on the right, with detail that a fill does not have.
  plane.paint([](int, int column, int channel) {
    const int detail = column % 4 < 2 ? 10 : -10;
    return (column < kSide / 2 ? 150 : channel == 2 ? 220 : 40) + detail;
  });
  const LeftHalf mask;
  mask.frame(plane.args);
  plane.args.person = mask.everywhere.data();
  plane.args.skin = mask.left.data();
  const auto between = [&](fit::Sight sight, std::size_t channel, int first, int last) {
    const std::vector<std::uint8_t> sights(static_cast<std::size_t>(plane.args.vertices),
                                           static_cast<std::uint8_t>(sight));
    plane.args.sights = sights.data();
    const auto texture = plane.bake();
    double sum = 0;
    for (int column = first; column < last; ++column) sum += texture[texel(kSide / 2, column) + channel];
    return sum / (last - first);
  };
  const auto right = [&](fit::Sight sight, std::size_t channel) {
    return between(sight, channel, 5 * kSide / 8, 7 * kSide / 8);
  };
  report.near(right(fit::Sight::plain, 2), 150, 12, "what is neither skin nor hair is not taken");
  std::vector<float> hair = mask.left;
  for (float& share : hair) share = 1 - share;
  plane.args.hair = hair.data();
  report.near(between(fit::Sight::plain, 2, 9 * kSide / 16, 11 * kSide / 16), 220, 1, "on the forehead hair stays");
  report.near(between(fit::Sight::plain, 2, 13 * kSide / 16, 7 * kSide / 8), 150, 25, "no lock beside the face");
  for (std::size_t channel = 0; channel < 3; ++channel)
    report.near(right(fit::Sight::bare, channel), 150, 4, "bare: the colour of the skin beside it");
}

HRN_TEST("fit/texture-bake/a rim that falls away in the dark has the light of the rest, and its own detail") {
  // From the middle to the right border the photo darkens; stripes go on to the end.
  const auto at_the_rim = [&](bool slant) {
    Plane plane;
    plane.one_island();
    for (std::size_t v = 0; slant && v < plane.positions.size() / 3; ++v) {
      if (!(plane.positions[3 * v] > 50)) continue;
      plane.normals[3 * v] = 0.75f;
      plane.normals[3 * v + 2] = 0.66f;
    }
    plane.paint([](int row, int column, int) {
      const double dark = std::max(0.0, (column - kSide / 2) / (0.5 * kSide));
      return static_cast<int>((row % 4 < 2 ? 1.1 : 0.9) * (160 - 80 * dark));
    });
    const auto texture = plane.bake();
    double mean = 0, detail = 0;
    for (int row = kSide / 2; row < kSide / 2 + 32; ++row) {
      const double value = texture[texel(row, kSide - 2 * kBorder)];
      mean += value / 32;
      detail += (row % 4 < 2 ? value : -value) / 32;
    }
    return std::pair{mean, detail};
  };
  const auto [flat, flat_detail] = at_the_rim(false);
  const auto [even, even_detail] = at_the_rim(true);
  report.near(flat, 86, 4, "seen frontally it is as dark as the photo");
  CHECK(even > 115 && even < 165);
  CHECK(flat_detail > 0.08 * flat && even_detail > 0.06 * even);
}

HRN_TEST("fit/texture-bake/lids keep no lashes and nothing of the eye, and as much of their paint as it is known") {
  Plane plane;
  plane.one_island();
  // Skin with black lashes and a blue glint.
  const int skin[3] = {200, 150, 120};
  plane.paint([&](int row, int, int channel) {
    return row % 8 < 4 ? skin[channel] : row % 16 < 8 ? 10 : 250 * (channel == 2);
  });
  const std::vector<std::uint8_t> sights(static_cast<std::size_t>(plane.args.vertices),
                                         static_cast<std::uint8_t>(fit::Sight::lid));
  plane.args.sights = sights.data();
  const auto middle = [&](float known, int row) {
    std::vector<float> paint;
    for (long v = 0; v < plane.args.vertices; ++v)
      paint.insert(paint.end(), {200 / 255.f, 150 / 255.f, 120 / 255.f, known});
    plane.args.paint = paint.data();
    const auto texture = plane.bake();
    const std::size_t at = texel(kSide / 2 + row, kSide / 2);
    return std::array<double, 3>{static_cast<double>(texture[at]), static_cast<double>(texture[at + 1]),
                                 static_cast<double>(texture[at + 2])};
  };
  for (std::size_t k = 0; k < 3; ++k) {
    report.near(middle(1, 2)[k], skin[k], 2, "skin as it is");
    CHECK(middle(1, 6)[k] > 0.65 * skin[k] && middle(1, 6)[k] < 0.9 * skin[k]);
    report.near(middle(0, 6)[k], 10, 2, "of unknown skin");
  }
  const auto glint = middle(1, 14);
  CHECK(glint[0] > glint[1] && glint[1] > glint[2]);
}

HRN_TEST("fit/texture-bake/a scalp has its own colours: those of its hair, and of the skin if nothing of it is seen") {
  const auto hidden_half = [&](bool hair) {
    Plane plane;
    plane.one_island();
    plane.cover_right();
    plane.paint([&](int row, int, int) { return hair && row < kSide / 2 ? 30 : 160; });
    // The upper vertices are scalp, so the upper half of the texture is as well.
    std::vector<std::uint8_t> sights;
    for (std::size_t v = 0; v < plane.positions.size() / 3; ++v)
      sights.push_back(
          static_cast<std::uint8_t>(plane.positions[3 * v + 1] > 0 ? fit::Sight::scalp : fit::Sight::plain));
    plane.args.sights = sights.data();
    if (!hair) std::fill_n(plane.depth.begin(), plane.depth.size() / 2, kInfinity);
    const auto texture = plane.bake();
    const auto at = [&](int row) { return static_cast<double>(texture[texel(row, 7 * kSide / 8)]); };
    return std::pair{at(kSide / 32), at(kSide - kSide / 32)};
  };
  const auto [hair, below] = hidden_half(true);
  // Between the few vertices of this plane there is no hairline, only a blend.
  CHECK(hair < 70);
  CHECK(below > 100);
  const auto [unseen, skin] = hidden_half(false);
  report.near(unseen, 160, 4, "a scalp of which nothing is seen");
  report.near(skin, 160, 4, "skin under it");
}

HRN_TEST("fit/texture/light from behind is not made up: what faces away is lit like the rim, and never black") {
  const float albedo[3] = {0.5f, 0.5f, 0.5f};
  float colours[3];
  fit::FittedLightArgs light{};
  light.albedo = albedo;
  light.colours = colours;
  light.rotation[0] = 1;
  light.rotation[4] = light.rotation[8] = -1;  // view frame: y up, z towards the camera
  for (int channel = 0; channel < 3; ++channel) {
    light.lighting[9 * channel] = 1;
    light.lighting[9 * channel + 2] = 2;  // brighter towards the camera, far below zero away from it
  }
  const auto brightness = [&](float x, float z) {
    const float normal[3] = {x, 0, z};
    light.normals = normal;
    fit::FittedLight::run(light, 0);
    return static_cast<double>(colours[0]);
  };
  report.near(brightness(0, 1), 0.5 * (0.886227 + 2 * 1.023327), 1e-4, "towards the camera");
  report.near(brightness(1, 0), 0.5 * 0.886227, 1e-4, "the rim");
  report.near(brightness(0.6f, -0.8f), brightness(1, 0), 1e-4, "turned away");
  for (int channel = 0; channel < 3; ++channel) light.lighting[9 * channel + 3] = 2;  // from the other side
  report.near(brightness(1, 0), 0.5 * 0.3 * 0.886227, 1e-4, "dark rim");
}

HRN_TEST("fit/texture-bake/colours do not cross from one island to another") {
  Plane plane;
  plane.cover_right();
  plane.paint([](int, int, int channel) { return channel == 0 ? 250 : 240; });
  const auto texture = plane.bake();
  const int expected[3] = {102, 77, 51};
  for (int row = kBorder; row < kSide - kBorder; row += 7) {
    for (std::size_t c = 0; c < 3; ++c) {
      report.near(texture[texel(row, kSide / 4) + c], c == 0 ? 250 : 240, 1, "seen island");
      for (int column = kSide / 2 + 1; column < kSide; column += 7) {
        report.near(texture[texel(row, column) + c], expected[c], 1, "hidden island");
      }
    }
  }
}

HRN_TEST("fit/texture-bake/texels outside every island continue their neighbours") {
  Plane plane(40);
  plane.one_island();
  plane.paint([](int, int, int channel) { return 90 + 50 * channel; });
  const auto texture = plane.bake();
  for (std::size_t i = 0; i < texture.size(); ++i) {
    report.near(texture[i], 90 + 50 * static_cast<double>(i % 3), 1, "colour");
  }
}

HRN_TEST("fit/texture/the same bits for any number of threads") {
  const imaging::Image photo = photo_image();
  fit::TextureProblem problem = texture_problem();
  problem.person = {std::vector<float>(20 * 10, 1.f), {}, 20, 10, {20.f / kPhotoSide, 0, 0, 0, 10.f / kPhotoSide, 0}};
  problem.size = 97;
  std::vector<std::uint8_t> expected_rgb;
  std::vector<float> expected_normals;
  for (const int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    std::vector<std::uint8_t> rgb(room_for(problem));
    const auto normals = fit::recover_texture(small_head(), photo, problem, rgb, pool, Cancel());
    if (threads == 1) {
      expected_rgb = rgb;
      expected_normals = normals;
    }
    CHECK(rgb == expected_rgb && normals == expected_normals);
  }
}

HRN_TEST("fit/texture/the texture drawn on the head is the photo, and normals are unit") {
  const PhotoTruth& truth = photo_truth();
  const fit::Model& model = small_head();
  fit::TextureProblem problem = texture_problem();
  problem.size = 256;
  ThreadPool pool(1);
  std::vector<std::uint8_t> rgb(room_for(problem));
  const auto normals = fit::recover_texture(model, photo_image(), problem, rgb, pool, Cancel());
  for (std::size_t v = 0; v < normals.size(); v += 3) {
    report.near(std::hypot(normals[v], normals[v + 1], normals[v + 2]), 1, 1e-4, "length");
  }
  long compared = 0;
  double difference = 0;
  for (long v = 0; v < model.vertex_count; ++v) {
    const auto p = load3(truth.positions.data(), v);
    double pixel[2];
    truth.camera.project(
        truth.camera.transform({static_cast<double>(p.x), static_cast<double>(p.y), static_cast<double>(p.z)}), pixel);
    const auto n = load3(normals.data(), v);
    const Vec3<double> facing =
        truth.camera.rotate({static_cast<double>(n.x), static_cast<double>(n.y), static_cast<double>(n.z)});
    if (facing.z > -0.7) continue;
    const long x = static_cast<long>(pixel[0]), y = static_cast<long>(pixel[1]);
    if (x < 0 || y < 0 || x >= kPhotoSide || y >= kPhotoSide) continue;
    const std::size_t i = static_cast<std::size_t>(y * kPhotoSide + x);
    if (truth.inner[i] < 1) continue;
    const long column = static_cast<long>(model.uvs[static_cast<std::size_t>(2 * v)] * 256),
               row = static_cast<long>(model.uvs[static_cast<std::size_t>(2 * v + 1)] * 256);
    for (std::size_t c = 0; c < 3; ++c) {
      const double got = rgb[static_cast<std::size_t>(3 * (row * 256 + column)) + c],
                   expected = 255 * std::clamp(static_cast<double>(truth.rendered[3 * i + c]), 0.0, 1.0);
      difference += std::abs(got - expected) / 3;
    }
    ++compared;
  }
  CHECK(compared > 100);
  // The texel's centre and the pixel's are up to a pixel apart.
  report.near(difference / static_cast<double>(compared), 0, 4, "mean difference in colour");
}

HRN_TEST("fit/texture/ends when cancelled") {
  ThreadPool pool(1);
  Cancel cancel;
  cancel.request();
  const fit::TextureProblem problem = texture_problem();
  std::vector<std::uint8_t> rgb(room_for(problem));
  report.equal(error_of([&] { fit::recover_texture(small_head(), photo_image(), problem, rgb, pool, cancel); }),
               std::string("CANCELLED"), "cancelled");
}

HRN_TEST("fit/texture/refuses what is no problem") {
  const imaging::Image photo = photo_image();
  const auto refuses = [&](const char* what, const auto& spoil) {
    fit::TextureProblem problem = texture_problem();
    std::vector<std::uint8_t> rgb(room_for(problem));
    spoil(problem);
    ThreadPool pool(1);
    report.equal(error_of([&] { fit::recover_texture(small_head(), photo, problem, rgb, pool, Cancel()); }),
                 std::string("INVALID_ARGUMENT"), what);
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  using Problem = fit::TextureProblem;
  refuses("positions short", [](Problem& p) { p.positions.pop_back(); });
  refuses("position NaN", [&](Problem& p) { p.positions[7] = kNan; });
  refuses("albedo short", [](Problem& p) { p.albedo.pop_back(); });
  refuses("light NaN", [&](Problem& p) { p.lighting[0] = static_cast<double>(kNan); });
  refuses("camera inside out", [](Problem& p) { p.camera.translation[2] = 0; });
  refuses("room for another size", [](Problem& p) { ++p.size; });
  refuses("size 0", [](Problem& p) { p.size = 0; });
  refuses("size 100000", [](Problem& p) { p.size = 100000; });
  refuses("mask of another size", [](Problem& p) { p.person = {{1, 1, 1}, {}, 2, 2, {}}; });
  refuses("mask of 3", [](Problem& p) { p.person = {{3}, {}, 1, 1, {}}; });
  refuses("skin of another size", [](Problem& p) { p.person = {{1}, {1, 1}, 1, 1, {}}; });
  refuses("skin of 2", [](Problem& p) { p.person = {{1}, {2}, 1, 1, {}}; });
  refuses("openings of another size", [](Problem& p) { p.person = {{1}, {}, 1, 1, {}, {1, 1}}; });
  refuses("an opening of 2", [](Problem& p) { p.person = {{1}, {}, 1, 1, {}, {2}}; });
  refuses("paint short", [](Problem& p) { p.paint.assign(7, 0.f); });
  refuses("paint of 2", [](Problem& p) { p.paint.assign(static_cast<std::size_t>(4 * small_head().vertex_count), 2); });
  refuses("a sight of 9", [](Problem& p) { p.sights.assign(static_cast<std::size_t>(small_head().vertex_count), 9); });
  refuses("mask NaN", [&](Problem& p) { p.person = {{kNan}, {}, 1, 1, {}}; });
  refuses("mask map NaN", [&](Problem& p) { p.person = {{1}, {}, 1, 1, {kNan, 0, 0, 0, 0, 0}}; });
}

}  // namespace
}  // namespace hrn::test
