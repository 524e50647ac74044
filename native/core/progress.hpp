// How a long computation tells how far it is; cheap enough to be called once an iteration.
#pragma once
#include <functional>
#include <utility>

namespace hrn {

class Progress {
 public:
  explicit Progress(std::function<void(long done, long total)> sink) : sink_(std::move(sink)) {}
  void report(long done, long total) const {
    if (sink_) sink_(done, total);
  }

 private:
  std::function<void(long, long)> sink_;
};

}  // namespace hrn
