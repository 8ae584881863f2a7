#include "cli/app/kinds.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/verbs/text_forms.h"

#include <nlohmann/json.hpp>

#include <iostream>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

std::string report_text(const Session& session, const json& report, bool is_note = false) {
  if (session.has("quiet")) return "";
  const char* gap = is_note || session.terminal().out_tty ? "  " : "\t";
  const bool unchanged = report.value("unchanged", false);
  const std::string word = unchanged                ? "unchanged"
                           : session.has("dry-run") ? "would merge"
                                                    : "merged";
  return word + gap + printable(name_or_id(report)) + gap +
         counted(count_field(report, "merged"), "change") + gap +
         counted(count_field(report, "conflicts"), "new conflict") + (is_note ? "" : "\n");
}

/// The merged bytes to --to; the report then goes to stdout, or to stderr when the bytes do.
Result<int> finish_files(Session& session, json report) {
  const auto bytes = verbs::from_base64(field(report, "data"));
  if (!bytes) return make_error(ErrorId::kInternal, "the merged document is not base64");
  report.erase("data");
  const std::string to = session.value("to").value_or("-");
  const auto rendering = Rendering{.text = [&] { return report_text(session, report); }};
  if (session.has("dry-run") || to != "-") {
    if (!session.has("dry-run"))
      if (auto done =
              write_file(to, as_text(*bytes), {.replace = session.has("force"), .keep_mode = true});
          !done)
        return done.error();
    if (auto done = session.out().result(report, rendering); !done) return done.error();
    return control::exit_code::kOk;
  }
  if (session.terminal().out_tty)
    return make_error(ErrorId::kUsageArgument, "a binary document is not written to a terminal",
                      "say where it goes with --to FILE");
  if (auto done = session.out().data(as_text(*bytes)); !done) return done.error();
  session.out().note(report_text(session, report, true));
  return control::exit_code::kOk;
}

/// A file among the sources travels as its bytes.
Result<json> sources_of(Session& session, bool into_file) {
  json sources = json::array();
  for (const std::string& word : session.args(1)) {
    if (into_file && !is_file_word(word))
      return make_error(ErrorId::kUsageArgument,
                        "\"" + word + "\" is a document, and files merge only with files",
                        "export it first: syncctl export " + word + " --to FILE");
    if (into_file || !is_file_word(word)) {
      sources.push_back({{"doc", into_file ? word : session.document(word)}});
      continue;
    }
    auto bytes = read_input(word);
    if (!bytes && control::is(bytes.error(), ErrorId::kInputFile))
      return make_error(ErrorId::kDocNotFound, "there is no file \"" + word + "\"");
    if (!bytes) return bytes.error();
    sources.push_back({{"data", verbs::to_base64(as_bytes(*bytes))}});
  }
  return sources;
}

}  // namespace

Result<int> run_merge(Session& session) {
  const std::string doc = session.document(session.arg(0));
  const bool into_file = is_file_word(doc);
  auto sources = sources_of(session, into_file);
  if (!sources) return sources.error();
  json params = {{"doc", doc}, {"sources", std::move(*sources)}};
  if (session.has("fail-on-conflict")) params["fail_on_conflict"] = true;
  if (session.has("dry-run")) params["dry_run"] = true;
  if (!into_file && session.has("to"))
    return make_error(ErrorId::kUsageFlag, "--to is for merging files",
                      "leave it out: the document \"" + doc + "\" itself is changed");
  if (!into_file) params["request_id"] = new_request_id();
  auto report = session.ask_for(doc, "doc.merge", params);
  if (!report) return report.error();
  if (into_file) return finish_files(session, std::move(*report));
  const auto done = session.out().result(
      *report, {.text = [&] { return report_text(session, *report); },
                .names = [&] { return report->value("heads", std::vector<std::string>()); }});
  if (!done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
