#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/import_folder.h"
#include "cli/commands/params.h"
#include "cli/commands/progress.h"
#include "cli/commands/render.h"
#include "core/base/limits.h"
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

constexpr std::string_view kMagic = "\x85\x6f\x4a\x83";

/// By --format, else by the content, else by the file's ending.
Result<std::string> format_of(const Session& session, const std::string& file,
                              const std::string& content) {
  if (const auto format = session.value("format")) return *format;
  if (content.starts_with(kMagic)) return std::string("automerge");
  const std::string ending = fs::path(file).extension().string();
  if (ending == ".ndjson" || ending == ".jsonl") return std::string("ndjson");
  if (ending == ".changes") return std::string("changes");
  const std::size_t first = content.find_first_not_of(" \t\r\n");
  if (ending == ".json" || (first != std::string::npos && content[first] == '{'))
    return std::string("json");
  return make_error(ErrorId::kInputFile,
                    "the file \"" + file + "\" is neither an Automerge document nor JSON",
                    "say what it is with --format");
}

std::string name_for(const Session& session, const std::string& file) {
  const auto into = session.value("into");
  if (!into) return "";
  const std::string stem = file == "-" ? "stdin" : fs::path(file).stem().string();
  return *into + "/" + name_of_file(stem);
}

/// The requests that a folder of another program makes; what is damaged in it is told.
Result<std::vector<json>> requests_of_folder(const Session& session, const std::string& folder,
                                             Failures& failures) {
  const auto content = read_folder(folder);
  if (!content) return content.error();
  for (const Error& error : content->damaged) failures.add(error);
  const auto into = session.value("into");
  std::vector<json> requests;
  for (const FolderDocument& document : content->documents) {
    json request = {{"format", "automerge"}, {"data", verbs::to_base64(as_bytes(document.bytes))}};
    if (session.has("update")) request["update"] = true;
    if (session.has("dry-run")) request["dry_run"] = true;
    if (!document.id.empty()) request["id"] = "automerge:" + document.id;
    const std::string own = !document.name.empty()  ? document.name
                            : document.stem.empty() ? document.id
                                                    : name_of_file(document.stem);
    if (into)
      request["name"] = *into + "/" + own;
    else if (!document.name.empty() || document.id.empty())
      request["name"] = own;
    requests.push_back(std::move(request));
  }
  return requests;
}

std::string words_for(const std::string& file) {
  return file == "-" ? "stdin" : "the file \"" + file + "\"";
}

/// The requests that one file makes: one, or one a line for ndjson.
Result<std::vector<json>> requests_of(Session& session, const std::string& file) {
  auto content = read_input(file);
  if (!content) return content.error();
  const auto format = format_of(session, file, *content);
  if (!format) return format.error();
  json common = {{"format", *format}};
  if (session.has("update")) common["update"] = true;
  if (session.has("dry-run")) common["dry_run"] = true;
  const std::string name = name_for(session, file);
  const std::string what = words_for(file);
  std::vector<json> requests;
  if (*format == "automerge" || *format == "changes") {
    common["data"] = verbs::to_base64(as_bytes(*content));
    if (!name.empty()) common["name"] = name;
    requests.push_back(std::move(common));
  } else if (*format == "json") {
    auto value = control::parse_json(*content, what);
    if (!value) return value.error();
    if (!value->is_object())
      return make_error(ErrorId::kInputJson, what + " does not hold a JSON object",
                        "a document is an object; put the value under a key");
    common["value"] = std::move(*value);
    if (!name.empty()) common["name"] = name;
    requests.push_back(std::move(common));
  } else {
    std::size_t number = 0;
    std::string_view rest = *content;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      auto value = control::parse_json(line, what + ", line " + std::to_string(number) + ",");
      if (!value) return value.error();
      if (!value->is_object())
        return make_error(ErrorId::kInputJson,
                          what + ", line " + std::to_string(number) + ", is not a JSON object");
      json request = common;
      // What export --format ndjson wrote keeps its name and id.
      const bool exported = field(*value, "kind") == "Export" && value->contains("value");
      request["value"] = exported ? (*value)["value"] : *value;
      if (exported && !field(*value, "id").empty()) request["id"] = (*value)["id"];
      if (exported && !field(*value, "name").empty()) request["name"] = (*value)["name"];
      if (!name.empty()) request["name"] = name + "/" + std::to_string(number);
      requests.push_back(std::move(request));
    }
  }
  return requests;
}

/// The agent judges the bytes that we sent; only we know which file they came from.
Error with_file(const std::string& file, Error error) {
  if (control::row_of(error).id != ErrorId::kInputFile) return error;
  error.message = words_for(file) + " cannot be imported\n" + error.message;
  return error;
}

}  // namespace

Result<int> run_import(Session& session) {
  json items = json::array();
  Failures failures;
  Progress progress(session, "import", "documents");
  std::uint64_t found = 0;
  std::uint64_t done_so_far = 0;
  Target* target = nullptr;
  for (const std::string& file : session.args(0)) {
    std::error_code ignored;
    const bool is_folder = fs::is_directory(file, ignored);
    auto requests =
        is_folder ? requests_of_folder(session, file, failures) : requests_of(session, file);
    if (!requests) {
      failures.add(requests.error());
      continue;
    }
    found += requests->size();
    progress.expect(found, "documents");
    for (json& request : *requests) {
      request["request_id"] = new_request_id();
      if (request["format"] == "ndjson") request["format"] = "json";
    }
    if (target == nullptr) {
      // However much there is: only --timeout sets a limit.
      const auto made = session.has_timeout() ? session.replica() : session.watch_target();
      if (!made) return made.error();
      target = *made;
    }
    target->call_each("doc.import", *requests, [&](Result<json> ack) {
      progress.update(done_so_far++);
      if (ack)
        items.push_back(std::move(*ack));
      else
        failures.add(with_file(file, ack.error()));
    });
  }
  progress.erase();
  return print_acks(session, "AckList", items, failures, "id");
}

}  // namespace converge::cli
