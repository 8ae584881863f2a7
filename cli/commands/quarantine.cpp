#include "cli/commands/files.h"
#include "cli/commands/render.h"
#include "cli/commands/store_handlers.h"
#include "cli/commands/store_shared.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <string>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Result<json> entries_of(Session& session, std::string_view method) {
  json params = json::object();
  if (method != "quarantine.list") params["entries"] = session.args(0);
  return ask_patiently(session, method, params);
}

/// Its document still lacks something.
bool is_open_entry(const json& entry) {
  const std::string state = field(entry, "state");
  return state == "degraded" || state == "damaged";
}

std::string state_text(const json& entry) {
  const std::uint64_t missing = count_field(entry, "missing_now");
  const std::string state = field(entry, "state");
  return missing > 0 ? state + ", " + std::to_string(missing) + " missing" : state;
}

Result<void> print_entries(Session& session, const json& list) {
  const auto table = [&] {
    Table rows({{.header = "id", .importance = 5},
                {.header = "document", .importance = 4},
                {.header = "state", .importance = 3},
                {.header = "found", .importance = 1},
                {.header = "code", .importance = 2},
                {.header = "what", .wide_only = true}});
    for (const json& entry : list["items"]) {
      const bool open = is_open_entry(entry);
      const std::string name = field(entry, "name");
      rows.add({{field(entry, "entry"), "", Paint::kCyan},
                {name.empty() ? field(entry, "id") : name, "", Paint::kNone},
                {state_text(entry), "", open ? Paint::kRed : Paint::kNone},
                time_cell(session, field(entry, "found_at")),
                {field(entry, "code"), "", Paint::kNone},
                {field(entry, "message"), "", Paint::kDim}});
    }
    return rows;
  };
  const auto names = [&] {
    std::vector<std::string> ids;
    for (const json& entry : list["items"]) ids.push_back(field(entry, "entry"));
    return ids;
  };
  return session.out().result(list, {.table = table, .names = names});
}

std::string entry_text(const json& entry) {
  std::string out = "entry " + field(entry, "entry") + "\n";
  const std::string name = field(entry, "name");
  if (!field(entry, "id").empty())
    out += "Document: " +
           printable(name.empty() ? field(entry, "id") : name + "  " + field(entry, "id")) + "\n";
  out += "State:    " + state_text(entry) + "\n";
  out += "Found:    " + field(entry, "found_at") + "  " + field(entry, "code") + "\n";
  out += "What:     " + printable(field(entry, "message")) + "\n";
  for (const json& key : entry["records"])
    out += "Record:   " + printable(key.get<std::string>()) + "\n";
  for (const json& file : entry["files"])
    out += "Kept in:  " + printable(file.get<std::string>()) + "\n";
  for (const json& hash : entry["missing"]) out += "Lost:     " + hash.get<std::string>() + "\n";
  if (field(entry, "state") == "degraded")
    out += "\nhint: syncctl store repair --apply --from-peer PEER\n";
  return out;
}

}  // namespace

Result<int> run_quarantine_ls(Session& session) {
  const auto list = entries_of(session, "quarantine.list");
  if (!list) return list.error();
  if (auto done = print_entries(session, *list); !done) return done.error();
  if ((*list)["items"].empty()) session.out().note("nothing is in quarantine");
  return control::exit_code::kOk;
}

Result<int> run_quarantine_show(Session& session) {
  const auto list = entries_of(session, "quarantine.show");
  if (!list) return list.error();
  const json& entry = (*list)["items"].at(0);
  const auto names = [&] { return std::vector<std::string>{field(entry, "entry")}; };
  const auto done =
      session.out().result(entry, {.text = [&] { return entry_text(entry); }, .names = names});
  if (!done) return done.error();
  return control::exit_code::kOk;
}

Result<int> run_quarantine_export(Session& session) {
  const auto to = session.value("to");
  if (!to) return make_error(ErrorId::kUsageFlag, "quarantine export needs --to FILE");
  const auto list = entries_of(session, "quarantine.show");
  if (!list) return list.error();
  const json& entry = (*list)["items"].at(0);
  if (entry["files"].empty())
    return make_error(ErrorId::kEntryNotFound,
                      field(entry, "entry") + " has no bytes: what was damaged could not be read",
                      "syncctl quarantine show " + field(entry, "entry"));
  json written = json::array();
  for (const json& file : entry["files"]) {
    const std::size_t number = written.size() + 1;
    const std::string target = number == 1 ? *to : *to + "." + std::to_string(number);
    const auto bytes = read_input(file.get<std::string>());
    if (!bytes) return bytes.error();
    if (auto done = write_file(target, *bytes); !done) return done.error();
    written.push_back({{"file", target}, {"bytes", bytes->size()}});
  }
  const json out = {{"kind", "QuarantineExport"},
                    {"v", 1},
                    {"entry", entry["entry"]},
                    {"items", std::move(written)}};
  const auto text = [&]() -> std::string {
    if (session.out().quiet()) return "";
    std::string lines;
    for (const json& file : out["items"])
      lines += "wrote  " + printable(field(file, "file")) + "  " +
               human_bytes(count_field(file, "bytes")) + "\n";
    return lines;
  };
  if (auto done = session.out().result(out, {.text = text}); !done) return done.error();
  return control::exit_code::kOk;
}

/// Partial when some entries are resolved, bad data when none is: the documents still have holes.
Result<int> run_quarantine_retry(Session& session) {
  const auto list = entries_of(session, "quarantine.retry");
  if (!list) return list.error();
  if (auto done = print_entries(session, *list); !done) return done.error();
  const json& items = (*list)["items"];
  const auto open =
      static_cast<std::size_t>(std::count_if(items.begin(), items.end(), is_open_entry));
  if (open == 0) return control::exit_code::kOk;
  Failures failures;
  failures.add(make_error(ErrorId::kDocDegraded,
                          std::to_string(open) + " of " + std::to_string(items.size()) +
                              (items.size() == 1 ? " entry: its document is still degraded"
                                                 : " entries: their documents are still degraded"),
                          "syncctl store repair --apply --from-peer PEER"));
  return failures.finish(session, items.size() - open);
}

Result<int> run_quarantine_drop(Session& session) {
  const auto list = entries_of(session, "quarantine.show");
  if (!list) return list.error();
  std::size_t open = 0;
  for (const json& entry : (*list)["items"]) open += is_open_entry(entry) ? 1 : 0;
  if (!session.has("dry-run")) {
    const auto sure = session.confirm(
        "delete the damaged bytes of " + std::to_string((*list)["items"].size()) +
        ((*list)["items"].size() == 1 ? " entry" : " entries") +
        (open > 0 ? ", " + std::to_string(open) + " of them of documents that are still degraded"
                  : ""));
    if (!sure) return sure.error();
    const auto dropped = entries_of(session, "quarantine.drop");
    if (!dropped) return dropped.error();
  }
  if (auto done = print_entries(session, *list); !done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
