// Times of native code, one JSON line per measurement on standard output; bench/run.ts makes the table.
#pragma once
#include <functional>
#include <string>

#include "backends/cpu/cpu_backend.hpp"

namespace hrn::bench {

class Recorder {
 public:
  explicit Recorder(std::string filter) : filter_(std::move(filter)) {}

  /// Times `run` if `name` ("op/direction") contains the filter: repeats it for about a third of a second after a
  /// warm-up. `bytes` is what one run must at least read and write; 0 where counting makes no sense.
  void measure(const std::string& name, const std::string& size, double bytes, int threads,
               const std::function<void()>& run) const;

 private:
  std::string filter_;
};

/// Called once with one thread and once with all of them.
using Setup = void (*)(CpuBackend& cpu, const Recorder& recorder);

/// For static initialisers.
int add(Setup setup);

/// Keeps the compiler from dropping a computation whose result nobody reads.
inline void keep(const void* result) { asm volatile("" : : "r"(result) : "memory"); }

}  // namespace hrn::bench
