#include "tests/fuzz/targets.h"
#include "tests/support/shared_data.h"

namespace converge::fuzz {

std::size_t replay(const char* name, void (*target)(ByteView)) {
  const auto folder = std::filesystem::path(CONVERGE_SOURCE_DIR) / "tests/data/corpus" / name;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string bytes = testing::read_file(entry.path());
    target(as_bytes(bytes));
    ++count;
  }
  return count;
}

}  // namespace converge::fuzz
