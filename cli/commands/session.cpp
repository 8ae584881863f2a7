#include "cli/commands/session.h"

#include "cli/app/kinds.h"
#include "cli/commands/files.h"
#include "cli/commands/store_target.h"
#include "cli/output/text.h"
#include "core/base/suggest.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <system_error>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

std::chrono::milliseconds timeout_of(const Session::Parts& parts) {
  const auto given = parts.invocation.value("timeout");
  const auto parsed = parse_duration(given ? *given : parts.settings.get("timeout"));
  return parsed.value_or(std::chrono::milliseconds(30'000));
}

/// An empty directory becomes a store by a command that makes documents and by no other: it may be
/// a mistyped name, or the place of a disk that is not mounted.
Result<void> check_not_empty(const std::string& store, const Command& command) {
  constexpr std::array<std::string_view, 3> kMakers{"new", "import", "batch"};
  std::error_code error;
  const bool is_empty = std::filesystem::is_empty(store, error);
  if (error || !is_empty || std::ranges::find(kMakers, command.name) != kMakers.end()) return {};
  return make_error(ErrorId::kInputFile, store + " is not a store: it is empty",
                    "\"syncctl --store " + store + " new\" makes one of it");
}

}  // namespace

Session::Session(Parts parts)
    : parts_(std::move(parts)), printer_(parts_.printer), timeout_(timeout_of(parts_)) {
  deadline_ = timeout_.count() == 0 ? client::Client::kNoDeadline : clock_.steady_now() + timeout_;
}

void Session::limit(std::chrono::milliseconds time) {
  deadline_ = std::min(deadline_, clock_.steady_now() + time);
}

bool Session::has_timeout() const {
  return has("timeout") || parts_.settings.setting("timeout").origin != "built-in";
}

Result<Session::Place> Session::place_of_context(const std::string& name) const {
  const auto found = parts_.settings.contexts().find(name);
  if (found != parts_.settings.contexts().end())
    return Place{found->second.socket, found->second.store};
  std::error_code error;
  if (std::filesystem::is_regular_file(name, error)) {
    auto text = read_input(name, 1 << 20);
    if (!text) return text.error();
    const auto ready = control::parse_json(*text, "the ready file " + name);
    if (!ready) return ready.error();
    if (ready->is_object() && ready->contains("socket") && (*ready)["socket"].is_string())
      return Place{(*ready)["socket"].get<std::string>(), ""};
    return make_error(ErrorId::kInputFile, "the file " + name + " is not a ready file of syncd");
  }
  std::vector<std::string> names;
  for (const auto& [known, context] : parts_.settings.contexts()) names.push_back(known);
  return make_error(ErrorId::kConfigNotFound,
                    "no context is called \"" + name + "\", and it is no ready file",
                    did_you_mean(name, names));
}

Result<Session::Place> Session::place() const {
  if (const auto store = value("store")) return Place{"", *store};
  if (const auto socket = value("socket")) return Place{*socket, ""};
  if (const auto context = value("context")) return place_of_context(*context);
  const Setting& socket = parts_.settings.setting("socket");
  const Setting& context = parts_.settings.setting("context");
  const auto from_environment = [](const Setting& setting) {
    return setting.origin.starts_with("SYNCCTL_");
  };
  if (from_environment(socket)) return Place{socket.value, ""};
  if (!context.value.empty() && (from_environment(context) || socket.value.empty()))
    return place_of_context(context.value);
  if (!socket.value.empty()) return Place{socket.value, ""};
  if (const std::string& store = parts_.settings.get("store"); !store.empty())
    return Place{"", store};
  std::error_code error;
  const bool user = std::filesystem::exists(parts_.places.user_socket, error);
  const bool system = std::filesystem::exists(parts_.places.system_socket, error);
  return Place{(user || !system ? parts_.places.user_socket : parts_.places.system_socket).string(),
               ""};
}

Result<std::string> Session::store_directory() const {
  const auto where = place();
  if (!where) return where.error();
  return where->store;
}

Result<Target*> Session::watch_target() {
  replica_.reset();
  deadline_ = client::Client::kNoDeadline;
  return replica();
}

bool Session::asks_agent() const {
  const auto where = place();
  return where && where->store.empty();
}

Result<client::DurableClient::Options> Session::client_options() const {
  const auto where = place();
  if (!where) return where.error();
  client::DurableClient::Options options;
  options.connection = {.socket = where->socket, .clock = &clock_};
  options.outbox = outbox_directory();
  options.queue = !has("no-queue") && settings().get("no_queue") != "true";
  options.command = {std::string(command().name)};
  for (std::size_t i = 0; i < command().args.size(); ++i)
    for (const std::string& word : args(i)) options.command.push_back(word);
  if (has("debug"))
    options.connection.trace = [](bool sent, std::string_view line) {
      std::cerr << (sent ? "> " : "< ") << printable(line.substr(0, 2000)) << "\n";
    };
  return options;
}

Session Session::like(Invocation invocation, std::unique_ptr<Target> target) const {
  Parts parts = parts_;
  parts.invocation = std::move(invocation);
  Session other(std::move(parts));
  other.replica_ = std::move(target);
  return other;
}

Result<Target*> Session::replica() {
  if (replica_ != nullptr) return replica_.get();
  const auto where = place();
  if (!where) return where.error();
  if (!where->store.empty()) {
    if (auto known = check_not_empty(where->store, command()); !known) return known.error();
    auto store = open_store_target(where->store, clock_, deadline_);
    if (!store) return store.error();
    replica_ = std::move(*store);
    return replica_.get();
  }
  auto options = client_options();
  if (!options) return options.error();
  replica_ = std::make_unique<AgentTarget>(std::move(*options), deadline_);
  return replica_.get();
}

std::optional<std::string> Session::at() const {
  const auto word = value("at");
  const Flag revision = {.name = "at", .kind = Kind::kRev};
  if (!word || check_word(revision, *word)) return word;
  return "{" + *word + "}";
}

Result<json> Session::ask(std::string_view method, const json& params) {
  const auto target = replica();
  if (!target) return target.error();
  if (printer_.verbose() >= 2) printer_.note("request " + std::string(method));
  return (*target)->call(method, params);
}

Result<json> Session::ask_for(const std::string& doc, std::string_view method, const json& params) {
  return is_file_word(doc) ? files_.call(method, params) : ask(method, params);
}

std::string Session::document(const std::string& word) const {
  const std::string& collection = parts_.settings.get("collection");
  const bool plain =
      !is_file_word(word) && word.find('/') == std::string::npos && !word.starts_with("automerge:");
  return collection.empty() || !plain ? word : collection + "/" + word;
}

Result<void> Session::confirm(const std::string& question) {
  if (has("yes")) return {};
  const Terminal& terminal = printer_.terminal();
  if (has("no-input") || !terminal.in_tty || !terminal.err_tty)
    return make_error(ErrorId::kDeclined, question + ": nobody can be asked",
                      "say yes beforehand with --yes");
  std::cerr << printable(question) << "? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return {};
  return make_error(ErrorId::kDeclined, "answered no");
}

std::string new_request_id() { return client::new_request_id(); }

}  // namespace converge::cli
