#pragma once

#include "cli/app/invocation.h"

#include <memory>

namespace CLI {
class App;
}

namespace converge::cli {

/// The CLI11 tree of the command table: one subcommand a row, the global flags on the root (they
/// fall through), prefix matching off. Parsing it fills `parsed`, which must outlive it.
class CommandTree {
 public:
  CommandTree();
  ~CommandTree();
  CommandTree(const CommandTree&) = delete;
  CommandTree& operator=(const CommandTree&) = delete;

  CLI::App& root();

  /// Everything the user wrote, sorted into command, flags and words; nothing checked but names.
  struct Raw {
    const Command* command = nullptr;
    Invocation flags;
    std::vector<std::string> words;
    std::vector<std::string> trailing;  ///< behind "--", for a command that runs one
  };
  Result<Raw> parse(const std::vector<std::string>& words);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::cli
