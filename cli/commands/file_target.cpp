#include "cli/app/kinds.h"
#include "cli/commands/files.h"
#include "cli/commands/target.h"
#include "core/base/system.h"
#include "core/control/error_table.h"
#include "core/engine/document.h"
#include "core/verbs/blame.h"
#include "core/verbs/canonical.h"
#include "core/verbs/conflicts.h"
#include "core/verbs/diff.h"
#include "core/verbs/edits.h"
#include "core/verbs/history.h"
#include "core/verbs/merge.h"
#include "core/verbs/pointer.h"
#include "core/verbs/read.h"
#include "core/verbs/revision.h"
#include "core/verbs/text_forms.h"
#include "core/verbs/value.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

std::string text_of(const json& params, const char* key) {
  const auto found = params.find(key);
  return found != params.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_of(const json& params, const char* key) {
  const auto found = params.find(key);
  return found != params.end() && found->is_boolean() && found->get<bool>();
}

/// Files have no replica that keeps actors apart, so each process that edits one is a fresh actor.
ActorId fresh_actor() {
  std::array<std::byte, 16> bytes{};
  SystemRandom().fill(bytes);
  return ActorId(bytes);
}

Error unreadable(const std::string& file, const Error& cause) {
  if (cause.code == ErrorCode::kLimitExceeded)
    return make_error(ErrorId::kLimitExceeded,
                      "the file \"" + file + "\" is over a limit\n" + cause.message);
  return make_error(ErrorId::kInputFile,
                    "the file \"" + file + "\" is not an Automerge document\n" + cause.message);
}

struct OpenFile {
  std::string file;
  std::string rev;
  engine::Document document;
};

Result<OpenFile> open_file(const std::string& doc) {
  const verbs::DocRev named = verbs::split_doc_rev(doc);
  auto bytes = read_input(named.doc);
  if (!bytes) {
    if (control::is(bytes.error(), ErrorId::kInputFile) && named.doc != "-" &&
        !std::filesystem::exists(named.doc))
      return make_error(ErrorId::kDocNotFound, "there is no file \"" + named.doc + "\"");
    return bytes.error();
  }
  auto document = engine::Document::load(as_bytes(*bytes), fresh_actor());
  if (!document) return unreadable(named.doc, document.error());
  return OpenFile{named.doc, named.rev, std::move(*document)};
}

Result<std::optional<verbs::Pointer>> path_of(const json& params) {
  const std::string text = text_of(params, "path");
  if (text.empty()) return std::optional<verbs::Pointer>();
  auto pointer = verbs::Pointer::parse(text);
  if (!pointer) return pointer.error();
  return std::optional<verbs::Pointer>(std::move(*pointer));
}

json named(json object, const OpenFile& open, const char* kind) {
  object["kind"] = kind;
  object["v"] = 1;
  object["id"] = nullptr;
  object["name"] = open.file;
  return object;
}

std::string revision_of(const OpenFile& open, const json& params) {
  return open.rev.empty() ? text_of(params, "at") : open.rev;
}

Result<json> get(const json& params) {
  const auto open = open_file(text_of(params, "doc"));
  if (!open) return open.error();
  const auto pointer = verbs::Pointer::parse(text_of(params, "pointer"));
  if (!pointer) return pointer.error();
  std::size_t unshown = 0;
  const std::string rev = revision_of(*open, params);
  verbs::GetOptions options;
  options.rev = rev;
  options.form = flag_of(params, "typed") ? verbs::Form::kTyped : verbs::Form::kPlain;
  options.unshown = &unshown;
  auto value = verbs::get(open->document, *pointer, options);
  if (!value) return value.error();
  if (flag_of(params, "meta")) {
    json object = named(verbs::document_facts(open->document), *open, "Document");
    const auto heads = verbs::resolve_revision(open->document, rev);
    if (!heads) return heads.error();
    object["heads"] = verbs::heads_json(*heads);
    object["state"] = "ok";
    object["seq"] = nullptr;
    object["updated_at"] = nullptr;
    object["value"] = std::move(*value);
    return object;
  }
  json result{{"value", std::move(*value)}};
  if (unshown > 0) result["unshown"] = unshown;
  return result;
}

Result<json> heads(const json& params) {
  const auto open = open_file(text_of(params, "doc"));
  if (!open) return open.error();
  const auto found = verbs::resolve_revision(open->document, revision_of(*open, params));
  if (!found) return found.error();
  return named({{"heads", verbs::heads_json(*found)}}, *open, "Heads");
}

/// Runs `change` on the file's document under a lock and writes it back when it did something.
template <class Change>
Result<json> edit_file(const json& params, const std::string& doc, const Change& change) {
  const verbs::DocRev target = verbs::split_doc_rev(doc);
  if (target.doc == "-")
    return make_error(ErrorId::kUsageArgument, "a document on stdin cannot be changed in place",
                      "write it to a file first");
  const auto lock = FileLock::take(target.doc);
  if (!lock) return lock.error();
  auto open = open_file(doc);
  if (!open) return open.error();
  verbs::WriteOptions defaults;
  defaults.time = SystemClock().wall_now_ms() / 1000;
  const Result<verbs::Outcome> outcome = change(open->document, defaults);
  if (!outcome) return outcome.error();
  if (outcome->change) {
    const Bytes bytes = open->document.save();
    const auto written =
        write_file(open->file, as_text(bytes), {.replace = true, .keep_mode = true});
    if (!written) return written.error();
  }
  json ack = named(verbs::to_json(*outcome), *open, "Ack");
  ack["queued"] = false;
  ack["durable"] = outcome->change.has_value() || outcome->unchanged;
  ack["request_id"] = params.contains("request_id") ? params["request_id"] : json();
  ack["acks"] = json::array();
  return ack;
}

Result<json> edit(std::string_view method, const json& params) {
  return edit_file(params, text_of(params, "doc"),
                   [&](engine::Document& document, const verbs::WriteOptions& defaults) {
                     return verbs::run_edit(document, method, params, defaults);
                   });
}

Result<json> export_file(const json& params) {
  auto open = open_file(text_of(params, "doc"));
  if (!open) return open.error();
  const std::string rev = revision_of(*open, params);
  const auto at = verbs::resolve_revision(open->document, rev);
  if (!at) return at.error();
  const std::string format = params.value("format", "automerge");
  json result = named({{"format", format}, {"heads", verbs::heads_json(*at)}}, *open, "Export");
  if (format == "json") {
    verbs::GetOptions options;
    options.rev = rev;
    options.form = flag_of(params, "typed") ? verbs::Form::kTyped : verbs::Form::kPlain;
    auto value = verbs::get(open->document, {}, options);
    if (!value) return value.error();
    result["value"] = std::move(*value);
    return result;
  }
  const auto past = open->document.fork_at(*at, fresh_actor());
  if (!past) return past.error();
  Bytes bytes;
  if (format == "changes") {
    for (const ChangeHash& hash : past->all_changes())
      if (const auto chunk = past->change_bytes(hash))
        bytes.insert(bytes.end(), chunk->begin(), chunk->end());
  } else {
    bytes = past->save();
  }
  result["data"] = verbs::to_base64(bytes);
  return result;
}

Result<json> log(const json& params) {
  const auto open = open_file(text_of(params, "doc"));
  if (!open) return open.error();
  if (params.contains("since") || params.contains("until"))
    return make_error(ErrorId::kUsageFlag, "a file does not know when its changes were received",
                      "--since and --until need an agent or a store");
  verbs::LogOptions options;
  auto path = path_of(params);
  if (!path) return path.error();
  options.path = std::move(*path);
  if (const std::string actor = text_of(params, "actor"); !actor.empty()) options.actor = actor;
  options.limit = params.value("limit", std::size_t{0});
  if (!open->rev.empty()) {
    auto at = verbs::resolve_revision(open->document, open->rev);
    if (!at) return at.error();
    options.at = std::move(*at);
  }
  const auto hashes = verbs::log(open->document, options);
  if (!hashes) return hashes.error();
  json items = json::array();
  for (const ChangeHash& hash : *hashes) {
    auto change = verbs::change_json(open->document, hash);
    if (!change) return change.error();
    items.push_back(std::move(*change));
  }
  return named({{"items", std::move(items)}, {"next", nullptr}}, *open, "ChangeList");
}

Result<json> show(const json& params) {
  const auto open = open_file(text_of(params, "doc"));
  if (!open) return open.error();
  const auto hash = verbs::resolve_change(open->document, open->rev);
  if (!hash) return hash.error();
  auto change = verbs::show(open->document, *hash, flag_of(params, "ops"));
  if (!change) return change.error();
  return named(std::move(*change), *open, "Change");
}

Result<json> blame(const json& params) {
  const auto open = open_file(text_of(params, "doc"));
  if (!open) return open.error();
  auto pointer = verbs::Pointer::parse(text_of(params, "pointer"));
  if (!pointer) return pointer.error();
  const auto heads = verbs::resolve_revision(open->document, revision_of(*open, params));
  if (!heads) return heads.error();
  auto items = verbs::blame(open->document, *heads,
                            {std::move(*pointer), params.value("depth", std::size_t{0})});
  if (!items) return items.error();
  return named({{"items", std::move(*items)}}, *open, "Blame");
}

/// Without revisions one file is compared with what it was before its last change.
Result<Heads> before_last(const engine::Document& document) {
  const auto hashes = verbs::log(document, {.path = {}, .actor = {}, .at = {}, .limit = 1});
  if (!hashes) return hashes.error();
  Heads heads;
  if (!hashes->empty()) {
    Heads without = document.heads();
    std::erase(without, hashes->front());
    for (const ChangeHash& dep : document.change_deps(hashes->front()).value_or(Heads{}))
      if (without.empty() || !document.is_ancestor(dep, without)) heads.push_back(dep);
    heads.insert(heads.end(), without.begin(), without.end());
    std::sort(heads.begin(), heads.end());
  }
  return heads;
}

Result<json> diff(const json& params) {
  const auto left = open_file(text_of(params, "doc"));
  if (!left) return left.error();
  verbs::DiffOptions options;
  auto path = path_of(params);
  if (!path) return path.error();
  options.path = std::move(*path);
  const std::string from_text = left->rev.empty() ? text_of(params, "from") : left->rev;
  const std::string other = text_of(params, "other");
  Result<OpenFile> right = Error{ErrorCode::kNotFound, ""};
  if (!other.empty()) {
    right = open_file(other);
    if (!right) return right.error();
  }
  const OpenFile& to_side = right ? *right : *left;
  const std::string to_text = right && !right->rev.empty() ? right->rev : text_of(params, "to");
  const auto to = verbs::resolve_revision(to_side.document, to_text);
  if (!to) return to.error();
  const auto from = from_text.empty() && other.empty()
                        ? before_last(left->document)
                        : verbs::resolve_revision(left->document, from_text);
  if (!from) return from.error();
  auto result = verbs::diff(left->document, *from, to_side.document, *to, options);
  if (!result) return result.error();
  return named(std::move(*result), *left, "Diff");
}

Result<json> digest(const json& params) {
  json items = json::array();
  Heads sums;
  for (const json& file : params.at("patterns")) {
    const auto open = open_file(file.get<std::string>());
    if (!open) return open.error();
    const auto at = verbs::resolve_revision(open->document, open->rev);
    if (!at) return at.error();
    const auto view = open->document.at(*at);
    if (!view) return view.error();
    const verbs::Digest sum =
        flag_of(params, "state") ? verbs::state_digest(*view) : verbs::history_digest(*at);
    items.push_back({{"id", nullptr}, {"name", open->file}, {"digest", to_hex(sum)}});
    sums.push_back({sum});
  }
  std::sort(sums.begin(), sums.end());
  return json{{"kind", "Digest"},
              {"v", 1},
              {"over", flag_of(params, "state") ? "state" : "history"},
              {"count", items.size()},
              {"root", to_hex(verbs::history_digest(sums))},
              {"items", std::move(items)}};
}

Result<json> list_conflicts(const json& params) {
  const auto open = open_file(text_of(params, "pattern"));
  if (!open) return open.error();
  json items = json::array();
  for (const verbs::Conflict& conflict : verbs::conflicts(open->document, open->file)) {
    auto item = verbs::to_json(open->document, conflict);
    if (!item) return item.error();
    (*item)["doc"] = nullptr;
    (*item)["name"] = open->file;
    (*item)["state"] = "open";
    (*item)["since"] = nullptr;
    items.push_back(std::move(*item));
  }
  return json{{"kind", "ConflictList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}};
}

Result<json> resolve(const json& params) {
  const std::string file = text_of(params, "pattern");
  verbs::Resolution resolution;
  if (params.contains("pick")) resolution.pick = params["pick"].get<std::size_t>();
  if (params.contains("value")) resolution.value = &params["value"];
  if (const std::string rule = text_of(params, "rule"); !rule.empty()) {
    const auto parsed = verbs::parse_rule(rule);
    if (!parsed) return parsed.error();
    resolution.rule = *parsed;
  }
  auto ack = edit_file(
      params, file,
      [&](engine::Document& document, verbs::WriteOptions defaults) -> Result<verbs::Outcome> {
        defaults.dry_run = flag_of(params, "dry_run");
        std::vector<std::string> ids;
        for (const verbs::Conflict& conflict : verbs::conflicts(document, file))
          ids.push_back(conflict.id);
        if (ids.empty()) {
          verbs::Outcome nothing;
          nothing.heads = document.heads();
          return nothing;
        }
        return verbs::resolve_conflicts(document, file, ids, resolution, defaults);
      });
  if (!ack) return ack.error();
  return json{{"kind", "ResolveReport"}, {"v", 1}, {"items", json::array({std::move(*ack)})}};
}

std::set<std::string> conflict_paths(const OpenFile& open) {
  std::set<std::string> paths;
  for (const verbs::Conflict& conflict : verbs::conflicts(open.document, open.file))
    paths.insert(conflict.path);
  return paths;
}

/// Inputs stay as they are: the merged bytes are in "data".
Result<json> merge(const json& params) {
  auto open = open_file(text_of(params, "doc"));
  if (!open) return open.error();
  const std::set<std::string> before = conflict_paths(*open);
  verbs::MergeOutcome all;
  for (const json& source : params.at("sources")) {
    const auto other = open_file(text_of(source, "doc"));
    if (!other) return other.error();
    const auto outcome = verbs::merge_document(open->document, other->document);
    if (!outcome) return outcome.error();
    all.applied.insert(all.applied.end(), outcome->applied.begin(), outcome->applied.end());
    all.queued.insert(all.queued.end(), outcome->queued.begin(), outcome->queued.end());
  }
  std::ranges::set_difference(conflict_paths(*open), before, std::back_inserter(all.new_conflicts));
  all.heads = open->document.heads();
  if (flag_of(params, "fail_on_conflict") && !all.new_conflicts.empty())
    return make_error(
        ErrorId::kMergeConflict,
        "merging into \"" + open->file + "\" would add a conflict at " + all.new_conflicts.front(),
        "leave out --fail-on-conflict, then look with \"syncctl conflict ls FILE\"");
  json report = named(verbs::to_json(all), *open, "MergeReport");
  report["data"] = verbs::to_base64(open->document.save());
  return report;
}

using Function = Result<json> (*)(const json&);

const std::map<std::string, Function, std::less<>>& functions() {
  static const std::map<std::string, Function, std::less<>> table = {
      {"doc.blame", blame},
      {"doc.get", get},
      {"doc.heads", heads},
      {"doc.export", export_file},
      {"doc.log", log},
      {"doc.show", show},
      {"doc.diff", diff},
      {"doc.digest", digest},
      {"doc.merge", merge},
      {"conflict.list", list_conflicts},
      {"conflict.resolve", resolve}};
  return table;
}

}  // namespace

FileTarget::FileTarget() = default;

Result<json> FileTarget::call(std::string_view method, const json& params) {
  if (verbs::is_edit_method(method)) return edit(method, params);
  const auto found = functions().find(method);
  if (found == functions().end())
    return make_error(ErrorId::kUsageArgument, "this command does not work on a file",
                      "name a document of the agent or of a store");
  return found->second(params);
}

}  // namespace converge::cli
