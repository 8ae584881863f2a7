#include "cli/app/kinds.h"
#include "cli/commands/backoff.h"
#include "cli/commands/child.h"
#include "cli/commands/handlers.h"
#include "cli/commands/interrupt.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

namespace converge::cli {
namespace {

using control::ErrorId;
using nlohmann::json;
using std::chrono::milliseconds;

/// One run of watch: follows the stream, reconnects behind the last cursor, hands events on.
class Watch {
 public:
  explicit Watch(Session& session) : session_(session), backoff_(session) {
    params_ = {{"patterns", session.args(0)}};
    if (const auto since = session.value("since")) params_["since"] = *since;
    if (const auto path = session.value("path")) params_["path"] = *path;
    if (session.has("initial")) params_["initial"] = true;
    if (const auto text = session.value("debounce"))
      debounce_ = parse_duration(*text).value_or(milliseconds(0));
  }

  Result<int> run() {
    while (true) {
      auto ended = follow();
      if (ended) return ended;
      const int exit = control::exit_code_of(ended.error());
      // Before the first event, and with CMD, a lost agent is an error like any other.
      if (exit != control::exit_code::kNoAgent || !started_) return ended;
      backoff_.wait();
      if (stopping()) return 0;
    }
  }

 private:
  client::Client::Deadline silence() const {
    if (!session_.has_timeout() || session_.timeout().count() == 0)
      return client::Client::kNoDeadline;
    return session_.clock().steady_now() + session_.timeout();
  }

  Result<int> follow() {
    auto target = session_.watch_target();
    if (!target) return target.error();
    // An agent that is silent before the first event is silent, too.
    std::optional<AgentTarget> agent;
    if (session_.asks_agent()) {
      auto options = session_.client_options();
      if (!options) return options.error();
      agent.emplace(std::move(*options), silence());
    }
    Target& stream = agent ? static_cast<Target&>(*agent) : **target;
    const auto begun = stream.call("watch.start", params_);
    if (!begun) return begun.error();
    started_ = true;
    while (true) {
      auto event = next_event_or_stop(session_, stream, silence());
      if (!event) return event.error();
      if (stopping()) return 0;
      if (!*event) return control::make_error(ErrorId::kTimeout, "no event came in time");
      backoff_.reset();
      json latest = (*event)->value("event", json::object());
      if (auto done = collect(stream, latest); !done) return done.error();
      auto exit = hand_on(latest);
      if (!exit || *exit != 0) return exit;
    }
  }

  /// Folds what comes within the debounce time into the last event.
  Result<void> collect(Target& stream, json& latest) {
    if (debounce_.count() == 0) return {};
    while (true) {
      auto more = next_event_or_stop(session_, stream, session_.clock().steady_now() + debounce_);
      if (!more) return more.error();
      if (!*more) return {};
      latest = (*more)->value("event", json::object());
    }
  }

  Result<int> hand_on(const json& event) {
    if (const std::string cursor = field(event, "cursor"); !cursor.empty()) {
      params_["since"] = cursor;
      params_.erase("initial");
    }
    const auto& command = session_.args(1);
    if (command.empty()) return print(event);
    const auto run = run_child(command, control::to_compact(event) + "\n",
                               {.environment = {{"SYNCCTL_EVENT_TYPE", field(event, "type")},
                                                {"SYNCCTL_DOC", field(event, "id")},
                                                {"SYNCCTL_NAME", field(event, "name")},
                                                {"SYNCCTL_CURSOR", field(event, "cursor")}}});
    if (!run) return run.error();
    if (run->exit == 126 || run->exit == 127) return not_run(command.front(), run->exit);
    if (run->exit == 0) return 0;
    session_.out().warning("the command exited " + std::to_string(run->exit));
    return session_.has("fail-fast") ? control::exit_code::kFailed : 0;
  }

  Result<int> print(const json& event) {
    Printer& out = session_.out();
    if (out.format().is_json() || out.format().kind == Format::Kind::kJsonPath) {
      const auto done = out.format().kind == Format::Kind::kJsonPath
                            ? out.result(event, {})
                            : out.data(control::to_compact(event) + "\n");
      if (!done) return done.error();
      return 0;
    }
    const char* gap = session_.terminal().out_tty ? "  " : "\t";
    std::string line = field(event, "at") + gap + field(event, "type") + gap +
                       printable(name_or_id(event)) + gap + printable(field(event, "origin"));
    const json patch = event.value("patch", json::array());
    if (patch.is_array() && !patch.empty())
      line += gap + printable(field(patch.front(), "op") + " " + field(patch.front(), "path")) +
              (patch.size() > 1 ? " and " + std::to_string(patch.size() - 1) + " more" : "");
    if (auto done = out.data(line + "\n"); !done) return done.error();
    return 0;
  }

  Session& session_;
  Backoff backoff_;
  json params_;
  milliseconds debounce_{0};
  bool started_ = false;
};

}  // namespace

Result<int> run_watch(Session& session) {
  catch_signals(session);
  return Watch(session).run();
}

}  // namespace converge::cli
