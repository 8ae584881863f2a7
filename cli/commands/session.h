#pragma once

#include "cli/app/invocation.h"
#include "cli/app/places.h"
#include "cli/app/settings.h"
#include "cli/commands/target.h"
#include "cli/output/printer.h"
#include "core/base/system.h"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::cli {

/// Everything one run of one command has: what was asked, the settings, the streams, the targets.
class Session {
 public:
  struct Parts {
    Invocation invocation;
    Environment environment;
    Places places;
    Settings settings;
    Printer::Options printer;
  };
  explicit Session(Parts parts);

  const Invocation& invocation() const { return parts_.invocation; }
  const Command& command() const { return *parts_.invocation.command; }
  const Settings& settings() const { return parts_.settings; }
  const Places& places() const { return parts_.places; }
  const Environment& environment() const { return parts_.environment; }
  Printer& out() { return printer_; }
  const Terminal& terminal() const { return printer_.terminal(); }
  const Clock& clock() const { return clock_; }

  // Shorthands for the command line.
  bool has(std::string_view flag) const { return parts_.invocation.has(flag); }
  std::optional<std::string> value(std::string_view flag) const {
    return parts_.invocation.value(flag);
  }
  const std::string& arg(std::size_t index) const { return parts_.invocation.arg(index); }
  const std::vector<std::string>& args(std::size_t index) const {
    return parts_.invocation.args(index);
  }

  /// --at as a REV: a time becomes {TIME}.
  std::optional<std::string> at() const;

  /// Asks the agent or the store.
  Result<nlohmann::json> ask(std::string_view method, const nlohmann::json& params);
  /// Asks whoever has the document: its file, or the agent or store.
  Result<nlohmann::json> ask_for(const std::string& doc, std::string_view method,
                                 const nlohmann::json& params);

  /// The agent or the store of section 2. Errors: agent.unreachable, store.locked, usage.flag,
  /// config.not_found (no such context).
  Result<Target*> replica();
  FileTarget& files() { return files_; }
  /// The directory that `replica` would open; empty when it would ask an agent.
  Result<std::string> store_directory() const;
  /// How to reach the agent of section 2, and where writes wait for it. Errors: as replica().
  Result<client::DurableClient::Options> client_options() const;
  /// Another run with the same settings and streams, which asks `target`.
  Session like(Invocation invocation, std::unique_ptr<Target> target) const;
  /// `replica` asks an agent, not a store.
  bool asks_agent() const;
  /// Where writes wait for an agent that is down.
  std::filesystem::path outbox_directory() const { return parts_.places.state / "outbox"; }
  /// A fresh connection for a stream, which --timeout does not end.
  Result<Target*> watch_target();

  /// When --timeout runs out. Commands whose job is to wait have none unless it is given.
  client::Client::Deadline deadline() const { return deadline_; }
  std::chrono::milliseconds timeout() const { return timeout_; }
  /// Shortens the deadline to at most this from now.
  void limit(std::chrono::milliseconds time);
  /// `--timeout` was given, on the line or by a setting other than the built-in one.
  bool has_timeout() const;

  /// Puts the collection of the settings before a name that has none.
  std::string document(const std::string& word) const;

  /// Yes or no; --yes answers it. Errors: declined (answered no, or nobody can be asked).
  Result<void> confirm(const std::string& question);

 private:
  struct Place {
    std::string socket;
    std::string store;
  };
  Result<Place> place() const;
  Result<Place> place_of_context(const std::string& name) const;

  Parts parts_;
  Printer printer_;
  SystemClock clock_;
  std::chrono::milliseconds timeout_{};
  client::Client::Deadline deadline_;
  FileTarget files_;
  std::unique_ptr<Target> replica_;
};

/// What a command does. The value is the exit code; an error is printed and decides it.
using Handler = Result<int> (*)(Session&);

/// The handler of a row of the command table; null when it has none (a bug, caught by a test).
Handler find_handler(std::string_view command);

/// A new request id: 26 characters, sortable by time.
std::string new_request_id();

}  // namespace converge::cli
