#include "cli/app/settings.h"

#include "cli/app/kinds.h"
#include "core/base/suggest.h"
#include "core/control/error_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <toml++/toml.h>

namespace converge::cli {
namespace {

namespace fs = std::filesystem;
using control::ErrorId;
using control::make_error;

constexpr std::array<SettingSpec, 13> kSettings = {{
    {"collection", SettingType::kText, "", true, "SYNCCTL_COLLECTION",
     "collection that a name without \"/\" belongs to"},
    {"color", SettingType::kColor, "auto", false, "SYNCCTL_COLOR", "auto, always or never"},
    {"context", SettingType::kText, "", true, "SYNCCTL_CONTEXT", "context to use without -C"},
    {"editor", SettingType::kText, "", false, "SYNCCTL_EDITOR",
     "editor to run; else VISUAL, EDITOR, vi"},
    {"limit", SettingType::kInt, "", true, "SYNCCTL_LIMIT", "longest list without -l"},
    {"no_queue", SettingType::kBool, "false", false, "SYNCCTL_NO_QUEUE",
     "writes fail when the agent is down"},
    {"output", SettingType::kFormat, "text", true, "SYNCCTL_OUTPUT", "output format without -o"},
    {"pager", SettingType::kText, "", false, "SYNCCTL_PAGER", "pager to run; else PAGER, less"},
    {"progress", SettingType::kProgress, "auto", false, "SYNCCTL_PROGRESS",
     "auto, plain, json or none"},
    {"quiet", SettingType::kBool, "false", false, "SYNCCTL_QUIET", "no notes"},
    {"socket", SettingType::kText, "", false, "SYNCCTL_SOCKET", "agent socket"},
    {"store", SettingType::kText, "", false, nullptr, "stopped store to open"},
    {"timeout", SettingType::kDuration, "30s", true, "SYNCCTL_TIMEOUT", "limit of a whole command"},
}};

std::string type_text(const SettingSpec& spec) {
  switch (spec.type) {
    case SettingType::kText:
      return "text";
    case SettingType::kDuration:
      return "a duration such as 30s";
    case SettingType::kBool:
      return "true or false";
    case SettingType::kInt:
      return "a whole number above 0";
    case SettingType::kFormat:
      return "text, wide, json, ndjson, csv, name or jsonpath=PATH";
    case SettingType::kColor:
      return "auto, always or never";
    case SettingType::kProgress:
      return "auto, plain, json or none";
  }
  return "text";
}

bool fits(const SettingSpec& spec, std::string_view value) {
  const auto one_of = [&](std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, value) != words.end();
  };
  switch (spec.type) {
    case SettingType::kText:
      return true;
    case SettingType::kDuration:
      return parse_duration(value).has_value();
    case SettingType::kBool:
      return one_of({"true", "false", "1", "0"});
    case SettingType::kInt: {
      long number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      return error == std::errc() && end == value.data() + value.size() && number > 0;
    }
    case SettingType::kFormat:
      return one_of({"text", "wide", "json", "ndjson", "csv", "name"}) ||
             (value.starts_with("jsonpath=") && value.size() > 9);
    case SettingType::kColor:
      return one_of({"auto", "always", "never"});
    case SettingType::kProgress:
      return one_of({"auto", "plain", "json", "none"});
  }
  return false;
}

std::vector<std::string> all_keys() {
  std::vector<std::string> keys;
  for (const SettingSpec& spec : kSettings) keys.emplace_back(spec.key);
  return keys;
}

/// Reads the tables of one parsed file into a ConfigFile.
class FileReader {
 public:
  FileReader(const fs::path& file, bool project) : file_(file.string()), project_(project) {}

  ConfigFile read(const toml::table& table) {
    for (const auto& [key, node] : table) {
      if (key.str() == "contexts")
        read_contexts(node);
      else
        read_setting(std::string(key.str()), node);
    }
    return std::move(out_);
  }

 private:
  std::string place(const toml::node& node) const {
    return file_ + ":" + std::to_string(node.source().begin.line);
  }

  void refuse(const toml::node& node, const std::string& what, std::string hint = {}) {
    out_.findings.push_back(
        make_error(ErrorId::kConfigInvalid, place(node) + ": " + what, std::move(hint)));
  }

  static std::optional<std::string> as_text(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
    return std::nullopt;
  }

  void read_setting(const std::string& key, const toml::node& node) {
    const SettingSpec* spec = find_setting(key);
    if (spec == nullptr)
      return refuse(node, "\"" + key + "\" is not a setting", did_you_mean(key, all_keys()));
    if (project_ && !spec->project)
      return refuse(node, "a project file may not set \"" + key + "\"",
                    "set it in the user's file: syncctl config set " + key + " VALUE");
    const auto value = as_text(node);
    if (!value) return refuse(node, "\"" + key + "\" must be " + type_text(*spec));
    if (!fits(*spec, *value))
      return refuse(node, "\"" + key + "\" is \"" + *value + "\" but must be " + type_text(*spec));
    out_.settings.push_back({key, *value, place(node)});
  }

  void read_contexts(const toml::node& node) {
    if (project_) return refuse(node, "a project file may not define contexts");
    const toml::table* contexts = node.as_table();
    if (contexts == nullptr) return refuse(node, "\"contexts\" must be a table");
    for (const auto& [name, entry] : *contexts) {
      const toml::table* fields = entry.as_table();
      if (fields == nullptr) {
        refuse(entry, "the context \"" + std::string(name.str()) + "\" must be a table");
        continue;
      }
      Context context;
      for (const auto& [field, value] : *fields) {
        const auto text = as_text(value);
        const bool known = field.str() == "socket" || field.str() == "store";
        if (!known || !text)
          refuse(value,
                 "a context has \"socket\" or \"store\", not \"" + std::string(field.str()) + "\"");
        else
          (field.str() == "socket" ? context.socket : context.store) = *text;
      }
      out_.contexts[std::string(name.str())] = context;
    }
  }

  std::string file_;
  bool project_;
  ConfigFile out_;
};

std::string environment_value(const SettingSpec& spec, const std::string& value) {
  if (spec.type != SettingType::kBool) return value;
  return value == "1" || value == "true" || value == "yes" ? "true" : "false";
}

}  // namespace

std::span<const SettingSpec> setting_table() { return kSettings; }

const SettingSpec* find_setting(std::string_view key) {
  const auto* found = std::ranges::find_if(
      kSettings, [&](const SettingSpec& spec) { return std::string_view(spec.key) == key; });
  return found == kSettings.end() ? nullptr : found;
}

Result<void> check_setting(const SettingSpec& spec, std::string_view value) {
  if (fits(spec, value)) return {};
  return make_error(ErrorId::kConfigInvalid, "\"" + std::string(value) + "\" is not a value of \"" +
                                                 spec.key + "\", which is " + type_text(spec));
}

Result<ConfigFile> read_config_file(const fs::path& file, bool project) {
  std::ifstream in(file, std::ios::binary);
  std::error_code ignored;
  if (!in || fs::is_directory(file, ignored))
    return make_error(ErrorId::kInputFile,
                      "the configuration file " + file.string() + " cannot be read");
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  try {
    return FileReader(file, project).read(toml::parse(text, file.string()));
  } catch (const toml::parse_error& error) {
    return make_error(ErrorId::kConfigInvalid,
                      file.string() + ":" + std::to_string(error.source().begin.line) +
                          ": not TOML at column " + std::to_string(error.source().begin.column) +
                          "\n" + std::string(error.description()));
  }
}

Result<Settings> Settings::load(const Environment& environment, const Places& places,
                                const fs::path& working_directory) {
  Settings settings;
  for (const SettingSpec& spec : kSettings)
    settings.values_[spec.key] = {spec.key, spec.fallback, "built-in"};
  const auto add_file = [&](const fs::path& path, bool project) -> Result<void> {
    std::error_code error;
    if (!fs::exists(path, error)) return {};
    auto file = read_config_file(path, project);
    if (!file) return file.error();
    if (!file->findings.empty()) return file->findings.front();
    for (Setting& setting : file->settings) settings.values_[setting.key] = std::move(setting);
    for (auto& [name, context] : file->contexts) settings.contexts_[name] = std::move(context);
    return {};
  };
  if (auto done = add_file(places.system_config, false); !done) return done.error();
  if (auto done = add_file(places.user_config, false); !done) return done.error();
  if (const auto project = find_project_file(working_directory))
    if (auto done = add_file(*project, true); !done) return done.error();
  for (const SettingSpec& spec : kSettings) {
    const auto value = spec.environment != nullptr ? environment(spec.environment) : std::nullopt;
    if (!value) continue;
    if (!fits(spec, *value) && spec.type != SettingType::kBool)
      return make_error(ErrorId::kConfigInvalid, std::string("the environment variable ") +
                                                     spec.environment + " is \"" + *value +
                                                     "\" but must be " + type_text(spec));
    settings.values_[spec.key] = {spec.key, environment_value(spec, *value), spec.environment};
  }
  return settings;
}

const std::string& Settings::get(std::string_view key) const { return setting(key).value; }

const Setting& Settings::setting(std::string_view key) const {
  static const Setting none;
  const auto found = values_.find(key);
  return found == values_.end() ? none : found->second;
}

std::vector<Setting> Settings::all() const {
  std::vector<Setting> all;
  for (const auto& [key, setting] : values_) all.push_back(setting);
  return all;
}

namespace {

std::string quoted(const SettingSpec& spec, const std::string& value) {
  if (spec.type == SettingType::kBool || spec.type == SettingType::kInt) return value;
  std::string out = "\"";
  for (const char c : value) {
    char escape[8];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      std::snprintf(escape, sizeof escape, "\\u%04X", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

/// The key that a line of a TOML file sets at top level, or nothing.
std::string_view key_of_line(std::string_view line) {
  const std::size_t start = line.find_first_not_of(" \t");
  if (start == std::string_view::npos || line[start] == '#') return {};
  const std::size_t end = line.find_first_of(" \t=", start);
  return end == std::string_view::npos ? std::string_view() : line.substr(start, end - start);
}

}  // namespace

std::string edit_config(std::string_view text, const SettingSpec& spec,
                        const std::optional<std::string>& value) {
  std::vector<std::string> lines;
  bool done = !value.has_value();
  bool top = true;
  const std::string line_now = value ? std::string(spec.key) + " = " + quoted(spec, *value) : "";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("[") && top) {
      if (!done) lines.push_back(line_now + "\n");
      done = true;
      top = false;
    }
    if (top && key_of_line(line) == spec.key) {
      if (!done) lines.push_back(line_now);
      done = true;
      continue;
    }
    lines.emplace_back(line);
  }
  if (!done) lines.push_back(line_now);
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace converge::cli
