#include "core/client/durable_client.h"

#include "core/base/system.h"
#include "core/client/queueable.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/model/document_id.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

namespace converge::client {
namespace {

using control::ErrorId;
using nlohmann::json;

/// How long a request waits for another program that is sending what waits.
constexpr std::chrono::seconds kDeliveryPatience{5};

/// One name for one socket, however it was written.
std::filesystem::path socket_name(const std::filesystem::path& socket) {
  std::error_code error;
  const auto whole = std::filesystem::weakly_canonical(socket, error);
  return error ? socket : whole;
}

/// There is no agent, or not for long: the request was not carried out, as far as it can tell.
bool is_away(const Error& error) {
  return control::is(error, ErrorId::kAgentUnreachable) ||
         control::is(error, ErrorId::kAgentStarting) || control::is(error, ErrorId::kAgentStopping);
}

json queued_ack(const OutboxEntry& entry, const json& params) {
  json id;
  json name;
  if (params.contains("doc") && params["doc"].is_string()) {
    const auto doc = params["doc"].get<std::string>();
    (DocumentId::parse(doc) ? id : name) = doc;
  }
  if (params.contains("id")) id = params["id"];
  if (params.contains("name")) name = params["name"];
  return json{{"kind", "Ack"},
              {"v", 1},
              {"id", std::move(id)},
              {"name", std::move(name)},
              {"change", nullptr},
              {"heads", json::array()},
              {"unchanged", false},
              {"queued", true},
              {"durable", true},
              {"entry", entry.id()},
              {"request_id", entry.request_id},
              {"acks", json::array()}};
}

}  // namespace

DurableClient::DurableClient(Options options)
    : options_(std::move(options)), outbox_(options_.outbox, *options_.connection.clock) {}

DurableClient::~DurableClient() = default;

Result<std::shared_ptr<Client>> DurableClient::connection(Deadline deadline) {
  const std::lock_guard lock(mutex_);
  if (client_ != nullptr) return client_;
  Client::Options options = options_.connection;
  if (deadline != Client::kNoDeadline) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - options.clock->steady_now());
    options.connect_limit = std::clamp(left, std::chrono::milliseconds(0), options.connect_limit);
  }
  auto connected = Client::connect(options);
  if (!connected) return connected.error();
  const std::shared_ptr<Client> fresh = std::move(*connected);
  if (!options_.outbox.empty()) {
    const auto send = [&fresh, deadline](const std::string& method, const json& params) {
      return fresh->call(method, params, deadline);
    };
    const auto patience = std::chrono::steady_clock::now() + kDeliveryPatience;
    // An outbox that cannot be read must not keep anybody from reading: `outbox ls` reports it.
    static_cast<void>(outbox_.deliver(socket_name(options_.connection.socket), send,
                                      std::min(patience, deadline)));
  }
  client_ = fresh;
  return fresh;
}

void DurableClient::forget(const std::shared_ptr<Client>& lost) {
  const std::lock_guard lock(mutex_);
  if (client_ == lost) client_.reset();
}

Result<json> DurableClient::queue(std::string_view method, const json& params, bool was_sent,
                                  Error unreachable) {
  if (!options_.queue || options_.outbox.empty() || !is_queueable(method, params))
    return unreachable;
  json kept = params;
  if (method == "doc.new" && !kept.contains("name") && !kept.contains("id")) {
    // The agent may have made it under an id that we never heard of.
    if (was_sent) return unreachable;
    DocumentId id;
    SystemRandom().fill(id.bytes);
    kept["id"] = id.to_url();
  }
  OutboxEntry entry;
  entry.request_id = kept["request_id"].get<std::string>();
  entry.socket = socket_name(options_.connection.socket).string();
  entry.method = std::string(method);
  entry.params = control::to_compact(kept);
  entry.command = options_.command;
  auto added = outbox_.add(std::move(entry));
  if (!added) return added.error();
  return queued_ack(*added, kept);
}

Result<json> DurableClient::call(std::string_view method, const json& given, Deadline deadline) {
  json with_id;
  const bool needs_id = !given.contains("request_id") && is_queueable(method, given);
  if (needs_id) {
    with_id = given;
    with_id["request_id"] = new_request_id();
  }
  const json& params = needs_id ? with_id : given;
  const bool repeats = params.contains("request_id") && is_repeatable(method);
  bool was_sent = false;
  for (int attempt = 0;; ++attempt) {
    const auto connected = connection(deadline);
    if (!connected) {
      if (!is_away(connected.error())) return connected.error();
      return queue(method, params, was_sent, connected.error());
    }
    auto answer = (*connected)->call(method, params, deadline);
    if (answer || !is_away(answer.error())) return answer;
    forget(*connected);
    const bool refused = !control::is(answer.error(), ErrorId::kAgentUnreachable);
    was_sent = was_sent || !refused;
    if (!repeats) return answer;
    // The second loss in a row is an agent that is ending.
    if (refused || attempt > 0) return queue(method, params, was_sent, answer.error());
  }
}

Result<std::optional<json>> DurableClient::next_notification(Deadline deadline) {
  const auto connected = connection(deadline);
  if (!connected) return connected.error();
  return (*connected)->next_notification(deadline);
}

std::string new_request_id() {
  static constexpr char kDigits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::array<std::byte, 10> random{};
  SystemRandom().fill(random);
  auto time = static_cast<std::uint64_t>(SystemClock().wall_now_ms());
  std::string id(26, '0');
  for (std::size_t i = 10; i-- > 0; time >>= 5) id[i] = kDigits[time & 31];
  for (std::size_t i = 0; i < 16; ++i) {
    const std::size_t bit = i * 5;
    const auto high = static_cast<unsigned>(random[bit / 8]) << 8;
    const auto low = bit / 8 + 1 < random.size() ? static_cast<unsigned>(random[bit / 8 + 1]) : 0u;
    id[10 + i] = kDigits[((high | low) >> (11 - bit % 8)) & 31];
  }
  return id;
}

bool is_repeatable(std::string_view method) {
  static constexpr std::array kOnce = {"doc.rm",     "sync.now",  "watch.start", "invite.create",
                                       "agent.stop", "peer.ping", "invite.join"};
  return std::ranges::find(kOnce, method) == kOnce.end();
}

}  // namespace converge::client
