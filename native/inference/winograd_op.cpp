#include "inference/winograd_op.hpp"

#include <memory>
#include <string>
#include <string_view>

#include "inference/winograd.hpp"

namespace hrn::inference {
namespace {

struct Threads final : Parallel {
  explicit Threads(OrtKernelContext* c) : context(c) {}
  void run(std::size_t count, void (*task)(void*, std::size_t), void* work) const override {
    Ort::ThrowOnError(Ort::GetApi().KernelContext_ParallelFor(context, task, count, 0, work));
  }
  OrtKernelContext* context;
};

OrtStatusPtr status_of(const std::exception& e) { return Ort::Status(e.what(), ORT_FAIL).release(); }

class Kernel {
 public:
  explicit Kernel(const OrtKernelInfo* info) : Kernel(Ort::ConstKernelInfo(info)) {}

  OrtStatusPtr ComputeV2(OrtKernelContext* raw) noexcept {
    try {
      const Ort::KernelContext context(raw);
      const auto x = context.GetInput(0);
      const auto shape = x.GetTensorTypeAndShapeInfo().GetShape();
      if (shape.size() != 4 || shape[0] != 1 || shape[1] != winograd_.inputs())
        throw Ort::Exception("WinogradConv got an input of another shape than its weights'", ORT_INVALID_ARGUMENT);
      const long height = static_cast<long>(shape[2]) + 2 * pad_ - 2,
                 width = static_cast<long>(shape[3]) + 2 * pad_ - 2;
      if (height <= 0 || width <= 0 || height % Winograd::kHeight != 0 || width % Winograd::kWidth != 0)
        throw Ort::Exception("WinogradConv got an input of a size that it has no tiles for", ORT_INVALID_ARGUMENT);
      const std::int64_t sizes[] = {1, winograd_.outputs(), height, width};
      auto y = context.GetOutput(0, sizes, 4);
      const Scratch scratch(raw, winograd_.scratch(height, width));
      winograd_.run(
          {x.GetTensorData<float>(), bias_.data(), y.GetTensorMutableData<float>(), height, width, pad_, relu_},
          scratch.data, Threads(raw));
      return nullptr;
    } catch (const std::exception& e) {
      return status_of(e);
    }
  }

 private:
  /// Of the session's own memory, which the next node uses again.
  struct Scratch {
    Scratch(OrtKernelContext* context, std::size_t floats) {
      const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
      Ort::ThrowOnError(Ort::GetApi().KernelContext_GetAllocator(context, memory, &allocator));
      void* bytes = nullptr;
      Ort::ThrowOnError(Ort::GetApi().AllocatorAlloc(allocator, floats * sizeof(float), &bytes));
      data = static_cast<float*>(bytes);
    }
    ~Scratch() {
      Ort::Status ignored(Ort::GetApi().AllocatorFree(allocator, data));
      Ort::GetApi().ReleaseAllocator(allocator);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    OrtAllocator* allocator = nullptr;
    float* data = nullptr;
  };

  explicit Kernel(const Ort::ConstKernelInfo& info)
      : pad_(static_cast<long>(info.GetAttribute<std::int64_t>("pad"))),
        relu_(info.GetAttribute<std::int64_t>("relu") != 0),
        winograd_(transformed(info)) {
    const auto bias = constant(info, 2, {winograd_.outputs()});
    bias_.assign(bias.GetTensorData<float>(), bias.GetTensorData<float>() + winograd_.outputs());
    if (pad_ != 0 && pad_ != 1) throw Ort::Exception("WinogradConv pads by 0 or 1", ORT_INVALID_ARGUMENT);
  }

  static Ort::ConstValue constant(const Ort::ConstKernelInfo& info, std::size_t index,
                                  const std::vector<std::int64_t>& shape) {
    int is_constant = 0;
    const auto value = info.GetTensorConstantInput(index, &is_constant);
    if (is_constant == 0 || (!shape.empty() && value.GetTensorTypeAndShapeInfo().GetShape() != shape))
      throw Ort::Exception("WinogradConv wants constant weights and a bias for each output", ORT_INVALID_ARGUMENT);
    return value;
  }

  static Winograd transformed(const Ort::ConstKernelInfo& info) {
    const auto weights = constant(info, 1, {});
    const auto shape = weights.GetTensorTypeAndShapeInfo().GetShape();
    if (shape.size() != 4 || shape[0] % Winograd::kRows != 0 || shape[2] != 3 || shape[3] != 3)
      throw Ort::Exception("WinogradConv wants weights of 3 x 3 for outputs by four", ORT_INVALID_ARGUMENT);
    return Winograd(weights.GetTensorData<float>(), static_cast<long>(shape[0]), static_cast<long>(shape[1]));
  }

  long pad_;
  bool relu_;
  Winograd winograd_;
  std::vector<float> bias_;
};

constexpr std::string_view kName = "WinogradConv";

struct Op : Ort::CustomOpBase<Op, Kernel, true> {
  OrtStatusPtr CreateKernelV2(const OrtApi&, const OrtKernelInfo* info, void** kernel) const noexcept {
    try {
      *kernel = new Kernel(info);
      return nullptr;
    } catch (const std::exception& e) {
      return status_of(e);
    }
  }
  const char* GetName() const { return kName.data(); }
  std::size_t GetInputTypeCount() const { return 3; }
  ONNXTensorElementDataType GetInputType(std::size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; }
  std::size_t GetOutputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetOutputType(std::size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; }
};

}  // namespace

bool uses_winograd(std::span<const std::uint8_t> model) {
  const std::string_view bytes(reinterpret_cast<const char*>(model.data()), model.size());
  return bytes.find(kName) != std::string_view::npos;
}

void add_winograd(Ort::SessionOptions& options) {
  // Sessions may end after static destructors, so neither is ever destroyed.
  static const Op& op = *new Op;
  static Ort::CustomOpDomain& domain = *[] {
    auto* made = new Ort::CustomOpDomain("hrn");
    made->Add(&op);
    return made;
  }();
  options.Add(domain);
}

}  // namespace hrn::inference
