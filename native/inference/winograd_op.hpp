// Winograd convolutions as an operator of ONNX Runtime.
#pragma once
#include <cstdint>
#include <span>

#include "inference/onnx_runtime_api.hpp"

namespace hrn::inference {

/// Whether a network in ONNX format has such nodes; it may say so of one that has not.
bool uses_winograd(std::span<const std::uint8_t> model);

/// Lets sessions of these options run nodes `WinogradConv` of the domain `hrn`: inputs x [1][C][H][W], constant weights
/// [K][C][3][3], constant bias [K]; integer attributes `pad` and `relu`, 0 or 1; output [1][K][H + 2 pad - 2][W + 2 pad
/// - 2], whose sides and channels are what Winograd asks for. ONNX Runtime must be open.
void add_winograd(Ort::SessionOptions& options);

}  // namespace hrn::inference
