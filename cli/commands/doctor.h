#pragma once

#include "cli/commands/session.h"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace converge::cli {

/// What doctor found out about one thing.
struct Finding {
  enum class State { kOk, kWarning, kFailed, kFixed, kSkipped };
  std::string check;  ///< "socket"
  State state = State::kOk;
  std::string message;
  std::string next = {};                   ///< the next command; empty: nothing to do
  std::function<bool()> repair = nullptr;  ///< what --fix does; null: nothing it could do
};

/// What the checks of files need to know of the agent: settings by key, as syncd.toml has them.
struct AgentPicture {
  std::map<std::string, std::string, std::less<>> settings;
  bool answers = false;
  std::string pid;  ///< of the agent that answers
  std::string setting(std::string_view key) const {
    const auto found = settings.find(key);
    return found == settings.end() ? std::string() : found->second;
  }
};

/// The checks that look at files only; none of them waits for anybody.
void check_client_files(Session& session, std::vector<Finding>& findings);
void check_socket(const std::filesystem::path& socket, std::vector<Finding>& findings);
void check_store(const std::filesystem::path& directory, const AgentPicture& agent,
                 std::vector<Finding>& findings);
void check_keys(const AgentPicture& agent, std::vector<Finding>& findings);

}  // namespace converge::cli
