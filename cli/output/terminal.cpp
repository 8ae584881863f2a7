#include "cli/output/terminal.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace converge::cli {
namespace {

using Environment = std::function<std::optional<std::string>(const std::string&)>;

bool wants_color(const Environment& environment, std::string_view when, bool tty) {
  if (when == "always") return true;
  if (when == "never") return false;
  if (environment("NO_COLOR")) return false;
  if (environment("FORCE_COLOR")) return true;
  return tty && environment("TERM").value_or("dumb") != "dumb";
}

std::size_t number(const std::optional<std::string>& text) {
  const long value = text ? std::strtol(text->c_str(), nullptr, 10) : 0;
  return value > 0 && value < 100'000 ? static_cast<std::size_t>(value) : 0;
}

bool is_utf8_locale(const Environment& environment) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    auto value = environment(name);
    if (!value) continue;
    std::ranges::transform(*value, value->begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return value->find("utf-8") != std::string::npos || value->find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace

Terminal find_terminal(const Environment& environment, std::string_view when) {
  Terminal terminal;
  terminal.in_tty = ::isatty(STDIN_FILENO) == 1;
  terminal.out_tty = ::isatty(STDOUT_FILENO) == 1;
  terminal.err_tty = ::isatty(STDERR_FILENO) == 1;
  terminal.color_out = wants_color(environment, when, terminal.out_tty);
  terminal.color_err = wants_color(environment, when, terminal.err_tty);
  terminal.utf8 = is_utf8_locale(environment);
  winsize size{};
  if (terminal.out_tty && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = size.ws_col;
    terminal.height = size.ws_row;
  } else {
    terminal.width = number(environment("COLUMNS"));
    terminal.height = number(environment("LINES"));
  }
  return terminal;
}

std::string painted(Paint paint, std::string_view text, bool on) {
  const auto code = [&]() -> const char* {
    switch (paint) {
      case Paint::kNone:
        return "";
      case Paint::kRed:
        return "\033[31m";
      case Paint::kYellow:
        return "\033[33m";
      case Paint::kGreen:
        return "\033[32m";
      case Paint::kCyan:
        return "\033[36m";
      case Paint::kDim:
        return "\033[2m";
      case Paint::kBold:
        return "\033[1m";
    }
    return "";
  };
  if (!on || paint == Paint::kNone || text.empty()) return std::string(text);
  return code() + std::string(text) + "\033[0m";
}

}  // namespace converge::cli
