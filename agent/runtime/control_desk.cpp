#include "agent/runtime/control_desk.h"

#include "core/base/limits.h"
#include "core/control/error_table.h"
#include "core/control/rpc.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <future>
#include <utility>

namespace converge::runtime {

using control::ErrorId;
using control::make_error;
using handlers::Json;
using net::ControlClientId;

namespace {

/// An error that answers no request in particular; the server adds the line's end.
std::string line_of(const Error& error) {
  std::string line = control::encode_error(std::nullopt, error);
  if (line.ends_with('\n')) line.pop_back();
  return line;
}

}  // namespace

ControlDesk::ControlDesk(Context& context, handlers::Services& services)
    : context_(context), dispatcher_(services, context.metrics) {}

ControlDesk::~ControlDesk() = default;

Result<void> ControlDesk::start(const std::filesystem::path& path) {
  net::ControlServer::Options options;
  options.path = path;
  net::ControlServer::Handlers handlers;
  handlers.connected = [this](const net::ControlClient& client) {
    context_.control->post([this, id = client.id] { clients_[id]; });
  };
  handlers.line = [this](ControlClientId client, std::string line) {
    context_.control->post([this, client, line = std::move(line)] { handle(client, line); });
  };
  handlers.disconnected = [this](ControlClientId client) {
    context_.control->post([this, client] { clients_.erase(client); });
  };
  handlers.oversized = [] {
    return line_of(make_error(
        ErrorId::kInputTooLarge,
        fmt::format("a request has more than {} bytes", limits::kControlMessageBytesMax)));
  };
  handlers.denied = [] {
    return line_of(make_error(ErrorId::kAuthDenied, "this agent serves another user",
                              "ask its owner, or start an agent of your own"));
  };
  handlers.log = [this](char level, const std::string& line) {
    context_.log.write(level == 'w' ? telemetry::Level::kWarn : telemetry::Level::kDebug, "control",
                       line);
  };
  std::promise<Result<void>> promise;
  auto result = promise.get_future();
  context_.net->post([this, &promise, &options, &handlers] {
    server_ = std::make_unique<net::ControlServer>(context_.net->io(), std::move(options),
                                                   std::move(handlers));
    promise.set_value(server_->start());
  });
  return result.get();
}

void ControlDesk::stop(std::chrono::milliseconds deadline, std::function<void()> stopped) {
  context_.net->post([this, deadline, stopped = std::move(stopped)]() mutable {
    if (!server_) return stopped();
    server_->stop(deadline, std::move(stopped));
  });
}

void ControlDesk::handle(ControlClientId client, const std::string& line) {
  const auto place = clients_.find(client);
  if (place == clients_.end()) return;
  auto parsed = control::parse_request(line);
  if (const auto* bad = std::get_if<control::BadRequest>(&parsed)) {
    return answer(client, control::encode_error(bad->id, bad->error));
  }
  const auto& request = std::get<control::Request>(parsed);
  if (stopping_) {
    return answer(client, control::encode_error(
                              request.id, Error{ErrorCode::kUnavailable, "the agent is stopping",
                                                "agent.stopping"}));
  }
  const std::uint64_t subscription = place->second.next_subscription;
  if (request.method == "watch.start" || request.method == "agent.logs")
    ++place->second.next_subscription;
  const Json id =
      request.id ? std::visit([](const auto& value) { return Json(value); }, *request.id) : Json();
  handlers::EventSink sink = [this, client, subscription, id](const Json& event) {
    if (!clients_.contains(client) || stopping_) return false;
    if (event.value("kind", "") == "Progress") {
      send(client,
           control::encode_notification("progress", Json{{"request", id}, {"progress", event}}));
      return true;
    }
    send(client, control::encode_notification(
                     "event", Json{{"subscription", subscription}, {"event", event}}));
    return true;
  };
  dispatcher_.dispatch(request, std::move(sink), subscription,
                       [this, client, id = request.id](const Result<Json>& result) {
                         if (!id) return answer(client, {});  // a notification
                         answer(client, result ? control::encode_result(id, *result)
                                               : control::encode_error(id, result.error()));
                       });
}

void ControlDesk::answer(ControlClientId client, std::string line) {
  if (!line.empty() && line.back() == '\n') line.pop_back();
  context_.net->post([this, client, line = std::move(line)]() mutable {
    server_->answer(client, std::move(line));
  });
}

void ControlDesk::send(ControlClientId client, std::string line) {
  if (!line.empty() && line.back() == '\n') line.pop_back();
  context_.net->post(
      [this, client, line = std::move(line)]() mutable { server_->send(client, std::move(line)); });
}

}  // namespace converge::runtime
