#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using nlohmann::json;

std::vector<std::string> keys_in(const json& object, const char* key) {
  std::vector<std::string> out;
  for (const json& word : object.value(key, json::array()))
    if (word.is_string()) out.push_back(word.get<std::string>());
  return out;
}

std::string in_one_line(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + printable(word);
  return out;
}

}  // namespace

Result<int> run_agent_reload(Session& session) {
  if (session.has("dry-run")) {
    const auto hello = session.ask("agent.hello", {{"client", "syncctl"}});
    if (!hello) return hello.error();
    session.out().note("would have process " + field(*hello, "pid") + " read its configuration");
    return control::exit_code::kOk;
  }
  const auto report = session.ask("agent.reload", json::object());
  if (!report) return report.error();
  const auto changed = keys_in(*report, "changed");
  const auto waiting = keys_in(*report, "needs_restart");
  const auto text = [&]() -> std::string {
    if (session.out().quiet()) return "";
    return changed.empty() ? "unchanged\n" : "changed  " + in_one_line(changed) + "\n";
  };
  const auto names = [&] { return changed; };
  if (auto done = session.out().result(*report, {.text = text, .names = names}); !done)
    return done.error();
  if (!waiting.empty()) session.out().warning("only a restart brings " + in_one_line(waiting));
  return control::exit_code::kOk;
}

Result<int> run_agent_metrics(Session& session) {
  const Format::Kind format = session.out().format().kind;
  const bool wants_text = format == Format::Kind::kText || format == Format::Kind::kWide;
  const auto metrics = session.ask("agent.metrics", {{"text", wants_text}});
  if (!metrics) return metrics.error();
  const auto text = [&] { return field(*metrics, "text"); };
  const auto names = [&] {
    std::vector<std::string> all;
    for (const json& family : metrics->value("items", json::array()))
      all.push_back(field(family, "name"));
    return all;
  };
  if (auto done = session.out().result(*metrics, {.text = text, .names = names}); !done)
    return done.error();
  return control::exit_code::kOk;
}

Result<int> run_agent_level(Session& session) {
  const std::vector<std::string>& wanted = session.args(0);
  const auto lasts = session.value("for");
  json params = json::object();
  if (lasts && wanted.empty())
    return control::make_error(control::ErrorId::kUsageFlag, "--for needs a level",
                               "write for example: syncctl agent level debug --for 10m");
  if (!wanted.empty() && !session.has("dry-run")) params["level"] = wanted.front();
  if (lasts && !session.has("dry-run")) {
    const auto parsed = parse_duration(*lasts);
    if (!parsed) return parsed.error();
    params["for_ms"] = parsed->count();
  }
  const auto level = session.ask("agent.level", params);
  if (!level) return level.error();
  const auto text = [&] { return field(*level, "level") + "\n"; };
  const auto names = [&] { return std::vector<std::string>{field(*level, "level")}; };
  if (auto done = session.out().result(*level, {.text = text, .names = names}); !done)
    return done.error();
  if (!wanted.empty() && session.has("dry-run"))
    session.out().note("would log " + wanted.front() + " and above");
  return control::exit_code::kOk;
}

}  // namespace converge::cli
