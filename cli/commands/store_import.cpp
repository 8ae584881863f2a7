#include "cli/commands/files.h"
#include "cli/commands/legacy_log.h"
#include "cli/commands/render.h"
#include "cli/commands/store_handlers.h"
#include "cli/commands/store_shared.h"
#include "cli/commands/store_target.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/verbs/text_forms.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
namespace fs = std::filesystem;

json spans_json(const std::vector<LegacySpan>& spans) {
  json out = json::array();
  for (const LegacySpan& span : spans)
    out.push_back({{"offset", span.offset},
                   {"bytes", span.bytes},
                   {"line", span.line},
                   {"message", span.why}});
  return out;
}

std::string report_text(const json& report) {
  std::string out;
  for (const json& span : report["damaged"])
    out += "skipped  byte " + field(span, "offset") + ", " + field(span, "bytes") +
           " bytes (line " + field(span, "line") + "): " + printable(field(span, "message")) + "\n";
  return out + "imported  " + printable(field(report, "into")) + "  " +
         counted(count_field(report, "operations"), "operation") + " on " +
         counted(count_field(report, "keys"), "key") + " as " + printable(field(report, "name")) +
         "\n";
}

}  // namespace

Result<int> run_store_import_legacy(Session& session) {
  const auto into = session.value("into");
  if (!into) return make_error(ErrorId::kUsageFlag, "store import-legacy needs --into DIR");
  const std::string file = session.arg(0);
  const auto content = read_input(file);
  if (!content) return content.error();
  const LegacyLog log = read_legacy_log(*content);
  if (log.operations.empty() && !log.damaged.empty())
    return make_error(ErrorId::kInputFile,
                      "the file \"" + file + "\" holds no operation: " + log.damaged.front().why,
                      "one JSON object a line, with key, value, timestamp and node");
  const auto document = replay_legacy_log(log);
  if (!document) return document.error();
  const fs::path target = absolute_path(*into);
  if (auto made = make_store_directory(target); !made) return made.error();
  const auto store = open_store_target(target, session.clock(), session.deadline());
  if (!store) return store.error();
  const std::string stem = file == "-" ? "legacy" : fs::path(file).stem().string();
  const auto ack = (*store)->call("doc.import", {{"format", "automerge"},
                                                 {"name", "legacy/" + name_of_file(stem)},
                                                 {"data", verbs::to_base64(document->save())},
                                                 {"request_id", new_request_id()}});
  if (!ack) return ack.error();
  const json report = {{"kind", "LegacyImport"},
                       {"v", 1},
                       {"into", target.string()},
                       {"id", ack->value("id", json())},
                       {"name", "legacy/" + name_of_file(stem)},
                       {"bytes", content->size()},
                       {"operations", log.operations.size()},
                       {"keys", log.keys()},
                       {"nodes", log.nodes()},
                       {"damaged", spans_json(log.damaged)}};
  if (auto done = write_report(session, "report", report.dump(2) + "\n"); !done)
    return done.error();
  const auto text = [&] { return session.out().quiet() ? std::string() : report_text(report); };
  if (auto done = session.out().result(report, {.text = text}); !done) return done.error();
  return log.damaged.empty() ? control::exit_code::kOk : control::exit_code::kPartial;
}

}  // namespace converge::cli
