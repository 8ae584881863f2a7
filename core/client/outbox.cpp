#include "core/client/outbox.h"

#include "core/client/durable_file.h"
#include "core/control/error_json.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <limits>
#include <utility>

namespace converge::client {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kDigits = 20;
/// Somebody else's step in the directory takes milliseconds.
constexpr std::chrono::seconds kLockPatience{10};

/// RFC 3339 UTC with milliseconds. REQUIRES: a time of the present.
std::string time_text(std::int64_t wall_ms) {
  const std::time_t seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto rest = std::to_string(1000 + wall_ms % 1000).substr(1);
  return std::string(text.data(), size) + "." + rest + "Z";
}

std::string file_name(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return std::string(kDigits - digits.size(), '0') + digits + std::string(kSuffix);
}

std::optional<std::uint64_t> number_of(const std::string& digits) {
  if (digits.empty() || digits.size() > kDigits - 1 ||
      digits.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoull(digits);
}

/// The number of an entry's file; nothing for temporary files and locks.
std::optional<std::uint64_t> number_of_file(const std::string& name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix) || name[0] != '0')
    return std::nullopt;
  return number_of(name.substr(1, kDigits - 1));
}

json parsed_or_null(const std::string& text) {
  if (text.empty()) return {};
  json value = json::parse(text, nullptr, false);
  return value.is_discarded() ? json() : value;
}

json record_of(const OutboxEntry& entry) {
  return json{{"v", 1},
              {"number", entry.number},
              {"request_id", entry.request_id},
              {"socket", entry.socket},
              {"method", entry.method},
              {"params", parsed_or_null(entry.params)},
              {"command", entry.command},
              {"state", entry.state == OutboxEntry::State::kFailed ? "failed" : "waiting"},
              {"tries", entry.tries},
              {"created_ms", entry.created_ms},
              {"last_error", parsed_or_null(entry.last_error)}};
}

std::optional<OutboxEntry> entry_of(const std::string& text) {
  const json record = json::parse(text, nullptr, false);
  if (!record.is_object() || record.value("v", json()) != 1) return std::nullopt;
  const auto is = [&record](const char* name, json::value_t type) {
    const auto found = record.find(name);
    return found != record.end() && found->type() == type;
  };
  for (const char* name : {"request_id", "socket", "method", "state"})
    if (!is(name, json::value_t::string)) return std::nullopt;
  for (const char* name : {"number", "tries", "created_ms"})
    if (!is(name, json::value_t::number_unsigned)) return std::nullopt;
  if (!is("params", json::value_t::object) || !is("command", json::value_t::array))
    return std::nullopt;
  OutboxEntry entry;
  entry.number = record["number"].get<std::uint64_t>();
  entry.request_id = record["request_id"].get<std::string>();
  entry.socket = record["socket"].get<std::string>();
  entry.method = record["method"].get<std::string>();
  entry.params = control::to_compact(record["params"]);
  for (const json& word : record["command"])
    entry.command.push_back(word.is_string() ? word.get<std::string>() : "");
  entry.state =
      record["state"] == "failed" ? OutboxEntry::State::kFailed : OutboxEntry::State::kWaiting;
  entry.tries = record["tries"].get<std::uint64_t>();
  entry.created_ms = record["created_ms"].get<std::int64_t>();
  if (record.contains("last_error") && !record["last_error"].is_null())
    entry.last_error = control::to_compact(record["last_error"]);
  return entry;
}

/// The agent may answer otherwise when it is asked again: the entry goes on waiting.
bool is_passing(const Error& error) {
  const int exit = control::exit_code_of(error);
  return exit == control::exit_code::kNoAgent || exit == control::exit_code::kTimeout ||
         exit == control::exit_code::kNoSpace || exit == control::exit_code::kLocked;
}

Result<std::optional<FileLock>> lock_directory(const std::filesystem::path& directory) {
  auto lock = FileLock::take(directory / "lock", std::chrono::steady_clock::now() + kLockPatience);
  if (lock && !*lock)
    return make_error(ErrorId::kTimeout,
                      "the outbox " + directory.string() + " is held by another process");
  return lock;
}

}  // namespace

json to_json(const OutboxEntry& entry) {
  return json{{"kind", "OutboxEntry"},
              {"v", 1},
              {"id", entry.id()},
              {"request_id", entry.request_id},
              {"for", "agent"},
              {"socket", entry.socket},
              {"cmd", entry.command},
              {"state", entry.state == OutboxEntry::State::kFailed ? "failed" : "waiting"},
              {"tries", entry.tries},
              {"created_at", time_text(entry.created_ms)},
              {"last_error", parsed_or_null(entry.last_error)}};
}

Result<std::vector<std::uint64_t>> Outbox::numbers() const {
  std::vector<std::uint64_t> out;
  std::error_code error;
  auto at = std::filesystem::directory_iterator(directory_, error);
  if (error == std::errc::no_such_file_or_directory) return out;
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error))
    if (const auto number = number_of_file(at->path().filename().string())) out.push_back(*number);
  if (error)
    return make_error(ErrorId::kIo, "cannot read " + directory_.string() + ": " + error.message());
  std::sort(out.begin(), out.end());
  return out;
}

bool Outbox::is_empty() const {
  const auto all = numbers();
  return all && all->empty();
}

Result<OutboxEntry> Outbox::read(std::uint64_t number) const {
  const auto file = directory_ / file_name(number);
  const auto text = read_file(file, kEntryBytesMax * 2);
  if (!text) return text.error();
  if (!*text)
    return make_error(ErrorId::kEntryNotFound,
                      "the outbox has no entry \"o-" + std::to_string(number) + "\"",
                      "\"syncctl outbox ls\" lists them");
  auto entry = entry_of(**text);
  if (!entry)
    return make_error(ErrorId::kInputJson, "the outbox file " + file.string() + " is damaged",
                      "look at it, then move it away");
  return std::move(*entry);
}

Result<void> Outbox::write(const OutboxEntry& entry) const {
  return replace_file(directory_ / file_name(entry.number),
                      control::to_compact(record_of(entry)) + "\n");
}

Result<OutboxEntry> Outbox::add(OutboxEntry entry) const {
  if (entry.params.size() > kEntryBytesMax)
    return make_error(ErrorId::kOutboxFull, "the request is too large to be queued");
  if (const auto made = make_private_directory(directory_); !made) return made.error();
  const auto lock = lock_directory(directory_);
  if (!lock) return lock.error();
  const auto all = numbers();
  if (!all) return all.error();
  if (all->size() >= kEntriesMax)
    return make_error(
        ErrorId::kOutboxFull,
        "the outbox holds " + std::to_string(all->size()) + " entries, the most it takes",
        "start the agent, or look with \"syncctl outbox ls\"");
  // Entries that were delivered keep their numbers: two entries are never called the same.
  const auto last_file = directory_ / "last";
  const auto kept = read_file(last_file, 64);
  if (!kept) return kept.error();
  const std::uint64_t last = *kept ? number_of(**kept).value_or(0) : 0;
  entry.number = std::max(last, all->empty() ? 0 : all->back()) + 1;
  entry.created_ms = std::max<std::int64_t>(0, clock_->wall_now_ms());
  if (const auto done = replace_file(last_file, std::to_string(entry.number)); !done)
    return done.error();
  if (const auto done = write(entry); !done) return done.error();
  return entry;
}

Result<std::vector<OutboxEntry>> Outbox::list() const {
  const auto all = numbers();
  if (!all) return all.error();
  std::vector<OutboxEntry> out;
  for (const std::uint64_t number : *all) {
    auto entry = read(number);
    if (entry)
      out.push_back(std::move(*entry));
    else if (!control::is(entry.error(), ErrorId::kEntryNotFound))  // else delivered meanwhile
      return entry.error();
  }
  return out;
}

Result<OutboxEntry> Outbox::find(std::string_view id) const {
  const auto number = id.starts_with("o-") ? number_of(std::string(id.substr(2))) : std::nullopt;
  if (!number)
    return make_error(ErrorId::kEntryNotFound,
                      "the outbox has no entry \"" + std::string(id) + "\"",
                      "\"syncctl outbox ls\" lists them");
  return read(*number);
}

Result<void> Outbox::update(const OutboxEntry& entry) const {
  const auto lock = lock_directory(directory_);
  if (!lock) return lock.error();
  std::error_code error;
  if (!std::filesystem::exists(directory_ / file_name(entry.number), error)) return {};
  return write(entry);
}

Result<void> Outbox::remove(std::uint64_t number) const {
  const auto lock = lock_directory(directory_);
  if (!lock) return lock.error();
  return remove_file(directory_ / file_name(number));
}

Result<Outbox::Delivery> Outbox::deliver(const std::filesystem::path& socket, const Send& send,
                                         std::chrono::steady_clock::time_point deadline) const {
  Delivery report;
  if (is_empty()) return report;
  const auto turn = FileLock::take(directory_ / "delivery", deadline);
  if (!turn) return turn.error();
  const auto entries = list();
  if (!entries) return entries.error();
  bool agent_is_there = turn->has_value();
  for (OutboxEntry entry : *entries) {
    if (entry.socket != socket || entry.state != OutboxEntry::State::kWaiting) continue;
    if (!agent_is_there) {
      ++report.waiting;
      continue;
    }
    const auto answer = send(entry.method, parsed_or_null(entry.params));
    Result<void> done;
    if (answer) {
      ++report.delivered;
      done = remove(entry.number);
    } else if (is_passing(answer.error())) {
      ++report.waiting;
      agent_is_there = false;
    } else {
      ++report.failed;
      entry.state = OutboxEntry::State::kFailed;
      ++entry.tries;
      entry.last_error = control::to_compact(control::to_json(answer.error()));
      done = update(entry);
    }
    if (!done) return done.error();
  }
  return report;
}

}  // namespace converge::client
