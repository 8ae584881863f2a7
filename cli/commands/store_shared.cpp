#include "cli/commands/store_shared.h"

#include "cli/commands/files.h"
#include "cli/commands/render.h"
#include "cli/commands/version.h"
#include "cli/output/text.h"
#include "core/base/system.h"

#include <nlohmann/json.hpp>

#include <string>

namespace converge::cli {

using nlohmann::json;
namespace fs = std::filesystem;

Result<std::optional<fs::path>> stopped_store(Session& session) {
  const auto directory = session.store_directory();
  if (!directory) return directory.error();
  if (directory->empty()) return std::optional<fs::path>();
  return std::optional(absolute_path(*directory));
}

Result<json> ask_patiently(Session& session, std::string_view method, const json& params) {
  const auto target = session.has_timeout() ? session.replica() : session.watch_target();
  if (!target) return target.error();
  if (session.out().verbose() >= 2) session.out().note("request " + std::string(method));
  return (*target)->call(method, params);
}

store::OpenOptions open_options(const Session& session) {
  static SystemRandom random;
  store::OpenOptions options;
  options.clock = &session.clock();
  options.random = &random;
  options.reserve_bytes = 0;  // the agent allocates it when it opens the store
  options.free_bytes_min = 0;
  options.writer = std::string("syncctl ") + kVersion;
  return options;
}

fs::path absolute_path(const std::string& word) {
  std::error_code error;
  fs::path path = fs::absolute(word, error).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

std::string findings_text(const Session& session, const json& findings) {
  std::string out;
  for (const json& finding : findings) {
    const std::string severity = field(finding, "severity");
    const Paint paint = severity == "error"     ? Paint::kRed
                        : severity == "warning" ? Paint::kYellow
                                                : Paint::kDim;
    out += painted(paint, severity, session.terminal().color_out) + " " +
           printable(field(finding, "code")) + ": " + printable(field(finding, "what")) + "\n";
    const json where = finding.value("where", json::object());
    std::string place = field(where, "file");
    if (!field(where, "offset").empty()) place += ":" + field(where, "offset");
    if (!field(where, "key").empty()) place += (place.empty() ? "" : " ") + field(where, "key");
    if (!place.empty()) out += "  at: " + printable(place) + "\n";
    for (const json& document : finding.value("documents", json::array()))
      out += "  document: " + printable(document.get<std::string>()) + "\n";
    if (const std::string next = field(finding, "next"); !next.empty())
      out += "  next: " + printable(next) + "\n";
  }
  return out;
}

Result<void> write_report(Session& session, const char* flag, const std::string& text) {
  const auto file = session.value(flag);
  if (!file) return {};
  return write_file(*file, text, {.replace = true});
}

}  // namespace converge::cli
