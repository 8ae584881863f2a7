// What every Store must do. The same cases run on each implementation.

#include "tests/core/store/store_test_support.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <thread>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;

namespace {

/// One of the implementations, in a fresh place, with a way to close and open it again.
class Subject {
 public:
  explicit Subject(bool on_disk) : random_(7) {
    if (on_disk) {
      open();
    } else {
      store_ = make_memory_store(clock_, random_);
    }
  }

  Store& store() { return *store_; }
  FakeClock& clock() { return clock_; }

 private:
  void open() {
    OpenOptions options;
    options.mode = OpenMode::kCreateIfAbsent;
    options.clock = &clock_;
    options.random = &random_;
    options.reserve_bytes = 1 << 20;
    options.free_bytes_min = 0;
    auto opened = open_store(directory_.path(), options);
    if (!opened) FAIL(opened.error().message);
    store_ = std::move(opened->store);
  }

  TempDir directory_;
  FakeClock clock_;
  SeededRandom random_;
  std::unique_ptr<Store> store_;
};

std::vector<ChangeHash> hashes(const std::vector<StoredChange>& changes) {
  std::vector<ChangeHash> out;
  for (const StoredChange& change : changes) out.push_back(change.hash);
  return out;
}

}  // namespace

TEST_CASE("an appended change is loaded again", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  const DocumentId id = document(1);
  const NewChange first = change("first");

  const auto result = append_now(store, append_of(id, 0, {first}));

  REQUIRE(result.has_value());
  CHECK(result->durable);
  REQUIRE(result->documents.size() == 1);
  CHECK(result->documents[0].first_receipt == 1);
  const DocumentHeader& header = result->documents[0].header;
  CHECK(header.document_seq == 1);
  CHECK(header.change_count == 1);
  CHECK(header.tail_changes == 1);
  CHECK(header.tail_bytes == first.chunk.size());
  CHECK(header.heads == Heads{first.hash});
  CHECK(*store.header(id) == header);
  const auto loaded = store.load(id);
  REQUIRE(loaded.has_value());
  REQUIRE(loaded->tail.size() == 1);
  CHECK(loaded->tail[0].chunk == first.chunk);
  CHECK(loaded->tail[0].receipt == 1);
  CHECK(loaded->tail[0].received_ms == subject.clock().wall_now_ms());
  CHECK(loaded->snapshot.empty());
  CHECK_FALSE(loaded->has_leftover_parts);
  CHECK(store.counts().documents == 1);
  CHECK(store.counts().changes == 1);
  CHECK(store.counts().last_receipt == 1);
}

TEST_CASE("an append with a stale sequence is refused and leaves no trace", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  const DocumentId id = document(1);
  REQUIRE(append_now(store, append_of(id, 0, {change("a")})).has_value());
  const StoreCounts before = store.counts();

  Append stale = append_of(id, 0, {change("b")});
  stale.documents.push_back(append_of(document(2), 0, {change("c")}).documents[0]);
  stale.names.push_back({"todo/x", {}, id});
  const auto result = append_now(store, std::move(stale));

  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == ErrorCode::kConflict);
  CHECK(result.error().id == "heads.moved");
  CHECK(store.load(id)->tail.size() == 1);
  CHECK_FALSE(store.header(document(2)).has_value());
  CHECK_FALSE(store.find_name("todo/x")->has_value());
  CHECK(store.counts().changes == before.changes);
  CHECK(store.counts().last_receipt == before.last_receipt);
}

TEST_CASE("appends submitted one behind the other count on each other", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  const DocumentId id = document(1);
  std::atomic<int> failed{0};

  for (std::uint64_t i = 0; i < 300; ++i) {
    store.append(append_of(id, i, {change(i)}), Durability::kRelaxed,
                 [&](const Result<AppendResult>& r) { failed += r ? 0 : 1; });
  }
  REQUIRE(wait_for([&](Done done) { store.sync(std::move(done)); }).has_value());

  CHECK(failed == 0);
  const auto loaded = store.load(id);
  REQUIRE(loaded.has_value());
  CHECK(loaded->tail.size() == 300);
  CHECK(loaded->header.document_seq == 300);
  const auto page = store.receipts(1, 1000);
  REQUIRE(page.has_value());
  REQUIRE(page->items.size() == 300);
  for (std::uint64_t i = 0; i < 300; ++i) {
    CHECK(page->items[i].number == i + 1);
    CHECK(page->items[i].hash == change(i).hash);
  }
}

TEST_CASE("one append covers several documents, names and sync state", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  Append append = append_of(document(1), 0, {change("a"), change("b")});
  append.documents.push_back(append_of(document(2), 0, {change("c")}).documents[0]);
  append.documents[0].peer_states.push_back({peer_key(1), {change("a").hash}});
  append.names.push_back({"notes/one", {}, document(1)});
  append.source.peer = "nas";

  const auto result = append_now(store, std::move(append));

  REQUIRE(result.has_value());
  CHECK(result->documents[0].first_receipt == 1);
  CHECK(result->documents[1].first_receipt == 3);
  CHECK(store.find_name("notes/one")->value() == document(1));
  CHECK(store.names_of(document(1)).value() == std::vector<std::string>{"notes/one"});
  CHECK(store.peer_state(document(1), peer_key(1))->value().shared_heads ==
        Heads{change("a").hash});
  CHECK_FALSE(store.peer_state(document(2), peer_key(1))->has_value());
  CHECK(store.receipts(3, 1)->items.at(0).source.peer == "nas");
  CHECK(store.receipts(1, 2)->next == "3");
}

TEST_CASE("an orphan waits outside the counts until it is applicable", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  const DocumentId id = document(1);
  const NewChange base = change("base");
  const NewChange orphan = change("orphan");
  Append first = append_of(id, 0, {base});
  first.documents[0].orphans.push_back(orphan);
  REQUIRE(append_now(store, std::move(first)).has_value());

  CHECK(store.header(id)->change_count == 1);
  CHECK(hashes(store.load(id)->orphans) == std::vector{orphan.hash});
  CHECK(store.find_change(id, orphan.hash)->value().is_orphan);

  Append second = append_of(id, 1, {change("missing"), orphan});
  second.documents[0].removed_orphans = {orphan.hash};
  REQUIRE(append_now(store, std::move(second)).has_value());

  CHECK(store.header(id)->change_count == 3);
  CHECK(store.load(id)->orphans.empty());
  CHECK_FALSE(store.find_change(id, orphan.hash)->value().is_orphan);
}

TEST_CASE("a change that is stored already is not counted twice", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  const DocumentId id = document(1);
  REQUIRE(append_now(store, append_of(id, 0, {change("a")})).has_value());

  REQUIRE(append_now(store, append_of(id, 1, {change("a"), change("b"), change("b")})).has_value());

  CHECK(store.header(id)->change_count == 2);
  CHECK(store.counts().last_receipt == 2);
}

TEST_CASE("a change whose bytes are not its hash's is refused", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  NewChange wrong = change("a");
  SECTION("a flipped byte") { wrong.chunk.back() ^= std::byte{1}; }
  SECTION("a wrong checksum") { wrong.chunk[4] ^= std::byte{1}; }
  SECTION("another magic") { wrong.chunk[0] ^= std::byte{1}; }
  SECTION("another type") { wrong.chunk[8] = std::byte{2}; }
  SECTION("a byte more") { wrong.chunk.push_back(std::byte{0}); }
  SECTION("nothing") { wrong.chunk.clear(); }

  const auto result = append_now(store, append_of(document(1), 0, {wrong}));

  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == ErrorCode::kCorrupt);
  CHECK(store.header(document(1)).error().code == ErrorCode::kNotFound);
}

TEST_CASE("names are compared and set", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  const auto put = [&](std::vector<NameEdit> edits) {
    return wait_for([&](Done done) { store.put_names(edits, std::move(done)); });
  };
  REQUIRE(put({{"a", {}, document(1)}, {"b", {}, document(1)}, {"b/c", {}, document(2)}}));

  SECTION("a bound name is not bound again") {
    const auto result = put({{"x", {}, document(3)}, {"a", {}, document(2)}});
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == ErrorCode::kConflict);
    CHECK_FALSE(store.find_name("x")->has_value());
  }
  SECTION("a name moves from what it was bound to") {
    REQUIRE(put({{"a", document(1), document(2)}}));
    CHECK(store.find_name("a")->value() == document(2));
    CHECK(store.names_of(document(1)).value() == std::vector<std::string>{"b"});
    CHECK(store.names_of(document(2)).value() == std::vector<std::string>{"a", "b/c"});
  }
  SECTION("force binds whatever was there") {
    REQUIRE(put({{"a", {}, document(3), true}}));
    CHECK(store.names_of(document(1)).value() == std::vector<std::string>{"b"});
  }
  SECTION("a name is unbound") {
    REQUIRE(put({{"a", document(1), {}}}));
    CHECK_FALSE(store.find_name("a")->has_value());
    CHECK_FALSE(put({{"a", document(1), {}}}).has_value());
  }
  SECTION("edits of one request see each other") {
    REQUIRE(put({{"a", document(1), {}}, {"a", {}, document(2)}}));
    CHECK(store.find_name("a")->value() == document(2));
    CHECK(store.names_of(document(1)).value() == std::vector<std::string>{"b"});
  }
  SECTION("names are listed by prefix and page") {
    PageRequest request;
    request.prefix = "b";
    request.limit = 1;
    auto page = store.list_names(request);
    REQUIRE(page.has_value());
    CHECK(page->items.at(0).name == "b");
    request.after = page->next;
    page = store.list_names(request);
    CHECK(page->items.at(0).name == "b/c");
    CHECK(page->next.empty());
  }
}

TEST_CASE("names are listed by document and page, from any document on", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  REQUIRE(wait_for([&](Done done) {
    store.put_names({{"a", {}, document(1)},
                     {"a2", {}, document(1)},
                     {"b", {}, document(1)},
                     {"b/c", {}, document(2)},
                     {"c", {}, document(3)}},
                    std::move(done));
  }));
  const auto listed = [&](std::string after) {
    std::vector<std::string> names;
    PageRequest request{.after = std::move(after), .prefix = {}, .limit = 2};
    do {
      const auto page = store.list_names_by_document(request);
      REQUIRE(page.has_value());
      CHECK(page->items.size() <= 2);
      for (const NameEntry& entry : page->items) {
        CHECK(store.find_name(entry.name)->value() == entry.document);
        names.push_back(entry.name);
      }
      request.after = page->next;
    } while (!request.after.empty());
    return names;
  };
  std::vector<std::string> all, behind;
  std::set<DocumentId> documents{document(1), document(2), document(3)};
  for (const DocumentId& id : documents) {
    const auto names = store.names_of(id).value();
    all.insert(all.end(), names.begin(), names.end());
    if (id != *documents.begin()) behind.insert(behind.end(), names.begin(), names.end());
  }
  CHECK(listed({}) == all);
  const auto& second = *std::next(documents.begin());
  CHECK(listed(std::string(as_text(second.bytes))) == behind);
}

TEST_CASE("a name over 512 bytes, empty, or not UTF-8 is refused", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  const auto put = [&](const std::string& name) {
    return wait_for([&](Done done) {
      store.put_names({{name, {}, document(1)}}, std::move(done));
    });
  };
  CHECK(put(std::string(512, 'a')).has_value());
  CHECK(put(std::string(513, 'a')).error().code == ErrorCode::kLimitExceeded);
  CHECK(put("").error().code == ErrorCode::kInvalid);
  CHECK(put("\xff").error().code == ErrorCode::kInvalid);
  CHECK(put(std::string("a\0b", 3)).error().code == ErrorCode::kInvalid);
}

TEST_CASE("a deleted document leaves a tombstone and nothing else", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  const DocumentId id = document(1);
  REQUIRE(append_now(store, append_of(id, 0, {change("a")})).has_value());
  REQUIRE(append_now(store, append_of(document(2), 0, {change("a")})).has_value());
  REQUIRE(wait_for([&](Done done) { store.put_names({{"a", {}, id}}, std::move(done)); }));

  REQUIRE(wait_for([&](Done done) { store.remove(id, {"peer"}, std::move(done)); }));

  CHECK(store.load(id).error().code == ErrorCode::kNotFound);
  CHECK(store.header(id)->state == DocumentState::kDeleted);
  CHECK(store.tombstone(id)->value().source.peer == "peer");
  CHECK(store.tombstone(id)->value().heads == Heads{change("a").hash});
  CHECK_FALSE(store.find_name("a")->has_value());
  CHECK(store.counts().documents == 1);
  CHECK(store.counts().changes == 1);
  CHECK(store.counts().tombstones == 1);
  CHECK(store.list_documents({})->items.size() == 1);
  CHECK(store.list_tombstones({})->items.size() == 1);
  const auto again = append_now(store, append_of(id, 0, {change("b")}));
  CHECK(again.error().code == ErrorCode::kNotFound);
  CHECK(wait_for([&](Done done) { store.remove(id, {}, std::move(done)); }).has_value());
  // A deletion may be known of a document that never came, or whose tombstone was lost.
  CHECK(wait_for([&](Done done) { store.remove(document(9), {}, std::move(done)); }).has_value());
  CHECK(store.tombstone(document(9))->has_value());
  CHECK(store.counts().documents == 1);
  CHECK(store.counts().changes == 1);
  CHECK(store.counts().tombstones == 2);
  CHECK(append_now(store, append_of(document(9), 0, {change("z")})).error().code ==
        ErrorCode::kNotFound);
  // The data goes in the background.
  for (int i = 0; i < 1000 && store.find_change(id, change("a").hash)->has_value(); ++i) {
    std::this_thread::yield();
    REQUIRE(wait_for([&](Done done) { store.sync(std::move(done)); }));
  }
  CHECK_FALSE(store.find_change(id, change("a").hash)->has_value());
}

TEST_CASE("documents are listed in pages and found by the beginning of their id", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  std::set<DocumentId> all;
  for (std::uint64_t i = 0; i < 100; ++i) {
    all.insert(document(i));
    REQUIRE(append_now(store, append_of(document(i), 0, {change(i)})).has_value());
  }

  std::vector<DocumentId> listed;
  PageRequest request;
  request.limit = 7;
  do {
    const auto page = store.list_documents(request);
    REQUIRE(page.has_value());
    CHECK(page->items.size() <= 7);
    for (const DocumentHeader& header : page->items) listed.push_back(header.id);
    request.after = page->next;
  } while (!request.after.empty());
  CHECK(std::vector<DocumentId>(all.begin(), all.end()) == listed);

  for (const DocumentId& id : all) {
    const std::string text = id.to_base58();
    for (std::size_t length = 0; length <= text.size(); ++length) {
      const std::string prefix = text.substr(0, length);
      std::vector<DocumentId> wanted;
      for (const DocumentId& other : all) {
        if (other.to_base58().starts_with(prefix)) wanted.push_back(other);
      }
      auto found = store.find_by_prefix(prefix, 1000).value();
      std::ranges::sort(found);
      REQUIRE(found == wanted);
    }
  }
  CHECK(store.find_by_prefix("", 3)->size() == 3);
  CHECK(store.find_by_prefix("0", 3)->empty());
}

TEST_CASE("a request with a known idempotency key is answered, not carried out", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  const auto request = [](std::uint64_t seq, std::string_view body, std::string_view answer) {
    Append append = append_of(document(1), seq, {change(body)});
    append.idempotency = IdempotentResult{{}, "key", to_bytes(as_bytes(answer)), 0};
    return append;
  };
  const auto first = append_now(store, request(0, "a", "answer one"));
  REQUIRE(first.has_value());
  CHECK_FALSE(first->replayed.has_value());

  const auto second = append_now(store, request(0, "a", "answer two"));

  REQUIRE(second.has_value());
  CHECK(as_text(second->replayed.value()) == "answer one");
  CHECK(store.header(document(1))->change_count == 1);
  CHECK(as_text(store.idempotent_result({}, "key")->value()) == "answer one");
  subject.clock().advance_ms(7LL * 24 * 3600 * 1000 + 1);
  CHECK_FALSE(store.idempotent_result({}, "key")->has_value());
  CHECK_FALSE(append_now(store, request(1, "b", "answer three"))->replayed.has_value());
}

TEST_CASE("peers, settings and sync state are kept", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  PeerRecord nas{peer_key(3), "nas", 12, {{"policy", "sync"}, {"url", "wss://nas"}}};
  REQUIRE(wait_for([&](Done done) { store.put_peer(nas, std::move(done)); }));
  REQUIRE(wait_for([&](Done done) {
    store.put_setting("invite/1", to_bytes(as_bytes("token")), std::move(done));
  }));
  REQUIRE(wait_for([&](Done done) { store.put_setting("catalog", Bytes{}, std::move(done)); }));

  CHECK(store.peers().value() == std::vector{nas});
  CHECK(store.peer(peer_key(3))->value() == nas);
  CHECK_FALSE(store.peer(peer_key(4))->has_value());
  CHECK(store.settings("invite/").value().size() == 1);
  CHECK(store.setting("catalog")->value().empty());
  REQUIRE(wait_for([&](Done done) { store.put_setting("catalog", {}, std::move(done)); }));
  CHECK_FALSE(store.setting("catalog")->has_value());
  REQUIRE(wait_for([&](Done done) { store.remove_peer(peer_key(3), std::move(done)); }));
  CHECK(store.peers()->empty());

  const PeerSync state{peer_key(3), {change("a").hash}};
  const auto put = [&] {
    return wait_for([&](Done done) { store.put_peer_state(document(1), state, std::move(done)); });
  };
  CHECK(put().error().code == ErrorCode::kNotFound);
  REQUIRE(append_now(store, append_of(document(1), 0, {change("a")})).has_value());
  CHECK(put().has_value());
  CHECK(store.peer_state(document(1), peer_key(3))->value() == state);
  CHECK(store.header(document(1))->document_seq == 1);
  REQUIRE(wait_for([&](Done done) { store.remove_peer_states(peer_key(3), std::move(done)); }));
  CHECK_FALSE(store.peer_state(document(1), peer_key(3))->has_value());
}

TEST_CASE("a snapshot replaces the changes it covers", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  const DocumentId id = document(1);
  const std::size_t size = GENERATE(std::size_t{1}, std::size_t{256 * 1024},
                                    std::size_t{256 * 1024 + 1}, std::size_t{3'000'000});
  for (std::uint64_t i = 0; i < 10; ++i) {
    REQUIRE(append_now(store, append_of(id, i, {change(i)})).has_value());
  }
  const auto before = store.load(id);
  REQUIRE(append_now(store, append_of(id, 10, {change(10)})).has_value());
  Bytes bytes(size);
  SeededRandom(size).fill(bytes);

  REQUIRE(append_now(store, append_of(document(2), 0, {change(20)})).has_value());
  const auto receipts = store.receipts_of(id);
  REQUIRE((receipts && *receipts));
  CHECK(**receipts == std::vector<ReceiptNumber>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});

  const auto published = store.publish_snapshot(draft_of(before->header, *before, bytes));

  REQUIRE(published.has_value());
  CHECK(published->changes_removed == 10);
  CHECK(*store.receipts_of(id) == *receipts);  // though the changes themselves are gone
  CHECK(store.receipts_of(document(2))->value() == std::vector<ReceiptNumber>{12});
  const auto after = store.load(id);
  REQUIRE(after.has_value());
  CHECK(after->snapshot == bytes);
  CHECK(hashes(after->tail) == std::vector{change(10).hash});
  CHECK(after->header.change_count == 11);
  CHECK(after->header.tail_changes == 1);
  CHECK(after->header.snapshot.generation == 1);
  CHECK(after->header.snapshot.changes == 10);
  CHECK_FALSE(after->has_leftover_parts);

  SECTION("a draft of the former generation is refused") {
    const auto stale = store.publish_snapshot(draft_of(before->header, *before, bytes));
    CHECK(stale.error().code == ErrorCode::kConflict);
  }
  SECTION("a second snapshot replaces the first") {
    SnapshotDraft draft = draft_of(after->header, *after, Bytes(100));
    for (std::uint64_t i = 0; i < 10; ++i) draft.covered.push_back(change(i).hash);
    REQUIRE(store.publish_snapshot(draft).has_value());
    const auto last = store.load(id);
    CHECK(last->snapshot == Bytes(100));
    CHECK(last->tail.empty());
    CHECK_FALSE(last->has_leftover_parts);
  }
}

TEST_CASE("a snapshot that does not verify leaves the document as it was", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  const DocumentId id = document(1);
  REQUIRE(append_now(store, append_of(id, 0, {change("a")})).has_value());
  const auto before = store.load(id);
  SnapshotDraft draft = draft_of(before->header, *before, Bytes(700'000));

  SECTION("the verifier says no") {
    draft.verify = [](ByteView) -> Result<void> {
      return Error{ErrorCode::kCorrupt, "other heads"};
    };
    const auto result = store.publish_snapshot(draft);
    CHECK(result.error().message.starts_with("snapshot.readback"));
  }
  SECTION("it does not cover what it claims") {
    draft.covered.push_back(change("b").hash);
    CHECK(store.publish_snapshot(draft).error().code == ErrorCode::kConflict);
  }
  const auto after = store.load(id);
  REQUIRE(after.has_value());
  CHECK(after->header == before->header);
  CHECK(after->tail.size() == 1);
  CHECK_FALSE(after->has_leftover_parts);
}

TEST_CASE("an append over 8 MiB is refused unless it is one change", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  CHECK(append_now(store, append_of(document(1), 0, {change(1, 9u << 20)})).has_value());
  const auto refused =
      append_now(store, append_of(document(2), 0, {change(1, 5u << 20), change(2, 4u << 20)}));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::kLimitExceeded);
  CHECK(append_now(store, append_of(document(3), 0, {change(1, 17u << 20)})).error().code ==
        ErrorCode::kLimitExceeded);
}

TEST_CASE("a degraded document says so until it is healed", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  REQUIRE(append_now(store, append_of(document(1), 0, {change("a")})).has_value());
  REQUIRE(wait_for([&](Done done) { store.set_degraded(document(1), true, std::move(done)); }));
  CHECK(store.header(document(1))->state == DocumentState::kDegraded);
  REQUIRE(wait_for([&](Done done) { store.set_degraded(document(1), false, std::move(done)); }));
  CHECK(store.header(document(1))->state == DocumentState::kActive);
  CHECK(wait_for([&](Done done) { store.set_degraded(document(2), true, std::move(done)); })
            .error()
            .code == ErrorCode::kNotFound);
}

TEST_CASE("many threads append to many documents", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  std::atomic<int> failed{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (std::uint64_t i = 0; i < 50; ++i) {
          const auto durability = i % 3 == 0 ? Durability::kDurable : Durability::kRelaxed;
          if (!append_now(store, append_of(document(t), i, {change(t * 1000 + i)}), durability)) {
            failed += 1;
          }
          if (!store.load(document(t))) failed += 1;
        }
      });
    }
  }
  CHECK(failed == 0);
  CHECK(store.counts().changes == 400);
  for (std::uint64_t t = 0; t < 8; ++t) CHECK(store.load(document(t))->tail.size() == 50);
}

TEST_CASE("a relaxed append is called durable after a sync", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  std::atomic<int> durable{0};
  store.append(
      append_of(document(1), 0, {change("a")}), Durability::kRelaxed,
      [](const Result<AppendResult>&) {}, [&] { durable += 1; });
  REQUIRE(wait_for([&](Done done) { store.sync(std::move(done)); }));
  REQUIRE(wait_for([&](Done done) { store.sync(std::move(done)); }));
  CHECK(durable == 1);
}

TEST_CASE("a closed store answers nothing else", "[store]") {
  Subject subject(GENERATE(false, true));
  Store& store = subject.store();
  REQUIRE(append_now(store, append_of(document(1), 0, {change("a")})).has_value());
  REQUIRE(store.close(std::chrono::seconds(10)).has_value());
  CHECK(store.state() == StoreState::kClosed);
  CHECK(append_now(store, append_of(document(2), 0, {change("a")})).error().code ==
        ErrorCode::kUnavailable);
  CHECK(store.load(document(1)).error().code == ErrorCode::kUnavailable);
  CHECK(store.close(std::chrono::seconds(10)).error().code == ErrorCode::kUnavailable);
}
