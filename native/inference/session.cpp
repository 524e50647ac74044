#include "inference/session.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <numeric>

#include "core/error.hpp"
#include "inference/onnx_runtime_api.hpp"
#include "inference/runtime.hpp"
#include "inference/winograd_op.hpp"

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
  // An arena a network would keep the most that each has ever used, 25 to 40 MB of them together.
  options.DisableCpuMemArena();
  options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  return options;
}

// A session with our operators where the network uses them. ONNX Runtime enters their domain in a table of the whole
// process when it first meets it, and of two threads that do so at a time one fails.
Ort::Session cpu_session(Ort::Env& environment, std::span<const std::uint8_t> model, int threads) {
  static std::mutex meeting;
  static std::atomic<bool> met{false};
  Ort::SessionOptions options = session_options(threads);
  std::unique_lock lock(meeting, std::defer_lock);
  const bool own = uses_winograd(model);
  if (own) {
    add_winograd(options);
    if (!met.load()) lock.lock();
  }
  Ort::Session session(environment, model.data(), model.size(), options);
  if (own) met.store(true);
  return session;
}

void add_cuda_provider(Ort::SessionOptions& options, int device) {
  const OrtApi& api = Ort::GetApi();
  OrtCUDAProviderOptionsV2* created = nullptr;
  Ort::ThrowOnError(api.CreateCUDAProviderOptions(&created));
  const std::unique_ptr<OrtCUDAProviderOptionsV2, decltype(api.ReleaseCUDAProviderOptions)> provider(
      created, api.ReleaseCUDAProviderOptions);
  const char* key = "device_id";
  const std::string number = std::to_string(device);
  const char* value = number.c_str();
  Ort::ThrowOnError(api.UpdateCUDAProviderOptions(created, &key, &value, 1));
  Ort::ThrowOnError(api.SessionOptionsAppendExecutionProvider_CUDA_V2(options, created));
}

// The runtime's message without the source lines and codes before it, and without its line breaks.
std::string plain_message(const Ort::Exception& e) {
  std::string text = e.what();
  const std::string marker = "[ONNXRuntimeError] : ";
  if (const auto at = text.rfind(marker); at != std::string::npos) {
    const auto code = text.find(" : ", at + marker.size());
    const auto name = code == std::string::npos ? code : text.find(" : ", code + 3);
    if (name != std::string::npos) text.erase(0, name + 3);
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::span<const float> values_of(const Ort::Value& tensor) {
  return {tensor.GetTensorData<float>(), tensor.GetTensorTypeAndShapeInfo().GetElementCount()};
}

}  // namespace

struct Session::Impl {
  Ort::Session session{nullptr};
  bool on_cuda = false;
  std::string fallback_reason;
  Ort::MemoryInfo memory{nullptr};
  std::string input_name;
  std::vector<std::int64_t> input_shape;
  std::size_t input_size = 0;
  std::vector<std::string> output_names;

  std::vector<Ort::Value> outputs_of(std::span<const float> input);
};

Session::Session(const std::string& library, std::span<const std::uint8_t> model, std::optional<int> cuda_device,
                 int threads) {
  // First: what the members release themselves by is the library's.
  const Runtime& opened = runtime(library);
  impl_ = std::make_shared<Impl>();
  Ort::Env& environment = opened.environment;
  if (cuda_device) {
    try {
      Ort::SessionOptions options = session_options(threads);
      add_cuda_provider(options, *cuda_device);
      impl_->session = Ort::Session(environment, model.data(), model.size(), options);
      impl_->on_cuda = true;
    } catch (const Ort::Exception& e) {
      impl_->fallback_reason = plain_message(e);
      if (opened.library != library) impl_->fallback_reason += "; " + opened.library + " was open before " + library;
    }
  }
  try {
    if (!impl_->on_cuda) impl_->session = cpu_session(environment, model, threads);
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

const std::string& Session::fallback_reason() const { return impl_->fallback_reason; }

std::size_t Session::input_size() const { return impl_->input_size; }

std::vector<Ort::Value> Session::Impl::outputs_of(std::span<const float> input) {
  if (input.size() != input_size) {
    throw Error(ErrorCode::invalid_argument,
                "expected " + std::to_string(input_size) + " input values, got " + std::to_string(input.size()));
  }
  try {
    // The runtime takes no pointer to constants, but writes to outputs alone.
    const Ort::Value tensor = Ort::Value::CreateTensor<float>(memory, const_cast<float*>(input.data()), input.size(),
                                                              input_shape.data(), input_shape.size());
    const char* name = input_name.c_str();
    std::vector<const char*> names;
    for (const auto& output : output_names) names.push_back(output.c_str());
    return session.Run(Ort::RunOptions{nullptr}, &name, &tensor, 1, names.data(), names.size());
  } catch (const Ort::Exception& e) {
    throw Error(on_cuda ? ErrorCode::device_failed : ErrorCode::internal, "ONNX Runtime failed: " + plain_message(e));
  }
}

std::vector<Output> Session::run(std::span<const float> input) const {
  const auto results = impl_->outputs_of(input);
  std::vector<Output> outputs;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto values = values_of(results[i]);
    outputs.push_back({impl_->output_names[i], {values.begin(), values.end()}});
  }
  return outputs;
}

Seen Session::see(std::span<const float> input, std::size_t values) const {
  auto results = impl_->outputs_of(input);
  if (results.size() != 1 || values_of(results[0]).size() != values) {
    throw Error(ErrorCode::model_corrupt,
                "expected a network with one output of " + std::to_string(values) + " values; reinstall hrn-face");
  }
  // What was allocated by the network's own allocator is let go of before it.
  struct Held {
    std::shared_ptr<Impl> network;
    Ort::Value value;
  };
  auto held = std::make_shared<Held>(Held{impl_, std::move(results[0])});
  return {values_of(held->value), held};
}

}  // namespace hrn::inference
