#include "cli/commands/log_follow.h"

#include "cli/commands/backoff.h"
#include "cli/commands/interrupt.h"
#include "cli/commands/render.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

constexpr long kShownAtFirst = 10;

class Follow {
 public:
  Follow(Session& session, std::string doc, const std::function<Result<void>(const json&)>& print)
      : session_(session), doc_(std::move(doc)), print_(print), backoff_(session) {}

  Result<int> run() {
    if (!session_.asks_agent())
      return make_error(ErrorId::kUsageFlag, "--follow needs an agent",
                        "leave out --store: nobody else writes to a stopped store");
    if (auto done = show_newest(); !done) return done.error();
    // From here on neither the connection nor what is asked beside the stream ends by the clock.
    if (auto target = session_.watch_target(); !target) return target.error();
    while (!stopping()) {
      const auto done = stream();
      if (done) break;
      if (control::exit_code_of(done.error()) != control::exit_code::kNoAgent) return done.error();
      backoff_.wait();
    }
    return control::exit_code::kOk;
  }

 private:
  json filters() const {
    json params = json::object();
    if (!doc_.empty()) params["doc"] = doc_;
    for (const char* flag : {"path", "actor", "since"})
      if (const auto value = session_.value(flag)) params[flag] = *value;
    return params;
  }

  Result<void> show_newest() {
    // What comes between this answer and the next is shown once: last_ knows.
    const auto newest = session_.ask("doc.log", {{"limit", 1}});
    if (!newest) return newest.error();
    for (const json& change : newest->at("items")) last_ = count_field(change, "received_seq");
    json params = filters();
    params["limit"] = session_.invocation().number("limit").value_or(kShownAtFirst);
    auto log = session_.ask("doc.log", params);
    if (!log) return log.error();
    std::vector<json> changes = log->at("items").get<std::vector<json>>();
    std::ranges::reverse(changes);
    for (json& change : changes) {
      if (!doc_.empty()) {
        change["id"] = log->value("id", json());
        change["name"] = log->value("name", json());
      }
      last_ = std::max(last_, count_field(change, "received_seq"));
      if (auto done = print_(change); !done) return done;
    }
    return {};
  }

  client::Client::Deadline silence() const {
    if (!session_.has_timeout() || session_.timeout().count() == 0)
      return client::Client::kNoDeadline;
    return session_.clock().steady_now() + session_.timeout();
  }

  Result<void> stream() {
    const auto options = session_.client_options();
    if (!options) return options.error();
    AgentTarget stream(*options, silence());
    json params = {{"patterns", doc_.empty() ? json::array() : json::array({doc_})},
                   {"since", "s1." + std::to_string(last_)}};
    if (const auto path = session_.value("path")) params["path"] = *path;
    if (const auto begun = stream.call("watch.start", params); !begun) return begun.error();
    while (!stopping()) {
      const auto event = next_event_or_stop(session_, stream, silence());
      if (!event) return event.error();
      if (stopping()) break;
      if (!*event) return make_error(ErrorId::kTimeout, "no change came in time");
      backoff_.reset();
      if (auto done = take((**event)["event"]); !done) return done;
    }
    return {};
  }

  Result<void> take(const json& event) {
    if (!event.contains("change")) return {};
    const auto log = session_.ask(
        "doc.log", {{"doc", field(event, "id") + "@" + field(event, "change")}, {"limit", 1}});
    if (!log) return log.error();
    last_ = std::max(last_, count_field(event, "seq"));
    for (json change : log->at("items")) {
      const auto actor = session_.value("actor");
      if (actor && !field(change, "actor").starts_with(*actor)) continue;
      change["id"] = event.value("id", json());
      change["name"] = event.value("name", json());
      if (auto done = print_(change); !done) return done;
    }
    return {};
  }

  Session& session_;
  std::string doc_;
  const std::function<Result<void>(const json&)>& print_;
  Backoff backoff_;
  std::uint64_t last_ = 0;  ///< the receipt up to which everything was shown
};

}  // namespace

Result<int> follow_log(Session& session, const std::string& doc,
                       const std::function<Result<void>(const json&)>& print) {
  catch_signals(session);
  return Follow(session, doc, print).run();
}

}  // namespace converge::cli
