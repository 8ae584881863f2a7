#include "agent/config/man.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

/// Writes the agent's manual pages into the source tree given.
int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: write_agent_reference SOURCE_DIR\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = std::filesystem::path(argv[1]) / "man";
  for (const auto& [name, content] : converge::config::man_pages()) {
    std::ofstream(folder / name, std::ios::binary) << content;
  }
  return 0;
}
