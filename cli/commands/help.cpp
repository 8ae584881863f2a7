#include "cli/reference/help.h"

#include "cli/commands/child.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/version.h"
#include "cli/reference/completion.h"
#include "cli/reference/man.h"
#include "cli/reference/schema.h"
#include "core/base/suggest.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

Error no_topic(const std::string& words) {
  std::vector<std::string> known;
  for (const Command& command : command_table())
    if (!command.hidden) known.emplace_back(command.name);
  for (const Topic& topic : topics()) known.emplace_back(topic.name);
  std::string hint = did_you_mean(words, known);
  if (hint.empty()) hint = "\"syncctl help\" lists commands and topics";
  return make_error(ErrorId::kUsageCommand, "there is no help on \"" + words + "\"", hint);
}

std::string all_help(bool bold) {
  std::string out = full_help(bold);
  for (const Command& command : command_table())
    if (!command.hidden && !command.is_group) out += "\n--------\n\n" + command_help(command, bold);
  return out;
}

Result<int> ok(const Result<void>& done) {
  if (!done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace

Result<int> run_help(Session& session) {
  const bool bold = session.terminal().color_out && session.terminal().out_tty;
  const std::string words = joined(session.args(0));
  if (session.has("all")) {
    const auto names = [] {
      std::vector<std::string> all;
      for (const Command& command : command_table())
        if (!command.hidden) all.emplace_back(command.name);
      return all;
    };
    return ok(session.out().result(
        table_json(), {.text = [&] { return all_help(bold); }, .names = names, .pages = true}));
  }
  const auto text = words.empty() ? std::optional(full_help(bold)) : help_on(words, bold);
  if (!text) return no_topic(words);
  if (session.out().format().is_json())
    return ok(session.out().data(session.out().to_line(
        {{"kind", "Help"},
         {"v", 1},
         {"topic", words.empty() ? json() : json(words)},
         {"text", words.empty() ? full_help(false) : *help_on(words, false)}})));
  return ok(session.out().paged(*text));
}

Result<int> run_man(Session& session) {
  const auto pages = man_pages();
  std::string name = "syncctl";
  for (const std::string& word : session.args(0))
    if (word != "syncctl") {
      name += "-" + word;
      break;
    }
  const auto page = pages.contains(name + ".1") ? pages.find(name + ".1") : pages.find(name + ".7");
  if (page == pages.end()) return no_topic(joined(session.args(0)));
  if (session.out().format().is_json())
    return ok(session.out().data(session.out().to_line(
        {{"kind", "ManPage"}, {"v", 1}, {"name", page->first}, {"text", page->second}})));
  if (session.terminal().out_tty) {
    const auto shown = run_child({"man", "-l", "-"}, page->second);
    if (shown && shown->exit == 0) return control::exit_code::kOk;
  }
  return ok(session.out().data(page->second));
}

Result<int> run_completion(Session& session) {
  const std::string script = completion_script(session.arg(0));
  if (session.out().format().is_json())
    return ok(session.out().data(session.out().to_line(
        {{"kind", "Completion"}, {"v", 1}, {"shell", session.arg(0)}, {"text", script}})));
  return ok(session.out().data(script));
}

Result<int> run_schema(Session& session) {
  const auto kinds = schema_kinds();
  if (session.has("all")) {
    json all = json::object();
    for (const std::string& kind : kinds) all[kind] = *schema_of(kind);
    return ok(session.out().data(session.out().to_line(all, true)));
  }
  if (session.args(0).empty()) {
    json items = json::array();
    for (const std::string& kind : kinds) items.push_back({{"name", kind}});
    std::string text;
    for (const std::string& kind : kinds) text += kind + "\n";
    return ok(session.out().result(
        {{"kind", "SchemaList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}},
        {.text = [&] { return text; }, .names = [&] { return kinds; }}));
  }
  const auto schema = schema_of(session.arg(0));
  if (!schema) {
    std::string hint = did_you_mean(session.arg(0), kinds);
    if (hint.empty()) hint = "\"syncctl schema\" lists the kinds";
    return make_error(ErrorId::kConfigNotFound, "no kind is called \"" + session.arg(0) + "\"",
                      hint);
  }
  return ok(session.out().data(session.out().to_line(*schema, true)));
}

Result<int> run_version(Session& session) {
  const json version = {
      {"kind", "Version"}, {"v", 1}, {"version", kVersion}, {"compiler", __VERSION__}};
  const auto text = [&] {
    std::string out = "syncctl ";
    out.append(kVersion).append("\n");
    if (session.out().verbose() > 0) out.append("compiler ").append(__VERSION__).append("\n");
    return out;
  };
  return ok(session.out().result(
      version, {.text = text, .names = [] { return std::vector<std::string>{kVersion}; }}));
}

}  // namespace converge::cli
