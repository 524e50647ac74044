// Pictures of hostile scenes; run under the sanitizers, these are what a fuzzed render() may meet. What pictures look
// like is tested through the addon (test/render.test.ts).
#include "render/render.hpp"

#include "core/error.hpp"
#include "framework.hpp"
#include "random.hpp"
#include "scene.hpp"

namespace hrn::test {
namespace {

HRN_TEST("render/wild meshes, cameras and sizes are drawn without harm") {
  Random random(31);
  ThreadPool pool(2);
  const Cancel cancel;
  for (int round = 0; round < 60; ++round) {
    auto s = make_scene<float>(1 + random.below(12), 50, static_cast<std::uint64_t>(round));
    const float bad[] = {NAN, INFINITY, -3e38f, 1e-42f, 1e9f};
    for (int k = 0; k < round % 7; ++k)
      s.positions[static_cast<std::size_t>(random.below(3 * s.vertices))] = bad[random.below(5)];
    for (int k = 0; k < round % 5; ++k)
      s.uvs[static_cast<std::size_t>(random.below(2 * s.vertices))] = bad[random.below(5)];
    render::RenderArgs a;
    a.vertices = s.vertices;
    a.triangles = round % 11 == 0 ? 0 : s.triangles;
    a.positions = s.positions.data();
    a.indices = s.indices.data();
    a.cull_back_faces = round % 2 == 0;
    std::copy(s.camera.rotation, s.camera.rotation + 9, a.rotation);
    a.translation[2] = static_cast<float>(random.uniform(-100, 700));
    a.focal_px = static_cast<float>(std::pow(10.0, random.uniform(0, 6)));
    a.width = static_cast<int>(1 + random.below(70));
    a.height = static_cast<int>(1 + random.below(70));
    a.supersampling = static_cast<int>(1 + random.below(4));
    a.centre_px[0] = static_cast<float>(a.width) / 2;
    a.centre_px[1] = static_cast<float>(a.height) / 2;
    a.light = static_cast<render::RenderLight>(round % 3);
    a.lighting[0] = round % 4 == 0 ? NAN : 1;
    const std::vector<std::uint8_t> texture(5 * 5 * 4, 200);
    a.texture = texture.data();
    a.texture_size = 5;
    a.texture_channels = 3 + round % 2;
    a.uvs = s.uvs.data();
    a.want_geometry = true;
    const auto out = render::render(a, pool, cancel);
    const auto pixels = static_cast<std::size_t>(a.width) * static_cast<std::size_t>(a.height);
    report.equal(out.rgba.size(), 4 * pixels, "bytes");
    report.equal(out.depth.size(), pixels, "depths");
    for (std::size_t i = 0; i < pixels; ++i) {
      CHECK((out.triangle_id[i] >= 0) == std::isfinite(out.depth[i]));
      CHECK(out.triangle_id[i] < a.triangles);
    }
  }
}

HRN_TEST("render/a cancelled picture ends with its error") {
  ThreadPool pool(1);
  Cancel cancel;
  cancel.request();
  render::RenderArgs a;
  a.width = a.height = 10;
  bool cancelled = false;
  try {
    render::render(a, pool, cancel);
  } catch (const Error& error) {
    cancelled = error.code() == ErrorCode::cancelled;
  }
  CHECK(cancelled);
}

}  // namespace
}  // namespace hrn::test
