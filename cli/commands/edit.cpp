#include "cli/commands/child.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/whole_document.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/verbs/diff.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <unistd.h>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
namespace fs = std::filesystem;

/// A directory that goes away with what is in it, unless the draft is worth keeping.
struct Draft {
  fs::path directory;
  bool keep = false;
  fs::path file() const { return directory / "document.json"; }
  ~Draft() {
    std::error_code ignored;
    if (!keep && !directory.empty()) fs::remove_all(directory, ignored);
  }
};

Result<std::string> editor_of(const Session& session) {
  std::string editor = session.settings().get("editor");
  if (editor.empty()) editor = session.environment()("VISUAL").value_or("");
  if (editor.empty()) editor = session.environment()("EDITOR").value_or("");
  const Terminal& terminal = session.terminal();
  const bool somebody = terminal.in_tty && terminal.out_tty;
  if (session.has("no-input") || (editor.empty() && !somebody))
    return make_error(ErrorId::kDeclined, "there is no terminal to edit on",
                      "set EDITOR to a program that edits by itself, or use \"syncctl apply\"");
  return editor.empty() ? "vi" : editor;
}

/// What the editor leaves of `text`. Errors: input.json says where the draft is kept.
Result<json> edited(const Session& session, const std::string& text, Draft& draft) {
  const auto editor = editor_of(session);
  if (!editor) return editor.error();
  std::string directory = fs::temp_directory_path().string() + "/syncctl-edit-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr)
    return make_error(ErrorId::kIo, "no temporary directory can be made in " +
                                        fs::temp_directory_path().string());
  draft.directory = directory;
  if (auto done = write_file(draft.file(), text); !done) return done.error();
  const std::string input = session.terminal().in_tty ? " < /dev/tty" : "";
  const auto run =
      run_child({"sh", "-c", *editor + " \"$1\"" + input, "sh", draft.file().string()}, "");
  if (!run) return run.error();
  if (run->exit != 0)
    return make_error(ErrorId::kIo,
                      "the editor exited " + std::to_string(run->exit) + ", nothing is changed");
  const auto content = read_input(draft.file().string());
  if (!content) return content.error();
  auto value = control::parse_json(*content, "what was written");
  if (value) return value;
  draft.keep = true;
  Error error = value.error();
  error.hint = "nothing is changed; the text is kept in " + draft.file().string();
  return error;
}

}  // namespace

Result<int> run_edit_command(Session& session) {
  const std::string doc = session.document(session.arg(0));
  const auto read = read_whole(session, doc);
  if (!read) return read.error();
  const std::string pointer = session.invocation().has_arg(1) ? session.arg(1) : "";
  json params = {{"doc", doc}, {"pointer", pointer}, {"typed", true}};
  if (!read->heads.empty()) params["at"] = read->heads;
  const auto part = session.ask_for(doc, "doc.get", params);
  if (!part) return part.error();
  const json before = input_form(part->at("value"));
  Draft draft;
  auto after = edited(session, control::to_pretty(before) + "\n", draft);
  if (!after) return after.error();
  if (pointer.empty()) return write_whole(session, *read, std::move(*after), "edit");
  const json patch =
      json::array({{{"op", "replace"}, {"path", pointer}, {"value", std::move(*after)}}});
  auto wanted = verbs::apply_patch_to_json(*read->value, patch);
  if (!wanted) return wanted.error();
  return write_whole(session, *read, std::move(*wanted), "edit " + pointer);
}

}  // namespace converge::cli
