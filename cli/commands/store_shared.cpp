#include "cli/commands/store_shared.h"

#include "cli/commands/files.h"
#include "cli/commands/long_request.h"
#include "cli/commands/render.h"
#include "cli/commands/version.h"
#include "cli/output/text.h"
#include "core/base/system.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <string>
#include <sys/stat.h>
#include <system_error>

namespace converge::cli {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
namespace fs = std::filesystem;

Result<std::optional<fs::path>> stopped_store(Session& session) {
  const auto directory = session.store_directory();
  if (!directory) return directory.error();
  if (directory->empty()) return std::optional<fs::path>();
  return std::optional(absolute_path(*directory));
}

namespace {

/// Methods of which the agent says how far it is.
bool has_progress(std::string_view method) {
  return method == "store.backup" || method == "store.check" || method == "store.compact" ||
         method == "store.repair";
}

}  // namespace

Result<json> ask_patiently(Session& session, std::string_view method, const json& params) {
  const auto target = session.has_timeout() ? session.replica() : session.watch_target();
  if (!target) return target.error();
  if (session.out().verbose() >= 2) session.out().note("request " + std::string(method));
  if (session.asks_agent() && has_progress(method))
    return ask_with_progress(session, method, params);
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

Result<void> make_store_directory(const fs::path& directory) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(directory, error);
  const bool is_link_to_one = fs::is_symlink(status) && fs::is_directory(directory, error);
  if (fs::exists(status) && !fs::is_directory(status) && !is_link_to_one)
    return make_error(ErrorId::kOutputExists, "\"" + directory.string() + "\" is not a directory",
                      "a new store goes into a directory that is absent or empty");
  if (fs::exists(status)) {
    const bool is_empty = fs::is_empty(directory, error);
    if (error)
      return make_error(ErrorId::kIo, "the directory \"" + directory.string() +
                                          "\" cannot be read: " + error.message());
    if (is_empty) return {};
    return make_error(ErrorId::kOutputExists,
                      "the directory \"" + directory.string() + "\" is not empty",
                      "a new store goes into a directory that is absent or empty");
  }
  if (directory.has_parent_path()) fs::create_directories(directory.parent_path(), error);
  if (::mkdir(directory.c_str(), 0700) != 0)
    return make_error(ErrorId::kIo,
                      "the directory \"" + directory.string() +
                          "\" cannot be made: " + std::generic_category().message(errno));
  return {};
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
