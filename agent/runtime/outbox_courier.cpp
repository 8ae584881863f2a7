#include "agent/runtime/outbox_courier.h"

#include "core/client/client.h"
#include "core/client/outbox.h"

#include <nlohmann/json.hpp>

#include <memory>
#include <pthread.h>
#include <system_error>
#include <utility>

namespace converge::runtime {
namespace {

constexpr std::chrono::seconds kPause{2};
/// For one request, so that the agent's end never waits longer.
constexpr std::chrono::seconds kRequestLimit{5};

}  // namespace

OutboxCourier::OutboxCourier(std::filesystem::path outbox, std::filesystem::path socket,
                             const Clock& clock, telemetry::Log& log)
    : outbox_(std::move(outbox)), socket_(std::move(socket)), clock_(clock), log_(log) {
  thread_ = std::thread([this] { run(); });
}

OutboxCourier::~OutboxCourier() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void OutboxCourier::run() {
  pthread_setname_np(pthread_self(), "outbox");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    deliver();
    lock.lock();
    wake_.wait_for(lock, kPause, [this] { return stopping_; });
  }
}

void OutboxCourier::deliver() {
  const client::Outbox outbox(outbox_, clock_);
  if (outbox.is_empty()) return;
  std::unique_ptr<client::Client> self;
  const auto send = [&](const std::string& method,
                        const nlohmann::json& params) -> Result<nlohmann::json> {
    if (self == nullptr) {
      client::Client::Options options;
      options.socket = socket_;
      options.clock = &clock_;
      auto connected = client::Client::connect(options);
      if (!connected) return connected.error();
      self = std::move(*connected);
    }
    return self->call(method, params, clock_.steady_now() + kRequestLimit);
  };
  std::error_code error;
  const auto socket = std::filesystem::weakly_canonical(socket_, error);
  const auto done =
      outbox.deliver(error ? socket_ : socket, send, std::chrono::steady_clock::now());
  if (!done) {
    log_.write(telemetry::Level::kWarn, "outbox.unreadable", done.error().message);
    return;
  }
  if (done->delivered + done->failed == 0) return;
  log_.write(
      telemetry::Level::kInfo, "outbox.delivered", "took over queued writes",
      {{"delivered", std::to_string(done->delivered)}, {"refused", std::to_string(done->failed)}});
}

}  // namespace converge::runtime
