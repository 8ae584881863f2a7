// Writes to a store until it is killed. Prints one line per acknowledged append: thread and number.
// Usage: store_writer DIRECTORY THREADS. Goes on where an earlier run stopped.

#include "core/base/system.h"
#include "tests/core/store/store_test_support.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;

namespace {

void write_for_ever(Store& store, std::uint64_t thread) {
  const auto header = store.header(document(thread));
  std::uint64_t next = header ? header->document_seq : 0;
  for (;; ++next) {
    const auto durability = next % 4 == 3 ? Durability::kRelaxed : Durability::kDurable;
    Append append = append_of(document(thread), next, {change(thread * 1'000'000 + next, 900)});
    if (!append_now(store, std::move(append), durability)) ::_exit(2);
    const std::string line = std::to_string(thread) + " " + std::to_string(next) + "\n";
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) ::_exit(3);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  SystemClock clock;
  SystemRandom random;
  OpenOptions options;
  options.mode = OpenMode::kCreateIfAbsent;
  options.clock = &clock;
  options.random = &random;
  options.write_buffer_bytes = 64 * 1024;
  options.reserve_bytes = 0;
  options.free_bytes_min = 0;
  auto opened = open_store(argv[1], options);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    return 1;
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < std::atoi(argv[2]); ++i) {
    threads.emplace_back(
        [&store = *opened->store, i] { write_for_ever(store, static_cast<std::uint64_t>(i)); });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}
