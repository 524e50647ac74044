// Which vertices of the model the camera sees.
#pragma once
#include <cstdint>
#include <vector>

#include "backends/cpu/cpu_backend.hpp"
#include "fit/coarse.hpp"
#include "fit/model.hpp"

namespace hrn::fit {

class VisibleVertices {
 public:
  VisibleVertices(const Model& model, ThreadPool& pool);

  // One byte per vertex: 1 for the corners of every triangle that wins a pixel when the head fills a raster of kSide
  // pixels. `coefficients`: the first identity_count identity ones, then all expressions. Valid until the next call.
  const std::vector<std::uint8_t>& find(const CameraPose& camera, const double* coefficients, long identity_count);

 private:
  static constexpr int kSide = 512;
  const Model& model_;
  CpuBackend backend_;
  HostArray<float> coefficients_, positions_, screen_, barycentrics_;
  HostArray<std::int32_t> triangle_id_;
  std::vector<std::uint8_t> visible_;
};

}  // namespace hrn::fit
