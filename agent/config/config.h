#pragma once

#include "core/base/result.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace converge::config {

enum class LogFormat { kText, kJson };
/// Whether peers have to speak TLS to the listener. kAuto: yes, but on a loopback address clients
/// without it are served as well, because browsers and stock clients have no key to be pinned.
enum class ListenTls { kAuto, kOn, kOff };
enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError };

/// Everything syncd can be told, validated. Strongest first: flag, environment (SYNCD_ and the key
/// in capitals), configuration file, built-in. Keys, defaults and their help stand in one table
/// (keys.h).
struct Config {
  std::filesystem::path file;       ///< the configuration file that was read; empty: none
  std::filesystem::path store_dir;  ///< empty only with `ephemeral`
  bool ephemeral = false;           ///< MemoryStore; nothing is kept
  std::uint64_t document_cache_bytes = 128u << 20;
  std::uint64_t reserve_bytes = 64u << 20;
  std::chrono::milliseconds relaxed_sync{200};

  std::filesystem::path keys_dir;         ///< device key; empty only with `ephemeral`: in memory
  std::filesystem::path outbox;           ///< where this user's clients keep writes; empty: nowhere
  std::filesystem::path socket;           ///< empty only with `ephemeral`: in a temporary directory
  std::string listen = "127.0.0.1:4433";  ///< ADDRESS:PORT, or "off"
  ListenTls listen_tls = ListenTls::kAuto;
  std::vector<std::string> origins;  ///< Origin headers admitted; "*" all. Empty: none
  std::string metrics = "off";       ///< loopback ADDRESS:PORT of /metrics, or "off"
  std::string advertise;             ///< URL written into invitations; empty: made from `listen`
  std::filesystem::path ready_file;  ///< empty: none
  int shards = 0;                    ///< 0: one a processor
  int sync_window = 64;              ///< documents in exchange with one peer at a time
  std::chrono::milliseconds shutdown_deadline{10'000};

  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
};

/// What is wrong with the combination of settings, if anything. Errors: kInvalid.
Result<void> validate(const Config& config);

/// The enumerators' words. Total.
const char* to_string(LogLevel level);
Result<LogLevel> parse_log_level(std::string_view text);

}  // namespace converge::config
