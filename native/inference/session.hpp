// A network in ONNX Runtime, run on the thread that asks unless it is opened with more: the embedded networks are
// small, and handing parts of them to other threads costs more than it gains. This folder is its only user; the library
// is opened at run time, nothing links to it.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hrn::inference {

struct Output {
  std::string name;
  std::vector<float> values;  // row-major
};

// The output of a network that has one, in the runtime's own memory, without a copy.
struct Seen {
  std::span<const float> values;  // row-major
  std::shared_ptr<const void> held;
};

class Session {
 public:
  // library: path of ONNX Runtime's shared library, UTF-8; the first one opened serves the whole process.
  // model: bytes of an .onnx file with one float input and float outputs, all of fixed shape.
  // cuda_device: run there by the runtime's CUDA provider, an extra that may be absent: what it cannot do runs on the
  // CPU. threads: of one run, 0 for one a core; more than one pays for large networks alone. Throws native_unavailable
  // where the library cannot be opened, model_corrupt where it refuses the model.
  Session(const std::string& library, std::span<const std::uint8_t> model, std::optional<int> cuda_device = {},
          int threads = 1);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Why the network runs on the CPU although a CUDA device was named; empty otherwise.
  const std::string& fallback_reason() const;

  // Number of floats of the input.
  std::size_t input_size() const;

  // input: input_size() floats, row-major. Outputs in the model's order. May be called from several threads.
  // Throws invalid_argument, device_failed where the network runs on a CUDA device, internal.
  std::vector<Output> run(std::span<const float> input) const;

  // The same for a network with one output, of so many values. Throws model_corrupt where it has another.
  Seen see(std::span<const float> input, std::size_t values) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace hrn::inference
