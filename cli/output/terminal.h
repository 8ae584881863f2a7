#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace converge::cli {

/// What the three streams are and how they may be written to, found out once at the start.
struct Terminal {
  bool in_tty = false;
  bool out_tty = false;
  bool err_tty = false;
  bool color_out = false;
  bool color_err = false;
  bool utf8 = false;       ///< the locale can show box characters
  std::size_t width = 0;   ///< columns; 0: unlimited
  std::size_t height = 0;  ///< lines; 0: unknown
};

/// `when`: auto, always or never. Rules: contract, section 10.
Terminal find_terminal(
    const std::function<std::optional<std::string>(const std::string&)>& environment,
    std::string_view when);

enum class Paint { kNone, kRed, kYellow, kGreen, kCyan, kDim, kBold };

/// `text` in that colour, when `on`.
std::string painted(Paint paint, std::string_view text, bool on);

}  // namespace converge::cli
