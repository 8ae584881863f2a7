#include "cli/commands/long_request.h"

#include "cli/commands/progress.h"
#include "cli/commands/render.h"
#include "core/client/durable_client.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <stop_token>
#include <string>
#include <thread>

namespace converge::cli {
namespace {

using nlohmann::json;

/// How often the thread looks whether the answer has come, and USR1 is seen.
constexpr std::chrono::milliseconds kTick{20};

void show_notes(const std::stop_token& stop, Session& session, client::Client& connection,
                Progress& progress) {
  std::uint64_t done = 0;
  while (!stop.stop_requested()) {
    const auto note = connection.next_notification(session.clock().steady_now() + kTick);
    if (!note) return;  // whoever waits for the answer is told why
    if (*note && (*note)->contains("progress")) {
      const json& now = (**note)["progress"];
      done = count_field(now, "done");
      progress.expect(count_field(now, "total"), field(now, "unit"));
    }
    progress.update(done);
  }
}

}  // namespace

Result<json> ask_with_progress(Session& session, std::string_view method, json params) {
  const auto options = session.client_options();
  if (!options) return options.error();
  const auto deadline = session.has_timeout() ? session.deadline() : client::Client::kNoDeadline;
  client::DurableClient client(*options);
  const auto connection = client.connect(deadline);
  if (!connection) return connection.error();
  params["progress"] = true;
  const auto ticket = (*connection)->send(method, params, deadline);
  if (!ticket) return ticket.error();
  Progress progress(session, std::string(method), "");
  // Of the two that wait on the connection one reads for both.
  const std::jthread shower(
      [&](const std::stop_token& stop) { show_notes(stop, session, **connection, progress); });
  return (*connection)->wait(*ticket, deadline);
}

}  // namespace converge::cli
