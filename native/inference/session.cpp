#include "inference/session.hpp"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "core/error.hpp"
#include "inference/runtime.hpp"

namespace hrn::inference {
namespace {

// Shape of a value that must be a float tensor without free dimensions.
std::vector<std::int64_t> fixed_float_shape(const Ort::TypeInfo& type, const std::string& name) {
  if (type.GetONNXType() == ONNX_TYPE_TENSOR) {
    const auto tensor = type.GetTensorTypeAndShapeInfo();
    const auto shape = tensor.GetShape();
    const bool fixed = std::all_of(shape.begin(), shape.end(), [](std::int64_t size) { return size > 0; });
    if (fixed && tensor.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) return shape;
  }
  throw Error(ErrorCode::model_corrupt, "the network's value " + name + " is not a float tensor of fixed shape");
}

Ort::SessionOptions session_options(int threads) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(threads);
  options.SetInterOpNumThreads(1);
  options.SetExecutionMode(ORT_SEQUENTIAL);
  options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  // Idle workers sleep: between two runs the cores belong to the fit.
  options.AddConfigEntry("session.intra_op.allow_spinning", "0");
  return options;
}

}  // namespace

struct Session::Impl {
  Ort::Session session{nullptr};
  Ort::MemoryInfo memory{nullptr};
  std::string input_name;
  std::vector<std::int64_t> input_shape;
  std::size_t input_size = 0;
  std::vector<std::string> output_names;
};

Session::Session(const std::string& library, std::span<const std::uint8_t> model, int threads)
    : impl_(std::make_unique<Impl>()) {
  Ort::Env& environment = runtime_environment(library);
  try {
    impl_->session = Ort::Session(environment, model.data(), model.size(), session_options(threads));
    impl_->memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    const Ort::Session& session = impl_->session;
    Ort::AllocatorWithDefaultOptions allocator;
    if (session.GetInputCount() != 1) throw Error(ErrorCode::model_corrupt, "the network must have one input");
    impl_->input_name = session.GetInputNameAllocated(0, allocator).get();
    impl_->input_shape = fixed_float_shape(session.GetInputTypeInfo(0), impl_->input_name);
    impl_->input_size = static_cast<std::size_t>(std::accumulate(impl_->input_shape.begin(), impl_->input_shape.end(),
                                                                 std::int64_t{1}, std::multiplies<std::int64_t>()));
    for (std::size_t i = 0; i < session.GetOutputCount(); ++i) {
      impl_->output_names.emplace_back(session.GetOutputNameAllocated(i, allocator).get());
      fixed_float_shape(session.GetOutputTypeInfo(i), impl_->output_names.back());
    }
  } catch (const Ort::Exception& e) {
    throw Error(ErrorCode::model_corrupt, std::string("ONNX Runtime refused the network: ") + e.what());
  }
}

Session::~Session() = default;

std::size_t Session::input_size() const { return impl_->input_size; }

std::vector<Output> Session::run(std::vector<float> input) const {
  if (input.size() != impl_->input_size) {
    throw Error(ErrorCode::invalid_argument,
                "expected " + std::to_string(impl_->input_size) + " input values, got " + std::to_string(input.size()));
  }
  try {
    const Ort::Value tensor = Ort::Value::CreateTensor<float>(impl_->memory, input.data(), input.size(),
                                                              impl_->input_shape.data(), impl_->input_shape.size());
    const char* input_name = impl_->input_name.c_str();
    std::vector<const char*> output_names;
    for (const auto& name : impl_->output_names) output_names.push_back(name.c_str());
    const auto results =
        impl_->session.Run(Ort::RunOptions{nullptr}, &input_name, &tensor, 1, output_names.data(), output_names.size());
    std::vector<Output> outputs;
    for (std::size_t i = 0; i < results.size(); ++i) {
      const float* values = results[i].GetTensorData<float>();
      const std::size_t count = results[i].GetTensorTypeAndShapeInfo().GetElementCount();
      outputs.push_back({impl_->output_names[i], {values, values + count}});
    }
    return outputs;
  } catch (const Ort::Exception& e) {
    throw Error(ErrorCode::internal, std::string("ONNX Runtime failed: ") + e.what());
  }
}

}  // namespace hrn::inference
