// The model's surface for given coefficients: positions, normals, colours under the fitted light, and what a camera
// sees of it.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "core/array.hpp"
#include "core/thread_pool.hpp"
#include "fit/camera_pose.hpp"
#include "fit/model.hpp"

namespace hrn {
class CpuBackend;
}

namespace hrn::fit {

class HeadSurface {
 public:
  // The pool serves this object alone while one of its functions runs.
  HeadSurface(const Model& model, ThreadPool& pool);
  ~HeadSurface();

  // Positions from leading identity coefficients (missing ones are zero) and all expression coefficients.
  void set_shape(std::span<const double> identity, std::span<const double> expression);
  // [V][3], mm.
  void set_positions(std::span<const float> positions);
  const HostArray<float>& positions() const { return positions_; }

  // [V][3], unit, of the current positions.
  const HostArray<float>& update_normals();

  // [V][3], albedo for the given coefficients, sRGB-encoded; not clamped.
  const HostArray<float>& update_albedo(std::span<const double> albedo);

  // [V][3], albedo times irradiance; after update_normals() and update_albedo().
  const HostArray<float>& update_colours(const CameraPose& camera, std::span<const double> lighting);

  // Rasterizes the current positions. `camera` is given for the raster's pixels.
  struct View {
    const HostArray<std::int32_t>& triangle_id;  // [height][width], -1 where nothing is seen
    const HostArray<float>& depth;               // [height][width], mm, infinity where nothing is seen
  };
  View look(const CameraPose& camera, int width, int height);

 private:
  const Model& model_;
  std::unique_ptr<CpuBackend> backend_;
  HostArray<float> coefficients_, positions_, normals_, crosses_, albedo_, colours_, screen_, barycentrics_, depth_;
  HostArray<std::int32_t> triangle_id_;
};

}  // namespace hrn::fit
