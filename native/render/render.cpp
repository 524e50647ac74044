#include "render/render.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "backends/cpu/cpu_backend.hpp"
#include "core/error.hpp"
#include "core/topology.hpp"
#include "ops/normals.hpp"
#include "ops/pose_project.hpp"
#include "ops/shade.hpp"
#include "ops/uv_sample.hpp"

namespace hrn::render {
namespace {

// Samples drawn at a time: the picture is made in bands of rows, so memory does not grow with its size.
constexpr long kBandSamples = 1L << 21;
constexpr float kGrey = 0.78f;

struct PixelArgs {
  RenderArgs scene;
  const std::int32_t* triangle_id;  // in, [band rows * s][width * s]
  const float* barycentrics;        // in, [band rows * s][width * s][2]
  const float* normals;             // in, [V][3]
  long first_row;                   // of the band, px
  std::uint8_t* rgba;               // out, [height][width][4]
};

/// One pixel of the picture: shades its samples, averages them, lays them over the background.
struct DrawPixel {
  using Colour = Vec3<float>;

  HRN_HD static Vec3<float> blend(const float* values, const std::uint32_t* corner, const float b[3]) {
    return b[0] * load3(values, corner[0]) + b[1] * load3(values, corner[1]) + b[2] * load3(values, corner[2]);
  }

  HRN_HD static Colour surface(const PixelArgs& a, const std::uint32_t* corner, const float b[3]) {
    const RenderArgs& s = a.scene;
    if (s.texture != nullptr) {
      float uv[2] = {};
      for (int i = 0; i < 3; ++i)
        for (int k = 0; k < 2; ++k) uv[k] += b[i] * s.uvs[2 * static_cast<long>(corner[i]) + k];
      const auto tap = ops::uv_tap(uv[0], uv[1], s.texture_size);
      const float w11 = tap.right * tap.lower, w01 = tap.right - w11, w10 = tap.lower - w11;
      const float weight[4] = {1 - tap.right - w10, w01, w10, w11};
      float rgb[3] = {};
      for (int k = 0; k < 4; ++k) {
        const long texel = tap.first + (k & 1) + (k >> 1) * s.texture_size;
        for (int c = 0; c < 3; ++c)
          rgb[c] += weight[k] * static_cast<float>(s.texture[texel * s.texture_channels + c]) * (1.0f / 255);
      }
      return {rgb[0], rgb[1], rgb[2]};
    }
    if (s.colours != nullptr) return blend(s.colours, corner, b);
    return {kGrey, kGrey, kGrey};
  }

  /// Key from the upper left, fill from the right, weak light along the view: n in the view frame.
  HRN_HD static float studio(Vec3<float> n) {
    const auto lambert = [n](float x, float y, float z) { return std::max(0.0f, n.x * x + n.y * y + n.z * z); };
    return 0.26f + 0.52f * lambert(-0.46f, 0.51f, 0.73f) + 0.22f * lambert(0.82f, 0.1f, 0.56f) +
           0.16f * lambert(0, 0, 1);
  }

  /// Of colours, whose light is linear: what faces the camera keeps its own.
  HRN_HD static float exposed(float light) {
    constexpr float kFacing = 0.92f, kGamma = 2.2f;
    return std::pow(light * (1 / kFacing), 1 / kGamma);
  }

  HRN_HD static Colour shade(const PixelArgs& a, Colour colour, const std::uint32_t* corner, const float b[3]) {
    const RenderArgs& s = a.scene;
    if (s.light == RenderLight::none) return colour;
    Vec3<float> n = ops::PoseProject::rotate(s.rotation, blend(a.normals, corner, b));
    const float norm = length(n);
    n = norm > 0 ? (1 / norm) * Vec3<float>{n.x, -n.y, -n.z} : Vec3<float>{0, 0, 1};
    if (!s.cull_back_faces && n.z < 0) n = -1.0f * n;
    if (s.light == RenderLight::studio) {
      const bool plain = s.texture == nullptr && s.colours == nullptr;
      return (plain ? studio(n) : exposed(studio(n))) * colour;
    }
    float h[9], irradiance[3] = {};
    ops::Shade::basis(n, h);
    for (int c = 0; c < 3; ++c)
      for (int k = 0; k < 9; ++k) irradiance[c] += s.lighting[9 * c + k] * h[k];
    return {irradiance[0] * colour.x, irradiance[1] * colour.y, irradiance[2] * colour.z};
  }

  HRN_HD static float clamp01(float x) { return x > 0 ? (x < 1 ? x : 1.0f) : 0.0f; }
  HRN_HD static std::uint8_t byte(float x) { return static_cast<std::uint8_t>(clamp01(x) * 255.0f + 0.5f); }

  HRN_HD static void run(const PixelArgs& a, long i) {
    const RenderArgs& s = a.scene;
    const long x = i % s.width, y = i / s.width, n = s.supersampling;
    Colour sum{0, 0, 0};
    int hits = 0;
    for (long j = 0; j < n; ++j) {
      for (long k = 0; k < n; ++k) {
        const long sample = (y * n + j) * (s.width * n) + x * n + k;
        const long t = a.triangle_id[sample];
        if (t < 0) continue;
        const float b0 = a.barycentrics[2 * sample], b1 = a.barycentrics[2 * sample + 1];
        const float b[3] = {b0, b1, 1 - b0 - b1};
        const std::uint32_t* corner = s.indices + 3 * t;
        const Colour c = shade(a, surface(a, corner, b), corner, b);
        sum = sum + Colour{clamp01(c.x), clamp01(c.y), clamp01(c.z)};
        ++hits;
      }
    }
    const long pixel = (a.first_row + y) * s.width + x;
    float behind[4] = {s.background[0], s.background[1], s.background[2], s.background[3]};
    if (s.background_image != nullptr) {
      const std::uint8_t* p = s.background_image + pixel * s.background_channels;
      for (int c = 0; c < 3; ++c) behind[c] = static_cast<float>(p[c]) * (1.0f / 255);
      behind[3] = s.background_channels == 4 ? static_cast<float>(p[3]) * (1.0f / 255) : 1.0f;
    }
    const float front = s.opacity * static_cast<float>(hits) / static_cast<float>(n * n);
    const float back = (1 - front) * behind[3];
    const float alpha = front + back;
    const float mean = hits > 0 ? 1.0f / static_cast<float>(hits) : 0.0f, unit = alpha > 0 ? 1 / alpha : 0.0f;
    std::uint8_t* out = a.rgba + 4 * pixel;
    out[0] = byte(unit * (front * mean * sum.x + back * behind[0]));
    out[1] = byte(unit * (front * mean * sum.y + back * behind[1]));
    out[2] = byte(unit * (front * mean * sum.z + back * behind[2]));
    out[3] = byte(alpha);
  }
};

void check(const RenderArgs& a) {
  const auto refuse = [](const std::string& expected) {
    throw Error(ErrorCode::invalid_argument, "expected " + expected);
  };
  if (a.supersampling < 1 || a.supersampling > 4) refuse("supersampling of 1 to 4");
  if (a.width < 1 || a.height < 1 || a.width > ops::kMaxImageSide / a.supersampling ||
      a.height > ops::kMaxImageSide / a.supersampling)
    refuse("a picture of 1 to " + std::to_string(ops::kMaxImageSide / a.supersampling) + " px a side");
  if (a.texture != nullptr && (a.texture_size < 2 || a.uvs == nullptr))
    refuse("a texture of 2 texels or more, and uvs");
  for (long c = 0; c < 3 * a.triangles; ++c)
    if (static_cast<long>(a.indices[c]) >= a.vertices) refuse("indices below " + std::to_string(a.vertices));
}

HostArray<float> vertex_normals(const RenderArgs& a, CpuBackend& cpu) {
  const Topology topology = build_topology(a.indices, a.triangles, a.vertices);
  auto crosses = cpu.alloc<float>(static_cast<std::size_t>(3 * a.triangles));
  auto normals = cpu.alloc<float>(static_cast<std::size_t>(3 * a.vertices));
  ops::NormalsArgs<float> n;
  n.triangles = topology.triangles.data();
  n.corner_offsets = topology.corner_offsets.data();
  n.corners = topology.corners.data();
  n.positions = a.positions;
  n.crosses = crosses.data();
  n.normals = normals.data();
  cpu.for_each<ops::Normals::ForwardFace>(a.triangles, n);
  cpu.for_each<ops::Normals::ForwardVertex>(a.vertices, n);
  return normals;
}

/// Rasterizes `rows` pixel rows from `first_row`, `samples` per pixel and axis.
class Band {
 public:
  Band(const RenderArgs& args, CpuBackend& cpu, int samples, long max_rows)
      : args_(args),
        cpu_(cpu),
        samples_(samples),
        screen_(static_cast<std::size_t>(3 * args.vertices)),
        triangle_id_(static_cast<std::size_t>(max_rows * args.width * samples * samples)),
        barycentrics_(2 * triangle_id_.size()) {}

  /// Vertices in samples, y from `first_row` of the picture.
  const HostArray<float>& project(long first_row) {
    ops::PoseProjectArgs<float> a;
    const auto scale = static_cast<float>(samples_);
    a.positions = args_.positions;
    std::copy(args_.rotation, args_.rotation + 9, a.rotation);
    std::copy(args_.translation, args_.translation + 3, a.translation);
    a.focal_px = scale * args_.focal_px;
    a.centre_px[0] = scale * args_.centre_px[0];
    a.centre_px[1] = scale * (args_.centre_px[1] - static_cast<float>(first_row));
    a.near_mm = args_.near_mm;
    a.screen = screen_.data();
    cpu_.for_each<ops::PoseProject::Forward>(args_.vertices, a);
    return screen_;
  }

  void draw(long first_row, long rows, float* depth = nullptr) {
    project(first_row);
    ops::RasterizeArgs<float> raster;
    raster.screen = screen_.data();
    // Checked to be below the vertex count, which fits.
    raster.triangles = reinterpret_cast<const std::int32_t*>(args_.indices);
    raster.vertex_count = args_.vertices;
    raster.triangle_count = args_.triangles;
    raster.width = args_.width * samples_;
    raster.height = static_cast<int>(rows) * samples_;
    raster.near_mm = args_.near_mm;
    raster.cull_back_faces = args_.cull_back_faces;
    raster.triangle_id = triangle_id_.data();
    raster.barycentrics = barycentrics_.data();
    raster.depth = depth;
    cpu_.rasterize(raster);
  }

  const HostArray<std::int32_t>& triangle_id() const { return triangle_id_; }
  const HostArray<float>& barycentrics() const { return barycentrics_; }

 private:
  const RenderArgs& args_;
  CpuBackend& cpu_;
  int samples_;
  HostArray<float> screen_;
  HostArray<std::int32_t> triangle_id_;
  HostArray<float> barycentrics_;
};

/// Doubled area of a triangle in the plane.
double area(const float* a, const float* b, const float* c) {
  return static_cast<double>(b[0] - a[0]) * static_cast<double>(c[1] - a[1]) -
         static_cast<double>(b[1] - a[1]) * static_cast<double>(c[0] - a[0]);
}

/// Halvings of the texture after which a sample of the picture covers about a texel, over the triangles that face the
/// camera: a texture much finer than the picture would flicker from pixel to pixel.
int texture_halvings(const RenderArgs& a, const HostArray<float>& screen) {
  double texels = 0, samples = 0;
  for (long t = 0; t < a.triangles; ++t) {
    const float *p[3], *uv[3];
    bool in_front = true;
    for (int i = 0; i < 3; ++i) {
      p[i] = screen.data() + 3L * a.indices[3 * t + i];
      uv[i] = a.uvs + 2L * a.indices[3 * t + i];
      in_front = in_front && p[i][2] >= a.near_mm;
    }
    const double on_screen = -area(p[0], p[1], p[2]), on_map = std::abs(area(uv[0], uv[1], uv[2]));
    if (!in_front || !(on_screen > 0) || !std::isfinite(on_screen + on_map)) continue;
    texels += on_map;
    samples += on_screen;
  }
  texels *= static_cast<double>(a.texture_size) * static_cast<double>(a.texture_size);
  int halvings = 0;
  for (; texels > 2 * samples && samples > 0 && halvings < 12; ++halvings) texels /= 4;
  return halvings;
}

/// The texture at half the size, [size / 2][size / 2][channels]; size is even.
std::vector<std::uint8_t> halved(const std::uint8_t* texture, long size, long channels, ThreadPool& pool) {
  const long half = size / 2, row = size * channels;
  std::vector<std::uint8_t> out(static_cast<std::size_t>(half * half * channels));
  pool.parallel_for(half, [&](long y) {
    for (long x = 0; x < half; ++x) {
      const std::uint8_t* p = texture + 2 * y * row + 2 * x * channels;
      for (long c = 0; c < channels; ++c)
        out[static_cast<std::size_t>((y * half + x) * channels + c)] =
            static_cast<std::uint8_t>((p[c] + p[channels + c] + p[row + c] + p[row + channels + c] + 2) / 4);
    }
  });
  return out;
}

/// Rows of a band.
long band_rows(const RenderArgs& a, int samples) {
  return std::clamp(kBandSamples / (static_cast<long>(a.width) * samples * samples), 1L, static_cast<long>(a.height));
}

void draw_colours(const RenderArgs& a, CpuBackend& cpu, const Cancel& cancel, RenderResult& result) {
  HostArray<float> computed;
  if (a.normals == nullptr && a.light != RenderLight::none) computed = vertex_normals(a, cpu);
  const long step = band_rows(a, a.supersampling);
  Band band(a, cpu, a.supersampling, step);
  RenderArgs scene = a;
  std::vector<std::uint8_t> texture;
  if (a.texture != nullptr) {
    for (int n = texture_halvings(a, band.project(0)); n > 0 && scene.texture_size % 2 == 0 && scene.texture_size > 2;
         --n) {
      cancel.check();
      texture = halved(scene.texture, scene.texture_size, a.texture_channels, cpu.pool());
      scene.texture = texture.data();
      scene.texture_size /= 2;
    }
  }
  result.rgba.resize(4 * static_cast<std::size_t>(a.width) * static_cast<std::size_t>(a.height));
  for (long row = 0; row < a.height; row += step) {
    cancel.check();
    const long rows = std::min(step, a.height - row);
    band.draw(row, rows);
    cpu.for_each<DrawPixel>(rows * a.width,
                            PixelArgs{scene, band.triangle_id().data(), band.barycentrics().data(),
                                      a.normals != nullptr ? a.normals : computed.data(), row, result.rgba.data()});
  }
}

void draw_geometry(const RenderArgs& a, CpuBackend& cpu, const Cancel& cancel, RenderResult& result) {
  const std::size_t pixels = static_cast<std::size_t>(a.width) * static_cast<std::size_t>(a.height);
  result.depth.resize(pixels);
  result.triangle_id.resize(pixels);
  result.barycentrics.resize(2 * pixels);
  const long step = band_rows(a, 1);
  Band band(a, cpu, 1, step);
  for (long row = 0; row < a.height; row += step) {
    cancel.check();
    const long rows = std::min(step, a.height - row);
    band.draw(row, rows, result.depth.data() + row * a.width);
    std::copy_n(band.triangle_id().data(), rows * a.width, result.triangle_id.data() + row * a.width);
    std::copy_n(band.barycentrics().data(), 2 * rows * a.width, result.barycentrics.data() + 2 * row * a.width);
  }
}

}  // namespace

RenderResult render(const RenderArgs& args, ThreadPool& pool, const Cancel& cancel) {
  check(args);
  CpuBackend cpu(pool);
  RenderResult result;
  draw_colours(args, cpu, cancel, result);
  if (args.want_geometry) draw_geometry(args, cpu, cancel, result);
  return result;
}

}  // namespace hrn::render
