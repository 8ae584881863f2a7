#include "cli/commands/child.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/verbs/text_forms.h"

#include <nlohmann/json.hpp>

#include <cstdlib>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kAttributes = "*.automerge merge=automerge diff=automerge";

struct GitSetting {
  const char* key;
  const char* value;
};
/// git runs the driver with the three files' names in place of the letters.
constexpr GitSetting kSettings[] = {
    {"merge.automerge.name", "Automerge documents"},
    {"merge.automerge.driver", "syncctl git merge-driver %O %A %B"},
    {"diff.automerge.textconv", "syncctl git textconv"},
    {"diff.automerge.cachetextconv", "true"},
};

constexpr const char* kNoRepository = "run the command inside a git repository, or add --global";

/// git's stdout without the last line break. Errors: git's own failure.
Result<std::string> git(const std::vector<std::string>& words, bool may_fail = false) {
  std::vector<std::string> line = {"git"};
  line.insert(line.end(), words.begin(), words.end());
  // What git says has another form than ours.
  auto run = run_child(line, "", {.capture = true, .discard_errors = true});
  if (!run) return run.error();
  if (run->exit == 127)
    return make_error(ErrorId::kIo, "the program git is not found", "install git");
  if (run->exit != 0 && !may_fail)
    return make_error(ErrorId::kIo, "git " + words.front() + " exited " + std::to_string(run->exit),
                      kNoRepository);
  while (run->output.ends_with('\n')) run->output.pop_back();
  return run->output;
}

/// The attributes file: the repository's, or the user's.
Result<fs::path> attributes_file(const Session& session) {
  if (!session.has("global")) {
    const auto top = git({"rev-parse", "--show-toplevel"});
    if (!top && top.error().hint == kNoRepository)
      return make_error(ErrorId::kIo, "this directory is in no git repository", kNoRepository);
    if (!top) return top.error();
    return fs::path(*top) / ".gitattributes";
  }
  const auto configured = git({"config", "--global", "--path", "core.attributesFile"}, true);
  if (!configured) return configured.error();
  if (!configured->empty()) return fs::path(*configured);
  const auto config = session.environment()("XDG_CONFIG_HOME");
  const std::string home = session.environment()("HOME").value_or("");
  return (config ? fs::path(*config) : fs::path(home) / ".config") / "git" / "attributes";
}

std::string without_line(const std::string& text, const std::string& line) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string one = text.substr(at, end - at);
    if (one != line) out += one + "\n";
    at = end + 1;
  }
  return out;
}

Result<bool> write_attributes(const fs::path& file, bool install) {
  std::error_code error;
  std::string old;
  if (fs::exists(file, error)) {
    auto content = read_input(file.string());
    if (!content) return content.error();
    old = *content;
  }
  std::string text = without_line(old, kAttributes);
  if (install) text.append(kAttributes).append("\n");
  if (text == old) return false;
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), error);
  if (auto done = write_file(file, text, {.replace = true, .keep_mode = true}); !done)
    return done.error();
  return true;
}

Result<int> configure(Session& session, bool install) {
  const auto file = attributes_file(session);
  if (!file) return file.error();
  const char* scope = session.has("global") ? "--global" : "--local";
  bool changed = false;
  if (!session.has("dry-run")) {
    for (const GitSetting& setting : kSettings) {
      const auto now = git({"config", scope, setting.key}, true);
      if (!now) return now.error();
      if (install ? *now == setting.value : now->empty()) continue;
      changed = true;
      const auto done = install ? git({"config", scope, setting.key, setting.value})
                                : git({"config", scope, "--unset-all", setting.key}, true);
      if (!done) return done.error();
    }
    const auto written = write_attributes(*file, install);
    if (!written) return written.error();
    changed = changed || *written;
  }
  const json report = {{"kind", "GitSetup"},           {"v", 1},
                       {"installed", install},         {"global", session.has("global")},
                       {"attributes", file->string()}, {"unchanged", !changed}};
  const auto text = [&] {
    if (session.out().quiet()) return std::string();
    const char* word = session.has("dry-run") ? (install ? "would install" : "would remove")
                       : !changed             ? "unchanged"
                       : install              ? "installed"
                                              : "removed";
    return std::string(word) + (session.terminal().out_tty ? "  " : "\t") +
           printable(file->string()) + "\n";
  };
  if (auto done = session.out().result(report, {.text = text}); !done) return done.error();
  return control::exit_code::kOk;
}

/// Names of files come from git and may look like anything.
std::string as_file(const std::string& word) {
  return word.starts_with('/') || word.starts_with("./") ? word : "./" + word;
}

}  // namespace

Result<int> run_git_install(Session& session) { return configure(session, true); }
Result<int> run_git_uninstall(Session& session) { return configure(session, false); }

Result<int> run_git_merge_driver(Session& session) {
  const std::string ours = as_file(session.arg(1));
  const json sources = json::array({{{"doc", as_file(session.arg(2))}}});
  const auto report = session.files().call("doc.merge", {{"doc", ours}, {"sources", sources}});
  if (!report) return report.error();
  const auto bytes = verbs::from_base64(field(*report, "data"));
  if (!bytes) return make_error(ErrorId::kInternal, "the merged document is not base64");
  if (auto done = write_file(ours, as_text(*bytes), {.replace = true, .keep_mode = true}); !done)
    return done.error();
  const std::uint64_t conflicts = count_field(*report, "conflicts");
  if (conflicts == 0) return control::exit_code::kOk;
  session.out().warning(
      counted(conflicts, "new conflict") +
      ": both values are kept; look with \"syncctl conflict ls FILE\", choose with \"syncctl "
      "conflict resolve --all FILE --rule RULE\", then \"git add FILE\"");
  return control::exit_code::kNo;
}

Result<int> run_git_textconv(Session& session) {
  const auto answer =
      session.files().call("doc.get", {{"doc", as_file(session.arg(0))}, {"typed", true}});
  if (!answer) return answer.error();
  if (auto done = session.out().data(control::to_pretty(answer->at("value")) + "\n"); !done)
    return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
