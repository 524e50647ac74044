#include "case.hpp"

#include <algorithm>
#include <deque>

#include "gpu.hpp"

namespace hrn::test {
namespace {

template <class T>
void compare_floats(Report& report, const Output& got, const Output& want, double tolerance) {
  const std::size_t n = got.bytes.size() / sizeof(T);
  std::vector<T> a(n), b(n);
  std::memcpy(a.data(), got.bytes.data(), got.bytes.size());
  std::memcpy(b.data(), want.bytes.data(), want.bytes.size());
  double scale = 0;
  for (const T x : b)
    if (std::isfinite(x)) scale = std::max(scale, std::abs(static_cast<double>(x)));
  for (std::size_t i = 0; i < n; ++i) {
    if (a[i] == b[i]) continue;
    report.near(static_cast<double>(a[i]), static_cast<double>(b[i]), tolerance * scale,
                got.name + "[" + std::to_string(i) + "]");
    // NaN differs from everything, itself too.
    if (std::isnan(a[i]) || std::isnan(b[i])) report.fail(got.name + "[" + std::to_string(i) + "] is not a number");
  }
}

void compare(Report& report, const std::vector<Output>& got, const std::vector<Output>& want, double tolerance) {
  report.equal(got.size(), want.size(), "number of outputs");
  for (std::size_t k = 0; k < std::min(got.size(), want.size()); ++k) {
    report.equal(got[k].bytes.size(), want[k].bytes.size(), got[k].name + " size");
    if (got[k].bytes.size() != want[k].bytes.size()) continue;
    if (got[k].is_double)
      compare_floats<double>(report, got[k], want[k], tolerance);
    else if (got[k].is_float)
      compare_floats<float>(report, got[k], want[k], tolerance);
    else if (got[k].bytes != want[k].bytes)
      report.fail(got[k].name + " differs");
  }
}

void guards(Report& report, const std::vector<Output>& outputs) {
  for (const Output& out : outputs)
    if (!out.guards_hold) report.fail(out.name + ": written outside its bounds");
}

void parity(Report& report, const Case& c, Isa isa) {
  if (isa != Isa::baseline && detect_isa() != isa)
    return report.skip(std::string("this machine has no ") + isa_name(isa));
  const auto want = c.reference(c.sizes, c.seed), got = c.cpu(c.sizes, c.seed, 2, isa);
  guards(report, want);
  guards(report, got);
  compare(report, got, want, c.tolerance);
}

void parity_baseline(Report& report, const void* c) { parity(report, *static_cast<const Case*>(c), Isa::baseline); }
constexpr Isa kVectors = HRN_NEON ? Isa::neon : Isa::avx2;
void parity_vectors(Report& report, const void* c) { parity(report, *static_cast<const Case*>(c), kVectors); }

void thread_counts(Report& report, const void* data) {
  const Case& c = *static_cast<const Case*>(data);
  const auto one = c.cpu(c.sizes, c.seed, 1, detect_isa());
  for (const int threads : {2, 3, 5}) {
    const auto many = c.cpu(c.sizes, c.seed, threads, detect_isa());
    guards(report, many);
    for (std::size_t k = 0; k < one.size(); ++k)
      if (one[k].bytes != many[k].bytes)
        report.fail(one[k].name + " with " + std::to_string(threads) + " threads differs from one thread");
  }
}

void parity_cuda(Report& report, const void* data) {
  const Case& c = *static_cast<const Case*>(data);
  if (skip_without_gpu(report)) return;
  const auto want = c.reference(c.sizes, c.seed), got = c.cuda(c.sizes, c.seed), again = c.cuda(c.sizes, c.seed);
  guards(report, got);
  compare(report, got, want, c.tolerance);
  for (std::size_t k = 0; k < got.size(); ++k)
    if (got[k].bytes != again[k].bytes) report.fail(got[k].name + " differs between two runs");
}

}  // namespace

int add_case(const Case& c) {
  // Addresses stay valid as the list grows.
  static std::deque<Case> cases;
  const Case* kept = &cases.emplace_back(c);
  const std::string name = std::string(c.op) + "/" + std::to_string(c.sizes.grid) + "/" + std::to_string(c.sizes.side);
  if (c.cuda != nullptr) add_test(name + "/parity/cuda", parity_cuda, kept);
  if (c.cpu == nullptr) return 0;
  add_test(name + "/parity/cpu-baseline", parity_baseline, kept);
  add_test(name + "/parity/cpu-" + isa_name(kVectors), parity_vectors, kept);
  add_test(name + "/threads", thread_counts, kept);
  return 0;
}

}  // namespace hrn::test
