#include "cli/reference/files.h"

#include "cli/reference/completion.h"
#include "cli/reference/man.h"

namespace converge::cli {

std::map<std::string, std::string> reference_files() {
  std::map<std::string, std::string> files;
  for (auto& [name, content] : man_pages()) files["man/" + name] = std::move(content);
  files["man/reference.md"] = reference_page();
  files["completions/syncctl.bash"] = completion_script("bash");
  files["completions/_syncctl"] = completion_script("zsh");
  files["completions/syncctl.fish"] = completion_script("fish");
  files["completions/syncctl.ps1"] = completion_script("powershell");
  return files;
}

}  // namespace converge::cli
