// An iteration that repeats allocates nothing: the verbs of the CPU backend run twice, and the second time operator new
// must not be called. Counting replaces operator new, so it is left out of sanitizer builds, which bring their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <atomic>
#include <cstdlib>
#include <new>

#include "backends/cpu/cpu_backend.hpp"
#include "framework.hpp"
#include "ops/interpolate.hpp"
#include "ops/pose_project.hpp"
#include "random.hpp"
#include "scene.hpp"

namespace {

std::atomic<long> allocations{0};

void* allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* data = nullptr;
  if (posix_memalign(&data, alignment < sizeof(void*) ? sizeof(void*) : alignment, size == 0 ? 1 : size) != 0)
    throw std::bad_alloc();
  return data;
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* data) noexcept { std::free(data); }
void operator delete(void* data, std::size_t) noexcept { std::free(data); }
void operator delete(void* data, std::align_val_t) noexcept { std::free(data); }
void operator delete(void* data, std::size_t, std::align_val_t) noexcept { std::free(data); }

namespace hrn::test {
namespace {

HRN_TEST("cpu_backend/an iteration that repeats allocates nothing") {
  constexpr long side = 150, components = 7;
  ThreadPool pool(3);
  CpuBackend cpu(pool);
  auto s = make_scene<float>(40, side, 3);
  const auto array = [&](long n) { return cpu.alloc<float>(static_cast<std::size_t>(n)); };
  auto screen = array(3 * s.vertices), values = array(3 * s.vertices), barycentrics = array(2 * side * side);
  auto slots = array(9 * s.triangles), coefficients = array(components), pixels = array(3 * side * side);
  auto basis =
      cpu.alloc<Half>(static_cast<std::size_t>(ops::basis_tiles(3 * s.vertices) * ops::kBasisTile * components));
  auto id = cpu.alloc<std::int32_t>(side * side);
  auto boxes = cpu.alloc<ops::PixelBox>(static_cast<std::size_t>(s.triangles));
  double grad[components];

  ops::BasisArgs<float, Half> model;
  model.basis = basis.data();
  model.rows = 3 * s.vertices;
  model.components = model.count = components;
  model.coefficients = coefficients.data();
  model.base = s.positions.data();
  model.values = values.data();
  model.grad_values = values.data();
  s.camera.positions = values.data();
  s.camera.screen = screen.data();
  s.camera.grad_screen = screen.data();
  ops::RasterizeArgs<float> raster;
  raster.screen = screen.data();
  raster.triangles = s.topology.triangles.data();
  raster.vertex_count = s.vertices;
  raster.triangle_count = s.triangles;
  raster.width = raster.height = static_cast<int>(side);
  raster.triangle_id = id.data();
  raster.barycentrics = barycentrics.data();
  raster.boxes = boxes.data();
  ops::InterpolateArgs<float> attributes;
  attributes.triangles = s.topology.triangles.data();
  attributes.triangle_id = id.data();
  attributes.barycentrics = barycentrics.data();
  attributes.attributes = values.data();
  attributes.pixels = pixels.data();
  attributes.width = side;
  attributes.boxes = boxes.data();
  attributes.grad_pixels = pixels.data();
  attributes.attribute_slots = slots.data();

  const auto iteration = [&] {
    cpu.basis_forward(model);
    cpu.for_each<ops::PoseProject::Forward>(s.vertices, s.camera);
    cpu.rasterize(raster);
    cpu.for_each<ops::Interpolate<3>::Forward>(side * side, attributes);
    cpu.for_each<ops::Interpolate<3>::Backward>(s.triangles, attributes);
    double pose[7];
    cpu.reduce<ops::PoseProject::BackwardPose, 7>(s.vertices, s.camera, pose);
    cpu.basis_backward(model, grad);
  };
  iteration();
  const long before = allocations.load();
  iteration();
  report.equal(allocations.load() - before, 0L, "allocations");
  CHECK(before > 0);
}

}  // namespace
}  // namespace hrn::test
#endif
