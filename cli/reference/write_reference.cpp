#include "cli/reference/files.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

/// Writes the generated man pages, completions and reference page into the source tree given.
int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: write_reference SOURCE_DIR\n", stderr);
    return 2;
  }
  const std::filesystem::path root = argv[1];
  for (const auto& [name, content] : converge::cli::reference_files()) {
    std::filesystem::create_directories((root / name).parent_path());
    std::ofstream(root / name, std::ios::binary) << content;
  }
  return 0;
}
