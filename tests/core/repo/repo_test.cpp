#include "core/repo/repo.h"

#include "tests/core/repo/repo_fixture.h"

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace converge;
using namespace converge::testing;

namespace {

repo::CommitDone into(std::optional<Result<repo::Committed>>& place) {
  return [&place](Result<repo::Committed> result) { place = std::move(result); };
}

repo::Released note(std::vector<std::string>& log, std::string word) {
  return [&log, word](const Result<void>& released) {
    log.push_back(released ? word : word + " failed");
  };
}

}  // namespace

TEST_CASE("a document that was never made is not found", "[repo]") {
  RepoFixture f;
  const auto document = f.repo->open(RepoFixture::id_of(1));
  REQUIRE_FALSE(document);
  CHECK(document.error().id == "doc.not_found");
  CHECK_FALSE(*f.repo->exists(RepoFixture::id_of(1)));
}

TEST_CASE("a commit is answered when it is durable and not before", "[repo]") {
  RepoFixture f;
  const auto id = RepoFixture::id_of(1);
  const auto document = f.repo->create(id);
  REQUIRE(document);
  RepoFixture::put(**document, "a", 1);
  std::optional<Result<repo::Committed>> answer;
  f.repo->commit(id, {}, into(answer));

  CHECK_FALSE(answer);
  CHECK(f.commits.empty());
  f.run();

  REQUIRE(answer);
  REQUIRE(*answer);
  CHECK((*answer)->created);
  CHECK((*answer)->changes.size() == 1);
  CHECK((*answer)->durable);
  CHECK((*answer)->first_receipt == 1);
  REQUIRE(f.commits.size() == 1);
  CHECK(f.commits[0].heads == (*answer)->heads);
}

TEST_CASE("what was committed is there after the process starts again", "[repo]") {
  RepoFixture f;
  const auto id = f.made(1);
  Heads heads = (*f.repo->open(id))->heads();
  f.reopen();

  const auto document = f.repo->open(id);
  REQUIRE(document);
  CHECK((*document)->heads() == heads);
  CHECK((*document)->now().get(model::kRoot, std::string("made"))->scalar.ref().as_int() == 1);
}

TEST_CASE("writes to one document do not wait for each other and answers keep their order",
          "[repo]") {
  RepoFixture f;
  const auto id = f.made(1);
  std::vector<std::string> log;
  for (int i = 0; i < 3; ++i) {
    RepoFixture::put(**f.repo->open(id), "k", i + 1);
    f.repo->commit(id, {}, [&log, i](const Result<repo::Committed>& done) {
      log.push_back((done ? "commit " : "failure ") + std::to_string(i));
    });
    f.repo->when_durable(id, note(log, "read " + std::to_string(i)));
  }
  CHECK(log.empty());
  f.run();

  CHECK(log ==
        std::vector<std::string>{"commit 0", "read 0", "commit 1", "read 1", "commit 2", "read 2"});
  CHECK((*f.store->header(id)).change_count == 4);
}

TEST_CASE("an answer from a durable document is not held, but comes from the loop", "[repo]") {
  RepoFixture f;
  const auto id = f.made(1);
  std::vector<std::string> log;
  f.repo->when_durable(id, note(log, "read"));
  CHECK(log.empty());
  f.run();
  CHECK(log == std::vector<std::string>{"read"});
}

TEST_CASE("when an append fails, answers that built on it fail and the document is as stored",
          "[repo]") {
  RepoFixture f;
  const auto id = f.made(1);
  REQUIRE(f.store->set_read_only(true));
  RepoFixture::put(**f.repo->open(id), "lost", 1);
  std::vector<std::string> log;
  std::optional<Result<repo::Committed>> answer;
  f.repo->commit(id, {}, into(answer));
  f.repo->when_durable(id, note(log, "read"));
  f.run();

  REQUIRE(answer);
  REQUIRE_FALSE(*answer);
  CHECK(answer->error().id == "store.read_only");
  CHECK(log == std::vector<std::string>{"read failed"});
  CHECK(f.drops == std::vector<DocumentId>{id});
  const auto document = f.repo->open(id);
  REQUIRE(document);
  CHECK_FALSE((*document)->now().get(model::kRoot, std::string("lost")));

  REQUIRE(f.store->set_read_only(false));
  RepoFixture::put(**document, "kept", 1);
  f.repo->commit(id, {}, into(answer));
  f.run();
  CHECK(answer->has_value());
}

TEST_CASE("appends behind a failed one tell its reason, not a stale sequence", "[repo]") {
  RepoFixture f;
  const auto id = f.made(1);
  REQUIRE(f.store->set_read_only(true));
  std::optional<Result<repo::Committed>> first;
  std::optional<Result<repo::Committed>> second;
  RepoFixture::put(**f.repo->open(id), "a", 1);
  f.repo->commit(id, {}, into(first));
  REQUIRE(f.store->set_read_only(false));
  RepoFixture::put(**f.repo->open(id), "b", 1);
  f.repo->commit(id, {}, into(second));
  f.run();

  REQUIRE_FALSE(*first);
  REQUIRE_FALSE(*second);
  CHECK(first->error().id == "store.read_only");
  CHECK(second->error().id == "store.read_only");
  CHECK(f.drops.size() == 1);
}

TEST_CASE("an actor survives eviction but not a failed append", "[repo]") {
  RepoFixture f;
  const auto id = f.made(1);
  const ActorId actor = (*f.repo->open(id))->actor();
  f.reopen();
  CHECK((*f.repo->open(id))->actor() != actor);  // another process

  const ActorId second = (*f.repo->open(id))->actor();
  f.reopen(1);  // nothing fits
  const auto other = f.made(2);
  RepoFixture::put(**f.repo->open(id), "a", 1);
  const ActorId third = (*f.repo->open(id))->actor();
  CHECK(third != second);
  f.repo->commit(id, {}, [](const Result<repo::Committed>&) {});
  f.run();
  REQUIRE(f.repo->open(other));
  CHECK_FALSE(f.repo->is_open(id));
  CHECK((*f.repo->open(id))->actor() == third);  // evicted and loaded by one process

  REQUIRE(f.store->set_read_only(true));
  RepoFixture::put(**f.repo->open(id), "b", 1);
  f.repo->commit(id, {}, [](const Result<repo::Committed>&) {});
  f.run();
  CHECK((*f.repo->open(id))->actor() != third);
}

TEST_CASE("looking at a document pushes nothing out of the cache", "[repo]") {
  RepoFixture f;
  const auto one = f.made(1);
  const auto two = f.made(2);
  std::size_t changes = 0;
  const auto count = [&changes](const engine::Document& document) {
    changes = document.change_count();
  };

  f.reopen();
  REQUIRE(f.repo->peek(one, count));
  CHECK(changes == 1);
  CHECK(f.repo->is_open(one));  // there is room
  RepoFixture::put(**f.repo->open(one), "a", 1);
  REQUIRE(f.repo->peek(one, count));
  CHECK(changes == 2);  // what is open, with what is not stored yet
  const std::size_t room = f.repo->memory_bytes();

  f.reopen(room);
  REQUIRE(f.repo->open(one));
  REQUIRE(f.repo->peek(two, count));
  CHECK(changes == 1);
  CHECK(f.repo->is_open(one));
  CHECK_FALSE(f.repo->is_open(two));
  CHECK(f.repo->peek(RepoFixture::id_of(9), count).error().id == "doc.not_found");
}

TEST_CASE("a document is durable when nothing of it waits for the store", "[repo]") {
  RepoFixture f;
  const auto id = f.made(1);
  CHECK(f.repo->is_durable(id));
  RepoFixture::put(**f.repo->open(id), "a", 1);
  f.repo->commit(id, {}, [](const Result<repo::Committed>&) {});
  CHECK_FALSE(f.repo->is_durable(id));
  f.run();
  CHECK(f.repo->is_durable(id));
  CHECK(f.repo->is_durable(RepoFixture::id_of(9)));
}

TEST_CASE("eviction spares documents with appends or answers under way", "[repo]") {
  RepoFixture f;
  f.reopen(1);
  const auto busy = f.made(1);
  RepoFixture::put(**f.repo->open(busy), "a", 1);
  f.repo->commit(busy, {}, [](const Result<repo::Committed>&) {});
  REQUIRE(f.repo->create(RepoFixture::id_of(2)));
  CHECK(f.repo->is_open(busy));
  f.run();
  f.repo->discard(RepoFixture::id_of(2));
  f.made(3);
  CHECK_FALSE(f.repo->is_open(busy));
  CHECK((*f.repo->open(busy))->change_count() == 2);
}

TEST_CASE("the first change can be signed by a given actor, later ones are not", "[repo]") {
  RepoFixture f;
  const auto id = RepoFixture::id_of(1);
  const ActorId given(as_bytes("0123456789abcdef"));
  const auto document = f.repo->create(id, given);
  REQUIRE(document);
  RepoFixture::put(**document, "a", 1);
  f.repo->commit(id, {}, [](const Result<repo::Committed>&) {});
  CHECK((*f.repo->open(id))->actor() != given);
  f.run();
}

TEST_CASE("a document is made once, and not at all under a deleted id", "[repo]") {
  RepoFixture f;
  const auto id = f.made(1);
  const auto again = f.repo->create(id);
  REQUIRE_FALSE(again);
  CHECK(again.error().id == "doc.exists");

  std::vector<std::string> log;
  f.repo->remove(id, {}, note(log, "removed"));
  f.run();
  CHECK(log == std::vector<std::string>{"removed"});
  CHECK(f.removals == std::vector<DocumentId>{id});
  CHECK_FALSE(f.repo->open(id));
  CHECK(f.repo->create(id).error().id == "doc.not_found");
}

TEST_CASE("a document without changes is forgotten", "[repo]") {
  RepoFixture f;
  const auto id = RepoFixture::id_of(1);
  REQUIRE(f.repo->create(id));
  std::optional<Result<repo::Committed>> answer;
  f.repo->commit(id, {}, into(answer));
  f.run();
  REQUIRE(answer);
  CHECK(answer->has_value());
  CHECK_FALSE(*f.repo->exists(id));
  CHECK(f.repo->open_documents() == 0);
}

TEST_CASE("orphans are kept apart until their dependency comes", "[repo]") {
  RepoFixture f;
  engine::Document elsewhere(ActorId(as_bytes("elsewhere-actor!")));
  RepoFixture::put(elsewhere, "a", 1);
  RepoFixture::put(elsewhere, "b", 2);
  const auto hashes = elsewhere.all_changes();
  const auto id = RepoFixture::id_of(1);

  auto document = f.repo->create(id);
  REQUIRE(document);
  REQUIRE((*document)->apply_changes({*elsewhere.change_bytes(hashes[1])}));
  std::optional<Result<repo::Committed>> answer;
  f.repo->commit(
      id,
      {.source = {"phone"}, .durability = {}, .peer_states = {}, .names = {}, .idempotency = {}},
      into(answer));
  f.run();
  REQUIRE(answer->has_value());
  CHECK((*answer)->changes.empty());

  f.reopen();
  document = f.repo->open(id);
  REQUIRE(document);
  CHECK((*document)->orphans().size() == 1);
  REQUIRE((*document)->apply_changes({*elsewhere.change_bytes(hashes[0])}));
  f.repo->commit(id, {}, into(answer));
  f.run();
  REQUIRE(answer->has_value());
  CHECK((*answer)->changes.size() == 2);
  CHECK((*f.store->header(id)).heads == elsewhere.heads());
  f.reopen();
  CHECK((*f.repo->open(id))->orphans().empty());
}

TEST_CASE("the answer to a request id is stored with the change it made", "[repo]") {
  RepoFixture f;
  const auto id = f.made(1);
  RepoFixture::put(**f.repo->open(id), "a", 1);
  repo::CommitRequest request;
  store::IdempotentResult remembered;
  remembered.key = "01J9ZK3V9W";
  remembered.result = to_bytes(as_bytes("answer"));
  request.idempotency = remembered;
  f.repo->commit(id, std::move(request), [](const Result<repo::Committed>&) {});
  f.run();

  const auto kept = f.store->idempotent_result({}, "01J9ZK3V9W");
  REQUIRE(kept);
  REQUIRE(*kept);
  CHECK(as_text(**kept) == "answer");
}

TEST_CASE("answers of the store that come after the repository's end are dropped", "[repo]") {
  RepoFixture f;
  const auto id = f.made(1);
  RepoFixture::put(**f.repo->open(id), "a", 1);
  bool answered = false;
  f.repo->commit(id, {}, [&answered](const Result<repo::Committed>&) { answered = true; });
  f.repo.reset();
  f.run();
  CHECK_FALSE(answered);
}

TEST_CASE("a degraded document is whole again with the change that was missing", "[repo]") {
  RepoFixture replica;
  const DocumentId id = replica.made(1);
  std::vector<Bytes> changes;
  {
    engine::Document& document = **replica.repo->open(id);
    for (int i = 0; i < 3; ++i) {
      const Heads before = document.heads();
      RepoFixture::put(document, "n", i);
      changes.push_back(*document.change_bytes(document.changes_since(before).front()));
    }
    replica.repo->commit(id, {}, [](const Result<repo::Committed>&) {});
    replica.run();
  }
  const Heads whole = (*replica.repo->open(id))->heads();
  // As a repair leaves it: the first change, and the last one waiting for the two between.
  const DocumentId hurt = RepoFixture::id_of(2);
  engine::Document& document = **replica.repo->create(hurt);
  const auto made = (*replica.repo->open(id))->all_changes();
  REQUIRE(document.apply_changes({*(*replica.repo->open(id))->change_bytes(made[0]), changes[2]}));
  replica.repo->commit(hurt, {}, [](const Result<repo::Committed>&) {});
  replica.run();
  store::DocumentAppend part;
  part.document = hurt;
  part.expected_seq = replica.store->header(hurt)->document_seq;
  part.heads = replica.store->header(hurt)->heads;
  part.missing = std::vector<ChangeHash>{made[2]};
  store::Append append;
  append.documents.push_back(part);
  replica.store->append(std::move(append), store::Durability::kDurable,
                        [](const auto& done) { REQUIRE(done); });
  replica.reopen();
  REQUIRE(replica.repo->open(hurt));
  CHECK(replica.repo->missing_changes(hurt) == 1);

  SECTION("one that lacks its own ancestor moves what is missing on") {
    REQUIRE((*replica.repo->open(hurt))->apply_changes({changes[1]}));
    replica.repo->commit(hurt, {}, [](const Result<repo::Committed>&) {});
    replica.run();
    CHECK(replica.store->header(hurt)->missing == std::vector<ChangeHash>{made[1]});
    CHECK(replica.store->header(hurt)->state == store::DocumentState::kDegraded);
  }
  SECTION("all of them make it whole") {
    REQUIRE((*replica.repo->open(hurt))->apply_changes({changes[0], changes[1]}));
    replica.repo->commit(hurt, {}, [](const Result<repo::Committed>&) {});
    replica.run();
    CHECK(replica.store->header(hurt)->state == store::DocumentState::kActive);
    CHECK(replica.store->header(hurt)->missing.empty());
    CHECK(replica.store->header(hurt)->heads == whole);
    CHECK_FALSE(replica.repo->missing_changes(hurt));
  }
}
