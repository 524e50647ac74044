#include "fit/views/registration.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.hpp"
#include "core/vec.hpp"
#include "fit/views/plane.hpp"
#include "fit/views/sheet.hpp"

namespace hrn::fit {
namespace {

constexpr Requirement require{"registration"};

/// Of the points that are told, mm on the mean head.
constexpr double kSpacingMm = 4;
/// Deviations in texels: of what smooths the textures, of the neighbourhood that their mean and contrast are taken of,
/// and of the windows that move. From coarse to fine.
struct Scale {
  float smooth, contrast, window, step;
  int iterations;
};
constexpr Scale kScales[] = {{2.4f, 12.5f, 18.5f, 2, 3}, {1.4f, 8.5f, 9.5f, 1, 2}, {1.2f, 5.5f, 5.5f, 0.7f, 2}};
/// Contrast below which a texture is noise, of 0..1.
constexpr float kNoise = 0.008f;
/// Of squared slopes: windows that show less do not move by themselves.
constexpr float kStiffness = 0.01f;
/// Correlation of a window with that of the other photos, below which it is not the same skin, and from which it is.
constexpr float kLeastAlike = 0.6f, kAlike = 0.9f;
/// Neighbouring texels of a texture err alike: so many count as one.
constexpr double kAlikeTexels = 6;
/// Of what an expression moves skin by, its own error.
constexpr double kMovedShare = 0.5;
/// What moves by itself from photo to photo, highlights and shading: a deviation, texels.
constexpr double kFloorTexels = 0.35;
// What a sheet shows at a scale: smooth, without its mean around, of unit contrast.
void form_relief(Sheet& sheet, const Scale& scale, ThreadPool& pool) {
  const Blur smooth(scale.smooth), around(scale.contrast);
  Plane weight(sheet.weight), grey(kSheetTexels);
  for_texels(pool, [&](std::size_t i) { grey[i] = weight[i] * sheet.grey[i]; });
  smooth(pool, weight);
  smooth(pool, grey);
  Plane total(sheet.weight), mean(kSheetTexels), square(kSheetTexels);
  for_texels(pool, [&](std::size_t i) {
    grey[i] = weight[i] > 1e-3f ? grey[i] / weight[i] : 0.f;
    mean[i] = total[i] * grey[i];
    square[i] = mean[i] * grey[i];
  });
  around(pool, total);
  around(pool, mean);
  around(pool, square);
  for_texels(pool, [&](std::size_t i) {
    sheet.relief[i] = 0;
    if (!(sheet.weight[i] > 0 && total[i] > 1e-3f)) return;
    const float m = mean[i] / total[i], variance = std::max(0.f, square[i] / total[i] - m * m);
    sheet.relief[i] = (grey[i] - m) / std::sqrt(variance + kNoise * kNoise);
  });
}

// The sheets moved onto the common texture, and that.
struct Stack {
  std::vector<Plane> relief, weight;  // of each view
  Plane mean, total;
};

void form_stack(const std::vector<Sheet>& sheets, Stack& stack, ThreadPool& pool) {
  for_texels(pool, [&](std::size_t i) {
    const float x = static_cast<float>(i % kSheetSide), y = static_cast<float>(i / kSheetSide);
    float total = 0, sum = 0;
    for (std::size_t v = 0; v < sheets.size(); ++v) {
      const Sheet& sheet = sheets[v];
      const float at_x = x + sheet.u[i], at_y = y + sheet.v[i];
      const float w = sample(sheet.weight, at_x, at_y), r = sample(sheet.relief, at_x, at_y);
      stack.weight[v][i] = w;
      stack.relief[v][i] = r;
      total += w;
      sum += w * r;
    }
    stack.total[i] = total;
    stack.mean[i] = total > 0 ? sum / total : 0.f;
  });
}

float slope(const Plane& plane, std::size_t i, std::size_t step) {
  return i >= step && i + step < kSheetTexels ? 0.5f * (plane[i + step] - plane[i - step]) : 0.f;
}

// Sums over windows of what view v's texture and the common one say of how it is to move.
struct Windows {
  Plane xx, xy, yy, x, y;

  Windows() {
    for (Plane* plane : {&xx, &xy, &yy, &x, &y}) plane->resize(kSheetTexels);
  }
  void form(const Stack& stack, std::size_t v, const Blur& blur, ThreadPool& pool) {
    const Plane &own = stack.relief[v], &weight = stack.weight[v];
    for_texels(pool, [&](std::size_t i) {
      const float w = weight[i] * std::min(1.f, stack.total[i] - weight[i]);
      const float gx = 0.5f * (slope(own, i, 1) + slope(stack.mean, i, 1));
      const float gy = 0.5f * (slope(own, i, kSheetSide) + slope(stack.mean, i, kSheetSide));
      const float apart = w * (stack.mean[i] - own[i]);
      xx[i] = w * gx * gx, xy[i] = w * gx * gy, yy[i] = w * gy * gy;
      x[i] = apart * gx, y[i] = apart * gy;
    });
    for (Plane* plane : {&xx, &xy, &yy, &x, &y}) blur(pool, *plane);
  }
};

// One step of every view towards the common texture.
void move(std::vector<Sheet>& sheets, const Stack& stack, Windows& windows, const Scale& scale, ThreadPool& pool) {
  const Blur window(scale.window), spread(0.6f * scale.window);
  Plane trust(kSheetTexels);
  for (std::size_t v = 0; v < sheets.size(); ++v) {
    windows.form(stack, v, window, pool);
    Sheet& sheet = sheets[v];
    for_texels(pool, [&](std::size_t i) {
      const float a = windows.xx[i] + kStiffness, b = windows.xy[i], c = windows.yy[i] + kStiffness;
      const float inverse = 1 / (a * c - b * b);
      const float dx = inverse * (c * windows.x[i] - b * windows.y[i]),
                  dy = inverse * (a * windows.y[i] - b * windows.x[i]);
      const float bound = scale.step / std::max(scale.step, std::sqrt(dx * dx + dy * dy));
      // Where windows show little their neighbours' motion counts.
      const float half = 0.5f * (a + c), least = half - std::sqrt(std::max(0.f, half * half - (a * c - b * b)));
      trust[i] = std::max(least - kStiffness, 0.f) + 1e-4f;
      sheet.u[i] = trust[i] * (sheet.u[i] + bound * dx);
      sheet.v[i] = trust[i] * (sheet.v[i] + bound * dy);
    });
    spread(pool, trust);
    spread(pool, sheet.u);
    spread(pool, sheet.v);
    for_texels(pool, [&](std::size_t i) {
      sheet.u[i] /= trust[i];
      sheet.v[i] /= trust[i];
    });
  }
  // Where the common texture lies is nobody's business: in the middle.
  for_texels(pool, [&](std::size_t i) {
    float u = 0, v = 0, total = 1e-3f;
    for (std::size_t k = 0; k < sheets.size(); ++k) {
      u += stack.weight[k][i] * sheets[k].u[i];
      v += stack.weight[k][i] * sheets[k].v[i];
      total += stack.weight[k][i];
    }
    for (Sheet& sheet : sheets) {
      sheet.u[i] -= u / total;
      sheet.v[i] -= v / total;
    }
  });
}

// How alike a view is to the others in each window, -1..1, and the mean square of what it differs by.
struct Likeness {
  Plane correlation, difference;
};

Likeness compare(const Stack& stack, std::size_t v, const Blur& window, ThreadPool& pool) {
  Plane weight(kSheetTexels), own(kSheetTexels), other(kSheetTexels), both(kSheetTexels);
  for_texels(pool, [&](std::size_t i) {
    const float rest = stack.total[i] - stack.weight[v][i], a = stack.relief[v][i];
    const float b = rest > 1e-3f ? (stack.total[i] * stack.mean[i] - stack.weight[v][i] * a) / rest : 0.f;
    weight[i] = stack.weight[v][i] * std::min(1.f, rest);
    own[i] = weight[i] * a * a;
    other[i] = weight[i] * b * b;
    both[i] = weight[i] * a * b;
  });
  for (Plane* plane : {&weight, &own, &other, &both}) window(pool, *plane);
  for_texels(pool, [&](std::size_t i) {
    const float total = std::max(weight[i], 1e-4f);
    const float correlation = both[i] / std::sqrt(own[i] * other[i] + 1e-12f);
    other[i] = std::max(0.f, own[i] + other[i] - 2 * both[i]) / total + 1e-3f;
    both[i] = weight[i] > 0.05f ? correlation : 0.f;
  });
  return {std::move(both), std::move(other)};
}

// Vertices a few millimetres apart.
std::vector<std::uint32_t> spaced_vertices(const Model& model) {
  std::vector<std::uint32_t> chosen;
  std::vector<bool> skin(static_cast<std::size_t>(model.vertex_count));
  for (const Part& part : model.parts)
    if (part.name == "skin")
      for (long k = 3 * part.first_triangle; k < 3 * (part.first_triangle + part.triangle_count); ++k)
        skin[static_cast<std::size_t>(model.topology.triangles[static_cast<std::size_t>(k)])] = true;
  for (std::size_t v = 0; v < skin.size(); ++v) {
    const Region region = static_cast<Region>(model.regions[v]);
    // Lids and lips move by themselves.
    if (!skin[v] || !takes_part(model, v) || region == Region::eyes || region == Region::mouth) continue;
    const Vec3<float> p = load3(model.mean.data(), static_cast<long>(v));
    const auto near = [&](std::uint32_t other) {
      const Vec3<float> d = p - load3(model.mean.data(), static_cast<long>(other));
      return dot(d, d) < static_cast<float>(kSpacingMm * kSpacingMm);
    };
    if (std::none_of(chosen.begin(), chosen.end(), near)) chosen.push_back(static_cast<std::uint32_t>(v));
  }
  return chosen;
}

// How far a view's expression takes a vertex from where the views have it in the mean, mm.
double expression_mm(const std::vector<RegisteredView>& views, std::size_t v, std::size_t vertex) {
  const auto at = [&](const RegisteredView& view) {
    const Vec3<float> p = load3(view.positions.data(), static_cast<long>(vertex));
    return Vec3<double>{double(p.x), double(p.y), double(p.z)};
  };
  Vec3<double> mean{0, 0, 0};
  for (const RegisteredView& view : views) mean = mean + (1 / static_cast<double>(views.size())) * at(view);
  const Vec3<double> moved = at(views[v]) - mean;
  return std::sqrt(dot(moved, moved));
}

// Where a view shows a point of the common texture, and how surely; `moved_px`: a deviation of what an expression does.
bool locate(const Layout& layout, const Sheet& sheet, const Windows& windows, const Likeness& likeness, double gain,
            double moved_px, float x, float y, double pixel[2], double information[3]) {
  const std::size_t i = static_cast<std::size_t>(std::lround(y)) * static_cast<std::size_t>(kSheetSide) +
                        static_cast<std::size_t>(std::lround(x));
  const float alike = std::clamp((likeness.correlation[i] - kLeastAlike) / (kAlike - kLeastAlike), 0.f, 1.f);
  if (!(alike > 0.4f)) return false;
  const float at_x = x + sample(sheet.u, x, y), at_y = y + sample(sheet.v, x, y);
  if (!(at_x >= 2 && at_y >= 2 && at_x < kSheetSide - 3 && at_y < kSheetSide - 3)) return false;
  for (int dy = -1; dy <= 2; ++dy)
    for (int dx = -1; dx <= 2; ++dx)
      if (!layout.has(
              static_cast<std::size_t>((static_cast<long>(at_y) + dy) * kSheetSide + static_cast<long>(at_x) + dx)))
        return false;
  pixel[0] = static_cast<double>(sample(sheet.x, at_x, at_y));
  pixel[1] = static_cast<double>(sample(sheet.y, at_x, at_y));
  // Texels to pixels.
  const auto change = [&](const Plane& plane, float right, float down) {
    return 0.5 *
           static_cast<double>(sample(plane, at_x + right, at_y + down) - sample(plane, at_x - right, at_y - down));
  };
  const double j[2][2] = {{change(sheet.x, 1, 0), change(sheet.x, 0, 1)},
                          {change(sheet.y, 1, 0), change(sheet.y, 0, 1)}};
  const double weight = gain * static_cast<double>(alike) / static_cast<double>(likeness.difference[i]);
  const double a = weight * static_cast<double>(windows.xx[i]) + 1e-9, b = weight * static_cast<double>(windows.xy[i]),
               c = weight * static_cast<double>(windows.yy[i]) + 1e-9;
  const double inverse = 1 / (a * c - b * b), floor = kFloorTexels * kFloorTexels / static_cast<double>(alike * alike);
  const double uu = inverse * c + floor, uv = -inverse * b, vv = inverse * a + floor;
  // Covariance in pixels, and its inverse.
  const auto pair = [&](int p, int q) {
    return j[p][0] * (uu * j[q][0] + uv * j[q][1]) + j[p][1] * (uv * j[q][0] + vv * j[q][1]);
  };
  const double own = moved_px * moved_px;
  const double xx = pair(0, 0) + own, xy = pair(0, 1), yy = pair(1, 1) + own, determinant = xx * yy - xy * xy;
  if (!(determinant > 1e-9 * xx * yy) || !std::isfinite(determinant)) return false;
  information[0] = yy / determinant;
  information[1] = -xy / determinant;
  information[2] = xx / determinant;
  return true;
}

}  // namespace

std::vector<PointProblem> register_views(const Model& model, const std::vector<RegisteredView>& views, ThreadPool& pool,
                                         const Cancel& cancel) {
  require(views.size() >= 2 && views.size() <= 256, "2 to 256 views");
  for (const RegisteredView& view : views) {
    check_level(view.level);
    check_camera(view.camera);
    require(view.positions.size() == 3 * static_cast<std::size_t>(model.vertex_count), "three positions per vertex");
    for (const float v : view.positions) require(std::isfinite(v), "finite positions");
  }
  const Layout layout = lay_out(model, pool);
  std::vector<Sheet> sheets;
  for (const RegisteredView& view : views) {
    cancel.check();
    sheets.push_back(lay_out_photo(model, view, layout, pool));
  }
  Stack stack{std::vector<Plane>(views.size(), Plane(kSheetTexels)),
              std::vector<Plane>(views.size(), Plane(kSheetTexels)), Plane(kSheetTexels), Plane(kSheetTexels)};
  Windows windows;
  for (const Scale& scale : kScales) {
    for (Sheet& sheet : sheets) form_relief(sheet, scale, pool);
    for (int k = 0; k < scale.iterations; ++k) {
      cancel.check();
      form_stack(sheets, stack, pool);
      move(sheets, stack, windows, scale, pool);
    }
  }
  form_stack(sheets, stack, pool);
  const float window = std::end(kScales)[-1].window;
  const double gain = 2 * 3.14159265358979 * static_cast<double>(window) * static_cast<double>(window) / kAlikeTexels;
  const std::vector<std::uint32_t> vertices = spaced_vertices(model);
  std::vector<PointProblem> result(views.size());
  for (std::size_t v = 0; v < views.size(); ++v) {
    cancel.check();
    const Blur blur(window);
    windows.form(stack, v, blur, pool);
    const Likeness likeness = compare(stack, v, blur, pool);
    PointProblem& points = result[v];
    points.vertices = vertices;
    points.pixels.assign(2 * vertices.size(), 0);
    points.information.assign(3 * vertices.size(), 0);
    for (std::size_t i = 0; i < vertices.size(); ++i) {
      const std::size_t vertex = vertices[i];
      const float x = model.uvs[2 * vertex] * kSheetSide - 0.5f, y = model.uvs[2 * vertex + 1] * kSheetSide - 0.5f;
      if (!(x >= 1 && y >= 1 && x < kSheetSide - 2 && y < kSheetSide - 2)) continue;
      const double px_per_mm = views[v].camera.focal_px / views[v].camera.translation[2];
      const double moved = kMovedShare * px_per_mm * expression_mm(views, v, vertex);
      locate(layout, sheets[v], windows, likeness, gain, moved, x, y, points.pixels.data() + 2 * i,
             points.information.data() + 3 * i);
    }
  }
  return result;
}

}  // namespace hrn::fit
