#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using nlohmann::json;

/// The value as asked for: the document's own JSON, with no envelope.
Result<void> print_value(Session& session, const json& value) {
  Printer& out = session.out();
  if (session.has("raw") && value.is_string()) {
    const std::string text = value.get<std::string>();
    return out.data((out.terminal().out_tty ? printable(text, true) : text) + "\n");
  }
  const auto kind = out.format().kind;
  if (kind == Format::Kind::kJsonPath || kind == Format::Kind::kCsv || kind == Format::Kind::kName)
    return out.result(value, {});
  const std::string line = out.to_line(value, true);
  return out.data(out.terminal().out_tty ? printable(line, true) : line);
}

}  // namespace

Result<int> run_get(Session& session) {
  const std::string doc = session.document(session.arg(0));
  json params = {{"doc", doc}};
  if (!session.args(1).empty()) params["pointer"] = session.arg(1);
  if (session.has("typed")) params["typed"] = true;
  if (session.has("meta")) params["meta"] = true;
  if (const auto at = session.at()) params["at"] = *at;
  auto answer = session.ask_for(doc, "doc.get", params);
  const bool missing = !answer && control::is(answer.error(), control::ErrorId::kPathNotFound);
  if (missing && session.has("default")) {
    auto fallback = control::parse_json(*session.value("default"), "the default");
    if (!fallback) return fallback.error();
    answer = json{{"value", std::move(*fallback)}};
  }
  if (!answer) return answer.error();
  if (const std::uint64_t unshown = count_field(*answer, "unshown"); unshown > 0)
    session.out().note(counted(unshown, "value") +
                       " that JSON cannot say printed as null; --typed shows them");
  if (const std::uint64_t lost = count_field(*answer, "missing"); lost > 0)
    session.out().warning(doc + " is degraded: " + counted(lost, "change") +
                          (lost == 1 ? " is unreadable, showing the state without it"
                                     : " are unreadable, showing the state without them"));
  const bool wrapped = session.has("meta") && answer->contains("kind");
  const auto done = wrapped ? session.out().result(
                                  *answer, {.text = [&] { return session.out().to_line(*answer); }})
                            : print_value(session, answer->at("value"));
  if (!done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
