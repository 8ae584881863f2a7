#pragma once

#include "agent/runtime/document_exchange.h"
#include "core/store/store.h"
#include "tests/core/repo/repo_fixture.h"

#include <catch2/catch.hpp>

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace converge::runtime {

/// One shard without its thread: exchange, repository and a store in memory. What it sends waits
/// in `sent` for the test or for ExchangePair to carry it over.
class ExchangeNode final : public ExchangeOutput {
 public:
  explicit ExchangeNode(DocumentExchange::Options options = {})
      : store(store::make_memory_store(clock, random)),
        exchange(*store, clock, *this, options),
        repo(
            *store, clock, random,
            [this](std::function<void()> task) { tasks.push_back(std::move(task)); }, exchange,
            repo::Repo::Options{.cache_bytes = 64u << 20, .actors_max = 1000}) {
    exchange.attach(repo);
  }

  static DocumentId id_of(int number) {
    DocumentId id;
    id.bytes[0] = static_cast<std::byte>(number & 0xff);
    id.bytes[1] = static_cast<std::byte>(number >> 8);
    id.bytes[15] = std::byte{7};
    return id;
  }

  void run() {
    while (!tasks.empty()) {
      const auto task = std::move(tasks.front());
      tasks.pop_front();
      task();
    }
  }

  void put(int number, const std::string& key, std::int64_t value) {
    const DocumentId id = id_of(number);
    auto document = repo.open(id);
    if (!document) document = repo.create(id);
    REQUIRE(document);
    testing::RepoFixture::put(**document, key, value);
    repo.commit(id, {}, [](const Result<repo::Committed>&) {});
    run();
  }

  void name(const std::string& text, int number) {
    store->put_names({{text, std::nullopt, id_of(number), true}},
                     [](const Result<store::CommitNumber>& done) { REQUIRE(done); });
  }

  std::size_t changes(int number) {
    const auto document = repo.open(id_of(number));
    return document ? (*document)->change_count() : 0;
  }

  void send(session::ConnectionId to, session::DocumentMessage message) override {
    sent.emplace_back(to, std::move(message));
  }
  void close(session::ConnectionId connection, session::CloseCode, std::string) override {
    closed.push_back(connection);
  }
  void settled(session::ConnectionId, const DocumentId& document) override {
    settlements.push_back(document);
  }
  void ephemeral(const session::Ephemeral&) override {}
  void committed(const repo::Committed&) override {}
  void dropped(const DocumentId&, const Error&) override {}
  void removed(const DocumentId&) override {}

  testing::FakeClock clock;
  testing::CountingRandom random;
  std::unique_ptr<store::Store> store;
  std::deque<std::function<void()>> tasks;
  DocumentExchange exchange;
  repo::Repo repo;
  std::deque<std::pair<session::ConnectionId, session::DocumentMessage>> sent;
  std::vector<session::ConnectionId> closed;
  std::vector<DocumentId> settlements;
};

/// Two of them and one connection, which has the same number at both ends.
class ExchangePair {
 public:
  static constexpr session::ConnectionId kConnection{1};

  ExchangePair(DocumentExchange::Options left_options, DocumentExchange::Options right_options)
      : left(left_options), right(right_options) {
    // Otherwise both would make their changes under the same actor ids.
    std::array<std::byte, 5> skipped{};
    right.random.fill(skipped);
  }
  ExchangePair() : ExchangePair({}, {}) {}

  static PeerLink link_to(const std::string& name) {
    PeerLink link;
    link.link = {kConnection, name, "storage of " + name};
    link.name = name;
    link.announce = true;
    link.inflow = std::make_shared<Inflow>(1u << 20, 1u << 19);
    return link;
  }

  void connect(const PeerLink& left_sees, const PeerLink& right_sees) {
    left.exchange.peer_up(left_sees);
    right.exchange.peer_up(right_sees);
  }
  void connect() { connect(link_to("right"), link_to("left")); }
  void cut() {
    left.sent.clear();
    right.sent.clear();
    left.exchange.peer_down(kConnection);
    right.exchange.peer_down(kConnection);
  }

  /// Carries at most so many messages each way, then lets time pass for delayed saves.
  void carry(std::size_t messages_max = 100'000) {
    for (std::size_t i = 0; i < messages_max; ++i) {
      left.run();
      right.run();
      const bool moved = deliver(left, right) | deliver(right, left);
      if (moved) continue;
      left.clock.advance(std::chrono::milliseconds(200));
      right.clock.advance(std::chrono::milliseconds(200));
      left.exchange.tick();
      right.exchange.tick();
      left.run();
      right.run();
      if (left.sent.empty() && right.sent.empty()) return;
    }
  }

  ExchangeNode left;
  ExchangeNode right;
  std::size_t carried = 0;

 private:
  bool deliver(ExchangeNode& from, ExchangeNode& to) {
    if (from.sent.empty()) return false;
    auto message = std::move(from.sent.front().second);
    from.sent.pop_front();
    ++carried;
    to.exchange.receive(kConnection, std::move(message));
    return true;
  }
};

}  // namespace converge::runtime
