#include "cli/app/invocation.h"

#include "cli/app/command_tree.h"
#include "cli/app/kinds.h"
#include "core/base/assert.h"
#include "core/base/suggest.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace converge::cli {

using control::ErrorId;
using control::make_error;

const std::vector<std::string>& Invocation::args(std::size_t index) const {
  static const std::vector<std::string> none;
  return index < args_.size() ? args_[index] : none;
}

const std::string& Invocation::arg(std::size_t index) const {
  ASSERT(has_arg(index));
  return args_[index].front();
}

std::optional<std::string> Invocation::value(std::string_view flag) const {
  const auto found = flags_.find(flag);
  if (found == flags_.end()) return std::nullopt;
  return found->second.back();
}

std::optional<long> Invocation::number(std::string_view flag) const {
  const auto text = value(flag);
  if (!text) return std::nullopt;
  long number = 0;
  std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

std::vector<std::string> Invocation::values(std::string_view flag) const {
  const auto found = flags_.find(flag);
  return found == flags_.end() ? std::vector<std::string>() : found->second;
}

std::size_t Invocation::count(std::string_view flag) const { return values(flag).size(); }

namespace {

/// What help is asked about, from words that need not parse.
const Command* command_among(const std::vector<std::string>& words) {
  const Command* found = nullptr;
  for (const std::string& word : words) {
    if (word.starts_with("-")) continue;
    const std::string longer = found != nullptr ? std::string(found->name) + " " + word : word;
    if (const Command* next = find_command(longer)) found = next;
  }
  return found;
}

bool asks_for_help(const std::vector<std::string>& words) {
  const auto end = std::ranges::find(words, std::string("--"));
  return std::any_of(words.begin(), end,
                     [](const std::string& word) { return word == "-h" || word == "--help"; });
}

std::string usage_hint(const Command& command) { return "usage: " + usage_of(command); }

bool has_value_flag(const Invocation& invocation) {
  return invocation.has("string") || invocation.has("type") || invocation.has("file");
}

/// The section 9 example: the command as it should have been typed.
Error not_json(const std::vector<std::string>& line, const std::string& word,
               const Command& command) {
  const auto value = control::parse_json(word, "the value");
  if (!value && value.error().code == ErrorCode::kLimitExceeded)
    return make_error(ErrorId::kUsageArgument, value.error().message, value.error().hint);
  const auto flags = flags_of(command);
  const bool takes_string = std::ranges::any_of(
      flags, [](const Flag& flag) { return std::string_view(flag.name) == "string"; });
  std::string better = "syncctl";
  for (const std::string& part : line) {
    if (part == word && takes_string) better += " --string";
    better += " " + part;
  }
  return make_error(
      ErrorId::kUsageArgument, "the value \"" + word + "\" is not JSON",
      takes_string ? "for a string write: " + better : "a string needs quotes: '\"" + word + "\"'");
}

Result<void> check_args(const Invocation& invocation, const std::vector<std::string>& line) {
  const Command& command = *invocation.command;
  for (std::size_t i = 0; i < command.args.size(); ++i) {
    const Arg& spec = command.args[i];
    if (spec.kind == Kind::kValue && has_value_flag(invocation)) continue;
    for (const std::string& word : invocation.args(i)) {
      const auto good = check_word(spec, word);
      if (good) continue;
      if (spec.kind == Kind::kValue) return not_json(line, word, command);
      return good.error();
    }
  }
  return {};
}

Result<void> assign_args(Invocation& invocation, const CommandTree::Raw& raw) {
  const Command& command = *invocation.command;
  std::vector<std::vector<std::string>> args(command.args.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < command.args.size(); ++i) {
    const Arg& spec = command.args[i];
    if (spec.kind == Kind::kCommand) {
      args[i] = raw.trailing;
      continue;
    }
    const bool value_elsewhere = spec.kind == Kind::kValue && invocation.has("file");
    while (next < raw.words.size() && !value_elsewhere && (args[i].empty() || spec.repeats))
      args[i].push_back(raw.words[next++]);
    const bool must = !spec.optional || (spec.kind == Kind::kValue && !invocation.has("file"));
    if (args[i].empty() && must)
      return make_error(
          ErrorId::kUsageArgument,
          "\"" + std::string(command.name) + "\" needs " +
              (std::string_view("AEIOU").find(spec.name[0]) == std::string_view::npos ? "a "
                                                                                      : "an ") +
              spec.name,
          usage_hint(command));
  }
  if (next < raw.words.size())
    return make_error(
        ErrorId::kUsageArgument,
        "\"" + std::string(command.name) + "\" has no place for \"" + raw.words[next] + "\"",
        usage_hint(command));
  invocation.set_args(std::move(args));
  return {};
}

Result<void> check_flag(const Invocation& invocation, const Flag& flag) {
  const std::string name = std::string("--") + flag.name;
  for (const std::string& value : invocation.values(flag.name)) {
    if (flag.value == nullptr && value != "true")
      return make_error(ErrorId::kUsageFlag, "the flag \"" + name + "\" takes no value");
    if (flag.value == nullptr) continue;
    const auto good = check_word(flag, value);
    if (!good) return good.error();
  }
  if (!invocation.has(flag.name)) return {};
  for (const char* other : flag.excludes)
    if (invocation.has(other))
      return make_error(ErrorId::kUsageFlag, name + " and --" + other + " exclude each other",
                        "leave out one of them");
  return {};
}

Result<void> check_flags(const Invocation& invocation) {
  for (const Flag& flag : global_flags())
    if (auto good = check_flag(invocation, flag); !good) return good;
  if (invocation.command == nullptr) return {};
  const Command& command = *invocation.command;
  for (const Flag& flag : flags_of(command))
    if (auto good = check_flag(invocation, flag); !good) return good;
  const std::string name = "\"" + std::string(command.name) + "\"";
  if (invocation.has("dry-run") && !command.writes)
    return make_error(ErrorId::kUsageFlag, name + " changes nothing, so --dry-run says nothing",
                      "leave out -n");
  if (invocation.has("at") && !command.reads)
    return make_error(ErrorId::kUsageFlag, name + " does not take --at",
                      "only reading commands do: get, heads, ls, export, query, log, digest");
  return {};
}

}  // namespace

Result<Invocation> parse_command_line(const std::vector<std::string>& words) {
  if (asks_for_help(words)) {
    Invocation help;
    help.command = command_among({words.begin(), std::ranges::find(words, std::string("--"))});
    help.add_flag("help", "true");
    return help;
  }
  CommandTree tree;
  auto raw = tree.parse(words);
  if (!raw) return raw.error();
  Invocation invocation = std::move(raw->flags);
  invocation.command = raw->command;
  if (auto good = check_flags(invocation); !good) return good.error();
  if (invocation.command == nullptr || invocation.command->is_group) return invocation;
  if (auto good = assign_args(invocation, *raw); !good) return good.error();
  if (auto good = check_args(invocation, words); !good) return good.error();
  return invocation;
}

Result<Invocation> parse_plain(const Command& command, std::vector<std::string> words) {
  CommandTree::Raw raw;
  raw.words = std::move(words);
  Invocation invocation;
  invocation.command = &command;
  if (auto good = assign_args(invocation, raw); !good) return good.error();
  if (auto good = check_args(invocation, raw.words); !good) return good.error();
  return invocation;
}

}  // namespace converge::cli
