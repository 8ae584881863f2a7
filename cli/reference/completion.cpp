#include "cli/reference/completion.h"

#include "cli/app/command_table.h"

#include <set>
#include <string>
#include <vector>

namespace converge::cli {
namespace {

constexpr const char* kMade = "# Made from syncctl's command table: syncctl completion ";

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::vector<const Command*> visible() {
  std::vector<const Command*> out;
  for (const Command& command : command_table())
    if (!command.hidden) out.push_back(&command);
  return out;
}

/// Words that may follow a group, or the program itself ("").
std::string children_of(std::string_view group) {
  std::string out;
  const std::string prefix = group.empty() ? "" : std::string(group) + " ";
  for (const Command* command : visible()) {
    const std::string_view name = command->name;
    if (!name.starts_with(prefix)) continue;
    const std::string_view rest = name.substr(prefix.size());
    if (rest.find(' ') == std::string_view::npos)
      out += (out.empty() ? "" : " ") + std::string(rest);
  }
  return out;
}

std::string flag_words(std::span<const Flag> flags) {
  std::string out;
  for (const Flag& flag : flags) {
    out += (out.empty() ? "" : " ") + std::string("--") + flag.name;
    if (flag.letter != 0) out += std::string(" -") + flag.letter;
  }
  return out;
}

/// Flags that take a value anywhere, as a case pattern: the word behind one is not an argument.
std::string value_flag_pattern() {
  std::set<std::string> words;
  const auto add = [&](const Flag& flag) {
    if (flag.value == nullptr) return;
    words.insert(std::string("--") + flag.name);
    if (flag.letter != 0) words.insert(std::string("-") + flag.letter);
  };
  for (const Flag& flag : global_flags()) add(flag);
  for (const Command* command : visible())
    for (const Flag& flag : flags_of(*command)) add(flag);
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : "|") + word;
  return out;
}

std::string bash() {
  std::string out = std::string(kMade) + "bash\n";
  out += R"sh(_syncctl() {
  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
  local command="" word i flags="" children=""
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    case "$word" in
)sh";
  out += "      " + value_flag_pattern() + ") ((i++)); continue ;;\n";
  out += R"sh(      -*) continue ;;
    esac
    case "$command $word" in
)sh";
  for (const Command* command : visible()) {
    const std::string name = command->name;
    const std::size_t space = name.find(' ');
    const std::string key = space == std::string::npos ? " " + name : name;
    out += "      " + single_quoted(key) + ") command=" + single_quoted(name) + " ;;\n";
  }
  out += R"sh(    esac
  done
  case "$command" in
)sh";
  out += "    '') children=" + single_quoted(children_of("")) + " ;;\n";
  for (const Command* command : visible()) {
    out += "    " + single_quoted(command->name) + ")";
    if (command->is_group)
      out += " children=" + single_quoted(children_of(command->name));
    else
      out += " flags=" + single_quoted(flag_words(flags_of(*command)));
    out += " ;;\n";
  }
  out += "  esac\n";
  out += "  flags=\"$flags " + flag_words(global_flags()) + "\"\n";
  out += R"sh(  COMPREPLY=()
  if [[ "$cur" == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
  elif [[ -n "$children" && "$prev" != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$children" -- "$cur")
  else
    local IFS=$'\n' line
    while IFS=$'\t' read -r line _; do
      COMPREPLY+=("$(printf '%q' "$line")")
    done < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  fi
}
complete -o default -F _syncctl syncctl
)sh";
  return out;
}

std::string zsh_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ':') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_flags(std::span<const Flag> flags, const char* variable) {
  std::string out = std::string("    ") + variable + "+=(\n";
  for (const Flag& flag : flags) {
    out += "      " + single_quoted("--" + std::string(flag.name) + ":" + zsh_escaped(flag.help)) +
           "\n";
    if (flag.letter != 0)
      out += "      " +
             single_quoted(std::string("-") + flag.letter + ":" + zsh_escaped(flag.help)) + "\n";
  }
  return out + "    )\n";
}

std::string zsh_children(std::string_view group) {
  std::string out = "    children+=(\n";
  const std::string prefix = group.empty() ? "" : std::string(group) + " ";
  for (const Command* command : visible()) {
    const std::string_view name = command->name;
    if (!name.starts_with(prefix)) continue;
    const std::string rest(name.substr(prefix.size()));
    if (rest.find(' ') != std::string::npos) continue;
    out += "      " + single_quoted(rest + ":" + zsh_escaped(command->summary)) + "\n";
  }
  return out + "    )\n";
}

std::string zsh() {
  std::string out = "#compdef syncctl\n" + std::string(kMade) + "zsh\n";
  out += R"sh(_syncctl() {
  local cur="${words[CURRENT]}" prev="${words[CURRENT-1]}"
  local command="" word
  local -a flags children
  local -i i
  for ((i = 2; i < CURRENT; i++)); do
    word="${words[i]}"
    case "$word" in
)sh";
  out += "      (" + value_flag_pattern() + ") ((i++)); continue ;;\n";
  out += R"sh(      (-*) continue ;;
    esac
    case "$command $word" in
)sh";
  for (const Command* command : visible()) {
    const std::string name = command->name;
    const std::string key = name.find(' ') == std::string::npos ? " " + name : name;
    out += "      (" + single_quoted(key) + ") command=" + single_quoted(name) + " ;;\n";
  }
  out += "    esac\n  done\n";
  out += zsh_flags(global_flags(), "flags");
  out += "  case \"$command\" in\n  ('')\n" + zsh_children("") + "    ;;\n";
  for (const Command* command : visible()) {
    out += "  (" + single_quoted(command->name) + ")\n";
    const auto flags = flags_of(*command);
    if (command->is_group)
      out += zsh_children(command->name);
    else if (!flags.empty())
      out += zsh_flags(flags, "flags");
    out += "    ;;\n";
  }
  out += R"sh(  esac
  if [[ "$cur" == -* ]]; then
    _describe -o 'flag' flags
  elif (( ${#children} )) && [[ "$prev" != -* ]]; then
    _describe 'command' children
  else
    local -a found
    local value
    while IFS=$'\t' read -r value _; do
      found+=("$value")
    done < <("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#found} )); then
      compadd -- "${found[@]}"
    else
      _files
    fi
  fi
}
if [[ "$funcstack[1]" == "_syncctl" ]]; then
  _syncctl "$@"
else
  compdef _syncctl syncctl
fi
)sh";
  return out;
}

std::string fish_flag(const Flag& flag, const std::string& condition) {
  std::string out = "complete -c syncctl";
  if (!condition.empty()) out += " -n " + single_quoted(condition);
  out += " -l " + std::string(flag.name);
  if (flag.letter != 0) out += std::string(" -s ") + flag.letter;
  if (flag.value != nullptr) out += " -x -a '(__syncctl_complete)'";
  return out + " -d " + single_quoted(flag.help) + "\n";
}

std::string fish() {
  std::string out = std::string(kMade) + "fish\n";
  out += R"sh(function __syncctl_complete
    set -l words (commandline -opc) (commandline -ct)
    syncctl __complete -- $words[2..-1] 2>/dev/null
end

function __syncctl_is
    set -l words (commandline -opc)
    set -l found
    for word in $words[2..-1]
        string match -q -- '-*' $word; and continue
        set -a found $word
    end
    set -l wanted (string split ' ' -- $argv[1])
    test (count $found) -ge (count $wanted); or return 1
    set -l head $found[1..(count $wanted)]
    test "$head" = "$wanted"
end

function __syncctl_bare
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; or return 1
    end
    return 0
end

function __syncctl_group
    set -l words (commandline -opc)
    test "$words[-1]" = "$argv[1]"
end

complete -c syncctl -f
complete -c syncctl -n 'not __syncctl_bare' -F -a '(__syncctl_complete)'
)sh";
  for (const Flag& flag : global_flags()) out += fish_flag(flag, "");
  for (const Command* command : visible()) {
    const std::string name = command->name;
    const std::size_t space = name.find(' ');
    const std::string condition =
        space == std::string::npos ? "__syncctl_bare" : "__syncctl_group " + name.substr(0, space);
    const std::string word = space == std::string::npos ? name : name.substr(space + 1);
    out += "complete -c syncctl -n " + single_quoted(condition) + " -a " + word + " -d " +
           single_quoted(command->summary) + "\n";
    for (const Flag& flag : flags_of(*command))
      out += fish_flag(flag, "__syncctl_is \"" + name + "\"");
  }
  return out;
}

std::string powershell() {
  std::string out = std::string(kMade) + "powershell\n";
  out += R"sh(Register-ArgumentCompleter -Native -CommandName syncctl -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
    if ($wordToComplete -eq '') { $words += '' }
    & syncctl __complete -- @words 2>$null | ForEach-Object {
        $value, $text = $_ -split "`t", 2
        if (-not $text) { $text = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $text)
    }
}
)sh";
  return out;
}

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return bash();
  if (shell == "zsh") return zsh();
  if (shell == "fish") return fish();
  return powershell();
}

}  // namespace converge::cli
