#include "cli/reference/files.h"

#include "cli/app/command_table.h"
#include "cli/reference/completion.h"
#include "cli/reference/help.h"
#include "cli/reference/man.h"

#include <algorithm>

namespace converge::cli {
namespace {

/// "peer add" is in man/help/syncctl-peer-add.txt.
std::string help_file(std::string name) {
  std::ranges::replace(name, ' ', '-');
  return "man/help/syncctl-" + name + ".txt";
}

}  // namespace

std::map<std::string, std::string> reference_files() {
  std::map<std::string, std::string> files;
  for (auto& [name, content] : man_pages()) files["man/" + name] = std::move(content);
  files["man/reference.md"] = reference_page();
  files["completions/syncctl.bash"] = completion_script("bash");
  files["completions/_syncctl"] = completion_script("zsh");
  files["completions/syncctl.fish"] = completion_script("fish");
  files["completions/syncctl.ps1"] = completion_script("powershell");
  files["man/help/syncctl.txt"] = short_help(false);
  files["man/help/syncctl-full.txt"] = full_help(false);
  for (const Command& command : command_table())
    if (!command.hidden) files[help_file(command.name)] = help_on(command.name, false).value_or("");
  for (const Topic& topic : topics())
    files[std::string("man/help/topic-") + topic.name + ".txt"] = topic.text;
  return files;
}

}  // namespace converge::cli
