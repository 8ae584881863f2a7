#include "cli/output/error_text.h"

#include "cli/output/terminal.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <algorithm>

namespace converge::cli {

std::string error_text(const Error& error, bool with_code, bool color) {
  const control::ErrorRow& row = control::row_of(error);
  const std::size_t end = std::min(error.message.find('\n'), error.message.size());
  std::string out = "syncctl: " + painted(Paint::kRed, "error:", color) + " " +
                    printable(error.message.substr(0, end)) + "\n";
  if (end < error.message.size()) {
    const std::string why = error.message.substr(end + 1);
    const std::size_t second = std::min(why.find('\n'), why.size());
    out += "  " + printable(why.substr(0, second)) + "\n";
  }
  if (row.id == control::ErrorId::kInternal)
    out += "please report this; \"syncctl version -v\" and the line above tell what is needed\n";
  else if (!error.hint.empty())
    out += painted(Paint::kCyan, "hint:", color) + " " + printable(error.hint) + "\n";
  if (with_code)
    out += "code: " + printable(error.id.empty() ? row.code : error.id) + " (exit " +
           std::to_string(row.exit) + ")\n";
  return out;
}

std::string warning_text(const std::string& message, bool color) {
  return "syncctl: " + painted(Paint::kYellow, "warning:", color) + " " + printable(message) + "\n";
}

}  // namespace converge::cli
