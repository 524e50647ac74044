#include "imaging/pixel_kinds.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "imaging/covers.hpp"
#include "imaging/ring.hpp"

namespace hrn::imaging {
namespace {

constexpr std::size_t kKinds = 3;  // skin, hair, the rest
using Shares = std::array<float, kKinds>;

// Bins of shares of red and green, and of the logarithm of brightness; their sizes are within what two pixels of one
// thing differ.
constexpr long kShareBins = 64, kBrightBins = 40;
constexpr double kShareSize = 1.0 / 64, kBrightSize = 0.14;
constexpr long kBins = kShareBins * kShareBins * kBrightBins;
// What stands for colours that were seen nowhere, in shares of all pixels: no colour decides by more than some hundred
// to one.
constexpr float kUnseen = 1e-4f;
// Brightness of what is too dark to have a colour.
constexpr double kBlack = 0.01;
// Every other pixel and row of the view shows which colours there are.
constexpr long kStride = 2;
// A class teaches its colours where it is as sure as this.
constexpr float kSure = 0.7f;
// Skin points whose colour is further from the median than so many deviations lie under hair or in shine.
constexpr double kTypical = 3.5, kLeastDeviation = 0.012, kLeastBrightDeviation = 0.15;
// The classes' borders are off by some pixels of their map.
constexpr long kBorderRadius = 3;
// Hair and things may lie over the upper and outer face wherever the classes say skin, and skin beside it: at least so
// probable, where nothing but the face can be none of it. Between these distances inside the outline, of its width.
constexpr float kSurprise = 0.03f;
constexpr double kRim = 0.04, kInside = 0.16;
// Below the eyes and beside the face, where the classes take black cloth for a neck in shadow: what is no skin and what
// may be, in shares of the face's median brightness.
constexpr double kDarkestSkin = 0.1, kDarkSkin = 0.2;
// And what is too bright for a neck, in shares of what the face has at its brightest, and too grey for it, in what it
// has less between its shares of red and blue than the face's palest skin, if it is so bright: the classes take white
// collars for necks.
constexpr double kBrightestSkin = 1.03, kTooBright = 1.12, kPalestSkin = 0.01, kTooPale = 0.03, kLitPale = 0.6,
                 kLitSurely = 0.8;
constexpr double kBrightest = 0.9, kPalest = 0.05;
// A chin as dark as this, in shares of the face's median brightness, has a beard, which hangs over the neck: what is
// darker than these shares there is the beard's. Beside it the neck is full of hairs, beside a collar it has its colour
// and shadow, so far in shares of the view. The chin begins where the outline is so far below the eyes, in shares of
// the way from the eyes up to its top, and lies so far inside it, of the way to the eyes.
constexpr double kBeardedChin = 0.75, kBeardedShare = 0.25, kBeard = 0.6, kNoBeard = 0.85, kFringe = 0.012;
constexpr double kChin = -1.4, kInsideChin = 0.12;
// Hair beneath the chin is a beard's or lies over the neck: none that grows there. From one to the other, in shares of
// the way from the eyes up to the outline's top, and outside the outline, of its width.
constexpr double kMouth = -0.9, kNeck = -1.3, kOutside = 0.01;
// Share of the way from the brows to the top of the outline above which is forehead.
constexpr double kForehead = 0.25;
// And above which cloth is a cap.
constexpr double kTop = 0.75;

long bin_of(double red, double green, double brightness) {
  const auto clamped = [](double value, long bins) {
    return std::clamp(static_cast<long>(std::floor(value)), 0L, bins - 1);
  };
  const long r = clamped(red / kShareSize, kShareBins), g = clamped(green / kShareSize, kShareBins),
             b = clamped(std::log(brightness) / kBrightSize + static_cast<double>(kBrightBins), kBrightBins);
  return (b * kShareBins + g) * kShareBins + r;
}
long bin_of(const Colour& colour) { return bin_of(colour.red, colour.green, colour.brightness); }

// The value that is larger than a share of them.
double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size()));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}
double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

double ramp(double from, double to, double x) { return std::clamp((x - from) / (to - from), 0.0, 1.0); }

// A histogram, smoothed over neighbouring bins and divided by its sum.
class Histogram {
 public:
  Histogram() : counts_(static_cast<std::size_t>(kBins)) {}
  void add(long bin, float weight) { counts_[static_cast<std::size_t>(bin)] += weight; }
  float at(long bin) const { return counts_[static_cast<std::size_t>(bin)]; }

  // `bright_steps`: of smoothing over brightness, as far as light and shadow go.
  void finish(int steps, int bright_steps) {
    for (int i = 0; i < steps; ++i) {
      smooth(1, kShareBins);
      smooth(kShareBins, kShareBins);
    }
    for (int i = 0; i < bright_steps; ++i) smooth(kShareBins * kShareBins, kBrightBins);
    double sum = 0;
    for (const float count : counts_) sum += static_cast<double>(count);
    if (!(sum > 0)) return;
    for (float& count : counts_) count = static_cast<float>(static_cast<double>(count) / sum);
  }

 private:
  // Along one axis, by 1, 2, 1.
  void smooth(long stride, long bins) {
    std::vector<float> line(static_cast<std::size_t>(bins));
    for (long row = 0; row < kBins / bins; ++row) {
      const long first = row / stride * stride * bins + row % stride;
      float most = 0;
      for (long i = 0; i < bins; ++i) {
        line[static_cast<std::size_t>(i)] = counts_[static_cast<std::size_t>(first + i * stride)];
        most = std::max(most, line[static_cast<std::size_t>(i)]);
      }
      if (!(most > 0)) continue;
      const auto value = [&](long i) { return line[static_cast<std::size_t>(std::clamp(i, 0L, bins - 1))]; };
      for (long i = 0; i < bins; ++i)
        counts_[static_cast<std::size_t>(first + i * stride)] =
            0.25f * value(i - 1) + 0.5f * value(i) + 0.25f * value(i + 1);
    }
  }
  std::vector<float> counts_;
};

// Median brightness.
double usual_brightness(const std::vector<Colour>& colours) {
  std::vector<double> all;
  for (const Colour& c : colours) all.push_back(c.brightness);
  return std::max(median(std::move(all)), kBlack);
}

// How far a colour beside or under a face is skin's, by the colours that the face has.
class NeckColour {
 public:
  explicit NeckColour(const std::vector<Colour>& face) : usual_(usual_brightness(face)) {
    std::vector<double> bright, warm;
    for (const Colour& c : face) {
      bright.push_back(c.brightness);
      warm.push_back(warmth(c));
    }
    brightest_ = quantile(std::move(bright), kBrightest);
    palest_ = quantile(std::move(warm), kPalest);
  }
  double skin(const Colour& c) const {
    const double light = c.brightness / usual_;
    const double bright = ramp(kBrightestSkin, kTooBright, c.brightness / std::max(brightest_, kBlack));
    const double pale = ramp(kPalestSkin, kTooPale, palest_ - warmth(c)) * ramp(kLitPale, kLitSurely, light);
    return ramp(kDarkestSkin, kDarkSkin, light) * (1 - bright) * (1 - pale);
  }
  // How far it is not as dark as a beard.
  double light(const Colour& c) const { return ramp(kBeard, kNoBeard, c.brightness / usual_); }

 private:
  static double warmth(const Colour& c) { return 2 * c.red + c.green - 1; }
  double usual_, brightest_ = 1, palest_ = 0;
};

// Of the skin points' colours, those that are like most of them: others lie under hair.
std::vector<Colour> typical(const std::vector<Colour>& colours) {
  const std::array<double (*)(const Colour&), 3> values{[](const Colour& c) { return c.red; },
                                                        [](const Colour& c) { return c.green; },
                                                        [](const Colour& c) { return std::log(c.brightness); }};
  const std::array<double, 3> least{kLeastDeviation, kLeastDeviation, kLeastBrightDeviation};
  std::vector<Colour> kept = colours;
  for (std::size_t k = 0; k < values.size(); ++k) {
    std::vector<double> all;
    for (const Colour& c : colours) all.push_back(values[k](c));
    const double centre = median(all);
    for (double& value : all) value = std::abs(value - centre);
    const double limit = kTypical * std::max(least[k], 1.48 * median(all));
    std::erase_if(kept, [&](const Colour& c) { return std::abs(values[k](c) - centre) > limit; });
  }
  return kept;
}

// Shares of the kinds in the classes' map, as they are and averaged over the uncertainty of their borders. Background
// is left to the person mask, which sees it better: what is left is divided among the kinds that belong to people.
class Kinds {
 public:
  explicit Kinds(const DenseClasses& classes) : size_(classes.size), from_photo_(classes.from_photo) {
    using enum PixelClass;
    const std::size_t plane = static_cast<std::size_t>(size_ * size_);
    sure_.resize(plane);
    const auto of = [&](PixelClass c, std::size_t i) {
      return classes.probabilities[static_cast<std::size_t>(c) * plane + i];
    };
    for (std::size_t i = 0; i < plane; ++i) {
      float skin = 0, rest = 0;
      for (const PixelClass c : {face, ears, neck, lips, brows, eyes, mouth, teeth, beard}) skin += of(c, i);
      for (const PixelClass c : {glasses, occluder, clothes}) rest += of(c, i);
      sure_[i] = {skin, of(hair, i), rest};
    }
    spread_ = sure_;
    blur(1);
    blur(size_);
  }
  Shares sure(double x, double y) const { return look(sure_, x, y); }
  Shares spread(double x, double y) const { return look(spread_, x, y); }

 private:
  // Mean over 2 radius + 1 pixels along one axis.
  void blur(long stride) {
    std::vector<Shares> line(static_cast<std::size_t>(size_));
    const long other = stride == 1 ? size_ : 1;
    for (long row = 0; row < size_; ++row) {
      Shares* first = spread_.data() + row * other;
      for (long i = 0; i < size_; ++i) line[static_cast<std::size_t>(i)] = first[i * stride];
      for (long i = 0; i < size_; ++i) {
        Shares sum{};
        for (long d = -kBorderRadius; d <= kBorderRadius; ++d) {
          const Shares& there = line[static_cast<std::size_t>(std::clamp(i + d, 0L, size_ - 1))];
          for (std::size_t k = 0; k < kKinds; ++k) sum[k] += there[k] / (2 * kBorderRadius + 1);
        }
        first[i * stride] = sum;
      }
    }
  }
  // Bilinear; the border's beyond it.
  Shares look(const std::vector<Shares>& map, double x, double y) const {
    const Point p = mapped(from_photo_, x, y);
    const double last = static_cast<double>(size_ - 1);
    const double u = std::clamp(p[0] - 0.5, 0.0, last), v = std::clamp(p[1] - 0.5, 0.0, last);
    const long column = std::min(static_cast<long>(u), size_ - 2), row = std::min(static_cast<long>(v), size_ - 2);
    const float right = static_cast<float>(u - static_cast<double>(column)),
                down = static_cast<float>(v - static_cast<double>(row));
    const Shares* at = map.data() + row * size_ + column;
    Shares out;
    for (std::size_t k = 0; k < kKinds; ++k) {
      const float upper = at[0][k] + right * (at[1][k] - at[0][k]);
      const float lower = at[size_][k] + right * (at[size_ + 1][k] - at[size_][k]);
      out[k] = upper + down * (lower - upper);
    }
    return out;
  }

  long size_;
  Affine from_photo_;
  std::vector<Shares> sure_, spread_;
};

// Where what is no skin may lie over a face: 0 on its middle, below the forehead, to 1 on forehead and rim.
class Outskirts {
 public:
  explicit Outskirts(const FaceView& view) {
    const Affine from_photo = inverse(view.to_photo);
    const auto at = [&](std::uint32_t point) {
      const Point p = view.landmark(point);
      return mapped(from_photo, p[0], p[1]);
    };
    for (const std::uint32_t point : view.points.outline) ring_.push_back(at(point));
    const Point left = at(view.points.left), right = at(view.points.right), top = at(view.points.top);
    width_ = std::max(1.0, std::hypot(left[0] - right[0], left[1] - right[1]));
    // The lids' middle, and from there to the top of the outline.
    Point eyes{};
    double count = 0;
    for (const auto* ring : {&view.points.right_lids, &view.points.left_lids}) {
      for (const std::uint32_t point : *ring) {
        const Point p = at(point);
        eyes[0] += p[0];
        eyes[1] += p[1];
        ++count;
      }
    }
    eyes_ = {eyes[0] / count, eyes[1] / count};
    up_ = {top[0] - eyes_[0], top[1] - eyes_[1]};
    side_ = view.size / kStep + 2;
    map_.resize(static_cast<std::size_t>(side_ * side_));
    beneath_.resize(map_.size());
    for (long i = 0; i < side_ * side_; ++i)
      compute(static_cast<std::size_t>(i), static_cast<double>(i % side_ * kStep),
              static_cast<double>(i / side_ * kStep));
  }

  // Whether it lies above the middle of the forehead: what covers the head there is hair, or a cap in its place.
  bool on_top(double u, double v) const { return above(u, v) > kTop; }
  // Whether the middle of the chin is dark, as a beard is: against `usual` brightness.
  bool is_bearded(const FaceView& view, double usual) const {
    std::vector<double> chin;
    for (const Point& p : ring_) {
      if (above(p[0], p[1]) > kChin) continue;
      const auto inside = [&](int k) {
        return p[static_cast<std::size_t>(k)] +
               kInsideChin * (eyes_[static_cast<std::size_t>(k)] - p[static_cast<std::size_t>(k)]);
      };
      if (const auto colour = patch_colour(view, inside(0), inside(1))) chin.push_back(colour->brightness);
    }
    return !chin.empty() && quantile(std::move(chin), kBeardedShare) < kBeardedChin * usual;
  }
  // How far it lies beside or under the face, where neck and ears are.
  float beside(double u, double v) const { return above(u, v) < 0 ? at(u, v) : 0.f; }

  // How far it lies beneath the chin, outside the face.
  float beneath(double u, double v) const { return look(beneath_, u, v); }
  float at(double u, double v) const { return look(map_, u, v); }

 private:
  // Bilinear.
  float look(const std::vector<float>& map, double u, double v) const {
    const double x = u / kStep, y = v / kStep;
    const long column = static_cast<long>(x), row = static_cast<long>(y);
    const float right = static_cast<float>(x - static_cast<double>(column)),
                down = static_cast<float>(y - static_cast<double>(row));
    const float* a = map.data() + row * side_ + column;
    const float upper = a[0] + right * (a[1] - a[0]), lower = a[side_] + right * (a[side_ + 1] - a[side_]);
    return upper + down * (lower - upper);
  }

  // It is smooth: worked out every so many pixels of the view.
  static constexpr long kStep = 8;

  // Height over the eyes, 1 at the top of the outline.
  double above(double u, double v) const {
    const double square = up_[0] * up_[0] + up_[1] * up_[1];
    return ((u - eyes_[0]) * up_[0] + (v - eyes_[1]) * up_[1]) / std::max(square, 1e-9);
  }
  void compute(std::size_t i, double u, double v) {
    // The brows are some third of the way up.
    const double height = above(u, v), forehead = ramp(1.0 / 3 + kForehead * 0.5, 1.0 / 3 + kForehead, height);
    map_[i] = 1;
    if (forehead >= 1) return;
    const RingPlace place = place_to(ring_, u, v);
    const double rim = place.inside ? ramp(kInside, kRim, place.distance / width_) : 1;
    map_[i] = static_cast<float>(std::max(forehead, rim));
    if (!place.inside)
      beneath_[i] = static_cast<float>(ramp(kMouth, kNeck, height) * ramp(0, kOutside, place.distance / width_));
  }
  std::vector<Point> ring_;
  Point eyes_{}, up_{};
  double width_ = 1;
  long side_ = 0;
  std::vector<float> map_, beneath_;  // [side_][side_]
};

// Takes what lies over a neck, a beard or a collar, and its rim from the skin.
void take_away(std::vector<float>& skin, const std::vector<float>& over, long size, ThreadPool& pool) {
  const long radius = std::lround(kFringe * static_cast<double>(size));
  const auto most = [&](const std::vector<float>& map, long row, long along, long stride, long other) {
    float value = 0;
    for (long i = std::max(0L, along - radius); i <= std::min(size - 1, along + radius); ++i)
      value = std::max(value, map[static_cast<std::size_t>(row * other + i * stride)]);
    return value;
  };
  std::vector<float> rows(over.size());
  pool.parallel_for(size, [&](long v) {
    for (long u = 0; u < size; ++u) rows[static_cast<std::size_t>(v * size + u)] = most(over, v, u, 1, size);
  });
  pool.parallel_for(size, [&](long v) {
    for (long u = 0; u < size; ++u) skin[static_cast<std::size_t>(v * size + u)] *= 1 - most(rows, u, v, size, 1);
  });
}

}  // namespace

PixelKinds pixel_kinds(const FaceView& view, const DenseClasses& classes, ThreadPool& pool) {
  const long size = view.size;
  const Kinds kinds(classes);
  const Covers covers(classes);
  const auto colour_at = [&](long u, long v) {
    return patch_colour(view, static_cast<double>(u) + 0.5, static_cast<double>(v) + 0.5)
        .value_or(Colour{1 / 3.0, 1 / 3.0, kBlack});
  };
  const auto is_beside_photo = [&](long u, long v) {
    const float* rgb = view.rgb.data() + 3 * (v * size + u);
    return rgb[0] == 0 && rgb[1] == 0 && rgb[2] == 0;
  };
  const auto in_photo = [&](long u, long v) {
    return mapped(view.to_photo, static_cast<double>(u) + 0.5, static_cast<double>(v) + 0.5);
  };

  const Outskirts outskirts(view);
  const auto shares_at = [&](const Shares& seen, long u, long v) {
    Shares shares = seen;
    if (outskirts.on_top(static_cast<double>(u) + 0.5, static_cast<double>(v) + 0.5)) {
      shares[1] += shares[2];
      shares[2] = 0;
    }
    return shares;
  };
  std::array<Histogram, kKinds> colours;
  const std::vector<Colour> face = typical(face_colours(view));
  for (const Colour& colour : face) colours[0].add(bin_of(colour), 1);
  std::vector<std::int32_t> bins(view.person.size());
  pool.parallel_for(size, [&](long v) {
    for (long u = 0; u < size; ++u)
      bins[static_cast<std::size_t>(v * size + u)] = static_cast<std::int32_t>(bin_of(colour_at(u, v)));
  });
  const auto bin_at = [&](long u, long v) { return static_cast<long>(bins[static_cast<std::size_t>(v * size + u)]); };
  for (long v = 1; v + 1 < size; v += kStride) {
    for (long u = 1; u + 1 < size; u += kStride) {
      if (is_beside_photo(u, v)) continue;
      const long bin = bin_at(u, v);
      const float person = view.person[static_cast<std::size_t>(v * size + u)];
      const Point p = in_photo(u, v);
      if (!classes.holds(p[0], p[1])) {
        if (person < 1 - kSure) colours[2].add(bin, 1);
        continue;
      }
      const Shares shares = shares_at(kinds.sure(p[0], p[1]), u, v);
      if (person > kSure && shares[1] > kSure) colours[1].add(bin, shares[1]);
      if (person < 1 - kSure) colours[2].add(bin, 1);
      if (person > kSure && shares[2] > kSure) colours[2].add(bin, shares[2]);
    }
  }
  constexpr std::array<std::array<int, 2>, kKinds> kSteps{{{3, 3}, {2, 3}, {1, 1}}};
  pool.parallel_for(kKinds, [&](long k) {
    const auto kind = static_cast<std::size_t>(k);
    colours[kind].finish(kSteps[kind][0], kSteps[kind][1]);
  });

  const NeckColour neck(face);
  const bool is_bearded = outskirts.is_bearded(view, usual_brightness(face));
  std::vector<float> over_neck(view.person.size());
  PixelKinds result{std::vector<float>(view.person.size()), std::vector<float>(view.person.size())};
  pool.parallel_for(size, [&](long v) {
    for (long u = 0; u < size; ++u) {
      const auto i = static_cast<std::size_t>(v * size + u);
      const float person = view.person[i];
      // Black hair must not go on beside the photo.
      if (!(person > 0) || is_beside_photo(u, v)) continue;
      const Point p = in_photo(u, v);
      Shares prior = shares_at(kinds.spread(p[0], p[1]), u, v);
      const float own = prior[0] + prior[1] + prior[2],
                  least = kSurprise * outskirts.at(static_cast<double>(u) + 0.5, static_cast<double>(v) + 0.5);
      for (float& share : prior) share = person * share / std::max(own, 1e-3f) + least;
      prior[2] += 1 - person;
      const long bin = bin_at(u, v);
      Shares after;
      float sum = 0;
      for (std::size_t k = 0; k < kKinds; ++k) {
        after[k] = prior[k] * (colours[k].at(bin) + kUnseen);
        sum += after[k];
      }
      result.skin[i] = std::min(1.f, after[0] / sum);
      const float beside = outskirts.beside(static_cast<double>(u) + 0.5, static_cast<double>(v) + 0.5),
                  beneath = outskirts.beneath(static_cast<double>(u) + 0.5, static_cast<double>(v) + 0.5);
      if (beside > 0) result.skin[i] *= 1 - beside * (1 - static_cast<float>(neck.skin(colour_at(u, v))));
      if (beneath > 0) {
        const float light = is_bearded ? static_cast<float>(neck.light(colour_at(u, v))) : 1;
        over_neck[i] = beneath * (1 - std::min(result.skin[i], light));
      }
      // What the network takes for a thing above the forehead is often hair.
      const Cover cover = covers.at(p[0], p[1]);
      result.skin[i] *= (1 - cover.glasses) * (1 - cover.things);
      result.hair[i] = (1 - cover.glasses) * (1 - beneath) * std::min(1.f, after[1] / sum);
    }
  });
  take_away(result.skin, over_neck, size, pool);
  return result;
}

}  // namespace hrn::imaging
