#include "cli/commands/dump.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/store_shared.h"
#include "core/control/error_table.h"
#include "core/store/inspect.h"

#include <nlohmann/json.hpp>

#include <string>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
namespace fs = std::filesystem;

Result<fs::path> directory_of(Session& session) {
  if (session.invocation().has_arg(0)) return absolute_path(session.arg(0));
  const auto stopped = stopped_store(session);
  if (!stopped) return stopped.error();
  if (*stopped) return **stopped;
  return make_error(ErrorId::kUsageArgument, "debug kv looks into a stopped store or a backup",
                    "name its directory, or use --store DIR");
}

Result<int> print_digest(Session& session, const store::ScanReport& report) {
  const json out = {{"kind", "RecordDigest"},
                    {"v", 1},
                    {"count", report.records},
                    {"digest", to_hex(report.digest)},
                    {"damaged", report.damage.size()}};
  const auto text = [&] {
    return std::to_string(report.records) + " " + to_hex(report.digest) + "\n";
  };
  if (auto done = session.out().result(out, {.text = text}); !done) return done.error();
  if (report.damage.empty()) return control::exit_code::kOk;
  return make_error(ErrorId::kStoreCorrupt,
                    report.damage.front().file + ": " + report.damage.front().why,
                    "syncctl store check --deep");
}

}  // namespace

Result<int> run_debug_kv(Session& session) {
  const auto directory = directory_of(session);
  if (!directory) return directory.error();
  const std::string prefix = session.value("prefix").value_or("");
  store::RecordScan scan;
  scan.prefix = prefix;
  if (session.has("digest")) {
    const auto report = store::scan_records(*directory, scan);
    if (!report) return report.error();
    return print_digest(session, *report);
  }
  const auto limit = static_cast<std::size_t>(session.invocation().number("limit").value_or(1000));
  json items = json::array();
  scan.on_record = [&](std::string_view key, std::string_view value) {
    json item = store::explain_record(key, value);
    if (!session.has("explain")) item.erase("fields");
    items.push_back(std::move(item));
    return limit == 0 || items.size() < limit;
  };
  const auto report = store::scan_records(*directory, scan);
  if (!report) return report.error();
  return print_dump(session, json{{"kind", "RecordDump"},
                                  {"v", 1},
                                  {"directory", directory->string()},
                                  {"damaged", report->damage.size()},
                                  {"items", std::move(items)}});
}

Result<int> run_debug_wal(Session& session) {
  return print_dump(session,
                    store::explain_log(absolute_path(session.arg(0)), session.has("explain")));
}

Result<int> run_debug_manifest(Session& session) {
  return print_dump(session, store::explain_manifest(absolute_path(session.arg(0))));
}

Result<int> run_debug_table(Session& session) {
  return print_dump(session,
                    store::explain_table(absolute_path(session.arg(0)), session.has("explain")));
}

}  // namespace converge::cli
