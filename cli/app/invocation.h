#pragma once

#include "cli/app/command_table.h"
#include "core/base/result.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::cli {

/// One command line, taken apart and checked word by word, before anything is done.
class Invocation {
 public:
  const Command* command = nullptr;  ///< null: only syncctl and global flags

  /// The words of the argument with this index in the table row; empty when left out.
  const std::vector<std::string>& args(std::size_t index) const;
  /// The first word of that argument. REQUIRES: it is there.
  const std::string& arg(std::size_t index) const;
  bool has_arg(std::size_t index) const { return !args(index).empty(); }

  bool has(std::string_view flag) const { return flags_.find(flag) != flags_.end(); }
  /// The flag's value, the last one when it stands several times.
  std::optional<std::string> value(std::string_view flag) const;
  /// A kInt flag's number.
  std::optional<long> number(std::string_view flag) const;
  std::vector<std::string> values(std::string_view flag) const;
  /// How often a switch stands there.
  std::size_t count(std::string_view flag) const;

  void add_flag(const std::string& flag, std::string value) {
    flags_[flag].push_back(std::move(value));
  }
  void set_args(std::vector<std::vector<std::string>> args) { args_ = std::move(args); }

 private:
  std::vector<std::vector<std::string>> args_;                          // by table index
  std::map<std::string, std::vector<std::string>, std::less<>> flags_;  // by long name
};

/// Parses the words behind the program's name. "-h", "--help" anywhere before "--" wins: the
/// invocation then has the flag "help" and the command as far as it can be told. Errors:
/// usage.command, usage.flag, usage.argument, each with a suggestion where one is near.
Result<Invocation> parse_command_line(const std::vector<std::string>& words);

/// A line of a batch: the words behind a command's name, without flags. Cheap: no parser is built.
/// Errors: usage.argument.
Result<Invocation> parse_plain(const Command& command, std::vector<std::string> words);

}  // namespace converge::cli
