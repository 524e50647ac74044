// Which pixels of a photo are skin, which are hair, and what lies over a face.
#include "imaging/pixel_kinds.hpp"

#include <cmath>
#include <functional>

#include "framework.hpp"
#include "picture.hpp"

namespace hrn::test {
namespace {

HRN_TEST("imaging/pixel kinds/the classes' coarse hairline moves to where the colours change") {
  for (const Rgb& hair_colour : {Rgb{0.5 * kSkin[0], 0.5 * kSkin[1], 0.5 * kSkin[2]}, Rgb{0.72, 0.62, 0.52}}) {
    Picture picture(240);
    paint_portrait(picture, hair_colour);
    // The classes know skin some 8 pixels too far up.
    const Classes classes(picture.size, [](double x, double y) {
      if (std::hypot(x, y) > 70) return imaging::PixelClass::background;
      return y < -53 ? imaging::PixelClass::hair : imaging::PixelClass::face;
    });
    imaging::PixelKinds first;
    for (const int threads : {1, 3}) {
      ThreadPool pool(threads);
      const imaging::PixelKinds kinds = imaging::pixel_kinds(picture.view, classes.view, pool);
      const auto at = [](long x, long y) { return static_cast<std::size_t>(y * 240 + x); };
      for (const long y : {60L, 71L}) {
        report.near(kinds.hair[at(120, y)], 1, 0.2, "hair, row " + std::to_string(y));
        report.near(kinds.skin[at(120, y)], 0, 0.2, "skin, row " + std::to_string(y));
      }
      for (const long y : {80L, 120L, 160L}) CHECK(kinds.skin[at(120, y)] > 0.8f && kinds.hair[at(120, y)] < 0.2f);
      report.equal(kinds.skin[at(10, 10)] + kinds.hair[at(10, 10)], 0.f, "beside the person");
      if (threads == 1) first = kinds;
      CHECK(kinds.skin == first.skin && kinds.hair == first.hair);
    }
  }
}

HRN_TEST("imaging/pixel kinds/a black collar that the classes take for the neck is no skin, a neck in shadow is") {
  for (const double light : {0.03, 0.3}) {
    Picture picture(240);
    paint_portrait(picture, kSkin);
    for (long y = 170; y < 240; ++y)
      for (long x = 0; x < 240; ++x)
        if (picture.person[static_cast<std::size_t>(y * 240 + x)] > 0) picture.paint(x, y, kSkin, light);
    const Classes classes(240, [](double x, double y) {
      if (std::hypot(x, y) > 70) return imaging::PixelClass::background;
      return y > 48 ? imaging::PixelClass::neck : imaging::PixelClass::face;
    });
    ThreadPool pool(2);
    const imaging::PixelKinds kinds = imaging::pixel_kinds(picture.view, classes.view, pool);
    for (const long x : {100L, 120L, 140L}) {
      report.near(kinds.skin[static_cast<std::size_t>(182 * 240 + x)], light > 0.2 ? 1 : 0, 0.25,
                  "skin under the chin");
      CHECK(kinds.skin[static_cast<std::size_t>(140 * 240 + x)] > 0.8f);
    }
  }
}

HRN_TEST("imaging/pixel kinds/a white collar that the classes take for the neck is no skin, nor is a beard over it") {
  const Rgb white{0.9, 0.9, 0.9};
  for (const bool is_collar : {true, false}) {
    Picture picture(240);
    paint_portrait(picture, kSkin);
    const auto person = [&](long x, long y) { return picture.person[static_cast<std::size_t>(y * 240 + x)] > 0; };
    // The face ends at row 165; the beard begins above and hangs down to row 178.
    for (long y = is_collar ? 172 : 148; y < (is_collar ? 240 : 178); ++y)
      for (long x = 0; x < 240; ++x)
        if (person(x, y)) picture.paint(x, y, is_collar ? white : kSkin, is_collar ? 1 : 0.3);
    const Classes classes(240, [](double x, double y) {
      if (std::hypot(x, y) > 70) return imaging::PixelClass::background;
      return y > 48 ? imaging::PixelClass::neck : imaging::PixelClass::face;
    });
    ThreadPool pool(2);
    const imaging::PixelKinds kinds = imaging::pixel_kinds(picture.view, classes.view, pool);
    const auto at = [](long x, long y) { return static_cast<std::size_t>(y * 240 + x); };
    for (const long x : {108L, 120L, 132L}) {
      report.near(kinds.skin[at(x, is_collar ? 182 : 174)], 0, 0.25,
                  is_collar ? "the collar" : "the beard over the neck");
      report.near(kinds.hair[at(x, is_collar ? 182 : 174)], 0, 0.25, "hair on the neck");
      CHECK(kinds.skin[at(x, 130)] > 0.8f);
    }
    if (!is_collar) report.near(kinds.skin[at(120, 185)], 1, 0.25, "the neck below the beard");
  }
}

HRN_TEST("imaging/pixel kinds/the rim of a collar has its colour and shadow, and is no neck either") {
  Picture picture(240);
  paint_portrait(picture, kSkin);
  for (long y = 180; y < 240; ++y)
    for (long x = 0; x < 240; ++x)
      if (picture.person[static_cast<std::size_t>(y * 240 + x)] > 0) picture.paint(x, y, kSkin, 0.03);
  const Classes classes(240, [](double x, double y) {
    if (std::hypot(x, y) > 70) return imaging::PixelClass::background;
    return y > 48 ? imaging::PixelClass::neck : imaging::PixelClass::face;
  });
  ThreadPool pool(2);
  const imaging::PixelKinds kinds = imaging::pixel_kinds(picture.view, classes.view, pool);
  CHECK(kinds.skin[182 * 240 + 120] < 0.25f && kinds.skin[178 * 240 + 120] < 0.25f);
  report.near(kinds.skin[172 * 240 + 120], 1, 0.25, "the neck above it");
}

HRN_TEST("imaging/pixel kinds/spectacles' rims and hands are no skin, whatever their colour; bare lids are") {
  const auto rims = [](double x, double y) {
    return std::abs(std::hypot(std::abs(x) - 18, y + 8) - 14) < 3.5 ? imaging::PixelClass::glasses
                                                                    : imaging::PixelClass::face;
  };
  const auto hand = [](double x, double y) {
    return y > 20 && x > 8 ? imaging::PixelClass::occluder : imaging::PixelClass::face;
  };
  // What lids of bare eyes are taken for.
  const auto lids = [](double x, double y) {
    return std::abs(std::abs(x) - 16) < 4 && std::abs(y + 16) < 2 ? imaging::PixelClass::glasses
                                                                  : imaging::PixelClass::face;
  };
  ThreadPool pool(2);
  Picture picture(240);
  paint_portrait(picture, kSkin);
  const auto skin = [&](const std::function<imaging::PixelClass(double, double)>& shows, long x, long y) {
    const Classes classes(240, shows);
    return imaging::pixel_kinds(picture.view, classes.view, pool).skin[static_cast<std::size_t>(y * 240 + x)];
  };
  report.near(skin(rims, 138, 98), 0, 0.1, "upper rim");
  report.near(skin(rims, 102, 126), 0, 0.1, "lower rim of the other");
  report.near(skin(rims, 136, 148), 1, 0.2, "the cheek below");
  report.near(skin(hand, 140, 150), 0, 0.1, "hand");
  report.near(skin(hand, 100, 150), 1, 0.2, "the other cheek");
  report.near(skin(lids, 136, 104), 1, 0.2, "bare lid");
}

HRN_TEST("imaging/pixel kinds/without hair nothing is hair, and black tells nothing") {
  Picture bald(240), black(240);
  paint_portrait(bald, kSkin);
  paint_portrait(black, {0, 0, 0});
  const Classes classes(240, [](double x, double y) {
    return std::hypot(x, y) > 70 ? imaging::PixelClass::background : imaging::PixelClass::face;
  });
  ThreadPool pool(2);
  for (const Picture* picture : {&bald, &black}) {
    const imaging::PixelKinds kinds = imaging::pixel_kinds(picture->view, classes.view, pool);
    for (const float share : kinds.hair) CHECK(share < 0.5f);
  }
}

HRN_TEST("imaging/dense classes/bilinear, the border's value beyond it") {
  const Classes c(240, imaging::PixelClass::face, 60, imaging::PixelClass::hair);
  using enum imaging::PixelClass;
  report.equal(c.view.share({face}, 120, 120), 1.0, "inside");
  report.equal(c.view.share({face, hair}, 61, 120), 1.0, "both, at the edge");
  const double edge = c.view.share({face}, 60, 121);
  CHECK(edge > 0.2 && edge < 0.8);
  report.equal(c.view.share({hair}, -50, 900), 1.0, "beyond the map");
  CHECK(c.view.holds(0, 240) && !c.view.holds(-1, 120));
}

}  // namespace
}  // namespace hrn::test
