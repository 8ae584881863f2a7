#pragma once

#include "agent/net/peer_hub.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace converge::net {

class SeededRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (auto& byte : out) byte = static_cast<std::byte>(engine_());
  }

 private:
  std::mt19937 engine_{42};
};

/// A hub on its own network thread, with everything it reports recorded. Stops properly at its end.
class RunningHub {
 public:
  struct Event {
    char kind;  ///< 'u'p, 'd'own, 'm'essage, 'c'ongested, 'r'elieved
    session::ConnectionId connection;
    std::optional<session::PeerInfo> peer;
    std::optional<session::DocumentMessage> message;
  };

  explicit RunningHub(PeerHub::Options options) {
    hub_.emplace(io_, std::move(options), handlers(), random_);
    thread_ = std::jthread([this] { io_.run(); });
  }

  explicit RunningHub(const std::string& peer_id) : RunningHub(options_for(peer_id)) {}

  ~RunningHub() {
    stop();
    work_.reset();
    thread_.join();
    hub_.reset();
  }

  static PeerHub::Options options_for(const std::string& peer_id) {
    PeerHub::Options options;
    options.peer_id = peer_id;
    options.metadata = {.storage_id = "store-of-" + peer_id, .ephemeral = false};
    options.dial_delay_min = std::chrono::milliseconds(5);
    options.dial_delay_max = std::chrono::milliseconds(50);
    return options;
  }

  /// Runs `f(hub)` on the network thread and returns its result.
  template <class F>
  auto run(F f) {
    std::promise<decltype(f(*hub_))> result;
    boost::asio::post(io_, [&] {
      if constexpr (std::is_void_v<decltype(f(*hub_))>) {
        f(*hub_);
        result.set_value();
      } else {
        result.set_value(f(*hub_));
      }
    });
    return result.get_future().get();
  }

  std::uint16_t listen(PeerHub::ListenOptions options = {}) {
    const auto port = run([&](PeerHub& hub) { return hub.listen(options); });
    REQUIRE(port);
    return *port;
  }

  void dial(const PeerHub::DialOptions& options) {
    const auto dialled = run([&](PeerHub& hub) { return hub.dial(options); });
    REQUIRE(dialled);
  }

  /// Stops within `deadline`, waiting for it; false when it does not.
  bool stop(std::chrono::milliseconds deadline = std::chrono::milliseconds(2000)) {
    if (std::exchange(stop_called_, true)) return true;
    const auto stopped = std::make_shared<std::promise<void>>();
    boost::asio::post(io_, [this, stopped, deadline] {
      hub_->stop(deadline, [stopped] { stopped->set_value(); });
    });
    return stopped->get_future().wait_for(deadline + std::chrono::seconds(5)) ==
           std::future_status::ready;
  }

  /// Waits for the n-th event (from 0) of a kind.
  Event wait(char kind, std::size_t n = 0) {
    std::unique_lock lock(mutex_);
    std::vector<Event> found;
    const bool came = changed_.wait_for(lock, std::chrono::seconds(20), [&] {
      found.clear();
      for (const auto& e : events_) {
        if (e.kind == kind) found.push_back(e);
      }
      return found.size() > n;
    });
    INFO("event " << kind << " number " << n);
    REQUIRE(came);
    return found[n];
  }

  std::size_t count(char kind) {
    const std::lock_guard lock(mutex_);
    std::size_t n = 0;
    for (const auto& e : events_) n += e.kind == kind ? 1 : 0;
    return n;
  }

  std::vector<std::string> log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }

  bool wait_for_log(const std::string& part) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] {
      for (const auto& line : log_) {
        if (line.find(part) != std::string::npos) return true;
      }
      return false;
    });
  }

  /// Called on the network thread for each message; set before any traffic.
  std::function<void(PeerHub&, session::ConnectionId, const session::DocumentMessage&)> on_message;

 private:
  PeerHub::Handlers handlers() {
    PeerHub::Handlers out;
    out.peer_up = [this](const session::PeerInfo& p) { record({'u', p.connection, p, {}}); };
    out.peer_down = [this](session::ConnectionId c) { record({'d', c, {}, {}}); };
    out.message = [this](session::ConnectionId c, session::DocumentMessage m) {
      if (on_message) on_message(*hub_, c, m);
      record({'m', c, {}, std::move(m)});
    };
    out.congested = [this](session::ConnectionId c, bool is_congested) {
      record({is_congested ? 'c' : 'r', c, {}, {}});
    };
    out.log = [this](char, const std::string& line) {
      const std::lock_guard lock(mutex_);
      log_.push_back(line);
      changed_.notify_all();
    };
    return out;
  }

  void record(Event event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
  std::vector<std::string> log_;
  SeededRandom random_;
  boost::asio::io_context io_;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_{
      boost::asio::make_work_guard(io_)};
  std::optional<PeerHub> hub_;
  bool stop_called_ = false;
  std::jthread thread_;
};

}  // namespace converge::net
