// A network in ONNX Runtime. This folder is its only user; the library is opened at run time, nothing links to it.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace hrn::inference {

struct Output {
  std::string name;
  std::vector<float> values;  // row-major
};

class Session {
 public:
  // library: path of ONNX Runtime's shared library; the first one opened serves the whole process.
  // model: bytes of an .onnx file with one float input and float outputs, all of fixed shape.
  // threads: of the runtime's own pool for this session, at least 1.
  // Throws native_unavailable where the library cannot be opened, model_corrupt where it refuses the model.
  Session(const std::string& library, std::span<const std::uint8_t> model, int threads);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Number of floats of the input.
  std::size_t input_size() const;

  // input: input_size() floats, row-major. Outputs in the model's order. May be called from several threads.
  std::vector<Output> run(std::vector<float> input) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hrn::inference
