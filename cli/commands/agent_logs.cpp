#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

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

Result<int> follow_log(Session& session, json params) {
  params["follow"] = true;
  auto stream = session.watch_target();
  if (!stream) return stream.error();
  const auto begun = (*stream)->call("agent.logs", params);
  if (!begun) return begun.error();
  const bool is_limited = session.has_timeout() && session.timeout().count() > 0;
  Printer& out = session.out();
  while (true) {
    const auto silence =
        is_limited ? session.clock().steady_now() + session.timeout() : client::Client::kNoDeadline;
    auto event = (*stream)->next_event(silence);
    if (!event) return event.error();
    if (!*event) return control::make_error(control::ErrorId::kTimeout, "no line came in time");
    const json line = (*event)->value("event", json::object());
    if (out.format().kind == Format::Kind::kJsonPath) {
      if (auto done = out.result(line, {}); !done) return done.error();
      continue;
    }
    const std::string text =
        out.format().is_json() ? control::to_compact(line) + "\n" : log_line_text(session, line);
    if (auto done = out.data(text); !done) return done.error();
  }
}

}  // namespace

Result<int> run_agent_logs(Session& session) {
  json params = json::object();
  for (const char* flag : {"level", "since"})
    if (const auto value = session.value(flag)) params[flag] = *value;
  if (session.has("follow")) return follow_log(session, std::move(params));
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
