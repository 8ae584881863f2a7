#include "core/client/client.h"

#include "core/base/assert.h"
#include "core/client/socket.h"
#include "core/control/error_table.h"
#include "core/control/rpc.h"

#include <nlohmann/json.hpp>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

namespace converge::client {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

/// One mutex guards everything but the socket. `reading` says that a caller is inside the socket's
/// wait or read; it alone touches `splitter`. `writing` is the same for the writers.
/// Not a std::timed_mutex: ThreadSanitizer does not see how that is taken.
struct Client::Impl {
  Impl(const Options& given, Socket connected)
      : options(given), clock(*given.clock), socket(std::move(connected)) {}

  const Options options;
  const Clock& clock;
  const Socket socket;

  std::mutex mutex;
  std::condition_variable changed;
  bool reading = false;
  std::condition_variable write_turn;
  bool writing = false;
  bool lost = false;
  std::optional<Error> fatal;  // what the agent said before it closed, or a broken line
  Ticket next_ticket = 1;
  std::set<Ticket> waited;  // sent and neither answered nor given up
  std::map<Ticket, control::Response> answers;
  std::deque<json> notifications;
  control::LineSplitter splitter;

  Error lost_error() const {
    if (fatal) return *fatal;
    return make_error(
        ErrorId::kAgentUnreachable,
        "the agent at " + options.socket.string() + " closed the connection before it answered",
        "see its log; \"syncctl status\" tells whether it is back");
  }

  Result<void> begin_writing(Deadline deadline) {
    std::unique_lock lock(mutex);
    const auto is_free = [&] { return !writing; };
    if (deadline == kNoDeadline)
      write_turn.wait(lock, is_free);
    else if (!write_turn.wait_until(lock, deadline, is_free))
      return make_error(ErrorId::kTimeout, "the agent did not take the request in time");
    writing = true;
    return {};
  }
  void end_writing(bool whole) {
    const std::lock_guard lock(mutex);
    writing = false;
    if (!whole) lost = true;  // half a request is there: nothing sent after it could be understood
    write_turn.notify_one();
  }

  void handle(std::string_view line) {
    if (options.trace) options.trace(false, line);
    auto reply = control::parse_reply(line);
    if (!reply) {
      fatal = reply.error();
      lost = true;
      return;
    }
    if (auto* note = std::get_if<control::Notification>(&*reply)) {
      if (notifications.size() >= kNotificationsMax) {
        fatal = make_error(ErrorId::kLimitExceeded, "more notifications came than anybody read");
        lost = true;
        return;
      }
      notifications.push_back(*note->params);
      return;
    }
    auto& response = std::get<control::Response>(*reply);
    const Ticket* id = response.id ? std::get_if<std::int64_t>(&*response.id) : nullptr;
    if (id == nullptr) {  // about no request of ours: the last word before a close
      if (response.error) fatal = response.error;
      return;
    }
    if (waited.erase(*id) > 0) answers.emplace(*id, std::move(response));
  }

  /// Reads once and hands out what came. REQUIRES: lock held, reading not set.
  void read_once(std::unique_lock<std::mutex>& lock, Deadline deadline) {
    reading = true;
    lock.unlock();
    const auto ready = socket.wait(true, false, clock, deadline);
    take(lock, ready.readable);
  }

  /// The second half of a read, by whoever holds `reading`; gives it back.
  void take(std::unique_lock<std::mutex>& lock, bool readable) {
    std::optional<std::size_t> got = 0;
    char buffer[64 * 1024];
    if (readable) got = socket.read_some(buffer, sizeof buffer);
    lock.lock();
    reading = false;
    if (!got) {
      lost = true;
    } else {
      splitter.feed({buffer, *got});
      while (!lost) {
        auto line = splitter.next();
        if (!line) {
          fatal = line.error();
          lost = true;
        } else if (*line) {
          handle(**line);
        } else {
          break;
        }
      }
    }
    changed.notify_all();
  }

  bool expired(Deadline deadline) const {
    return deadline != kNoDeadline && clock.steady_now() >= deadline;
  }

  /// Reads, or sleeps while another caller reads, until `done`. False: the deadline passed first.
  template <class Done>
  bool read_until(std::unique_lock<std::mutex>& lock, Deadline deadline, const Done& done) {
    while (!done()) {
      if (expired(deadline)) return false;
      if (!reading)
        read_once(lock, deadline);
      else if (deadline == kNoDeadline)
        changed.wait(lock);
      else
        changed.wait_until(lock, deadline);
    }
    return true;
  }

  /// Writes the whole line; reads meanwhile when nobody else does, or an agent that waits for us to
  /// read its answers would never read our request.
  Result<void> write_line(std::string_view line, Deadline deadline) {
    while (!line.empty()) {
      std::unique_lock lock(mutex);
      if (lost) return lost_error();
      const bool read_too = !reading;
      if (read_too) reading = true;
      lock.unlock();
      const auto ready = socket.wait(read_too, true, clock, deadline);
      if (read_too) {
        take(lock, ready.readable);
        lock.unlock();
      }
      if (ready.writable) {
        const auto sent = socket.write_some(line);
        if (!sent) return lost_error();
        line.remove_prefix(*sent);
      }
      if (!line.empty() && expired(deadline))
        return make_error(ErrorId::kTimeout, "the agent did not take the request in time");
    }
    return {};
  }
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

const std::filesystem::path& Client::socket() const { return impl_->options.socket; }

Result<std::unique_ptr<Client>> Client::connect(const Options& options) {
  ASSERT(options.clock != nullptr);
  auto socket = Socket::connect(options.socket, *options.clock, options.connect_limit);
  if (!socket) return socket.error();
  return std::unique_ptr<Client>(new Client(std::make_unique<Impl>(options, std::move(*socket))));
}

Result<Client::Ticket> Client::send(std::string_view method, const json& params,
                                    Deadline deadline) {
  Ticket ticket = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    ticket = impl_->next_ticket++;
    impl_->waited.insert(ticket);
  }
  const std::string line = control::encode_request(ticket, method, params);
  Result<void> written;
  if (line.size() > limits::kControlMessageBytesMax) {
    written =
        make_error(ErrorId::kInputTooLarge, "the request is " + std::to_string(line.size()) +
                                                " bytes, over the limit of " +
                                                std::to_string(limits::kControlMessageBytesMax));
  } else {
    if (impl_->options.trace)
      impl_->options.trace(true, std::string_view(line).substr(0, line.size() - 1));
    written = impl_->begin_writing(deadline);
    if (written) {
      written = impl_->write_line(line, deadline);
      impl_->end_writing(written.has_value());
    }
  }
  if (written) return ticket;
  const std::lock_guard lock(impl_->mutex);
  impl_->waited.erase(ticket);
  return written.error();
}

Result<json> Client::wait(Ticket ticket, Deadline deadline) {
  std::unique_lock lock(impl_->mutex);
  const bool there = impl_->read_until(
      lock, deadline, [&] { return impl_->answers.contains(ticket) || impl_->lost; });
  const auto found = impl_->answers.find(ticket);
  if (found == impl_->answers.end()) {
    impl_->waited.erase(ticket);
    if (there) return impl_->lost_error();
    return make_error(ErrorId::kTimeout,
                      "the agent at " + impl_->options.socket.string() + " did not answer in time",
                      "give it longer with --timeout");
  }
  const control::Response response = std::move(found->second);
  impl_->answers.erase(found);
  if (response.error) return *response.error;
  return *response.result;
}

Result<json> Client::call(std::string_view method, const json& params, Deadline deadline) {
  const auto ticket = send(method, params, deadline);
  if (!ticket) return ticket.error();
  return wait(*ticket, deadline);
}

Result<std::optional<json>> Client::next_notification(Deadline deadline) {
  std::unique_lock lock(impl_->mutex);
  const bool there = impl_->read_until(
      lock, deadline, [&] { return !impl_->notifications.empty() || impl_->lost; });
  if (!impl_->notifications.empty()) {
    json first = std::move(impl_->notifications.front());
    impl_->notifications.pop_front();
    return std::optional<json>(std::move(first));
  }
  if (there) return impl_->lost_error();
  return std::optional<json>();
}

}  // namespace converge::client
