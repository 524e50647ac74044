// A small test runner. One line per test on standard output, TAP style: "ok - NAME" or "not ok - NAME: why".
#pragma once
#include <cmath>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

namespace hrn::test {

/// Collects the failures of one test; the first few are printed.
class Report {
 public:
  void fail(const std::string& message) { failures_.push_back(message); }
  void check(bool condition, const char* text, const char* file, int line) {
    if (!condition) fail(std::string(text) + " (" + file + ":" + std::to_string(line) + ")");
  }
  template <class A, class B>
  void equal(const A& got, const B& want, const std::string& what) {
    if (got == want) return;
    std::ostringstream s;
    s << what << ": got " << got << ", expected " << want;
    fail(s.str());
  }
  void near(double got, double want, double tolerance, const std::string& what) {
    if (std::abs(got - want) <= tolerance) return;
    std::ostringstream s;
    s.precision(10);
    s << what << ": got " << got << ", expected " << want << " within " << tolerance;
    fail(s.str());
  }
  /// Marks the test as not run on this machine.
  void skip(const std::string& reason) { skipped_ = reason; }

  const std::vector<std::string>& failures() const { return failures_; }
  const std::string& skipped() const { return skipped_; }

 private:
  std::vector<std::string> failures_;
  std::string skipped_;
};

using Body = void (*)(Report& report, const void* data);

/// Called from static initialisers; `data` is handed to the body.
int add_test(std::string name, Body body, const void* data = nullptr);

/// Runs the tests whose names contain `filter`; returns the number of failed ones.
int run_tests(const std::string& filter);

}  // namespace hrn::test

#define HRN_CONCAT_(a, b) a##b
#define HRN_CONCAT(a, b) HRN_CONCAT_(a, b)
/// HRN_TEST("group/what it shows") { CHECK(...); report.near(...); }
#define HRN_TEST(name)                                                              \
  static void HRN_CONCAT(body_, __LINE__)(hrn::test::Report & report, const void*); \
  [[maybe_unused]] static const int HRN_CONCAT(added_, __LINE__) =                  \
      hrn::test::add_test(name, HRN_CONCAT(body_, __LINE__));                       \
  static void HRN_CONCAT(body_, __LINE__)([[maybe_unused]] hrn::test::Report & report, const void*)
#define CHECK(condition) report.check(condition, #condition, __FILE__, __LINE__)
