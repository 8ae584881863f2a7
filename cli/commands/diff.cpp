#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

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
  // The patch alone is what --as json-patch is for: "patch" reads it.
  if (form == "json-patch" && out.format().kind != Format::Kind::kJsonPath)
    done = out.data(out.to_line(patch, true));
  else
    done = out.result(
        *diff, {.text =
                    [&] {
                      if (form == "stat") return stat_text(*diff);
                      if (form == "changes") return changes_text(session, *diff);
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
