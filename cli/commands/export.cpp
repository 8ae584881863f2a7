#include "cli/app/kinds.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/import_folder.h"
#include "cli/commands/progress.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/verbs/text_forms.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
namespace fs = std::filesystem;

/// The documents that the words name; patterns are looked up.
Result<std::vector<std::string>> documents_of(Session& session) {
  std::vector<std::string> docs;
  for (const std::string& word : session.args(0)) {
    if (!is_pattern(word) || is_file_word(word)) {
      docs.push_back(session.document(word));
      continue;
    }
    json params = {{"patterns", json::array({word})}};
    std::size_t found = 0;
    while (true) {
      const auto list = session.ask("doc.list", params);
      if (!list) return list.error();
      for (const json& item : list->at("items")) {
        docs.push_back(name_or_id(item));
        ++found;
      }
      if (field(*list, "next").empty()) break;
      params["after"] = (*list)["next"];
    }
    if (found == 0)
      return make_error(ErrorId::kDocNotFound, "no document matches \"" + word + "\"");
  }
  return docs;
}

Result<json> fetch(Session& session, const std::string& doc, const std::string& format) {
  json params = {{"doc", doc}};
  if (const auto at = session.at()) params["at"] = *at;
  if (format != "json" && format != "ndjson") {
    params["format"] = format;
    return session.ask_for(doc, "doc.export", params);
  }
  auto heads = session.ask_for(doc, "doc.heads", params);
  if (!heads) return heads;
  // "get" gives the plain form too.
  if (session.has("typed")) params["typed"] = true;
  auto answer = session.ask_for(doc, "doc.get", params);
  if (!answer) return answer;
  return json{{"kind", "Export"},
              {"v", 1},
              {"id", heads->value("id", json())},
              {"name", heads->value("name", json())},
              {"format", format},
              {"value", (*answer)["value"]}};
}

Result<std::string> bytes_of(const Session& session, const json& exported,
                             const std::string& format, bool pretty) {
  (void)session;
  if (format == "ndjson") return control::to_compact(exported) + "\n";
  if (format == "json")
    return (pretty ? control::to_pretty(exported.at("value"))
                   : control::to_compact(exported.at("value"))) +
           "\n";
  const auto bytes = verbs::from_base64(field(exported, "data"));
  if (!bytes) return make_error(ErrorId::kInternal, "the exported document is not base64");
  return std::string(as_text(*bytes));
}

std::string ending_of(const std::string& format) {
  return format == "json" ? ".json" : format == "changes" ? ".changes" : ".automerge";
}

Result<int> to_stdout(Session& session, const std::vector<std::string>& docs,
                      const std::string& format) {
  const bool binary = format == "automerge" || format == "changes";
  if (docs.size() > 1 && format != "ndjson")
    return make_error(ErrorId::kUsageArgument,
                      counted(docs.size(), "document") + " do not fit into one stream",
                      "write them to a directory with --to DIR, or use --format ndjson");
  if (binary && session.terminal().out_tty)
    return make_error(ErrorId::kUsageArgument, "a binary document is not written to a terminal",
                      "say where it goes with --to FILE, or use --format json");
  Progress progress(session, "export", "documents", docs.size());
  for (std::size_t i = 0; i < docs.size(); ++i) {
    const auto exported = fetch(session, docs[i], format);
    if (!exported) return exported.error();
    progress.update(i + 1);
    const auto bytes = bytes_of(session, *exported, format, session.terminal().out_tty);
    if (!bytes) return bytes.error();
    if (auto done = session.out().data(*bytes); !done) return done.error();
  }
  return control::exit_code::kOk;
}

/// Beside the files, what they are called and which documents they are.
Result<void> write_names(const fs::path& directory, const json& items) {
  std::string lines;
  for (const json& item : items)
    lines += control::to_compact({{"file", fs::path(field(item, "file")).filename().string()},
                                  {"id", item["id"]},
                                  {"name", item["name"]}}) +
             "\n";
  return write_file(directory / kNamesFile, lines, {.replace = true});
}

}  // namespace

Result<int> run_export(Session& session) {
  const std::string format = session.value("format").value_or("automerge");
  const std::string to = session.value("to").value_or("-");
  const auto docs = documents_of(session);
  if (!docs) return docs.error();
  if (to == "-") return to_stdout(session, *docs, format);
  std::error_code error;
  const bool directory = fs::is_directory(to, error) || to.ends_with('/') || docs->size() > 1;
  if (directory && format == "ndjson")
    return make_error(ErrorId::kUsageFlag, "--format ndjson is one stream, not a directory",
                      "use --format json with --to DIR");
  if (directory) fs::create_directories(to, error);
  if (directory && !fs::is_directory(to, error))
    return make_error(ErrorId::kOutputExists, "\"" + to + "\" is not a directory");
  json items = json::array();
  Failures failures;
  Progress progress(session, "export", "documents", docs->size());
  std::uint64_t done_so_far = 0;
  for (const std::string& doc : *docs) {
    progress.update(done_so_far++);
    const auto exported = fetch(session, doc, format);
    if (!exported) {
      failures.add(exported.error());
      continue;
    }
    const auto bytes = bytes_of(session, *exported, format, true);
    if (!bytes) return bytes.error();
    const std::string name = name_or_id(*exported);
    const fs::path file =
        directory ? fs::path(to) / (file_name_of(fs::path(name).extension() == ".automerge"
                                                     ? fs::path(name).stem().string()
                                                     : name) +
                                    ending_of(format))
                  : fs::path(to);
    if (auto done = write_file(file, *bytes, {.replace = session.has("force")}); !done) {
      failures.add(done.error());
      continue;
    }
    items.push_back({{"id", exported->value("id", json())},
                     {"name", exported->value("name", json())},
                     {"file", file.string()},
                     {"size_bytes", bytes->size()}});
  }
  progress.erase();
  if (directory && format == "automerge" && !items.empty())
    if (auto done = write_names(to, items); !done) return done.error();
  if (items.empty() && !failures.empty()) return failures.finish(session, 0);
  const json report = {{"kind", "ExportReport"}, {"v", 1}, {"items", items}};
  const auto names = [&] {
    std::vector<std::string> all;
    for (const json& item : items) all.push_back(field(item, "file"));
    return all;
  };
  const auto text = [&] {
    std::string out;
    for (const std::string& file : names())
      if (!session.out().quiet()) out += printable(file) + "\n";
    return out;
  };
  if (auto done = session.out().result(report, {.text = text, .names = names}); !done)
    return done.error();
  return failures.finish(session, items.size());
}

}  // namespace converge::cli
