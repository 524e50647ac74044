// Convolutions of 3 x 3 with a quarter of the multiplications (Winograd's minimal filtering F(4 x 4, 3 x 3), as Lavin
// and Gray 2015 apply it): tiles of 4 x 4 outputs see 6 x 6 inputs, both transformed to 36 numbers that are multiplied
// one by one and summed over the channels.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace hrn::inference {

/// Runs task(context, i) for i in [0, count), in any order, on as many threads as it likes.
struct Parallel {
  virtual void run(std::size_t count, void (*task)(void* context, std::size_t i), void* context) const = 0;

 protected:
  ~Parallel() = default;
};

class Winograd {
 public:
  /// Outputs come in rows of such multiples, their channels in groups of kRows.
  static constexpr long kWidth = 64, kHeight = 4, kRows = 4;

  /// `weights`: [outputs][inputs][3][3]; outputs a multiple of kRows.
  Winograd(const float* weights, long outputs, long inputs);

  struct Picture {
    const float* in;    // [inputs][height + 2 - 2 pad][width + 2 - 2 pad]
    const float* bias;  // [outputs]
    float* out;         // [outputs][height][width]
    long height, width;
    long pad;   // rows and columns of zeros around the input, 0 or 1
    bool relu;  // of the outputs
  };
  /// Floats of scratch memory that run() needs.
  std::size_t scratch(long height, long width) const;
  /// `scratch` is aligned to 64 bytes. The result is the same for any number of threads.
  void run(const Picture& picture, float* scratch, const Parallel& parallel) const;

  long outputs() const { return outputs_; }
  long inputs() const { return inputs_; }

 private:
  struct Job;
  long block_panels(long panels) const;

  long outputs_, inputs_;
  std::vector<float> weights_;  // [36][outputs / kRows][inputs][kRows]
};

}  // namespace hrn::inference
