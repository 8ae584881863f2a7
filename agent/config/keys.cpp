#include "agent/config/keys.h"

#include "agent/config/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace converge::config {
namespace {

Error not_one_of(std::string_view text, std::string_view words) {
  return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is not one of {}", text, words)};
}

Result<void> set_path(std::filesystem::path& out, std::string_view text) {
  if (text.empty()) return Error{ErrorCode::kInvalid, "the path is empty"};
  out = std::filesystem::path(text);
  return {};
}

Result<void> set_boolean(bool& out, std::string_view text) {
  if (text != "true" && text != "false") return not_one_of(text, "true, false");
  out = text == "true";
  return {};
}

Result<void> set_integer(int& out, std::string_view text, int low, int high) {
  const auto value = parse_integer(text, low, high);
  if (!value) return value.error();
  out = static_cast<int>(*value);
  return {};
}

Result<void> set_size(std::uint64_t& out, std::string_view text, std::uint64_t low) {
  const auto value = parse_size(text);
  if (!value) return value.error();
  if (*value < low) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("\"{}\" is below the least size of {} bytes", text, low)};
  }
  out = *value;
  return {};
}

Result<void> set_duration(std::chrono::milliseconds& out, std::string_view text,
                          std::chrono::milliseconds low, std::chrono::milliseconds high) {
  const auto value = parse_duration(text);
  if (!value) return value.error();
  if (*value < low || *value > high) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("\"{}\" is outside {}ms..{}ms", text, low.count(), high.count())};
  }
  out = *value;
  return {};
}

Result<void> set_listen(Config& config, std::string_view text) {
  if (text != "off") {
    const auto parsed = parse_host_port(text);
    if (!parsed) return parsed.error();
  }
  config.listen = text;
  return {};
}

/// What it tells is for this machine alone.
Result<void> set_metrics(Config& config, std::string_view text) {
  if (text != "off") {
    const auto place = parse_host_port(text);
    if (!place) return place.error();
    if (!place->host.starts_with("127.") && place->host != "::1") {
      return Error{ErrorCode::kInvalid,
                   fmt::format("\"{}\" is not a loopback address such as 127.0.0.1:9464", text)};
    }
  }
  config.metrics = text;
  return {};
}

Result<void> set_advertise(Config& config, std::string_view text) {
  if (!text.starts_with("ws://") && !text.starts_with("wss://")) {
    return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is not a ws:// or wss:// URL", text)};
  }
  config.advertise = text;
  return {};
}

Result<void> set_listen_tls(Config& config, std::string_view text) {
  if (text != "auto" && text != "on" && text != "off") return not_one_of(text, "auto, on, off");
  config.listen_tls = text == "on"    ? ListenTls::kOn
                      : text == "off" ? ListenTls::kOff
                                      : ListenTls::kAuto;
  return {};
}

/// "https://app.example, http://localhost:5173"; an origin has no path.
Result<void> set_origins(Config& config, std::string_view text) {
  config.origins.clear();
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view origin = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (origin.starts_with(' ')) origin.remove_prefix(1);
    while (origin.ends_with(' ')) origin.remove_suffix(1);
    const std::size_t scheme = origin.find("://");
    const bool is_origin =
        origin == "*" ||
        (scheme != std::string_view::npos && scheme > 0 && origin.size() > scheme + 3 &&
         origin.find('/', scheme + 3) == std::string_view::npos);
    if (!is_origin) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("\"{}\" is not an origin such as https://app.example", origin)};
    }
    config.origins.emplace_back(origin);
  }
  return {};
}

Result<void> set_log_level(Config& config, std::string_view text) {
  const auto level = parse_log_level(text);
  if (!level) return level.error();
  config.log_level = *level;
  return {};
}

Result<void> set_log_format(Config& config, std::string_view text) {
  if (text != "text" && text != "json") return not_one_of(text, "text, json");
  config.log_format = text == "json" ? LogFormat::kJson : LogFormat::kText;
  return {};
}

std::string show_boolean(bool value) { return value ? "true" : "false"; }

std::string show_listen_tls(const Config& config) {
  switch (config.listen_tls) {
    case ListenTls::kOn:
      return "on";
    case ListenTls::kOff:
      return "off";
    case ListenTls::kAuto:
      break;
  }
  return "auto";
}

std::string show_log_format(const Config& config) {
  return config.log_format == LogFormat::kJson ? "json" : "text";
}

constexpr std::chrono::milliseconds kHour{3'600'000};

constexpr std::array kKeys{
    KeySpec{"store.dir", "store", "DIR", ValueType::kText, "$XDG_DATA_HOME/syncd/store",
            "directory of the replica",
            [](Config& c, std::string_view t) { return set_path(c.store_dir, t); },
            [](const Config& c) { return c.store_dir.native(); }},
    KeySpec{"", "ephemeral", "", ValueType::kBoolean, "false",
            "keep everything in memory and forget it at the end",
            [](Config& c, std::string_view t) { return set_boolean(c.ephemeral, t); },
            [](const Config& c) { return show_boolean(c.ephemeral); }},
    KeySpec{
        "store.document_cache", "", "SIZE", ValueType::kSize, "128MiB",
        "memory for open documents, shared by all shards",
        [](Config& c, std::string_view t) { return set_size(c.document_cache_bytes, t, 1u << 20); },
        [](const Config& c) { return format_size(c.document_cache_bytes); }},
    KeySpec{"store.reserve", "", "SIZE", ValueType::kSize, "64MiB",
            "disk space held back, given up when the disk is full",
            [](Config& c, std::string_view t) { return set_size(c.reserve_bytes, t, 0); },
            [](const Config& c) { return format_size(c.reserve_bytes); }},
    KeySpec{"store.relaxed_sync", "", "DUR", ValueType::kDuration, "200ms",
            "how long a relaxed write may wait for the disk",
            [](Config& c, std::string_view t) {
              return set_duration(c.relaxed_sync, t, std::chrono::milliseconds(10),
                                  std::chrono::milliseconds(10'000));
            },
            [](const Config& c) { return format_duration(c.relaxed_sync); }},
    KeySpec{"agent.socket", "socket", "PATH", ValueType::kText, "$XDG_RUNTIME_DIR/syncd/syncd.sock",
            "Unix socket for syncctl",
            [](Config& c, std::string_view t) { return set_path(c.socket, t); },
            [](const Config& c) { return c.socket.native(); }},
    KeySpec{"agent.keys", "keys", "DIR", ValueType::kText, "$XDG_DATA_HOME/syncd/keys",
            "directory of this device's private key, made on the first start",
            [](Config& c, std::string_view t) { return set_path(c.keys_dir, t); },
            [](const Config& c) { return c.keys_dir.native(); }},
    KeySpec{"", "ready-file", "FILE", ValueType::kText, "",
            "write socket, listen address and process id here as JSON once ready",
            [](Config& c, std::string_view t) { return set_path(c.ready_file, t); },
            [](const Config& c) { return c.ready_file.native(); }},
    KeySpec{"agent.shards", "shards", "N", ValueType::kInteger, "0",
            "threads that own documents; 0 is one a processor",
            [](Config& c, std::string_view t) { return set_integer(c.shards, t, 0, 256); },
            [](const Config& c) { return std::to_string(c.shards); }},
    KeySpec{"agent.shutdown_deadline", "", "DUR", ValueType::kDuration, "10s",
            "how long a stop may take before the process ends anyway",
            [](Config& c, std::string_view t) {
              return set_duration(c.shutdown_deadline, t, std::chrono::milliseconds(100), kHour);
            },
            [](const Config& c) { return format_duration(c.shutdown_deadline); }, true},
    KeySpec{"listen.address", "listen", "ADDR:PORT", ValueType::kText, "127.0.0.1:4433",
            "where peers and browsers connect; port 0 takes a free one, \"off\" none", set_listen,
            [](const Config& c) { return c.listen; }},
    KeySpec{"listen.tls", "", "MODE", ValueType::kText, "auto",
            "on: only wss://; off: only ws://; auto: only wss://, on loopback both", set_listen_tls,
            show_listen_tls},
    KeySpec{"listen.origins", "", "ORIGIN,...", ValueType::kText, "",
            "web pages that may connect, by their Origin header; \"*\" admits all", set_origins,
            [](const Config& c) { return fmt::format("{}", fmt::join(c.origins, ", ")); }},
    KeySpec{"listen.advertise", "advertise", "URL", ValueType::kText, "",
            "address written into invitations, when it differs from listen.address", set_advertise,
            [](const Config& c) { return c.advertise; }},
    KeySpec{"metrics.address", "metrics", "ADDR:PORT", ValueType::kText, "off",
            "loopback address of /metrics, /healthz and /readyz; port 0 takes a free one",
            set_metrics, [](const Config& c) { return c.metrics; }},
    KeySpec{"sync.window", "", "N", ValueType::kInteger, "64",
            "documents in exchange with one peer at a time",
            [](Config& c, std::string_view t) { return set_integer(c.sync_window, t, 1, 10'000); },
            [](const Config& c) { return std::to_string(c.sync_window); }},
    KeySpec{"log.level", "log-level", "LEVEL", ValueType::kText, "info",
            "trace, debug, info, warn or error", set_log_level,
            [](const Config& c) { return std::string(to_string(c.log_level)); }, true},
    KeySpec{"log.format", "log-format", "FORMAT", ValueType::kText, "text", "text or json",
            set_log_format, show_log_format, true},
};

}  // namespace

std::span<const KeySpec> keys() { return kKeys; }

const KeySpec* find_key(std::string_view key) {
  for (const KeySpec& spec : kKeys) {
    if (!key.empty() && spec.key == key) return &spec;
  }
  return nullptr;
}

const KeySpec* find_flag(std::string_view flag) {
  for (const KeySpec& spec : kKeys) {
    if (!flag.empty() && spec.flag == flag) return &spec;
  }
  return nullptr;
}

}  // namespace converge::config
