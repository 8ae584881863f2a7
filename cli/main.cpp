#include "cli/commands/run.h"

#include <csignal>

int main(int argc, char** argv) {
  // Whoever started us may have left it ignored; a closed pipe ends us silently.
  std::signal(SIGPIPE, SIG_DFL);
  return converge::cli::run({argv + 1, argv + argc}, converge::cli::process_environment());
}
