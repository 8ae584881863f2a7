#pragma once

#include "agent/session/document_sync.h"
#include "core/engine/document.h"

#include <catch2/catch.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace converge::session {

/// One replica of one document without threads, disk or sockets: a DocumentSync and the host behind
/// it. Everything it wants done is either done here (persisting is immediate) or collected.
class SyncNode final : public DocumentHost {
 public:
  explicit SyncNode(std::uint8_t number, DocumentSync::Options options = {})
      : actor_(as_bytes(std::string(16, static_cast<char>('a' + number)))),
        sync(DocumentId{}, *this, options) {}

  engine::Document* find(const DocumentId&) override { return document.get(); }
  Result<engine::Document*> create(const DocumentId&) override {
    if (!may_create) return Error{ErrorCode::kNoSpace, "quota"};
    if (!document) document = std::make_unique<engine::Document>(actor_);
    return document.get();
  }
  std::optional<Bytes> shared_heads(const DocumentId&, const std::string& storage_id) override {
    const auto found = kept_heads.find(storage_id);
    if (found == kept_heads.end()) return std::nullopt;
    return found->second;
  }

  /// A local change, reported to the machine.
  void put(const std::string& key, const std::string& value) {
    REQUIRE(create(DocumentId{}));
    auto transaction = document->transact();
    REQUIRE(transaction.put(model::kRoot, key, model::Scalar::string(value)));
    REQUIRE(transaction.commit());
    sync.document_changed(now);
  }

  void up(std::uint64_t connection, const Policy& policy, const std::string& peer_id,
          std::optional<std::string> storage_id = {}) {
    sync.connection_up({ConnectionId{connection}, peer_id, std::move(storage_id)}, policy, now);
  }
  void down(std::uint64_t connection) { sync.connection_down(ConnectionId{connection}, now); }
  void receive(std::uint64_t connection, DocumentMessage message) {
    sync.receive(ConnectionId{connection}, std::move(message), now);
  }

  /// Pumps and does what is to be done; what is to be sent comes back.
  std::vector<document_action::Send> work() {
    sync.pump(now);
    std::vector<document_action::Send> sends;
    for (auto& action : sync.take_actions()) {
      if (auto* send = std::get_if<document_action::Send>(&action)) {
        sends.push_back(std::move(*send));
      } else if (auto* save = std::get_if<document_action::SaveSharedHeads>(&action)) {
        kept_heads[save->storage_id] = save->state;
      } else if (const auto* settled = std::get_if<document_action::SearchSettled>(&action)) {
        settled_searches.push_back(settled->available);
      } else if (const auto* close = std::get_if<document_action::CloseConnection>(&action)) {
        closed.push_back(close->connection);
      } else if (auto* ephemeral = std::get_if<document_action::LocalEphemeral>(&action)) {
        ephemerals.push_back(std::move(ephemeral->message));
      } else if (auto* persist = std::get_if<document_action::Persist>(&action)) {
        persisted.push_back(std::move(*persist));
      }
    }
    return sends;
  }

  Heads heads() const { return document ? document->heads() : Heads{}; }

 private:
  ActorId actor_;

 public:
  Time now{};
  bool may_create = true;
  std::unique_ptr<engine::Document> document;
  std::map<std::string, Bytes> kept_heads;
  std::vector<bool> settled_searches;
  std::vector<ConnectionId> closed;
  std::vector<Ephemeral> ephemerals;
  std::vector<document_action::Persist> persisted;
  DocumentSync sync;
};

/// Links between nodes: reliable and in order while they last, gone with everything under way when
/// cut. A connection has the same number at both ends.
class SyncNetwork {
 public:
  explicit SyncNetwork(std::vector<SyncNode*> nodes) : nodes_(std::move(nodes)) {}

  /// `a` sees the other end under policy_a, and the other way round. Returns the connection.
  std::uint64_t connect(std::size_t a, std::size_t b, const Policy& policy_a,
                        const Policy& policy_b, bool persistent = true) {
    const std::uint64_t connection = next_++;
    links_[connection] = {a, b};
    const auto storage = [&](std::size_t n) {
      return persistent ? std::optional("storage" + std::to_string(n)) : std::nullopt;
    };
    nodes_[a]->up(connection, policy_a, name(b), storage(b));
    nodes_[b]->up(connection, policy_b, name(a), storage(a));
    return connection;
  }

  void cut(std::uint64_t connection) {
    const auto [a, b] = links_.at(connection);
    links_.erase(connection);
    queues_.erase({connection, a});
    queues_.erase({connection, b});
    nodes_[a]->down(connection);
    nodes_[b]->down(connection);
  }

  /// One node generates, and what it sends is under way.
  void work(std::size_t n) {
    for (auto& send : nodes_[n]->work()) {
      const auto link = links_.find(send.to.value);
      if (link == links_.end()) continue;
      const std::size_t to = link->second.first == n ? link->second.second : link->second.first;
      const std::string author = std::holds_alternative<Ephemeral>(send.message)
                                     ? std::get<Ephemeral>(send.message).sender
                                     : name(n);
      std::visit([&](auto& m) { m.sender = author; }, send.message);
      queues_[{send.to.value, to}].push_back(std::move(send.message));
      ++sent;
    }
  }

  /// Delivers the oldest message of a link's direction; false when there is none.
  bool deliver(std::uint64_t connection, std::size_t to) {
    const auto queue = queues_.find({connection, to});
    if (queue == queues_.end() || queue->second.empty()) return false;
    auto message = std::move(queue->second.front());
    queue->second.pop_front();
    ++delivered;
    nodes_[to]->receive(connection, std::move(message));
    return true;
  }

  /// Runs everything to its end. False when it does not come to one.
  bool settle(std::size_t rounds_max = 10'000) {
    for (std::size_t round = 0; round < rounds_max; ++round) {
      bool moved = false;
      for (std::size_t n = 0; n < nodes_.size(); ++n) work(n);
      std::vector<std::pair<std::uint64_t, std::size_t>> keys;
      for (const auto& [key, queue] : queues_) keys.push_back(key);
      for (const auto& [connection, to] : keys) moved = deliver(connection, to) || moved;
      if (!moved) return true;
    }
    return false;
  }

  std::vector<std::uint64_t> connections() const {
    std::vector<std::uint64_t> out;
    for (const auto& [connection, ends] : links_) out.push_back(connection);
    return out;
  }
  std::pair<std::size_t, std::size_t> ends(std::uint64_t connection) const {
    return links_.at(connection);
  }
  static std::string name(std::size_t n) { return "node" + std::to_string(n); }

  std::size_t sent = 0;
  std::size_t delivered = 0;

 private:
  std::vector<SyncNode*> nodes_;
  std::map<std::uint64_t, std::pair<std::size_t, std::size_t>> links_;
  std::map<std::pair<std::uint64_t, std::size_t>, std::deque<DocumentMessage>> queues_;
  std::uint64_t next_ = 1;
};

inline constexpr Policy kAnnounce{.announce = true};
inline constexpr Policy kServe{};  ///< answers whoever asks, as a public server does

}  // namespace converge::session
