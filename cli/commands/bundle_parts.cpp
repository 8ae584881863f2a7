#include "cli/commands/bundle_parts.h"

#include "cli/commands/child.h"
#include "cli/commands/render.h"
#include "cli/commands/version.h"
#include "core/control/error_table.h"
#include "core/verbs/text_forms.h"
#include "core/verify/history_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <set>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <thread>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

/// Fields whose text is always one of our own words.
const std::set<std::string, std::less<>> kOwnWords{
    "kind", "state", "code",   "severity", "level", "version", "check",    "result",
    "op",   "type",  "policy", "format",   "role",  "writer",  "what_kind"};

/// What settings and others are set to that says nothing about anybody.
const std::set<std::string, std::less<>> kPlainWords{
    "",      "on",   "off",  "auto",  "true",   "false", "json",  "text",    "trace",
    "debug", "info", "warn", "error", "sync",   "pull",  "push",  "durable", "relaxed",
    "yes",   "no",   "none", "up",    "paused", "local", "always"};

bool is_measure(std::string_view text) {
  const auto digits = static_cast<std::size_t>(
      std::find_if_not(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || c == '.'; }) -
      text.begin());
  if (digits == 0 || digits > 12) return false;
  constexpr std::array<std::string_view, 14> kUnits{"",    "ms",  "s",   "m",  "h",  "d",  "B",
                                                    "KiB", "MiB", "GiB", "KB", "MB", "GB", "%"};
  return std::ranges::find(kUnits, text.substr(digits)) != kUnits.end();
}

bool is_harmless(std::string_view key, std::string_view text) {
  return kOwnWords.contains(key) || kPlainWords.contains(text) || is_measure(text) ||
         verbs::parse_timestamp(text).has_value();
}

json without_secrets_at(std::string_view key, const json& value, const verify::Anonymizer& names) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return is_harmless(key, text) ? value : json("~" + names.key(text));
  }
  if (value.is_array()) {
    json out = json::array();
    for (const json& each : value) out.push_back(without_secrets_at(key, each, names));
    return out;
  }
  if (!value.is_object()) return value;
  json out = json::object();
  for (const auto& [name, each] : value.items()) out[name] = without_secrets_at(name, each, names);
  return out;
}

std::string os_name() {
  std::ifstream file("/etc/os-release");
  std::string line;
  while (std::getline(file, line)) {
    constexpr std::string_view kName = "PRETTY_NAME=";
    if (!line.starts_with(kName)) continue;
    line.erase(0, kName.size());
    std::erase(line, '"');
    return line;
  }
  return "unknown";
}

}  // namespace

json without_secrets(const json& value, const verify::Anonymizer& names) {
  return without_secrets_at("", value, names);
}

json describe_system() {
  json out = {{"kind", "System"},
              {"v", 1},
              {"version", kVersion},
              {"os", os_name()},
              {"processors", std::thread::hardware_concurrency()}};
  struct utsname names {};
  if (::uname(&names) == 0) {
    out["kernel"] = names.release;
    out["machine"] = names.machine;
  }
  struct sysinfo info {};
  if (::sysinfo(&info) == 0) {
    out["memory_bytes"] = std::uint64_t{info.totalram} * info.mem_unit;
    out["free_memory_bytes"] = std::uint64_t{info.freeram} * info.mem_unit;
    out["uptime_s"] = info.uptime;
  }
  return out;
}

Result<Bytes> changes_for_bundle(Session& session, const std::string& doc,
                                 verify::Anonymizer* anonymizer) {
  const auto exported = session.ask_for(doc, "doc.export", {{"doc", doc}, {"format", "automerge"}});
  if (!exported) return exported.error();
  const auto file = verbs::from_base64(field(*exported, "data"));
  if (!file) return make_error(ErrorId::kInternal, "the exported document is not base64");
  const auto changes = verify::changes_of_file(*file);
  if (!changes) return changes.error();
  Bytes out;
  for (const Bytes& chunk : *changes) {
    if (anonymizer == nullptr) {
      out.insert(out.end(), chunk.begin(), chunk.end());
      continue;
    }
    const auto renamed = anonymizer->change(chunk);
    if (!renamed) return renamed.error();
    out.insert(out.end(), renamed->chunk.begin(), renamed->chunk.end());
  }
  return out;
}

Result<json> reproduce(const std::string& line, const Clock& clock, bool anonymous) {
  const auto begun = clock.steady_now();
  const auto run =
      run_child({"sh", "-c", "exec 2>&1; exec sh -c \"$0\"", line}, "", {.capture = true});
  if (!run) return run.error();
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.steady_now() - begun);
  json out = {{"kind", "Reproduction"},
              {"v", 1},
              {"exit", run->exit},
              {"elapsed_ms", took.count()},
              {"output_bytes", run->output.size()}};
  if (anonymous) return out;
  out["command"] = line;
  out["output"] = run->output;
  return out;
}

}  // namespace converge::cli
