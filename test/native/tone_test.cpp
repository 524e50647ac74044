// Photos in one tone are told from those in colours, whatever noise there is.
#include "imaging/tone.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "framework.hpp"
#include "imaging/face_view.hpp"
#include "random.hpp"

namespace hrn::test {
namespace {

struct Picture {
  static constexpr long kSize = 192;
  std::vector<float> person = std::vector<float>(kSize * kSize, 1.0f), rgb = std::vector<float>(3 * kSize * kSize);

  template <class Colour>
  explicit Picture(Colour&& colour, double noise = 0.02) {
    Random random(4);
    for (long i = 0; i < kSize * kSize; ++i) {
      const auto seen = colour(i % kSize, i / kSize);
      for (std::size_t k = 0; k < 3; ++k)
        rgb[3 * static_cast<std::size_t>(i) + k] = static_cast<float>(seen[k] + noise * random.uniform(-1, 1));
    }
  }
  imaging::Tone tone() const { return imaging::tone_of({kSize, person, rgb, {1, 0, 0, 0, 1, 0}, {}, {}}); }
};

double shade(long u, long v) { return 0.2 + 0.6 * 0.5 * (1 + std::sin(0.05 * static_cast<double>(u + 2 * v))); }

HRN_TEST("imaging/tone of grey, sepia and blue photos is known, and is theirs") {
  const std::array<double, 3> dyes[] = {{0, 0, 0}, {0.12, 0.02, -0.1}, {-0.02, 0, 0.03}};
  for (const auto& dye : dyes) {
    const auto colour = [&](double y) {
      // Most in the middle tones.
      const double much = 4 * y * (1 - y), red = much * dye[0], blue = much * dye[2];
      return std::array<double, 3>{y + red, y - (0.299 * red + 0.114 * blue) / 0.587, y + blue};
    };
    const auto tone = Picture([&](long u, long v) { return colour(shade(u, v)); }).tone();
    CHECK(tone.is_known);
    for (const double y : {0.3, 0.5, 0.7}) {
      const auto got = imaging::toned(tone, static_cast<float>(y));
      const auto wanted = colour(y);
      report.near(got.x, wanted[0], 0.01, "red");
      report.near(got.y, wanted[1], 0.01, "green");
      report.near(got.z, wanted[2], 0.01, "blue");
      report.near(imaging::luma(got), y, 1e-5, "luma");
    }
    const auto beyond = imaging::toned(tone, 1.0f), brightest = imaging::toned(tone, tone.brightest);
    report.near(beyond.x - 1, brightest.x - tone.brightest, 1e-5, "beyond what was seen the tone stays");
  }
}

HRN_TEST("imaging/tone of photos in colours is not known, however pale") {
  const auto lips = [](long u, long v) {
    const double y = shade(u, v);
    const bool is_lip = u > 80 && u < 120 && v > 120 && v < 150;
    return std::array<double, 3>{y + (is_lip ? 0.12 : 0.03), y, y - (is_lip ? 0.02 : 0.02)};
  };
  CHECK(!Picture(lips).tone().is_known);
}

HRN_TEST("imaging/tone of nobody, and of wild numbers, is not known") {
  Picture nobody([](long, long) { return std::array<double, 3>{0.5, 0.5, 0.5}; });
  nobody.person.assign(nobody.person.size(), 0.0f);
  CHECK(!nobody.tone().is_known);
  Picture wild([](long u, long) { return std::array<double, 3>{u % 2 ? 1e30 : -1e30, 0.5, 1e30}; });
  CHECK(!wild.tone().is_known);
}

}  // namespace
}  // namespace hrn::test
