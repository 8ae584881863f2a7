#include "cli/commands/child.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "core/base/suggest.h"
#include "core/control/error_json.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <unistd.h>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
namespace fs = std::filesystem;

Result<const SettingSpec*> spec_of(const std::string& key) {
  if (const SettingSpec* spec = find_setting(key)) return spec;
  std::vector<std::string> keys;
  for (const SettingSpec& spec : setting_table()) keys.emplace_back(spec.key);
  std::string hint = did_you_mean(key, keys);
  if (hint.empty()) hint = "\"syncctl config ls\" lists them";
  return make_error(ErrorId::kConfigNotFound, "no setting is called \"" + key + "\"", hint);
}

json setting_json(const Setting& setting) {
  return {{"kind", "Setting"},
          {"v", 1},
          {"key", setting.key},
          {"value", setting.value.empty() ? json() : json(setting.value)},
          {"origin", setting.origin}};
}

/// The user's file as it is; empty when there is none. Errors: config.invalid, so that a broken
/// file is not edited blindly.
Result<std::string> user_file(Session& session) {
  const fs::path& path = session.places().user_config;
  std::error_code error;
  if (!fs::exists(path, error)) return std::string();
  const auto checked = read_config_file(path, false);
  if (!checked) return checked.error();
  if (!checked->findings.empty()) return checked->findings.front();
  return read_input(path.string());
}

Result<void> write_user_file(Session& session, const std::string& text) {
  const fs::path& path = session.places().user_config;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error)
    return make_error(ErrorId::kAuthDenied,
                      "cannot make " + path.parent_path().string() + ": " + error.message());
  return write_file(path, text, {.replace = true, .keep_mode = true});
}

Result<int> print_setting(Session& session, const Setting& setting, const std::string& text_now) {
  const auto text = [&] { return text_now; };
  const auto names = [&] { return std::vector<std::string>{setting.key}; };
  const auto done = session.out().result(setting_json(setting), {.text = text, .names = names});
  if (!done) return done.error();
  return control::exit_code::kOk;
}

/// Findings of one file. Errors: input.file.
Result<std::vector<Error>> findings_of(const fs::path& file, bool project) {
  const auto checked = read_config_file(file, project);
  if (checked) return checked->findings;
  if (control::is(checked.error(), ErrorId::kConfigInvalid))
    return std::vector<Error>{checked.error()};
  return checked.error();
}

}  // namespace

Result<int> run_config_ls(Session& session) {
  const auto all = session.settings().all();
  json items = json::array();
  for (const Setting& setting : all) items.push_back(setting_json(setting));
  const bool origin = session.has("show-origin");
  const auto table = [&] {
    std::vector<Column> columns = {{.header = "key", .importance = 3},
                                   {.header = "value", .importance = 2}};
    if (origin) columns.push_back({.header = "origin"});
    Table rows(columns);
    for (const Setting& setting : all) {
      std::vector<Cell> row = {{setting.key, "", Paint::kNone}, {setting.value, "", Paint::kNone}};
      if (origin) row.push_back({setting.origin, "", Paint::kDim});
      rows.add(std::move(row));
    }
    return rows;
  };
  const auto names = [&] {
    std::vector<std::string> keys;
    for (const Setting& setting : all) keys.push_back(setting.key);
    return keys;
  };
  const json list = {
      {"kind", "SettingList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}};
  if (auto done = session.out().result(list, {.table = table, .names = names}); !done)
    return done.error();
  return control::exit_code::kOk;
}

Result<int> run_config_get(Session& session) {
  const auto spec = spec_of(session.arg(0));
  if (!spec) return spec.error();
  const Setting& setting = session.settings().setting((*spec)->key);
  return print_setting(session, setting, setting.value + "\n");
}

Result<int> run_config_set(Session& session) {
  const auto spec = spec_of(session.arg(0));
  if (!spec) return spec.error();
  if (auto good = check_setting(**spec, session.arg(1)); !good) return good.error();
  const auto text = user_file(session);
  if (!text) return text.error();
  const fs::path& path = session.places().user_config;
  if (!session.has("dry-run"))
    if (auto done = write_user_file(session, edit_config(*text, **spec, session.arg(1))); !done)
      return done.error();
  if (session.has("dry-run"))
    session.out().note(std::string("would set ") + (*spec)->key + " to \"" + session.arg(1) +
                       "\" in " + path.string());
  return print_setting(session, {(*spec)->key, session.arg(1), path.string()}, "");
}

Result<int> run_config_unset(Session& session) {
  const auto spec = spec_of(session.arg(0));
  if (!spec) return spec.error();
  const auto text = user_file(session);
  if (!text) return text.error();
  const fs::path& path = session.places().user_config;
  const std::string without = edit_config(*text, **spec, std::nullopt);
  if (without.size() >= text->size())
    return make_error(ErrorId::kConfigNotFound,
                      "\"" + session.arg(0) + "\" is not set in " + path.string(),
                      "\"syncctl config ls --show-origin\" tells where it comes from");
  if (!session.has("dry-run"))
    if (auto done = write_user_file(session, without); !done) return done.error();
  if (session.has("dry-run"))
    session.out().note(std::string("would take ") + (*spec)->key + " out of " + path.string());
  return print_setting(session, {(*spec)->key, "", path.string()}, "");
}

Result<int> run_config_edit(Session& session) {
  const Terminal& terminal = session.terminal();
  if (!terminal.in_tty || !terminal.out_tty || session.has("no-input"))
    return make_error(ErrorId::kDeclined, "there is no terminal to edit on",
                      "set single values with \"syncctl config set KEY VALUE\"");
  std::string editor = session.settings().get("editor");
  if (editor.empty()) editor = session.environment()("VISUAL").value_or("");
  if (editor.empty()) editor = session.environment()("EDITOR").value_or("vi");
  const fs::path& path = session.places().user_config;
  std::error_code error;
  auto old =
      fs::exists(path, error) ? read_input(path.string()) : Result<std::string>(std::string());
  if (!old) return old.error();
  const fs::path draft = path.string() + ".edit";
  fs::create_directories(path.parent_path(), error);
  if (auto done = write_file(draft, *old, {.replace = true}); !done) return done.error();
  const auto run = run_child({"sh", "-c", editor + " \"$1\" < /dev/tty", "sh", draft.string()}, "");
  if (!run) return run.error();
  auto text = read_input(draft.string());
  auto findings = findings_of(draft, false);
  fs::remove(draft, error);
  if (!text) return text.error();
  if (run->exit != 0)
    return make_error(ErrorId::kIo,
                      "the editor exited " + std::to_string(run->exit) + ", nothing is changed");
  if (!findings) return findings.error();
  if (!findings->empty()) return findings->front();
  if (auto done = write_user_file(session, *text); !done) return done.error();
  session.out().note(*text == *old ? "unchanged" : "changed " + path.string());
  return control::exit_code::kOk;
}

Result<int> run_config_validate(Session& session) {
  std::vector<std::pair<fs::path, bool>> files;
  std::error_code error;
  if (!session.args(0).empty()) {
    const fs::path file = session.arg(0);
    files.emplace_back(file, file.filename() == ".syncctl.toml");
  } else {
    for (const fs::path& path : {session.places().system_config, session.places().user_config})
      if (fs::exists(path, error)) files.emplace_back(path, false);
    if (const auto project = find_project_file(fs::current_path(error)))
      files.emplace_back(*project, true);
  }
  json items = json::array();
  std::string text;
  for (const auto& [file, project] : files) {
    const auto findings = findings_of(file, project);
    if (!findings) return findings.error();
    for (const Error& finding : *findings) {
      items.push_back({{"file", file.string()},
                       {"message", finding.message},
                       {"hint", finding.hint.empty() ? json() : json(finding.hint)}});
      text += finding.message + "\n";
    }
  }
  const json report = {{"kind", "ConfigReport"},
                       {"v", 1},
                       {"ok", items.empty()},
                       {"files", files.size()},
                       {"items", items}};
  if (auto done = session.out().result(report, {.text = [&] { return text; }}); !done)
    return done.error();
  if (items.empty()) session.out().note("no findings");
  return items.empty() ? control::exit_code::kOk : control::exit_code::kNo;
}

Result<int> run_config_path(Session& session) {
  const Places& places = session.places();
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"user_config", places.user_config.string()},
      {"system_config", places.system_config.string()},
      {"agent_config", places.agent_config.string()},
      {"user_socket", places.user_socket.string()},
      {"system_socket", places.system_socket.string()},
      {"user_store", places.user_store.string()},
      {"state", places.state.string()},
      {"cache", places.cache.string()}};
  json items = json::array();
  for (const auto& [what, path] : rows)
    items.push_back(
        {{"kind", "Path"}, {"v", 1}, {"name", what}, {"path", path}, {"exists", fs::exists(path)}});
  const auto table = [&] {
    Table out({{.header = "what"}, {.header = "path", .importance = 2}});
    for (const auto& [what, path] : rows)
      out.add({{what, "", Paint::kNone}, {path, "", Paint::kNone}});
    return out;
  };
  const auto names = [&] {
    std::vector<std::string> all;
    for (const auto& [what, path] : rows) all.push_back(path);
    return all;
  };
  const json list = {
      {"kind", "PathList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}};
  if (auto done = session.out().result(list, {.table = table, .names = names}); !done)
    return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
