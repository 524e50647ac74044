#include "fit/texture/iris.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "core/smoothstep.hpp"
namespace hrn::fit {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr int kRings = IrisMap::kRings, kAngles = IrisMap::kAngles;
using Point = std::array<double, 2>;

double brightness(const Colour& c) { return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]; }
double quantile(std::vector<double>& values, double share) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// Bilinear, clamped; pixel centres at +0.5.
Colour sample(const imaging::Image& photo, Point p) {
  const double x = std::clamp(p[0] - 0.5, 0.0, static_cast<double>(photo.width - 1));
  const double y = std::clamp(p[1] - 0.5, 0.0, static_cast<double>(photo.height - 1));
  const long x0 = static_cast<long>(x), y0 = static_cast<long>(y);
  const long x1 = std::min(x0 + 1, photo.width - 1), y1 = std::min(y0 + 1, photo.height - 1);
  const double s = x - static_cast<double>(x0), t = y - static_cast<double>(y0);
  Colour out;
  for (std::size_t k = 0; k < 3; ++k) {
    const auto at = [&](long row, long column) {
      return static_cast<double>(
          photo.pixels[static_cast<std::size_t>((row * photo.width + column) * photo.channels) + k]);
    };
    out[k] = ((at(y0, x0) * (1 - s) + at(y0, x1) * s) * (1 - t) + (at(y1, x0) * (1 - s) + at(y1, x1) * s) * t) / 255;
  }
  return out;
}

// How deep a point lies in the opening between the lids, px; negative outside.
class Opening {
 public:
  Opening(const std::vector<Point>& rim, double upper_px, double lower_px)
      : rim_(rim), upper_px_(upper_px), lower_px_(lower_px) {
    for (const Point& p : rim) middle_ += p[1] / static_cast<double>(rim.size());
  }
  // 1 well inside, 0 at the rim and beside it; lashes and the shadow of the upper lid reach further in.
  double weight(Point p) const {
    bool inside = false;
    double upper = 1e18, lower = 1e18;  // squares of distances
    for (std::size_t i = 0; i < rim_.size(); ++i) {
      const Point a = rim_[i], b = rim_[(i + 1) % rim_.size()];
      if ((a[1] > p[1]) != (b[1] > p[1]) && p[0] < a[0] + (p[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
        inside = !inside;
      const double dx = b[0] - a[0], dy = b[1] - a[1], length = dx * dx + dy * dy;
      const double t = length > 0 ? std::clamp(((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length, 0.0, 1.0) : 0.0;
      const double x = a[0] + t * dx - p[0], y = a[1] + t * dy - p[1];
      double& side = (a[1] + b[1]) / 2 < middle_ ? upper : lower;
      side = std::min(side, x * x + y * y);
    }
    if (!inside) return 0;
    return smoothstep(0.4 * upper_px_, upper_px_, std::sqrt(upper)) *
           smoothstep(0.4 * lower_px_, lower_px_, std::sqrt(lower));
  }

 private:
  const std::vector<Point>& rim_;
  double upper_px_, lower_px_, middle_ = 0;
};

// The iris in the photo: a disc that the gaze foreshortens towards the middle of the eyeball.
struct Disc {
  Point centre;
  double radius;
  Point along{1, 0};  // direction in which it is narrower,
  double narrow = 1;  // by this factor

  Point at(double radius_share, double angle) const {
    const double x = radius_share * radius * std::cos(angle), y = -radius_share * radius * std::sin(angle);
    const double part = (x * along[0] + y * along[1]) * (narrow - 1);
    return {centre[0] + x + part * along[0], centre[1] + y + part * along[1]};
  }
};

// Moves and scales the disc so that it is dark inside and bright outside its rim, to the sides of it.
Disc refined(const imaging::Image& photo, const Opening& opening, const Disc& start) {
  constexpr int kSteps = 3, kSpokes = 32;
  const auto contrast = [&](const Disc& disc) {
    double sum = 0, weights = 0;
    for (int i = 0; i < kSpokes; ++i) {
      const double angle = 2 * kPi * (i + 0.5) / kSpokes;
      const Point in = disc.at(0.88, angle), out = disc.at(1.12, angle);
      double w = opening.weight(in);
      if (w > 0) w *= opening.weight(out);
      if (!(w > 0)) continue;
      // A reflection on the rim is no edge of the iris.
      sum += w * std::clamp(brightness(sample(photo, out)) - brightness(sample(photo, in)), -0.3, 0.3);
      weights += w;
    }
    return weights > 3 ? sum / weights : -1.0;
  };
  Disc best = start;
  double best_contrast = contrast(start) + 0.01;
  for (int s = -2; s <= 2; ++s)
    for (int dy = -kSteps; dy <= kSteps; ++dy)
      for (int dx = -kSteps; dx <= kSteps; ++dx) {
        Disc disc = start;
        disc.radius *= 1 + 0.05 * s;
        disc.centre[0] += 0.05 * dx * start.radius;
        disc.centre[1] += 0.05 * dy * start.radius;
        // Away from where the network puts it only for a clearer edge.
        const double value = contrast(disc) - 0.002 * (s * s + dx * dx + dy * dy);
        if (value > best_contrast) {
          best_contrast = value;
          best = disc;
        }
      }
  return best;
}

std::size_t cell(int ring, int angle) {
  return static_cast<std::size_t>(ring) * kAngles + static_cast<std::size_t>((angle % kAngles + kAngles) % kAngles);
}

// What is seen of the iris and how far each cell is trusted, before it is completed.
struct Seen {
  std::vector<Colour> colours = std::vector<Colour>(kRings * kAngles);
  std::vector<double> trust = std::vector<double>(kRings * kAngles);
};

// Brightness of each ring, of what is trusted in it: a low quantile, which reflections do not reach.
std::array<double, kRings> ring_brightness(const Seen& seen) {
  std::array<double, kRings> rings{};
  std::array<bool, kRings> known{};
  for (int r = 0; r < kRings; ++r) {
    std::vector<double> values;
    for (int a = 0; a < kAngles; ++a)
      if (seen.trust[cell(r, a)] > 0.3) values.push_back(brightness(seen.colours[cell(r, a)]));
    known[static_cast<std::size_t>(r)] = values.size() > kAngles / 16;
    if (known[static_cast<std::size_t>(r)]) rings[static_cast<std::size_t>(r)] = quantile(values, 0.4);
  }
  // Rings of which nothing is seen are like the next that is.
  for (int r = 0; r < kRings; ++r) {
    for (int d = 1; d < kRings && !known[static_cast<std::size_t>(r)]; ++d) {
      for (const int other : {r + d, r - d}) {
        if (other < 0 || other >= kRings || !known[static_cast<std::size_t>(other)]) continue;
        rings[static_cast<std::size_t>(r)] = rings[static_cast<std::size_t>(other)];
        d = kRings;
        break;
      }
    }
  }
  return rings;
}

// Reflections are brighter than the iris around them, lashes darker: neither is trusted.
void distrust_what_lies_over(Seen& seen, const std::array<double, kRings>& rings) {
  std::vector<double> values(rings.begin() + kRings / 2, rings.begin() + kRings * 7 / 8);
  const double iris = quantile(values, 0.5);
  std::vector<double> kept(seen.trust.size(), 1.0);
  for (int r = 0; r < kRings; ++r) {
    // About the pupil's rim a ring is neither.
    const double expected = std::max(rings[static_cast<std::size_t>(r)], r < kRings / 2 ? 0.75 * iris : 0.0);
    for (int a = 0; a < kAngles; ++a) {
      const double own = brightness(seen.colours[cell(r, a)]);
      const double bright = smoothstep(1.25 * expected + 0.06, 1.45 * expected + 0.12, own);
      const double dark = r > kRings * 5 / 8 ? smoothstep(0.7, 0.45, own / std::max(expected, 0.02)) : 0.0;
      kept[cell(r, a)] = 1 - std::max(bright, dark);
    }
  }
  // The soft rim of a reflection belongs to it.
  for (int r = 0; r < kRings; ++r)
    for (int a = 0; a < kAngles; ++a) {
      double least = 1;
      const int reach_r = 4, reach_a = std::clamp(4 * kRings / (r + 1), 4, kAngles / 8);
      for (int dr = -reach_r; dr <= reach_r; dr += 2)
        for (int da = -reach_a; da <= reach_a; da += std::max(1, reach_a / 4))
          if (r + dr >= 0 && r + dr < kRings) least = std::min(least, kept[cell(r + dr, a + da)]);
      seen.trust[cell(r, a)] *= least;
    }
}

// Where the iris gets darker towards its middle, of its radius.
double pupil_of(const std::array<double, kRings>& rings) {
  constexpr double kUsual = 0.38, kLeast = 0.26, kMost = 0.62, kStep = 0.05;
  std::vector<double> outer(rings.begin() + kRings * 5 / 8, rings.begin() + kRings * 7 / 8);
  std::vector<double> inner(rings.begin(), rings.begin() + kRings / 4);
  const double iris = quantile(outer, 0.5), pupil = quantile(inner, 0.3);
  if (iris - pupil < kStep) return kUsual;
  const double between = (iris + pupil) / 2;
  for (int r = kRings / 8; r < kRings * 3 / 4; ++r)
    if (rings[static_cast<std::size_t>(r)] > between) return std::clamp((r + 0.5) / kRings, kLeast, kMost);
  return kUsual;
}

// A pupil that lies beside the middle, and what lashes darken: the iris there is like that on the other side.
void distrust_dark_iris(Seen& seen, double pupil) {
  std::vector<double> values;
  const int first = static_cast<int>((pupil + 0.02) * kRings), last = kRings * 9 / 10;
  for (int r = first; r < last; ++r)
    for (int a = 0; a < kAngles; ++a)
      if (seen.trust[cell(r, a)] > 0.3) values.push_back(brightness(seen.colours[cell(r, a)]));
  if (values.empty()) return;
  const double iris = quantile(values, 0.6);
  for (int r = first; r < last; ++r)
    for (int a = 0; a < kAngles; ++a)
      seen.trust[cell(r, a)] *= 1 - smoothstep(0.68, 0.48, brightness(seen.colours[cell(r, a)]) / std::max(iris, 0.03));
}

// Light and lid's shadow over the iris, by angle: divided out, since the iris turns.
void even_out(Seen& seen, const std::array<double, kRings>& rings) {
  constexpr int kSectors = 16;
  constexpr double kShare = 0.8;
  std::array<double, kSectors> gain{}, weight{};
  for (int r = kRings * 2 / 5; r < kRings * 9 / 10; ++r)
    for (int a = 0; a < kAngles; ++a) {
      const double w = seen.trust[cell(r, a)];
      const double ratio =
          std::max(brightness(seen.colours[cell(r, a)]), 0.01) / std::max(rings[static_cast<std::size_t>(r)], 0.01);
      const auto sector = static_cast<std::size_t>(a * kSectors / kAngles);
      gain[sector] += w * std::log(std::clamp(ratio, 0.3, 3.0));
      weight[sector] += w;
    }
  constexpr double kFirm = 100;
  for (std::size_t s = 0; s < kSectors; ++s) gain[s] /= weight[s] + kFirm;
  for (int a = 0; a < kAngles; ++a) {
    const double at = (a + 0.5) * kSectors / kAngles - 0.5 + kSectors;
    const auto low = static_cast<std::size_t>(at) % kSectors, high = (low + 1) % kSectors;
    const double t = at - std::floor(at), factor = std::exp(-kShare * ((1 - t) * gain[low] + t * gain[high]));
    for (int r = 0; r < kRings; ++r)
      for (double& value : seen.colours[cell(r, a)]) value = std::min(1.0, value * factor);
  }
}

std::vector<double> softened(const std::vector<double>& trust) {
  constexpr int kReach = 5;
  std::vector<double> out(trust.size());
  for (int r = 0; r < kRings; ++r)
    for (int a = 0; a < kAngles; ++a) {
      double sum = 0, least = 1;
      for (int d = -kReach; d <= kReach; ++d) {
        sum += trust[cell(r, a + d)] / (2 * kReach + 1);
        least = std::min(least, trust[cell(r, a + d)]);
      }
      out[cell(r, a)] = std::min(trust[cell(r, a)], (sum + least) / 2);
    }
  return out;
}

// What is hidden is like what lies opposite, or like the ring on the whole.
std::vector<Colour> completed(const Seen& seen) {
  const std::vector<double> trust = softened(seen.trust);
  std::vector<Colour> out(trust.size());
  std::array<Colour, kRings> means{};
  std::array<double, kRings> weights{};
  for (int r = 0; r < kRings; ++r)
    for (int a = 0; a < kAngles; ++a) {
      const auto i = static_cast<std::size_t>(r);
      weights[i] += trust[cell(r, a)];
      for (std::size_t k = 0; k < 3; ++k) means[i][k] += trust[cell(r, a)] * seen.colours[cell(r, a)][k];
    }
  for (int r = 0; r < kRings; ++r) {
    Colour mean{};
    double weight = 1e-9;
    // Few trusted cells take the neighbouring rings along.
    for (int other = 0; other < kRings; ++other) {
      const double near = std::exp(-0.5 * (other - r) * (other - r));
      weight += near * weights[static_cast<std::size_t>(other)];
      for (std::size_t k = 0; k < 3; ++k) mean[k] += near * means[static_cast<std::size_t>(other)][k];
    }
    for (std::size_t k = 0; k < 3; ++k) mean[k] /= weight;
    for (int a = 0; a < kAngles; ++a) {
      Colour colour{};
      double left = 1;
      // Itself, then mirrored across the vertical, turned by a half, mirrored across the horizontal.
      for (const int from : {a, kAngles / 2 - 1 - a, a + kAngles / 2, kAngles - 1 - a}) {
        const double w = left * trust[cell(r, from)];
        for (std::size_t k = 0; k < 3; ++k) colour[k] += w * seen.colours[cell(r, from)][k];
        left -= w;
      }
      for (std::size_t k = 0; k < 3; ++k) colour[k] += left * mean[k];
      out[cell(r, a)] = colour;
    }
  }
  return out;
}

std::optional<IrisMap> read_iris(const imaging::Image& photo, const Opening& opening, const Disc& disc) {
  constexpr double kLeastSeen = 0.2;
  Seen seen;
  double area = 0, shown = 0;
  for (int r = 0; r < kRings; ++r)
    for (int a = 0; a < kAngles; ++a) {
      const Point p = disc.at((r + 0.5) / kRings, 2 * kPi * (a + 0.5) / kAngles);
      const bool inside =
          p[0] >= 0 && p[1] >= 0 && p[0] < static_cast<double>(photo.width) && p[1] < static_cast<double>(photo.height);
      seen.colours[cell(r, a)] = sample(photo, p);
      seen.trust[cell(r, a)] = inside ? opening.weight(p) : 0;
      area += r + 0.5;
      shown += (r + 0.5) * seen.trust[cell(r, a)];
    }
  if (shown < kLeastSeen * area) return std::nullopt;
  IrisMap map;
  map.seen = shown / area;
  map.radius_px = disc.radius;
  distrust_what_lies_over(seen, ring_brightness(seen));
  even_out(seen, ring_brightness(seen));
  map.pupil = pupil_of(ring_brightness(seen));
  distrust_dark_iris(seen, map.pupil);
  map.colours = completed(seen);
  return map;
}

}  // namespace

Colour IrisMap::at(double radius, double angle) const {
  const double r = std::clamp(radius * kRings - 0.5, 0.0, kRings - 1.0);
  double turns = angle / (2 * kPi);
  turns -= std::floor(turns);
  const double a = turns * kAngles - 0.5 + kAngles;
  const int r0 = static_cast<int>(r), a0 = static_cast<int>(a), r1 = std::min(r0 + 1, kRings - 1);
  const double s = a - a0, t = r - r0;
  Colour out;
  for (std::size_t k = 0; k < 3; ++k)
    out[k] = (colours[cell(r0, a0)][k] * (1 - s) + colours[cell(r0, a0 + 1)][k] * s) * (1 - t) +
             (colours[cell(r1, a0)][k] * (1 - s) + colours[cell(r1, a0 + 1)][k] * s) * t;
  return out;
}

EyeColours read_eye(const imaging::Image& photo, const EyeSight& eye, Point ball, double ball_px) {
  constexpr double kShut = 0.5, kNarrowest = 0.7;
  EyeColours out;
  if (eye.shut > kShut || eye.lids.size() < 3) return out;
  Disc disc{eye.iris[0], 0};
  for (std::size_t i = 1; i < eye.iris.size(); ++i)
    disc.radius = std::max(disc.radius, std::hypot(eye.iris[i][0] - disc.centre[0], eye.iris[i][1] - disc.centre[1]));
  if (!(disc.radius > 0.5)) return out;
  const Opening opening(eye.lids, 0.28 * disc.radius, 0.14 * disc.radius);
  const Point off{disc.centre[0] - ball[0], disc.centre[1] - ball[1]};
  const double distance = std::hypot(off[0], off[1]);
  if (distance > 0 && ball_px > 0) {
    disc.along = {off[0] / distance, off[1] / distance};
    disc.narrow = std::max(kNarrowest, std::sqrt(std::max(0.0, 1 - distance * distance / (ball_px * ball_px))));
  }
  disc = refined(photo, opening, disc);
  out.iris = read_iris(photo, opening, disc);

  // The white: the brighter half of what is seen beside the iris, without what shines.
  struct Pixel {
    Colour colour;
    double value;
  };
  std::vector<Pixel> whites;
  double box[4] = {1e9, 1e9, -1e9, -1e9};
  for (const Point& p : eye.lids)
    for (std::size_t k = 0; k < 2; ++k) {
      box[k] = std::min(box[k], p[k]);
      box[2 + k] = std::max(box[2 + k], p[k]);
    }
  // A large eye's pixels are not all needed.
  const double step = std::max(1.0, (box[2] - box[0]) / 80);
  for (double y = std::max(0.0, box[1]) + 0.5; y < std::min(box[3], static_cast<double>(photo.height)); y += step)
    for (double x = std::max(0.0, box[0]) + 0.5; x < std::min(box[2], static_cast<double>(photo.width)); x += step) {
      const Point p{x, y};
      if (std::hypot(x - disc.centre[0], y - disc.centre[1]) < 1.2 * disc.radius || opening.weight(p) < 0.7) continue;
      const Colour colour = sample(photo, p);
      whites.push_back({colour, brightness(colour)});
    }
  std::sort(whites.begin(), whites.end(), [](const Pixel& a, const Pixel& b) { return a.value < b.value; });
  const std::size_t first = whites.size() / 2, last = whites.size() * 9 / 10;
  for (std::size_t i = first; i < last; ++i)
    for (std::size_t k = 0; k < 3; ++k) out.white[k] += whites[i].colour[k] / static_cast<double>(last - first);
  out.white_px = last > first ? static_cast<double>(whites.size()) : 0;
  return out;
}

}  // namespace hrn::fit
