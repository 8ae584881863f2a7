#pragma once

#include <nlohmann/json_fwd.hpp>

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace converge::testing {

/// A directory of its own that goes away with it.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  /// Writes a file and gives its path.
  std::string write(const std::string& name, const std::string& content) const;

 private:
  std::filesystem::path path_;
};

/// Answers each line a client sends with the lines `script` returns for it; an empty list keeps
/// silent. One thread, one connection after the other.
class FakeAgent {
 public:
  using Script = std::function<std::vector<std::string>(const std::string& line)>;
  /// Says instead of answering that the connection is to be closed.
  static constexpr const char* kHangUp = "\x01";

  FakeAgent(const std::filesystem::path& socket, Script script);
  ~FakeAgent();
  std::vector<std::string> seen() const;

 private:
  void serve();
  void talk(int connection);

  int listener_ = -1;
  Script script_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> seen_;
  std::thread thread_;
};

/// A script from methods to results; a result with "kind":"Error" is an error.
FakeAgent::Script answers(
    std::function<nlohmann::json(const std::string& method, const nlohmann::json& params)> answer);

}  // namespace converge::testing
