// hrn_native_tests [FILTER]: runs the tests whose names contain FILTER.
#include <algorithm>
#include <cstdio>
#include <exception>

#include "framework.hpp"

namespace hrn::test {
namespace {

struct Test {
  std::string name;
  Body body;
  const void* data;
};

std::vector<Test>& tests() {
  static std::vector<Test> list;
  return list;
}

}  // namespace

int add_test(std::string name, Body body, const void* data) {
  tests().push_back({std::move(name), body, data});
  return 0;
}

int run_tests(const std::string& filter) {
  std::sort(tests().begin(), tests().end(), [](const Test& a, const Test& b) { return a.name < b.name; });
  int passed = 0, failed = 0, skipped = 0;
  for (const Test& test : tests()) {
    if (test.name.find(filter) == std::string::npos) continue;
    Report report;
    try {
      test.body(report, test.data);
    } catch (const std::exception& error) {
      report.fail(std::string("threw ") + error.what());
    }
    if (!report.failures().empty()) {
      ++failed;
      std::printf("not ok - %s: %s\n", test.name.c_str(), report.failures()[0].c_str());
      for (std::size_t i = 1; i < std::min<std::size_t>(5, report.failures().size()); ++i)
        std::printf("#   %s\n", report.failures()[i].c_str());
    } else if (!report.skipped().empty()) {
      ++skipped;
      std::printf("ok - %s # SKIP %s\n", test.name.c_str(), report.skipped().c_str());
    } else {
      ++passed;
      std::printf("ok - %s\n", test.name.c_str());
    }
    std::fflush(stdout);
  }
  std::printf("# passed %d, failed %d, skipped %d\n", passed, failed, skipped);
  return failed == 0 && passed + skipped == 0 ? 1 : failed;
}

}  // namespace hrn::test

int main(int argc, char** argv) { return hrn::test::run_tests(argc > 1 ? argv[1] : "") == 0 ? 0 : 1; }
