#include "agent/runtime/monitor.h"

#include "agent/config/units.h"
#include "agent/control/monitoring.h"

#include <fmt/format.h>

#include <future>
#include <utility>

namespace converge::runtime {

Monitor::Monitor(Context& context, handlers::Services& services)
    : context_(context), services_(services) {}

Result<void> Monitor::start() {
  if (context_.config.metrics == "off") return {};
  const auto place = config::parse_host_port(context_.config.metrics);
  if (!place) return place.error();
  net::HttpServer::Options options;
  options.address = place->host;
  options.port = place->port;
  net::HttpServer::Handler handler = [this](const std::string& path,
                                            std::function<void(net::HttpAnswer)> answer) {
    context_.control->post([this, path, answer = std::move(answer)] {
      auto made = handlers::answer_monitor(services_, path, is_stopping_);
      answer({made.status, std::move(made.content_type), std::move(made.body)});
    });
  };
  std::promise<Result<std::uint16_t>> promise;
  auto started = promise.get_future();
  context_.net->post([this, &promise, &options, &handler] {
    server_ = std::make_unique<net::HttpServer>(context_.net->io(), std::move(options),
                                                std::move(handler));
    promise.set_value(server_->start());
  });
  const auto port = started.get();
  if (!port) {
    Error error = port.error();
    error.message = "metrics: " + error.message;
    if (error.code == ErrorCode::kConflict) error.code = ErrorCode::kIo;
    if (error.hint.empty()) error.hint = "choose another with --metrics ADDRESS:PORT";
    return error;
  }
  port_ = *port;
  return {};
}

std::optional<std::string> Monitor::address() const {
  if (port_ == 0) return std::nullopt;
  const auto place = config::parse_host_port(context_.config.metrics);
  const std::string host = place ? place->host : "127.0.0.1";
  const bool is_v6 = host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", host, port_) : fmt::format("{}:{}", host, port_);
}

void Monitor::stop(std::function<void()> stopped) {
  context_.net->post([this, stopped = std::move(stopped)]() mutable {
    if (!server_) return stopped();
    server_->stop(std::move(stopped));
  });
}

}  // namespace converge::runtime
