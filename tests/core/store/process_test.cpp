// Real processes and real file systems: kills, and a disk that is full.

#include "tests/core/store/disk_store.h"

#include <catch2/catch.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <sys/mount.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;
namespace fs = std::filesystem;

namespace {

struct Child {
  pid_t pid = 0;
  int out = -1;
};

Child start_writer(const fs::path& directory) {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) throw std::runtime_error("pipe");
  const std::string path = directory.string();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    ::execl(CONVERGE_STORE_WRITER, "store_writer", path.c_str(), "4", nullptr);
    ::_exit(127);
  }
  ::close(pipe_ends[1]);
  return {pid, pipe_ends[0]};
}

/// Everything the child said until it died; a last line without its end was not said.
std::string drain(int fd) {
  std::string out;
  char buffer[65536];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0) {
    out.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return out.substr(0, out.rfind('\n') + 1);
}

}  // namespace

TEST_CASE("F1 F2 F3 F4 F9: a killed writer loses nothing it acknowledged", "[store][process]") {
  TempDir directory;
  const fs::path path = directory.path() / "s";
  const bool nightly = std::getenv("CONVERGE_NIGHTLY") != nullptr;
  const int cycles = nightly ? 10'000 : 60;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(25);
  std::map<std::uint64_t, std::uint64_t> acknowledged;  // thread: appends
  std::mt19937_64 random(5);
  int done = 0;
  std::uint64_t lines = 0;
  for (; done < cycles; ++done) {
    if (!nightly && std::chrono::steady_clock::now() > deadline) break;
    const Child child = start_writer(path);
    std::string said;
    std::jthread reader([&] { said = drain(child.out); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 120));
    REQUIRE(::kill(child.pid, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child.pid, &status, 0) == child.pid);
    REQUIRE(WIFSIGNALED(status));
    reader.join();
    std::istringstream in(said);
    std::uint64_t thread = 0;
    std::uint64_t number = 0;
    while (in >> thread >> number) {
      acknowledged[thread] = std::max(acknowledged[thread], number + 1);
      lines += 1;
    }

    if (!fs::exists(path / "FORMAT")) continue;
    DiskStore store(path);
    std::uint64_t changes = 0;
    for (const auto& [document_number, count] : acknowledged) {
      const auto loaded = store.get().load(document(document_number));
      if (!loaded) FAIL(loaded.error().message);
      INFO("cycle " << done << " document " << document_number);
      REQUIRE(loaded->tail.size() >= count);
      REQUIRE(loaded->tail.size() == loaded->header.document_seq);
      changes += loaded->tail.size();
      for (std::uint64_t i = 0; i < count; i += 7) {
        const auto found = store.get().find_change(
            document(document_number), change(document_number * 1'000'000 + i, 900).hash);
        REQUIRE(found.has_value());
        REQUIRE(found->has_value());
      }
    }
    REQUIRE(store.get().counts().changes >= changes);
    REQUIRE(store.get().counts().last_receipt == store.get().counts().changes);
  }
  CHECK(lines > 0);
  std::cerr << "kill loop: " << done << " kills, " << lines << " acknowledged appends\n";
}

TEST_CASE("F31 F32: a disk of 32 MiB fills up and empties again", "[store][process]") {
  TempDir directory;
  const fs::path mount = directory.path() / "disk";
  fs::create_directory(mount);
  if (::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=32m,mode=0700") != 0) {
    WARN("SKIPPED: mounting a tmpfs needs root");
    return;
  }
  struct Unmount {
    const fs::path& path;
    ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
  } const unmount{mount};
  OpenOptions options = disk_options();
  options.write_buffer_bytes = 1u << 20;
  options.reserve_bytes = 4u << 20;
  options.free_bytes_min = GENERATE(std::uint64_t{0}, std::uint64_t{6} << 20);
  const fs::path ballast = mount / "ballast";
  {
    DiskStore store(mount / "s", options);
    const std::string filler(8u << 20, 'x');
    std::ofstream(ballast, std::ios::binary) << filler;
    std::uint64_t seq = 0;
    Error refusal{ErrorCode::kInvalid, ""};
    for (; seq < 200; ++seq) {
      const auto result =
          append_now(store.get(), append_of(document(1), seq, {change(seq, 200'000)}));
      if (!result) {
        refusal = result.error();
        break;
      }
    }
    INFO(refusal.message << " after " << seq << " appends");
    REQUIRE(seq > 5);
    REQUIRE(seq < 200);
    CHECK(refusal.code == ErrorCode::kNoSpace);
    CHECK(refusal.id == "store.no_space");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const auto second = append_now(store.get(), append_of(document(2), 0, {change(1, 200'000)}));
    if (!second) CHECK(second.error().code == ErrorCode::kNoSpace);
    const auto loaded = store.get().load(document(1));
    if (!loaded) FAIL(loaded.error().message);
    CHECK(loaded->tail.size() >= seq);

    fs::remove(ballast);
    bool is_back = false;
    for (int i = 0; i < 1000 && !is_back; ++i) {
      const auto retried = append_now(store.get(), append_of(document(3), 0, {change(3)}));
      is_back = retried || retried.error().code == ErrorCode::kConflict;
      if (!is_back) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    INFO(store.get().stats().state_reason);
    REQUIRE(is_back);
    REQUIRE(store.get().state() == StoreState::kOpen);
    CHECK(fs::exists(mount / "s/reserve"));
  }
  DiskStore store(mount / "s", options);
  CHECK(store.get().load(document(3)).has_value());
}
