#include "cli/app/command_tree.h"

#include "core/base/suggest.h"
#include "core/control/error_table.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <deque>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;

std::string names_of(const Flag& flag) {
  return (flag.letter != 0 ? std::string("-") + flag.letter + "," : std::string()) + "--" +
         flag.name;
}

/// A word that the user meant as a flag: "-x", "--long", but not "-" and not "-3".
bool looks_like_flag(std::string_view word) {
  return word.size() > 1 && word.front() == '-' && (word[1] < '0' || word[1] > '9');
}

std::vector<std::string> flag_words(const Command* command) {
  std::vector<std::string> names;
  if (command != nullptr)
    for (const Flag& flag : flags_of(*command)) names.push_back(std::string("--") + flag.name);
  for (const Flag& flag : global_flags()) names.push_back(std::string("--") + flag.name);
  return names;
}

Error unknown_flag(const Command* command, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  std::string hint = did_you_mean(name, flag_words(command));
  if (hint.empty() && command != nullptr)
    hint = std::string("\"syncctl help ") + command->name + "\" lists its flags";
  if (hint.empty()) hint = "\"syncctl help\" lists the commands";
  const std::string whose =
      command != nullptr ? std::string("\"") + command->name + "\"" : std::string("syncctl");
  return make_error(ErrorId::kUsageFlag, whose + " has no flag \"" + name + "\"", hint);
}

}  // namespace

struct CommandTree::Impl {
  CLI::App app{"Work with local-first documents kept by syncd", "syncctl"};
  std::deque<std::string> groups;  // names of parents, stable addresses
  Raw raw;

  Impl() {
    prepare(app);
    app.allow_extras();
    for (const Flag& flag : global_flags()) add_flag(app, flag);
    for (const Command& command : command_table()) add_command(command);
  }

  static void prepare(CLI::App& part) {
    part.set_help_flag();
    part.set_help_all_flag();
    part.require_subcommand(0, 1);
    part.fallthrough();
  }

  void add_flag(CLI::App& part, const Flag& flag) {
    const std::string name = flag.name;
    if (flag.value == nullptr) {
      CLI::Option* option = part.add_flag(names_of(flag), flag.help);
      option->each([this, name](const std::string& value) { raw.flags.add_flag(name, value); });
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      return;
    }
    const CLI::callback_t keep = [this, name](const CLI::results_t& results) {
      for (const std::string& value : results) raw.flags.add_flag(name, value);
      return true;
    };
    CLI::Option* option = part.add_option(names_of(flag), keep, flag.help);
    option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    option->option_text(flag.value);
  }

  void add_command(const Command& command) {
    const std::string_view words = command.name;
    const std::size_t space = words.find(' ');
    CLI::App* parent = &app;
    if (space != std::string_view::npos)
      parent = app.get_subcommand(std::string(words.substr(0, space)));
    const std::string last(space == std::string_view::npos ? words : words.substr(space + 1));
    CLI::App* part = parent->add_subcommand(last, command.summary);
    prepare(*part);
    for (const Flag& flag : flags_of(command)) add_flag(*part, flag);
  }

  const Command* parsed_command() {
    std::string words;
    for (const CLI::App* part = &app; !part->get_subcommands().empty();) {
      part = part->get_subcommands().front();
      words += (words.empty() ? "" : " ") + part->get_name();
    }
    return words.empty() ? nullptr : find_command(words);
  }
};

CommandTree::CommandTree() : impl_(std::make_unique<Impl>()) {}
CommandTree::~CommandTree() = default;

CLI::App& CommandTree::root() { return impl_->app; }

namespace {

Error unknown_command(const Command* group, const std::string& word) {
  std::vector<std::string> names;
  const std::string prefix = group != nullptr ? std::string(group->name) + " " : std::string();
  for (const Command& command : command_table()) {
    const std::string_view name = command.name;
    if (command.hidden || !name.starts_with(prefix)) continue;
    const std::string rest(name.substr(prefix.size()));
    if (rest.find(' ') == std::string::npos) names.push_back(rest);
  }
  std::string hint;
  if (const auto near = nearest(word, names)) hint = "did you mean \"" + prefix + *near + "\"?";
  if (hint.empty())
    hint = group != nullptr ? "\"syncctl help " + std::string(group->name) + "\" lists them"
                            : std::string("\"syncctl help\" lists the commands");
  return make_error(ErrorId::kUsageCommand, "\"" + prefix + word + "\" is not a command", hint);
}

/// Whether the first spare word stands before the command's own word.
bool stands_before(const std::vector<std::string>& front, const std::string& spare,
                   const Command& command) {
  const std::string_view name = command.name;
  const std::string first(name.substr(0, name.find(' ')));
  return std::ranges::find(front, spare) < std::ranges::find(front, first);
}

/// "--flag=" would make CLI11 take the next word; said as two words it is the empty value.
std::vector<std::string> split_empty_values(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const std::string& word : words) {
    if (word.starts_with("--") && word.ends_with("=") && word.find('=') == word.size() - 1) {
      out.push_back(word.substr(0, word.size() - 1));
      out.emplace_back();
    } else {
      out.push_back(word);
    }
  }
  return out;
}

Error from_parse_error(const CLI::ParseError& error, const Command* command) {
  const std::string text = error.what();
  const std::string flag = text.substr(0, text.find(':'));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::string hint = command != nullptr
                                 ? "\"syncctl help " + std::string(command->name) + "\" tells which"
                                 : std::string("\"syncctl help\" tells which");
    return make_error(ErrorId::kUsageFlag, "the flag \"" + flag + "\" needs a value", hint);
  }
  return make_error(ErrorId::kUsageFlag, text);
}

}  // namespace

Result<CommandTree::Raw> CommandTree::parse(const std::vector<std::string>& words) {
  const auto dashes = std::ranges::find(words, std::string("--"));
  const std::vector<std::string> front = split_empty_values({words.begin(), dashes});
  impl_->raw = {};
  try {
    impl_->app.parse(std::vector<std::string>(front.rbegin(), front.rend()));
  } catch (const CLI::ParseError& error) {
    return from_parse_error(error, impl_->parsed_command());
  }
  Raw raw = std::move(impl_->raw);
  raw.command = impl_->parsed_command();
  const bool grouped = raw.command != nullptr && raw.command->is_group;
  for (const std::string& word : impl_->app.remaining()) {
    if (looks_like_flag(word)) return unknown_flag(raw.command, word);
    if (raw.command == nullptr) return unknown_command(nullptr, word);
    if (raw.words.empty() && stands_before(front, word, *raw.command))
      return unknown_command(nullptr, word);
    if (grouped) return unknown_command(raw.command, word);
    raw.words.push_back(word);
  }
  if (dashes == words.end()) return raw;
  const bool runs = raw.command != nullptr && !raw.command->args.empty() &&
                    raw.command->args.back().kind == Kind::kCommand;
  auto& rest = runs ? raw.trailing : raw.words;
  rest.insert(rest.end(), dashes + 1, words.end());
  return raw;
}

}  // namespace converge::cli
