// What skin looks like in a photo, and where a crop shows skin.
#include <cmath>
#include <numbers>

#include "core/error.hpp"
#include "framework.hpp"
#include "imaging/skin_colour.hpp"
#include "imaging/skin_edges.hpp"
#include "imaging/skin_mask.hpp"
#include "picture.hpp"

namespace hrn::test {
namespace {

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
