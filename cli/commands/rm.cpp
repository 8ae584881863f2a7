#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/store_shared.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::cli {

using nlohmann::json;

namespace {

std::string proof_text(const json& item) {
  if (!item.contains("purged")) return "";
  const std::uint64_t left = count_field(item, "entries_left");
  if (left > 0) return "  " + std::to_string(left) + " entries are still on disk; try again";
  return "  purged, " + std::to_string(count_field(item, "entries_erased")) +
         " entries erased, none left on disk";
}

}  // namespace

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
  const bool purge = session.has("purge");
  if (purge && docs.size() > 1)
    return control::make_error(control::ErrorId::kUsageArgument,
                               "--purge takes one document at a time");
  if (purge && !dry && session.value("confirm") != session.args(0).front())
    return control::make_error(
        control::ErrorId::kDeclined,
        "--purge erases the history of " + session.args(0).front() + " for good",
        "say its name once more: --confirm " + session.args(0).front());
  if (docs.size() > 1 && !dry)
    if (auto yes = session.confirm("remove " + counted(docs.size(), "document")); !yes)
      return yes.error();
  json items = json::array();
  Failures failures;
  for (const std::string& doc : docs) {
    json params = {{"docs", json::array({doc})}, {"request_id", new_request_id()}};
    if (dry) params["dry_run"] = true;
    if (purge) params["purge"] = true;
    auto report = purge ? ask_patiently(session, "doc.rm", params) : session.ask("doc.rm", params);
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
               (session.terminal().out_tty ? " " : "\t") + printable(name_or_id(item)) +
               proof_text(item) + "\n";
    return out;
  };
  const auto names = [&] {
    std::vector<std::string> all;
    for (const json& item : items) all.push_back(field(item, "id"));
    return all;
  };
  if (auto done = session.out().result(report, {.text = text, .names = names}); !done)
    return done.error();
  const bool is_left = std::ranges::any_of(
      items, [](const json& item) { return count_field(item, "entries_left") > 0; });
  if (is_left && failures.empty()) return control::exit_code::kPartial;
  return failures.finish(session, items.size());
}

}  // namespace converge::cli
