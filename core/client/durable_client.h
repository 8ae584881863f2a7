#pragma once

#include "core/client/client.h"
#include "core/client/outbox.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::client {

/// An agent that is sometimes away. Requests go to it; a write that means the same later
/// (queueable.h) goes to the outbox when the agent cannot be reached, and is sent by whoever
/// reaches it next: this client, another program of the same user, or the agent at its start.
///
/// Each write has a request id, so a lost reply is asked for again and nothing happens twice.
/// Before the first request on a new connection everything that waits for this agent is sent, in
/// order.
///
/// Any thread, any number of them: they share one connection and pipeline their requests on it.
class DurableClient {
 public:
  using Deadline = Client::Deadline;

  struct Options {
    Client::Options connection;
    std::filesystem::path outbox;      ///< directory; empty: nothing is queued
    bool queue = true;                 ///< false: only what waits is sent, nothing is added
    std::vector<std::string> command;  ///< kept with queued entries, for display
  };

  explicit DurableClient(Options options);
  ~DurableClient();
  DurableClient(const DurableClient&) = delete;
  DurableClient& operator=(const DurableClient&) = delete;

  /// The agent's answer, or an Ack with "queued": true, which is a success: it is on disk. A
  /// request id is made for a write that has none. Errors: what the agent answers;
  /// agent.unreachable; timeout; outbox.full.
  Result<nlohmann::json> call(std::string_view method, const nlohmann::json& params,
                              Deadline deadline = Client::kNoDeadline);

  /// The connection itself, made now if there is none, for pipelining; what waits was sent before.
  /// Errors: those of Client::connect.
  Result<std::shared_ptr<Client>> connect(Deadline deadline) { return connection(deadline); }

  /// The next notification of this connection's streams; see Client::next_notification.
  Result<std::optional<nlohmann::json>> next_notification(Deadline deadline);

  const Outbox& outbox() const { return outbox_; }

 private:
  Result<std::shared_ptr<Client>> connection(Deadline deadline);
  void forget(const std::shared_ptr<Client>& lost);
  Result<nlohmann::json> queue(std::string_view method, const nlohmann::json& params, bool was_sent,
                               Error unreachable);

  const Options options_;
  const Outbox outbox_;
  std::mutex mutex_;
  std::shared_ptr<Client> client_;  ///< null: not connected
};

/// A new request id: 26 characters, sortable by time.
std::string new_request_id();

/// Asking again after a lost reply is harmless when the request id is the same.
bool is_repeatable(std::string_view method);

}  // namespace converge::client
