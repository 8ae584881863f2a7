#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Reports for programs that collect test results: JUnit XML and TAP.
namespace converge::cli {

struct TestCase {
  enum class Result : std::uint8_t { kPassed, kFailed, kUnreadable };
  std::string group;  ///< JUnit's classname: the document or file
  std::string name;   ///< the property
  Result result = Result::kPassed;
  std::string message = {};  ///< one line; empty when passed
  std::string detail = {};   ///< lines
  std::uint64_t time_ms = 0;
};

struct TestSuite {
  std::string name;  ///< "syncctl.convergence"
  std::vector<std::pair<std::string, std::string>> properties;
  std::vector<TestCase> cases;
};

/// One <testsuite>; whatever is not allowed in XML 1.0 becomes U+FFFD.
std::string to_junit(const TestSuite& suite);

/// TAP version 14; details as YAML blocks. Holds no times, so equal runs give equal bytes.
std::string to_tap(const TestSuite& suite);

}  // namespace converge::cli
