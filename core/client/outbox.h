#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::client {

/// A request that waits for its agent.
struct OutboxEntry {
  enum class State : std::uint8_t {
    kWaiting,
    kFailed,  ///< the agent refused it; kept until somebody retries or drops it
  };
  std::uint64_t number = 0;  ///< order of queueing; "o-NUMBER" on the command line
  std::string request_id;
  std::string socket;  ///< of the agent that it is for
  std::string method;
  std::string params;                ///< JSON text, with the request id
  std::vector<std::string> command;  ///< what the user typed, for display
  State state = State::kWaiting;
  std::uint64_t tries = 0;  ///< answers that were errors
  std::int64_t created_ms = 0;
  std::string last_error;  ///< JSON text of an Error object; empty: none

  std::string id() const { return "o-" + std::to_string(number); }
  bool operator==(const OutboxEntry&) const = default;
};

/// The OutboxEntry object of the command-line contract, 8.3.
nlohmann::json to_json(const OutboxEntry& entry);

/// Writes that could not reach their agent, durable in a directory that all of the user's programs
/// share: one file an entry, named by its number.
///
/// Invariants: an entry that add() returned is on disk; a file is whole or absent, whoever is
/// killed when; numbers only grow. An entry is removed after the agent answered it, so it may be
/// sent twice: the request id makes that the same request.
///
/// Any thread and any process: every operation takes the directory's lock. Costs: O(entries).
class Outbox {
 public:
  static constexpr std::size_t kEntriesMax = 10'000;
  static constexpr std::size_t kEntryBytesMax = 8u << 20;

  /// Nothing is made before the first add().
  Outbox(std::filesystem::path directory, const Clock& clock)
      : directory_(std::move(directory)), clock_(&clock) {}

  /// Keeps the request; number and creation time are chosen here. Errors: outbox.full,
  /// store.no_space, io, auth.denied.
  Result<OutboxEntry> add(OutboxEntry entry) const;

  /// By number. A file that is no entry is an error that names it: input.json, io.
  Result<std::vector<OutboxEntry>> list() const;
  /// Errors: entry.not_found.
  Result<OutboxEntry> find(std::string_view id) const;
  /// Replaces the entry of this number, if it is still there.
  Result<void> update(const OutboxEntry& entry) const;
  /// An entry that is gone already is no error.
  Result<void> remove(std::uint64_t number) const;
  /// No entry waits for this agent, as far as the directory's names tell. One read of a directory.
  bool is_empty() const;

  struct Delivery {
    std::size_t delivered = 0;
    std::size_t failed = 0;
    std::size_t waiting = 0;  ///< left: the agent went away, or somebody else is delivering
  };
  using Send = std::function<Result<nlohmann::json>(const std::string& method,
                                                    const nlohmann::json& params)>;
  /// Sends what waits for the agent at `socket`, in order, one deliverer at a time: waits for
  /// another one at most until the deadline. An entry that the agent refuses is kept as failed and
  /// the next one is sent; when the agent is away, full or late, delivery ends and the rest waits.
  Result<Delivery> deliver(const std::filesystem::path& socket, const Send& send,
                           std::chrono::steady_clock::time_point deadline) const;

  const std::filesystem::path& directory() const { return directory_; }

 private:
  Result<std::vector<std::uint64_t>> numbers() const;
  Result<OutboxEntry> read(std::uint64_t number) const;
  Result<void> write(const OutboxEntry& entry) const;

  std::filesystem::path directory_;
  const Clock* clock_;
};

}  // namespace converge::client
