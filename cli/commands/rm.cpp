#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {

using nlohmann::json;

Result<int> run_rm(Session& session) {
  std::vector<std::string> docs;
  for (const std::string& word : session.args(0)) {
    if (is_file_word(word))
      return control::make_error(control::ErrorId::kUsageArgument,
                                 "\"" + word + "\" is a file, and rm removes documents",
                                 "remove the file itself with the system's rm");
    docs.push_back(session.document(word));
  }
  const bool dry = session.has("dry-run");
  if (docs.size() > 1 && !dry)
    if (auto yes = session.confirm("remove " + counted(docs.size(), "document")); !yes)
      return yes.error();
  json items = json::array();
  Failures failures;
  for (const std::string& doc : docs) {
    json params = {{"docs", json::array({doc})}, {"request_id", new_request_id()}};
    if (dry) params["dry_run"] = true;
    auto report = session.ask("doc.rm", params);
    if (!report) {
      failures.add(report.error());
      if (control::row_of(report.error()).exit == control::exit_code::kNoAgent) break;
      continue;
    }
    for (json& item : (*report)["items"]) items.push_back(std::move(item));
  }
  if (items.empty() && !failures.empty()) return failures.finish(session, 0);
  const json report = {{"kind", "RemoveReport"}, {"v", 1}, {"items", items}};
  const auto text = [&] {
    std::string out;
    for (const json& item : items)
      if (!session.out().quiet())
        out += std::string(dry ? "would remove" : "removed") +
               (session.terminal().out_tty ? " " : "\t") + printable(name_or_id(item)) + "\n";
    return out;
  };
  const auto names = [&] {
    std::vector<std::string> all;
    for (const json& item : items) all.push_back(field(item, "id"));
    return all;
  };
  if (auto done = session.out().result(report, {.text = text, .names = names}); !done)
    return done.error();
  return failures.finish(session, items.size());
}

}  // namespace converge::cli
