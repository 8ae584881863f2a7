#pragma once

#include <map>
#include <string>
#include <vector>

namespace converge::testing {

/// What a run of the real syncctl left behind.
struct CliRun {
  int exit = 0;  ///< 128 + signal when one ended it
  std::string out;
  std::string err;
};

struct CliSetup {
  std::map<std::string, std::string> environment = {};  ///< on top of a clean one
  std::string input = {};                               ///< stdin
  std::string directory = {};                           ///< working directory
};

/// Runs syncctl with HOME and the XDG directories in `home` and nothing inherited.
CliRun run_cli(const std::string& home, const std::vector<std::string>& words,
               const CliSetup& setup = {});

}  // namespace converge::testing
