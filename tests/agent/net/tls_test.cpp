#include "agent/net/tls.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

namespace converge::net {
namespace {

namespace fs = std::filesystem;

class TempDir {
 public:
  TempDir() {
    std::string pattern = (fs::temp_directory_path() / "converge-tls-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TempDir() { fs::remove_all(path); }
  fs::path path;
};

}  // namespace

TEST_CASE("agents that start at once on the same keys have one identity", "[net]") {
  const TempDir dir;
  constexpr std::size_t kAgents = 8;
  std::vector<std::string> fingerprints(kAgents);
  std::vector<std::thread> agents;
  for (std::string& fingerprint : fingerprints) {
    agents.emplace_back([&fingerprint, &dir] {
      const auto made =
          TlsIdentity::load_or_create(dir.path / "device.crt", dir.path / "device.key", "laptop");
      fingerprint = made ? made->fingerprint() : made.error().message;
    });
  }
  for (std::thread& agent : agents) agent.join();
  for (const std::string& fingerprint : fingerprints) {
    CHECK(fingerprint.size() == 64);
    CHECK(fingerprint == fingerprints.front());
  }
  CHECK(std::distance(fs::directory_iterator(dir.path), fs::directory_iterator()) == 2);
}

TEST_CASE("a device identity is made once and keeps its fingerprint", "[net]") {
  const TempDir dir;
  const auto certificate = dir.path / "device.crt";
  const auto key = dir.path / "device.key";

  const auto made = TlsIdentity::load_or_create(certificate, key, "laptop");
  REQUIRE(made);
  CHECK(made->fingerprint().size() == 64);
  struct stat info {};
  REQUIRE(::stat(key.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);

  const auto loaded = TlsIdentity::load(certificate, key);
  REQUIRE(loaded);
  CHECK(loaded->fingerprint() == made->fingerprint());

  SECTION("also when the certificate is renewed") {
    fs::remove(certificate);
    const auto renewed = TlsIdentity::load_or_create(certificate, key, "laptop");
    REQUIRE(renewed);
    CHECK(renewed->fingerprint() == made->fingerprint());
  }
  SECTION("a key that others can read is refused") {
    REQUIRE(::chmod(key.c_str(), 0640) == 0);
    const auto open = TlsIdentity::load(certificate, key);
    REQUIRE_FALSE(open);
    CHECK(open.error().code == ErrorCode::kDenied);
  }
  SECTION("a damaged key is named") {
    std::ofstream(key, std::ios::trunc) << "no key";
    const auto damaged = TlsIdentity::load(certificate, key);
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().code == ErrorCode::kCorrupt);
  }
  SECTION("a link instead of the key is not followed") {
    fs::rename(key, dir.path / "elsewhere");
    fs::create_symlink(dir.path / "elsewhere", key);
    CHECK_FALSE(TlsIdentity::load(certificate, key));
  }
  SECTION("a certificate of another key is refused") {
    const auto other =
        TlsIdentity::load_or_create(dir.path / "other.crt", dir.path / "other.key", "x");
    REQUIRE(other);
    const auto mixed = TlsIdentity::load(dir.path / "other.crt", key);
    REQUIRE_FALSE(mixed);
    CHECK(mixed.error().code == ErrorCode::kInvalid);
  }
  SECTION("missing files are reported as such") {
    const auto missing = TlsIdentity::load(dir.path / "no.crt", dir.path / "no.key");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == ErrorCode::kNotFound);
  }
}

}  // namespace converge::net
