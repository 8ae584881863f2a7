#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "cli/output/word_diff.h"
#include "core/control/error_table.h"
#include "core/verbs/revision.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

std::string stat_text(const json& diff) {
  const json stat = diff.value("stat", json::object());
  return field(stat, "added") + " added, " + field(stat, "removed") + " removed, " +
         field(stat, "replaced") + " replaced\n";
}

std::string changes_text(const Session& session, const json& diff) {
  std::string out;
  const auto add = [&](const char* key, const char* sign, Paint paint) {
    for (const json& hash : diff.value(key, json::array()))
      out += painted(paint, sign + std::string(" ") + hash.get<std::string>(),
                     session.terminal().color_out) +
             "\n";
  };
  add("only_left", "<", Paint::kRed);
  add("only_right", ">", Paint::kGreen);
  return out;
}

/// The text that a typed value is; nothing for any other value.
std::optional<std::string> text_in(const json& typed) {
  const json plain = plain_value(typed);
  if (!plain.is_string()) return std::nullopt;
  return plain.get<std::string>();
}

/// The patch as people read it, with replaced texts word by word. `state` is the value the patch
/// starts from, typed; every step is carried out on it, since later paths count on it.
std::string words_text(const Session& session, const json& patch, json state) {
  const bool color = session.terminal().color_out;
  bool is_known = true;  // the state is still what the patch says
  std::string out;
  for (const json& operation : patch) {
    const json::json_pointer place(field(operation, "path"));
    std::vector<std::string> lines;
    if (is_known && field(operation, "op") == "replace" && state.contains(place)) {
      const auto before = text_in(state[place]);
      const auto after = text_in(operation["value"]);
      if (before && after) lines = word_diff(*before, *after, color);
    }
    if (lines.empty()) {
      out += patch_text(session, json::array({operation}));
    } else {
      out += painted(Paint::kYellow, printable("! " + field(operation, "path")), color) + "\n";
      for (const std::string& line : lines) out += "    " + line + "\n";
    }
    try {
      if (is_known) state.patch_inplace(json::array({operation}));
    } catch (const json::exception&) {  // a key that the typed form writes with another "$"
      is_known = false;
    }
  }
  return out;
}

/// What the left side held, for words_text; null where it cannot be had, which costs the words.
json left_value(Session& session, const json& diff) {
  std::string heads;
  for (const json& head : diff.value("from", json::array()))
    heads += (heads.empty() ? "" : "+") + head.get<std::string>();
  if (heads.empty()) return nullptr;
  const std::string doc = verbs::split_doc_rev(session.document(session.arg(0))).doc + "@" + heads;
  const auto answer = session.ask_for(doc, "doc.get", {{"doc", doc}, {"typed", true}});
  return answer ? answer->value("value", json()) : json();
}

/// --at: both documents as they were then; of one document what the last change received by then
/// did.
Result<void> add_moment(Session& session, json& params) {
  const auto at = session.at();
  if (!at) return {};
  if (params.contains("from") || params.contains("to"))
    return make_error(ErrorId::kUsageFlag, "--at does not go with --from and --to",
                      "say the revisions of both sides");
  if (params.contains("other")) {
    for (const char* key : {"doc", "other"}) {
      std::string doc = params[key];
      if (verbs::split_doc_rev(doc).rev.empty()) params[key] = doc + "@" + *at;
    }
    return {};
  }
  const std::string doc = params["doc"];
  const auto log = session.ask_for(doc, "doc.log", {{"doc", doc}, {"at", *at}, {"limit", 1}});
  if (!log) return log.error();
  params["to"] = *at;
  if (log->at("items").empty()) return {};
  const json& last = log->at("items")[0];
  if (const std::uint64_t seq = count_field(last, "received_seq"); seq > 0) {
    params["from"] = "#" + std::to_string(seq - 1);
    return {};
  }
  std::string before;
  for (const json& dep : last.value("deps", json::array()))
    before += (before.empty() ? "" : "+") + dep.get<std::string>();
  if (!before.empty()) params["from"] = before;
  return {};
}

Result<json> params_of(Session& session) {
  const std::string left = session.document(session.arg(0));
  json params = {{"doc", left}};
  if (!session.args(1).empty()) {
    const std::string right = session.document(session.arg(1));
    if (is_file_word(left) != is_file_word(right))
      return make_error(ErrorId::kUsageArgument,
                        "\"" + left + "\" and \"" + right + "\" are a document and a file",
                        "export the document first: syncctl export DOC --to FILE");
    params["other"] = right;
  }
  for (const char* flag : {"from", "to", "path"})
    if (const auto value = session.value(flag)) params[flag] = *value;
  if (auto placed = add_moment(session, params); !placed) return placed.error();
  return params;
}

}  // namespace

Result<int> run_diff(Session& session) {
  const auto params = params_of(session);
  if (!params) return params.error();
  const auto diff = session.ask_for(session.arg(0), "doc.diff", *params);
  if (!diff) return diff.error();
  const std::string form = session.value("as").value_or("text");
  const json patch = diff->value("patch", json::array());
  Printer& out = session.out();
  Result<void> done;
  const bool for_people = session.terminal().out_tty || session.terminal().color_out;
  const bool has_words =
      for_people && form == "text" && std::ranges::any_of(patch, [](const json& operation) {
        return field(operation, "op") == "replace" && text_in(operation["value"]);
      });
  const json left =
      has_words && out.format().kind == Format::Kind::kText ? left_value(session, *diff) : json();
  // The patch alone is what --as json-patch is for: "patch" reads it.
  if (form == "json-patch" && out.format().kind != Format::Kind::kJsonPath)
    done = out.data(out.to_line(patch, true));
  else
    done = out.result(
        *diff, {.text =
                    [&] {
                      if (form == "stat") return stat_text(*diff);
                      if (form == "changes") return changes_text(session, *diff);
                      if (!left.is_null()) return words_text(session, patch, left);
                      return patch_text(session, patch);
                    },
                .names = [&] { return diff->value("only_right", std::vector<std::string>()); },
                .pages = true});
  if (!done) return done.error();
  const bool equal = patch.empty() && (session.has("path") || diff->value("equal", false));
  const bool same_values = patch.empty();
  if (form == "text" && same_values) {
    if (equal)
      out.note("no difference");
    else
      out.note("equal values, different history: see --as changes");
  }
  return session.has("exit-code") && !equal ? control::exit_code::kNo : control::exit_code::kOk;
}

}  // namespace converge::cli
