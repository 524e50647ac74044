// What skin and hair look like in a photo, and where a crop shows skin.
#include <cmath>
#include <functional>
#include <numbers>

#include "core/error.hpp"
#include "framework.hpp"
#include "imaging/dense_classes.hpp"
#include "imaging/pixel_kinds.hpp"
#include "imaging/skin_colour.hpp"
#include "imaging/skin_edges.hpp"
#include "imaging/skin_mask.hpp"

namespace hrn::test {
namespace {

using Rgb = std::array<double, 3>;
constexpr Rgb kSkin{0.8, 0.58, 0.48};
constexpr std::uint32_t kOutline = 36, kLids = 16, kLips = 20, kSkinPoints = 300;

// A view with its own arrays: an outline, three openings and points on skin, all at one place far away.
struct Picture {
  long size;
  std::vector<float> person, rgb, landmarks;
  imaging::FaceView view;

  explicit Picture(long side)
      : size(side),
        person(static_cast<std::size_t>(side * side)),
        rgb(3 * person.size()),
        landmarks(2 * (kOutline + 2 * kLids + kLips + kSkinPoints), -1000.f) {
    view.size = size;
    view.to_photo = {1, 0, 0, 0, 1, 0};
    std::uint32_t next = 0;
    const auto ring = [&](std::vector<std::uint32_t>& points, std::uint32_t count) {
      for (std::uint32_t i = 0; i < count; ++i) points.push_back(next++);
    };
    ring(view.points.outline, kOutline);
    ring(view.points.right_lids, kLids);
    ring(view.points.left_lids, kLids);
    ring(view.points.inner_lips, kLips);
    ring(view.points.skin, kSkinPoints);
    const auto& outline = view.points.outline;
    view.points.top = outline[0];
    view.points.left = outline[8];
    view.points.chin = outline[18];
    view.points.right = outline[28];
    view.person = person;
    view.rgb = rgb;
    view.landmarks = landmarks;
  }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;

  void place(std::uint32_t point, double x, double y) {
    landmarks[2 * point] = static_cast<float>(x);
    landmarks[2 * point + 1] = static_cast<float>(y);
  }
  /// The ring evenly on an ellipse, from its top, clockwise in the image.
  void place(const std::vector<std::uint32_t>& ring, double x, double y, double a, double b) {
    for (std::size_t i = 0; i < ring.size(); ++i) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(ring.size());
      place(ring[i], x + a * std::sin(angle), y - b * std::cos(angle));
    }
  }
  /// The points on skin along the diagonal through the middle.
  void place_skin(double reach) {
    for (std::size_t i = 0; i < view.points.skin.size(); ++i) {
      const double at = static_cast<double>(size) / 2 + reach * std::sin(1.7 * static_cast<double>(i));
      place(view.points.skin[i], at, at);
    }
  }
  void paint(long x, long y, const Rgb& colour, double light) {
    for (std::size_t k = 0; k < 3; ++k)
      rgb[3 * static_cast<std::size_t>(y * size + x) + k] = static_cast<float>(colour[k] * light);
  }
};

// A face in the middle third; left of it what `beside` says. Shading gives the face a spread of colours.
void paint_beside(Picture& picture, const Rgb& beside) {
  for (long i = 0; i < picture.size * picture.size; ++i) {
    const bool is_face = i % picture.size >= picture.size / 3;
    picture.paint(i % picture.size, i / picture.size, is_face ? kSkin : beside,
                  1 + 0.15 * std::sin(static_cast<double>(i) / 7));
  }
  picture.place_skin(static_cast<double>(picture.size) / 8);
}

HRN_TEST("imaging/skin colour/sure of the face itself, and that neither a collar nor dark hair is skin") {
  for (const Rgb& other : {Rgb{0.2, 0.3, 0.7}, Rgb{0.1, 0.08, 0.07}}) {
    Picture picture(96);
    paint_beside(picture, other);
    const imaging::SkinColour skin(picture.view);
    report.equal(skin.likeness(48, 48), 1.0, "likeness of the face");
    report.equal(skin.likeness(16, 48), 0.0, "likeness of what lies beside it");
    CHECK(skin.is_skin(48, 48) && !skin.is_skin(16, 48));
  }
}

HRN_TEST("imaging/skin colour/likeness has no step where is_skin has one, and the map holds it on the person") {
  double before = 0;
  for (double light = 0.1; light < 1; light += 0.02) {
    Picture picture(96);
    paint_beside(picture, {kSkin[0] * light, kSkin[1] * light, kSkin[2] * light});
    const imaging::SkinColour skin(picture.view);
    const double likeness = skin.likeness(16, 48);
    CHECK(likeness >= before && likeness - before < 0.25);
    CHECK(skin.is_skin(16, 48) == (likeness > 0.5));
    before = likeness;
    picture.person[48 * 96 + 16] = 0.1f;
    std::vector<float> first;
    for (const int threads : {1, 3}) {
      ThreadPool pool(threads);
      const std::vector<float> map = skin.likeness_map(pool);
      report.equal(map[48 * 96 + 16], static_cast<float>(skin.likeness(16.5, 48.5)), "likeness on the person");
      report.equal(map[48 * 96 + 48], 0.f, "likeness beside the person");
      if (threads == 1) first = map;
      CHECK(map == first);
    }
  }
  report.equal(before, 1.0, "likeness of skin");
}

// An upright face on a round head; what the head shows above the forehead has `cover`'s colour.
void paint_portrait(Picture& picture, const Rgb& cover, double head_top = 50) {
  const double centre = 120, face_width = 35, face_height = 45, head = 70;
  for (long y = 0; y < picture.size; ++y) {
    for (long x = 0; x < picture.size; ++x) {
      const double dx = static_cast<double>(x) - centre, dy = static_cast<double>(y) - centre;
      const bool inside = std::hypot(dx, dy)<head&& static_cast<double>(y)> head_top;
      const double light = 1 + 0.1 * std::sin(static_cast<double>(x) / 9 + static_cast<double>(y) / 5);
      picture.paint(x, y, inside ? dy < -face_height ? cover : kSkin : Rgb{0.3, 0.3, 0.3}, light);
      picture.person[static_cast<std::size_t>(y * picture.size + x)] = inside ? 1 : 0;
    }
  }
  picture.place_skin(30);
  picture.place(picture.view.points.outline, centre, centre, face_width, face_height);
  picture.place(picture.view.points.right_lids, centre - 15, centre - 8, 6, 3);
  picture.place(picture.view.points.left_lids, centre + 15, centre - 8, 6, 3);
}

// One class a place of a photo of `photo` pixels, by pixels from its middle.
struct Classes {
  // One inside a disc, another outside.
  Classes(long photo, imaging::PixelClass inside, double radius, imaging::PixelClass outside)
      : Classes(photo, [=](double x, double y) { return std::hypot(x, y) < radius ? inside : outside; }) {}
  Classes(long photo, const std::function<imaging::PixelClass(double x, double y)>& shows) {
    constexpr long kSide = 120;
    probabilities.assign(static_cast<std::size_t>(imaging::kPixelClasses * kSide * kSide), 0.f);
    const double scale = static_cast<double>(photo) / kSide;
    for (long i = 0; i < kSide * kSide; ++i) {
      const double x = (static_cast<double>(i % kSide) + 0.5) * scale - static_cast<double>(photo) / 2;
      const double y = (static_cast<double>(i / kSide) + 0.5) * scale - static_cast<double>(photo) / 2;
      const imaging::PixelClass shown = shows(x, y);
      probabilities[static_cast<std::size_t>(static_cast<long>(shown) * kSide * kSide + i)] = 1;
    }
    view = {kSide, probabilities, {1 / scale, 0, 0, 0, 1 / scale, 0}};
  }
  std::vector<float> probabilities;
  imaging::DenseClasses view;
};

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

HRN_TEST("imaging/skin edges/the same for any number of threads, none of hair") {
  Picture picture(240);
  const Classes skin(240, imaging::PixelClass::face, 72, imaging::PixelClass::background);
  const Classes hair(240, imaging::PixelClass::hair, 72, imaging::PixelClass::background);
  paint_portrait(picture, {0.2, 0.15, 0.1});
  std::vector<double> first;
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    const imaging::SkinEdges edges = imaging::skin_edges(picture.view, skin.view, 240, 240, pool);
    CHECK(edges.points.size() > 2 * 100 && edges.points.size() == edges.normals.size());
    if (threads == 1) first = edges.points;
    CHECK(edges.points == first);
  }
  ThreadPool pool(1);
  CHECK(imaging::skin_edges(picture.view, hair.view, 240, 240, pool).points.empty());
}

double sum(const std::vector<float>& values) {
  double total = 0;
  for (const float v : values) total += static_cast<double>(v);
  return total;
}

/// Area of a polygon with n corners on an ellipse.
double area_of(double n, double a, double b) { return n / 2 * std::sin(2 * std::numbers::pi / n) * a * b; }

struct MaskScene {
  Picture picture{260};
  ThreadPool pool{2};
  Classes classes{200, imaging::PixelClass::face, 1000, imaging::PixelClass::face};
  MaskScene() {
    std::fill(picture.person.begin(), picture.person.end(), 1.f);
    picture.view.to_photo = {1, 0, -30, 0, 1, -30};
  }
  std::vector<float> mask(const imaging::CropFrame& frame) {
    return imaging::skin_mask(picture.view, &classes.view, frame, 200, 200, pool);
  }
};

HRN_TEST("imaging/skin mask/the outline of the face without the openings, as the crop's frame shows them") {
  MaskScene s;
  const auto& points = s.picture.view.points;
  s.picture.place(points.outline, 100, 100, 60, 80);
  const auto plain = s.mask({0, 0, 1, 200});
  // Pixels count by their centres: off by a share of the outline's length at most.
  report.near(sum(plain), area_of(kOutline, 60, 80), 60, "area of the face");
  CHECK(plain[100 * 200 + 100] == 1 && plain[100 * 200 + 30] == 0 && plain[10 * 200 + 100] == 0);

  const auto zoomed = s.mask({50, 30, 1.5, 200});
  long different = 0;
  for (long i = 0; i < 200 * 200; ++i) {
    // Crop pixel (x, y) shows photo pixel (x0 + x / scale, y0 + y / scale).
    const long x = static_cast<long>(50 + (static_cast<double>(i % 200) + 0.5) / 1.5);
    const long y = static_cast<long>(30 + (static_cast<double>(i / 200) + 0.5) / 1.5);
    if (zoomed[static_cast<std::size_t>(i)] != plain[static_cast<std::size_t>(200 * y + x)]) ++different;
  }
  // Pixels across the outline.
  CHECK(static_cast<double>(different) < 0.04 * sum(zoomed));

  s.picture.place(points.right_lids, 70, 80, 12, 6);
  s.picture.place(points.inner_lips, 100, 140, 20, 9);
  const auto open = s.mask({0, 0, 1, 200});
  report.near(sum(plain) - sum(open), area_of(kLids, 12, 6) + area_of(kLips, 20, 9), 60, "area of the openings");
  CHECK(open[80 * 200 + 70] == 0 && open[140 * 200 + 100] == 0 && open[140 * 200 + 70] == 1);
}

HRN_TEST("imaging/skin mask/the person only, softly, and nothing beyond the photo") {
  MaskScene s;
  s.picture.place(s.picture.view.points.outline, 100, 100, 60, 80);
  for (std::size_t i = 0; i < s.picture.person.size(); ++i) s.picture.person[i] = i % 260 < 130 ? 0.25f : 0.f;
  const auto soft = s.mask({0, 0, 1, 200});
  CHECK(soft[100 * 200 + 90] == 0.25f && soft[100 * 200 + 110] == 0);
  std::fill(s.picture.person.begin(), s.picture.person.end(), 1.f);
  s.picture.place(s.picture.view.points.outline, 0, 100, 60, 80);
  const auto cut = s.mask({-80, 0, 1, 200});
  report.near(sum(cut), area_of(kOutline, 60, 80) / 2, 60, "area inside the photo");
  CHECK(cut[100 * 200 + 79] == 0 && cut[100 * 200 + 81] == 1);
}

HRN_TEST("imaging/skin mask/only as far as the dense network sees skin") {
  MaskScene s;
  s.classes = Classes(200, imaging::PixelClass::face, 30, imaging::PixelClass::occluder);
  s.picture.place(s.picture.view.points.outline, 100, 100, 60, 80);
  const auto seen = s.mask({0, 0, 1, 200});
  CHECK(seen[100 * 200 + 100] == 1 && seen[100 * 200 + 150] == 0 && seen[40 * 200 + 100] == 0);
}

HRN_TEST("imaging/skin mask/empty for a face beside the crop, full inside one larger than it") {
  MaskScene s;
  const auto& outline = s.picture.view.points.outline;
  s.picture.place(outline, 500, 100, 60, 80);
  report.equal(sum(s.mask({0, 0, 1, 200})), 0.0, "a face beside the crop");
  s.picture.place(outline, 100, 100, 6000, 8000);
  report.equal(sum(s.mask({0, 0, 1, 200})), 200.0 * 200.0, "a face larger than the crop");
}

HRN_TEST("imaging/skin mask/reads the person mask where the photo shows it") {
  Picture picture(64);
  ThreadPool pool(2);
  picture.view.to_photo = {1.2, -0.5, 40, 0.5, 1.2, -12};
  // A ramp, which bilinear interpolation keeps exactly.
  for (long i = 0; i < 64 * 64; ++i)
    picture.person[static_cast<std::size_t>(i)] = static_cast<float>(i % 64 + 2 * (i / 64)) / 200;
  picture.place(picture.view.points.outline, 60, 60, 6000, 8000);
  const imaging::CropFrame frame{20, 10, 0.8, 70};
  const Classes skin(1000, imaging::PixelClass::face, 2000, imaging::PixelClass::face);
  const auto mask = imaging::skin_mask(picture.view, &skin.view, frame, 1000, 1000, pool);
  const imaging::Affine m = imaging::inverse(picture.view.to_photo);
  long inside = 0;
  for (long i = 0; i < 70 * 70; ++i) {
    const double px = 20 + (static_cast<double>(i % 70) + 0.5) / 0.8,
                 py = 10 + (static_cast<double>(i / 70) + 0.5) / 0.8;
    const imaging::Point at = imaging::mapped(m, px, py);
    const double u = at[0] - 0.5, v = at[1] - 0.5;
    const bool seen = u >= 0 && v >= 0 && u < 63 && v < 63;
    if (seen) ++inside;
    report.near(static_cast<double>(mask[static_cast<std::size_t>(i)]), seen ? (u + 2 * v) / 200 : 0, 1e-6, "mask");
  }
  CHECK(inside > 500 && inside < 70 * 70);
}

HRN_TEST("imaging/affine/inverse undoes a map") {
  const imaging::Affine m{1.2, -0.5, 40, 0.5, 1.2, -12}, back = imaging::inverse(m);
  for (const auto& [x, y] : {std::pair{0.0, 0.0}, std::pair{17.0, -3.0}, std::pair{200.0, 111.0}}) {
    const imaging::Point p = imaging::mapped(m, x, y), q = imaging::mapped(back, p[0], p[1]);
    report.near(q[0], x, 1e-9, "x");
    report.near(q[1], y, 1e-9, "y");
  }
}

HRN_TEST("imaging/face view/refuses what is not finite and masks beyond 1") {
  const auto refuses = [&](const char* what, auto spoil) {
    Picture picture(8);
    imaging::check_numbers(picture.view);
    spoil(picture);
    try {
      imaging::check_numbers(picture.view);
      report.fail(std::string("took ") + what);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::invalid_argument);
    }
  };
  refuses("a colour that is no number", [](Picture& p) { p.rgb[5] = NAN; });
  refuses("an infinite landmark", [](Picture& p) { p.landmarks[7] = INFINITY; });
  refuses("a mask of 2", [](Picture& p) { p.person[3] = 2; });
}

}  // namespace
}  // namespace hrn::test
