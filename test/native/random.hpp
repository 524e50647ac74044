// The same pseudo-random numbers on every machine (std:: distributions differ between libraries). splitmix64.
#pragma once
#include <cstdint>
#include <vector>

namespace hrn::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// In [0, n).
  long below(long n) { return static_cast<long>(bits() % static_cast<std::uint64_t>(n)); }
  /// In [low, high).
  double uniform(double low = -1, double high = 1) {
    return low + (high - low) * static_cast<double>(bits() >> 11) * 0x1p-53;
  }
  template <class T>
  std::vector<T> vector(long n, double low = -1, double high = 1) {
    std::vector<T> values(static_cast<std::size_t>(n));
    for (T& v : values) v = static_cast<T>(uniform(low, high));
    return values;
  }

 private:
  std::uint64_t state_;
};

}  // namespace hrn::test
