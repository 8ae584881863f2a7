#include "cli/commands/backoff.h"
#include "cli/commands/handlers.h"
#include "cli/commands/interrupt.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace converge::cli {
namespace {

using nlohmann::json;

Paint paint_of_level(const std::string& level) {
  return level == "error" ? Paint::kRed : level == "warn" ? Paint::kYellow : Paint::kDim;
}

/// The line as the agent itself writes it.
std::string log_line_text(const Session& session, const json& line) {
  std::string level = field(line, "level");
  const std::string padding(level.size() < 5 ? 5 - level.size() : 0, ' ');
  std::string out = field(line, "at") + " " +
                    painted(paint_of_level(level), level, session.terminal().color_out) + padding +
                    " " + printable(field(line, "code")) + " " + printable(field(line, "message"));
  const json fields = line.value("fields", json::object());
  for (const auto& [name, value] : fields.items())
    out += " " + printable(name) + "=" + printable(field(fields, name));
  return out + "\n";
}

/// The log as it grows. An agent that goes away is waited for; what it wrote meanwhile and still
/// has is shown, and no line twice.
class LogFollower {
 public:
  LogFollower(Session& session, json params)
      : session_(session), params_(std::move(params)), backoff_(session) {
    params_["follow"] = true;
  }

  Result<int> run() {
    while (!stopping()) {
      const auto done = stream();
      if (done) break;
      const bool is_away = control::exit_code_of(done.error()) == control::exit_code::kNoAgent;
      if (!is_away || !has_begun_) return done.error();
      backoff_.wait();
    }
    return control::exit_code::kOk;
  }

 private:
  Result<void> stream() {
    const auto options = session_.client_options();
    if (!options) return options.error();
    const bool is_limited = session_.has_timeout() && session_.timeout().count() > 0;
    const auto silence = [&] {
      return is_limited ? session_.clock().steady_now() + session_.timeout()
                        : client::Client::kNoDeadline;
    };
    AgentTarget stream(*options, silence());
    if (!last_at_.empty()) params_["since"] = last_at_;
    if (const auto begun = stream.call("agent.logs", params_); !begun) return begun.error();
    has_begun_ = true;
    repeated_ = shown_;
    while (!stopping()) {
      const auto event = next_event_or_stop(session_, stream, silence());
      if (!event) return event.error();
      if (stopping()) break;
      if (!*event) return control::make_error(control::ErrorId::kTimeout, "no line came in time");
      backoff_.reset();
      if (auto done = take((*event)->value("event", json::object())); !done) return done;
    }
    return {};
  }

  Result<void> take(const json& line) {
    const std::string at = field(line, "at");
    const std::string compact = control::to_compact(line);
    if (std::erase(repeated_, compact) > 0) return {};
    if (at != last_at_) shown_.clear();
    last_at_ = at;
    shown_.push_back(compact);
    Printer& out = session_.out();
    if (out.format().kind == Format::Kind::kJsonPath) return out.result(line, {});
    return out.data(out.format().is_json() ? compact + "\n" : log_line_text(session_, line));
  }

  Session& session_;
  json params_;
  Backoff backoff_;
  bool has_begun_ = false;
  std::string last_at_;                ///< of the last line shown
  std::vector<std::string> shown_;     ///< those of that moment
  std::vector<std::string> repeated_;  ///< shown before the connection was made anew
};

}  // namespace

Result<int> run_agent_logs(Session& session) {
  json params = json::object();
  for (const char* flag : {"level", "since"})
    if (const auto value = session.value(flag)) params[flag] = *value;
  if (session.has("follow")) {
    if (!session.asks_agent())
      return control::make_error(control::ErrorId::kUsageFlag, "--follow needs an agent",
                                 "leave out --store: nobody writes a log there");
    catch_signals(session);
    return LogFollower(session, std::move(params)).run();
  }
  const auto list = session.ask("agent.logs", params);
  if (!list) return list.error();
  const json& items = list->at("items");
  const auto text = [&] {
    std::string out;
    for (const json& line : items) out += log_line_text(session, line);
    return out;
  };
  if (auto done = session.out().result(*list, {.text = text}); !done) return done.error();
  if (items.empty()) session.out().note("no such lines");
  return control::exit_code::kOk;
}

}  // namespace converge::cli
