#include "agent/config/config.h"

#include "agent/config/units.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace converge::config {
namespace {

constexpr std::array<std::pair<std::string_view, LogLevel>, 5> kLevels{
    {{"trace", LogLevel::kTrace},
     {"debug", LogLevel::kDebug},
     {"info", LogLevel::kInfo},
     {"warn", LogLevel::kWarn},
     {"error", LogLevel::kError}}};

/// sockaddr_un holds 108 bytes with the terminating zero.
constexpr std::size_t kSocketPathBytesMax = 107;

}  // namespace

const char* to_string(LogLevel level) {
  return kLevels[static_cast<std::size_t>(level)].first.data();
}

Result<LogLevel> parse_log_level(std::string_view text) {
  for (const auto& [word, level] : kLevels) {
    if (word == text) return level;
  }
  return Error{ErrorCode::kInvalid,
               fmt::format("\"{}\" is not one of trace, debug, info, warn, error", text)};
}

Result<void> validate(const Config& config) {
  if (!config.ephemeral && config.store_dir.empty()) {
    return Error{ErrorCode::kInvalid,
                 "no store directory: set store.dir, --store, XDG_DATA_HOME or HOME"};
  }
  if (!config.ephemeral && config.socket.empty()) {
    return Error{ErrorCode::kInvalid,
                 "no socket path: set agent.socket, --socket or XDG_RUNTIME_DIR"};
  }
  if (config.socket.native().size() > kSocketPathBytesMax) {
    return Error{
        ErrorCode::kInvalid,
        fmt::format("the socket path \"{}\" has {} bytes, the system takes at most {}",
                    config.socket.native(), config.socket.native().size(), kSocketPathBytesMax)};
  }
  return {};
}

}  // namespace converge::config
