#include "fit/texture/eyeballs.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/error.hpp"
#include "ops/shade.hpp"

namespace hrn::fit {
namespace {

// Mean adult iris, mm: as the model's eyeballs have it and as scale is told.
constexpr double kIrisRadiusMm = 5.85;
// Beyond these radii of the iris' the eyeball is white: the rim is no hard line.
constexpr double kRim = 0.92, kBeside = 1.1;
// The photo's rim of the iris is mixed with the white beside it; what is shown there is what lies this far in.
constexpr double kPureRim = 0.86;
// So much darker is the ring at the rim of an iris.
constexpr double kLimbus = 0.3;
// With a radius of this many pixels an iris begins to show more than its mean colour, and shows all.
constexpr double kBlurredPx = 2.5, kClearPx = 6;
// Pixels of white that weigh as much as what is expected of it.
constexpr double kWhitePrior = 25;
// White of an eye, sRGB-encoded.
constexpr Colour kWhite{0.78, 0.745, 0.73};
// From here on, radians from the middle of the iris, the white darkens into the socket and reddens, until there.
constexpr double kSocketFrom = 0.5, kSocketTo = 1.2, kSocketDark = 0.5;
constexpr Colour kSocketRed{1, 0.84, 0.8};
// Lids shade what lies below the upper one.
constexpr double kLidShade = 0.3;
constexpr double kTexelsAround = 2.5;

double smooth(double low, double high, double x) {
  const double t = std::clamp((x - low) / (high - low), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}
double brightness(const Colour& c) { return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]; }
Colour mix(const Colour& a, const Colour& b, double t) {
  return {a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])};
}
Colour times(const Colour& a, const Colour& b) { return {a[0] * b[0], a[1] * b[1], a[2] * b[2]}; }
Colour times(const Colour& a, double b) { return {a[0] * b, a[1] * b, a[2] * b}; }

Vec3<double> at(std::span<const float> values, long v) {
  const auto i = static_cast<std::size_t>(3 * v);
  return {static_cast<double>(values[i]), static_cast<double>(values[i + 1]), static_cast<double>(values[i + 2])};
}

struct Ball {
  const Part* part = nullptr;
  std::vector<long> vertices;
  Vec3<double> centre{};  // of the mean head's
  double radius = 0;      // mm
  Vec3<double> middle{};  // as fitted, camera frame, mm
  double fitted_radius = 0;
};

// Middle of the smallest box around vertices, and half its width.
std::pair<Vec3<double>, double> box_of(std::span<const float> positions, const std::vector<long>& vertices) {
  Vec3<double> low{1e9, 1e9, 1e9}, high{-1e9, -1e9, -1e9};
  for (const long v : vertices) {
    const Vec3<double> p = at(positions, v);
    low = {std::min(low.x, p.x), std::min(low.y, p.y), std::min(low.z, p.z)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y), std::max(high.z, p.z)};
  }
  return {0.5 * (low + high), (high.x - low.x) / 2};
}

Ball ball_of(const Model& model, const TextureProblem& problem, std::string_view name) {
  Ball ball;
  for (const Part& part : model.parts)
    if (part.name == name && part.triangle_count > 0) ball.part = &part;
  if (ball.part == nullptr) return ball;
  for (long c = 3 * ball.part->first_triangle; c < 3 * (ball.part->first_triangle + ball.part->triangle_count); ++c)
    ball.vertices.push_back(static_cast<long>(model.topology.triangles[static_cast<std::size_t>(c)]));
  std::sort(ball.vertices.begin(), ball.vertices.end());
  ball.vertices.erase(std::unique(ball.vertices.begin(), ball.vertices.end()), ball.vertices.end());
  std::tie(ball.centre, ball.radius) = box_of({model.mean.data(), model.mean.size()}, ball.vertices);
  const auto [middle, radius] = box_of(problem.positions, ball.vertices);
  ball.middle = problem.camera.transform(middle);
  ball.fitted_radius = radius;
  return ball;
}

// Light on a surface that faces the camera, sRGB-encoded values.
Colour frontal_light(const TextureProblem& problem) {
  double h[9];
  ops::Shade::basis(Vec3<double>{0, 0, 1}, h);
  Colour light{};
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t i = 0; i < 9; ++i) light[k] += problem.lighting[9 * k + i] * h[i];
    light[k] = std::clamp(light[k], 0.15, 1.6);
  }
  return light;
}

// What one eyeball looks like: in the photo's light, or in none.
struct Look {
  const IrisMap* iris = nullptr;  // null: the model's colours
  bool mirrored = false;          // it is the other eye's
  Colour iris_light{1, 1, 1};     // to be divided by
  Colour white{};
  Colour model_light{1, 1, 1};  // on the model's colours
  bool lit = true;              // shaded by lids and socket
};

class Painter {
 public:
  Painter(const Model& model, const TextureProblem& problem, ThreadPool& pool)
      : model_(model), problem_(problem), pool_(pool) {
    colours_.resize(static_cast<std::size_t>(3 * model.vertex_count));
  }

  void paint(const Ball& ball, const Look& look, std::span<std::uint8_t> rgb) {
    for (const long v : ball.vertices)
      for (long k = 0; k < 3; ++k) {
        float value = model_.albedo_mean[static_cast<std::size_t>(3 * v + k)];
        for (long c = 0; c < model_.albedo_count; ++c)
          value += static_cast<float>(problem_.albedo[static_cast<std::size_t>(c)]) * model_.albedo_value(c, 3 * v + k);
        colours_[static_cast<std::size_t>(3 * v + k)] = value;
      }
    const long first = ball.part->first_triangle, last = first + ball.part->triangle_count;
    const long size = problem_.size;
    pool_.parallel_for((size + kRows - 1) / kRows, [&](long chunk) {
      Rows rows{chunk * kRows, std::min(size, (chunk + 1) * kRows), {}};
      // What lies around the layout's patch is read too where the texture is drawn small.
      for (const double around : {0.0, kTexelsAround})
        for (long t = first; t < last; ++t) fill(ball, look, t, around, rows, rgb);
    });
  }

 private:
  // Rows of the texture that are painted together, and which of their texels are done; empty: none is.
  static constexpr long kRows = 16;
  struct Rows {
    long first, last;
    std::vector<std::uint8_t> done;
  };

  void fill(const Ball& ball, const Look& look, long t, double around, Rows& rows, std::span<std::uint8_t> rgb) const {
    const double size = problem_.size, first_row = static_cast<double>(rows.first);
    long v[3];
    double x[3], y[3];
    for (long k = 0; k < 3; ++k) {
      v[k] = static_cast<long>(model_.topology.triangles[static_cast<std::size_t>(3 * t + k)]);
      x[k] = static_cast<double>(model_.uvs[static_cast<std::size_t>(2 * v[k])]) * size;
      y[k] = static_cast<double>(model_.uvs[static_cast<std::size_t>(2 * v[k] + 1)]) * size;
    }
    const auto low = [&](const double* p) { return std::floor(std::min({p[0], p[1], p[2]}) - around - 0.5); };
    const auto high = [&](const double* p) { return std::ceil(std::max({p[0], p[1], p[2]}) + around + 0.5); };
    const double top = std::max(first_row, low(y)), bottom = std::min(static_cast<double>(rows.last), high(y));
    if (!(top < bottom)) return;
    if (rows.done.empty())
      rows.done.resize(static_cast<std::size_t>((rows.last - rows.first) * static_cast<long>(problem_.size)));
    const double area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
    if (std::abs(area) < 1e-9) return;
    // Distance of one texel in each weight.
    double reach[3];
    for (int k = 0; k < 3; ++k) {
      const int a = (k + 1) % 3, b = (k + 2) % 3;
      reach[k] = around * std::hypot(x[b] - x[a], y[b] - y[a]) / std::abs(area) + 1e-9;
    }
    for (double row = top; row < bottom; ++row)
      for (double column = std::max(0.0, low(x)); column < std::min(size, high(x)); ++column) {
        const auto texel = static_cast<std::size_t>(row * size + column);
        std::uint8_t& is_done = rows.done[static_cast<std::size_t>((row - first_row) * size + column)];
        if (is_done != 0) continue;
        const double px = column + 0.5, py = row + 0.5;
        double b[3];
        b[1] = ((px - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (py - y[0])) / area;
        b[2] = ((x[1] - x[0]) * (py - y[0]) - (px - x[0]) * (y[1] - y[0])) / area;
        b[0] = 1 - b[1] - b[2];
        if (b[0] < -reach[0] || b[1] < -reach[1] || b[2] < -reach[2]) continue;
        is_done = 1;
        Vec3<double> place{0, 0, 0}, own{0, 0, 0};
        for (int k = 0; k < 3; ++k) {
          place = place + b[k] * at({model_.mean.data(), model_.mean.size()}, v[k]);
          own = own + std::clamp(b[k], 0.0, 1.0) * at(colours_, v[k]);
        }
        Colour colour = colour_at(ball, look, place - ball.centre, {own.x, own.y, own.z});
        if (problem_.tone.is_known) {
          const auto toned = imaging::toned(problem_.tone, static_cast<float>(brightness(colour)));
          colour = {toned.x, toned.y, toned.z};
        }
        for (std::size_t k = 0; k < 3; ++k)
          rgb[3 * texel + k] = static_cast<std::uint8_t>(std::lround(255 * std::clamp(colour[k], 0.0, 1.0)));
      }
  }

  // `out`: from the middle of the ball, whose iris faces +z. `model`: its colour there.
  static Colour colour_at(const Ball& ball, const Look& look, Vec3<double> out, const Colour& model) {
    const double length = std::sqrt(dot(out, out)) + 1e-12, across = std::hypot(out.x, out.y);
    const double polar = std::atan2(across, out.z),
                 radius = std::sin(std::min(polar, 1.5)) * ball.radius / kIrisRadiusMm;
    const double socket = smooth(kSocketFrom, kSocketTo, polar);
    const double lid = look.lit ? 1 - kLidShade * smooth(-0.05, 0.32, out.y / length) : 1;
    Colour white = times(look.white, mix({1, 1, 1}, kSocketRed, socket));
    white = times(white, lid * (look.lit ? 1 - kSocketDark * socket : 1));
    if (radius > kBeside || polar > 1) return white;
    Colour iris = times(model, look.model_light);
    if (look.iris != nullptr) {
      const double angle = std::atan2(out.y, look.mirrored ? -out.x : out.x);
      const IrisMap& map = *look.iris;
      const double inner = smooth(map.pupil + 0.05, map.pupil - 0.05, radius);
      Colour seen = map.at(std::clamp(radius, map.pupil + 0.04, kPureRim), angle);
      const Colour middle = map.at(0.5, angle);
      // Pupils are black but for the light that lenses scatter.
      seen = mix(seen, times(middle, std::min(0.35, 0.06 / std::max(brightness(middle), 0.02))), inner);
      seen = times(seen, 1 - kLimbus * smooth(kPureRim - 0.08, 1, radius));
      for (std::size_t k = 0; k < 3; ++k) seen[k] /= look.iris_light[k];
      // Of a small iris the photo tells how bright it is.
      const double gain =
          brightness(map.at(0.7, angle)) / brightness(look.iris_light) / std::max(brightness(iris), 0.03);
      const Colour blurred = times(iris, radius < map.pupil ? 1.0 : std::clamp(gain, 0.5, 2.0));
      iris = mix(blurred, seen, smooth(kBlurredPx, kClearPx, map.radius_px));
    }
    iris = times(iris, (1 + lid) / 2);
    return mix(iris, white, smooth(kRim, kBeside, radius));
  }

  const Model& model_;
  const TextureProblem& problem_;
  ThreadPool& pool_;
  std::vector<float> colours_;
};

// The white in the light of the face: what both eyes show, as far as it can be one.
Colour white_of(const std::array<EyeColours, 2>& eyes, const Colour& light) {
  Colour seen{};
  double weight = 0;
  for (const EyeColours& eye : eyes) {
    weight += eye.white_px;
    for (std::size_t k = 0; k < 3; ++k) seen[k] += eye.white_px * eye.white[k];
  }
  Colour expected = times(kWhite, light);
  for (double& value : expected) value = std::min(value, 0.92);
  if (!(weight > 0)) return expected;
  for (double& value : seen) value /= weight;
  // Dark or coloured white is mostly skin and lashes.
  const double gain = std::clamp(brightness(seen) / brightness(expected), 0.5, 1.25);
  Colour white = times(expected, gain);
  constexpr double kLeastHue = 0.03, kShare = 0.6;
  for (std::size_t k = 0; k < 3; ++k) {
    const double hue = (seen[k] - brightness(seen)) - (white[k] - brightness(white));
    white[k] += std::clamp(kShare * hue, -kLeastHue - 0.03, kLeastHue + 0.03);
  }
  return mix(expected, white, weight / (weight + kWhitePrior));
}

// The landmark network's points on the skin below the left and the right eye.
constexpr std::array<std::array<std::size_t, 4>, 2> kBelow{{{448, 449, 450, 451}, {228, 229, 230, 231}}};
// By so much at most the whites differ from their mean.
constexpr double kDarkestSide = 0.55, kBrightestSide = 1.3;

// How bright the texture's skin below each eye is, over the mean of both: lamps from the side leave one in shadow.
std::array<double, 2> sides_of(const Model& model, long size, std::span<const std::uint8_t> rgb) {
  std::array<double, 2> bright{};
  for (std::size_t e = 0; e < 2; ++e)
    for (const std::size_t point : kBelow[e]) {
      if (static_cast<long>(point) >= model.dense.count) return {1, 1};
      double uv[2] = {0, 0};
      for (std::size_t k = 0; k < 3; ++k)
        for (std::size_t c = 0; c < 2; ++c)
          uv[c] += static_cast<double>(model.dense.weights[3 * point + k]) *
                   static_cast<double>(model.uvs[2 * model.dense.vertices[3 * point + k] + c]);
      // A few texels, of a millimetre or two.
      const long reach = std::max(1L, size / 256);
      const long column = static_cast<long>(uv[0] * static_cast<double>(size)),
                 row = static_cast<long>(uv[1] * static_cast<double>(size));
      for (long y = row - reach; y <= row + reach; ++y)
        for (long x = column - reach; x <= column + reach; ++x) {
          const long at = std::clamp(y, 0L, size - 1) * size + std::clamp(x, 0L, size - 1);
          const std::uint8_t* c = rgb.data() + 3 * at;
          bright[e] += 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
        }
    }
  const double mean = 0.5 * (bright[0] + bright[1]);
  if (!(mean > 0)) return {1, 1};
  return {std::clamp(bright[0] / mean, kDarkestSide, kBrightestSide),
          std::clamp(bright[1] / mean, kDarkestSide, kBrightestSide)};
}

constexpr Requirement require{"eyes"};

std::array<Ball, 2> balls_of(const Model& model, const TextureProblem& problem) {
  return {ball_of(model, problem, "leftEye"), ball_of(model, problem, "rightEye")};
}

}  // namespace

SeenEyes read_eyes(const Model& model, const imaging::Image& photo, const TextureProblem& problem,
                   const std::array<EyeSight, 2>& eyes, ThreadPool& pool) {
  for (const EyeSight& eye : eyes) {
    for (const auto& p : eye.lids) require(std::isfinite(p[0]) && std::isfinite(p[1]), "finite lids");
    for (const auto& p : eye.iris) require(std::isfinite(p[0]) && std::isfinite(p[1]), "a finite iris");
    require(eye.shut >= 0 && eye.shut <= 1, "eyes shut by 0 to 1");
  }
  const std::array<Ball, 2> balls = balls_of(model, problem);
  SeenEyes seen;
  if (balls[0].part == nullptr || balls[1].part == nullptr) return seen;
  pool.parallel_for(2, [&](long eye) {
    const auto e = static_cast<std::size_t>(eye);
    const Ball& ball = balls[e];
    if (!(ball.middle.z > 1)) return;
    std::array<double, 2> middle;
    problem.camera.project(ball.middle, middle.data());
    seen[e] = read_eye(photo, eyes[e], middle, problem.camera.focal_px * ball.fitted_radius / ball.middle.z);
  });
  return seen;
}

void paint_eyeballs(const Model& model, const TextureProblem& problem, const SeenEyes& seen,
                    std::span<std::uint8_t> rgb, ThreadPool& pool) {
  const std::array<Ball, 2> balls = balls_of(model, problem);
  if (balls[0].part == nullptr || balls[1].part == nullptr) return;
  const Colour light = frontal_light(problem);
  const Colour white = white_of(seen, light);
  const std::array<double, 2> sides = sides_of(model, problem.size, rgb);
  Painter painter(model, problem, pool);
  for (std::size_t e = 0; e < 2; ++e) {
    // An eye that is hardly seen is like the other.
    constexpr double kEnough = 0.35;
    const auto& own = seen[e].iris;
    const auto& other = seen[1 - e].iris;
    const bool takes_other = other && (!own || (own->seen < kEnough && other->seen > own->seen));
    Look look;
    look.iris = takes_other ? &*other : own ? &*own : nullptr;
    look.mirrored = takes_other;
    look.white = times(white, sides[e]);
    for (double& value : look.white) value = std::min(value, 0.92);
    look.model_light = times(light, sides[e]);
    // What the other eye shows is in the other's light.
    if (takes_other) look.iris_light = {sides[1 - e] / sides[e], sides[1 - e] / sides[e], sides[1 - e] / sides[e]};
    painter.paint(balls[e], look, rgb);
    if (problem.albedo_rgb.empty()) continue;
    look.iris_light = times(light, sides[takes_other ? 1 - e : e]);
    look.model_light = {1, 1, 1};
    for (std::size_t k = 0; k < 3; ++k) look.white[k] = std::min(white[k] / light[k], 0.92);
    look.lit = false;
    painter.paint(balls[e], look, problem.albedo_rgb);
  }
}

}  // namespace hrn::fit
