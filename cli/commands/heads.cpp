#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {

using nlohmann::json;

Result<int> run_heads(Session& session) {
  const std::string doc = session.document(session.arg(0));
  json params = {{"doc", doc}};
  if (const auto at = session.at()) params["at"] = *at;
  const auto answer = session.ask_for(doc, "doc.heads", params);
  if (!answer) return answer.error();
  const auto hashes = answer->value("heads", std::vector<std::string>());
  // Whole hashes even on a terminal: the line is meant to be used again.
  const auto text = [&] {
    std::string line;
    for (const std::string& hash : hashes) line += (line.empty() ? "" : "+") + hash;
    return session.out().paint(Paint::kCyan, line) + "\n";
  };
  const auto done = session.out().result(*answer, {.text = text, .names = [&] { return hashes; }});
  if (!done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
