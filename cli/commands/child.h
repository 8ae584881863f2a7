#pragma once

#include "core/base/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace converge::cli {

struct ChildResult {
  int exit = 0;        ///< 126 could not be executed, 127 not found, 128 + signal
  std::string output;  ///< stdout, when it was captured
};

struct ChildOptions {
  bool capture = false;         ///< stdout into `output`, else it is ours
  bool discard_errors = false;  ///< stderr to nobody, else it is ours
  std::vector<std::pair<std::string, std::string>> environment = {};  ///< added to ours
};

/// Runs an argument vector with `input` on its stdin and waits for it. Errors: io when no process
/// can be made.
Result<ChildResult> run_child(const std::vector<std::string>& words, std::string_view input,
                              const ChildOptions& options = {});

/// The error for a command whose run ended in 126 or 127.
Error not_run(const std::string& command, int exit);

}  // namespace converge::cli
