#pragma once

#include "core/base/result.h"
#include "core/client/durable_client.h"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace converge::cli {

/// What a command works on: it asks with the methods of core/control/PROTOCOL.md and gets their
/// results, whoever carries them out.
class Target {
 public:
  virtual ~Target() = default;
  /// Errors: what the method answers; timeout, agent.unreachable.
  virtual Result<nlohmann::json> call(std::string_view method, const nlohmann::json& params) = 0;
  using Answered = std::function<void(Result<nlohmann::json>)>;
  /// One method with each of these parameters: `answered` is called for each, in order. An agent
  /// gets the requests in order, too, but several before the first is answered.
  virtual void call_each(std::string_view method, const std::vector<nlohmann::json>& params,
                         const Answered& answered);
  /// The next event of a stream; nothing when `limit` passes in silence. Errors: usage.argument
  /// where there are no streams.
  virtual Result<std::optional<nlohmann::json>> next_event(client::Client::Deadline limit);
};

/// The agent, over its socket. Connects at the first call; writes that may wait go to the outbox
/// when there is no agent.
class AgentTarget final : public Target {
 public:
  AgentTarget(client::DurableClient::Options options, client::Client::Deadline deadline);
  ~AgentTarget() override;
  Result<nlohmann::json> call(std::string_view method, const nlohmann::json& params) override;
  void call_each(std::string_view method, const std::vector<nlohmann::json>& params,
                 const Answered& answered) override;
  Result<std::optional<nlohmann::json>> next_event(client::Client::Deadline limit) override;

 private:
  struct Sent;
  Sent send(std::string_view method, const nlohmann::json& params);

  client::DurableClient client_;
  client::Client::Deadline deadline_;
};

/// Plain files and stdin. Each call reads the file; an edit writes it back whole, under a lock on
/// the file, by a temporary neighbour and a rename.
class FileTarget final : public Target {
 public:
  FileTarget();
  Result<nlohmann::json> call(std::string_view method, const nlohmann::json& params) override;
};

}  // namespace converge::cli
