#pragma once

#include "core/repo/repo.h"
#include "core/store/store.h"
#include "tests/support/fake_clock.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace converge::testing {

/// Bytes that repeat from run to run.
class CountingRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<std::byte>(state_ >> 56);
    }
  }

 private:
  std::uint64_t state_ = 1;
};

/// A repository over a store in memory whose answers wait until the test lets them through.
class RepoFixture : public repo::Observer {
 public:
  RepoFixture() : store(store::make_memory_store(clock, random)) { reopen(); }

  void reopen(std::size_t cache_bytes = 64u << 20) {
    repo = std::make_unique<repo::Repo>(
        *store, clock, random,
        [this](std::function<void()> task) { tasks.push_back(std::move(task)); }, *this,
        repo::Repo::Options{.cache_bytes = cache_bytes, .actors_max = 1000});
  }

  /// Everything that waits, and what that brings.
  void run() {
    while (!tasks.empty()) {
      const auto task = std::move(tasks.front());
      tasks.pop_front();
      task();
    }
  }

  static DocumentId id_of(int number) {
    DocumentId id;
    id.bytes[0] = static_cast<std::byte>(number);
    id.bytes[15] = std::byte{7};
    return id;
  }

  static void put(engine::Document& document, const std::string& key, std::int64_t value) {
    auto edit = document.transact();
    const auto done = edit.put(model::kRoot, key, Scalar::integer(value));
    if (!done) throw std::runtime_error(done.error().message);
    edit.commit({});
  }

  /// Creates a document with one change, durably.
  DocumentId made(int number) {
    const DocumentId id = id_of(number);
    const auto document = repo->create(id);
    if (!document) throw std::runtime_error(document.error().message);
    put(**document, "made", number);
    repo->commit(id, {}, [](const Result<repo::Committed>&) {});
    run();
    return id;
  }

  void committed(const repo::Committed& what) override { commits.push_back(what); }
  void dropped(const DocumentId& document, const Error&) override { drops.push_back(document); }
  void removed(const DocumentId& document) override { removals.push_back(document); }

  FakeClock clock;
  CountingRandom random;
  std::unique_ptr<store::Store> store;
  std::deque<std::function<void()>> tasks;
  std::unique_ptr<repo::Repo> repo;
  std::vector<repo::Committed> commits;
  std::vector<DocumentId> drops;
  std::vector<DocumentId> removals;
};

}  // namespace converge::testing
