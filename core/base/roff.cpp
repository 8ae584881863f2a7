#include "core/base/roff.h"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace converge::roff {
namespace {

/// A fixed day: pages change with what they say, not with the day they were made.
constexpr const char* kDate = "2026-11-23";

}  // namespace

std::string text(std::string_view plain) {
  std::string out;
  bool line_start = true;
  for (const char c : plain) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    line_start = c == '\n';
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '~')
      out += "\\(ti";
    else if (c == '^')
      out += "\\(ha";
    else
      out += c;
  }
  return out;
}

std::string upper(std::string_view plain) {
  std::string out;
  std::ranges::transform(plain, std::back_inserter(out),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

std::string head(std::string_view name, int section, std::string_view summary) {
  return ".TH " + text(upper(name)) + " " + std::to_string(section) + " " + kDate +
         " \"Converge\" \"Converge Manual\"\n.SH NAME\n" + text(name) + " \\- " + text(summary) +
         "\n";
}

std::string section(std::string_view title) { return ".SH " + std::string(title) + "\n"; }

std::string tagged(std::string_view tag, std::string_view paragraph) {
  return ".TP\n.B " + text(tag) + "\n" + text(paragraph) + "\n";
}

std::string as_typed(std::string_view lines) { return ".nf\n" + std::string(lines) + ".fi\n"; }

}  // namespace converge::roff
