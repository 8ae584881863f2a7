#include "cli/output/test_report.h"

#include "cli/output/text.h"

#include <algorithm>
#include <cstdio>

namespace converge::cli {
namespace {

/// Escaped for attributes and text alike.
std::string xml(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      case '\t':
        out += "&#9;";
        break;
      default:
        out +=
            static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? "\xEF\xBF\xBD" : std::string(1, c);
    }
  }
  return out;
}

std::string seconds(std::uint64_t milliseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%llu.%03u",
                static_cast<unsigned long long>(milliseconds / 1000),
                static_cast<unsigned>(milliseconds % 1000));
  return text;
}

std::string attribute(const char* name, const std::string& value) {
  return std::string(" ") + name + "=\"" + xml(value) + "\"";
}

std::size_t count(const TestSuite& suite, TestCase::Result result) {
  return static_cast<std::size_t>(std::ranges::count(suite.cases, result, &TestCase::result));
}

std::string junit_case(const TestCase& test) {
  std::string out = "  <testcase" + attribute("classname", test.group) +
                    attribute("name", test.name) + attribute("time", seconds(test.time_ms));
  if (test.result == TestCase::Result::kPassed) return out + "/>\n";
  const bool failed = test.result == TestCase::Result::kFailed;
  const char* element = failed ? "failure" : "error";
  return out + ">\n    <" + element + attribute("type", failed ? test.name : "unreadable") +
         attribute("message", test.message) + ">" + xml(test.detail) + "</" + element +
         ">\n  </testcase>\n";
}

/// TAP gives "#" and line breaks a meaning.
std::string tap_text(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) out += c == '#' ? std::string("\\#") : std::string(1, c);
  return out;
}

}  // namespace

std::string to_junit(const TestSuite& suite) {
  std::uint64_t time_ms = 0;
  for (const TestCase& test : suite.cases) time_ms += test.time_ms;
  std::string out =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite" + attribute("name", suite.name) +
      attribute("tests", std::to_string(suite.cases.size())) +
      attribute("failures", std::to_string(count(suite, TestCase::Result::kFailed))) +
      attribute("errors", std::to_string(count(suite, TestCase::Result::kUnreadable))) +
      attribute("time", seconds(time_ms)) + ">\n  <properties>\n";
  for (const auto& [name, value] : suite.properties)
    out += "    <property" + attribute("name", name) + attribute("value", value) + "/>\n";
  out += "  </properties>\n";
  for (const TestCase& test : suite.cases) out += junit_case(test);
  return out + "</testsuite>\n";
}

std::string to_tap(const TestSuite& suite) {
  std::string out = "TAP version 14\n";
  for (const auto& [name, value] : suite.properties)
    out += "# " + tap_text(name) + ": " + tap_text(value) + "\n";
  out += "1.." + std::to_string(suite.cases.size()) + "\n";
  std::size_t number = 0;
  for (const TestCase& test : suite.cases) {
    const bool passed = test.result == TestCase::Result::kPassed;
    out += std::string(passed ? "ok " : "not ok ") + std::to_string(++number) + " - " +
           tap_text(test.group) + ": " + tap_text(test.name) + "\n";
    if (passed) continue;
    out += "  ---\n  message: |\n    " + printable(test.message) + "\n  detail: |\n";
    for (std::size_t at = 0; at < test.detail.size();) {
      const std::size_t end = std::min(test.detail.find('\n', at), test.detail.size());
      out += "    " + printable(test.detail.substr(at, end - at)) + "\n";
      at = end + 1;
    }
    out += "  ...\n";
  }
  return out;
}

}  // namespace converge::cli
