// Changes that are well-formed bytes and still lie (automerge-format 10 and A.9): each must be an
// error, and the document as before.

#include "core/base/limits.h"
#include "core/engine/document.h"
#include "core/format/change.h"
#include "tests/core/engine/json_view.h"

#include <catch2/catch.hpp>

#include <functional>

using namespace converge;
using engine::Document;
using engine::ObjType;
using model::Action;
using model::Change;
using model::OpRun;
using testing::actor;

namespace {

/// A document by aa with {"text": "hello" (ops 1 to 6), "n": counter 1 (op 7)}.
Document base_document() {
  Document document(actor("aa"));
  auto tx = document.transact();
  const auto text = *tx.put_object(model::kRoot, std::string("text"), ObjType::kText);
  REQUIRE(tx.splice_text(text, 0, 0, "hello").has_value());
  REQUIRE(tx.put(model::kRoot, std::string("n"), model::Scalar::counter(1)).has_value());
  tx.commit();
  return document;
}

/// A valid follower by bb, op 8: it sets "k" to true. Actor 1 in it is aa.
Change follower(const Document& document) {
  Change change;
  change.actor = actor("bb");
  change.other_actors = {actor("aa")};
  change.seq = 1;
  change.start_op = 8;
  change.op_count = 1;
  change.deps = document.heads();
  OpRun& run = change.ops.emplace_back();
  run.key.is_map = true;
  run.key.name = "k";
  run.value = model::ScalarRef{2, {}};
  return change;
}

Bytes chunk_of(Change& change) {
  format::canonicalize_actors(change);
  change.body = format::encode_change_body(change);
  change.hash = format::change_hash(change.body);
  return format::change_chunk(change);
}

std::string state_of(const Document& document) {
  return to_hex(document.save({.deflate = false, .include_orphans = true}));
}

void check_rejected(const std::function<void(Change&)>& twist) {
  Document document = base_document();
  const std::string before = state_of(document);
  Change change = follower(document);
  twist(change);

  const auto report = document.apply_changes({chunk_of(change)});

  CHECK_FALSE(report.has_value());
  document.check_invariants();
  CHECK(state_of(document) == before);
  // Nothing is left behind that would stop the honest change.
  Change honest = follower(document);
  CHECK(document.apply_changes({chunk_of(honest)}).has_value());
}

}  // namespace

TEST_CASE("the follower that the hostile cases twist is itself accepted", "[engine][hostile]") {
  Document document = base_document();
  Change change = follower(document);
  CHECK(document.apply_changes({chunk_of(change)}).has_value());
  CHECK(document.now().get(model::kRoot, std::string("k"))->scalar == model::Scalar::boolean(true));
}

TEST_CASE("ops that name what does not exist are rejected", "[engine][hostile]") {
  SECTION("an unknown object") {
    check_rejected([](Change& c) { c.ops[0].object = {3, 1}; });
  }
  SECTION("a map key in a text") {
    check_rejected([](Change& c) { c.ops[0].object = {1, 1}; });
  }
  SECTION("an element in a map") {
    check_rejected([](Change& c) {
      c.ops[0].key = {};
      c.ops[0].key.element = {2, 1};
    });
  }
  SECTION("an insert behind an unknown element") {
    check_rejected([](Change& c) {
      c.ops[0].object = {1, 1};
      c.ops[0].insert = true;
      c.ops[0].key = {};
      c.ops[0].key.element = {7, 1};
    });
  }
  SECTION("a delete of an unknown element, after good ones") {
    check_rejected([](Change& c) {
      OpRun run;
      run.shape = OpRun::Shape::kDelete;
      run.action = Action::kDel;
      run.object = {1, 1};
      run.key.element = {5, 1};
      run.count = 3;  // 5, 6 and 7; the last is the counter
      c.ops = {run};
      c.op_count = 3;
    });
  }
  SECTION("a predecessor that does not exist") {
    check_rejected([](Change& c) {
      c.preds = {{5, 1}};
      c.ops[0].pred_count = 1;
    });
  }
  SECTION("a predecessor in another register") {
    check_rejected([](Change& c) {
      c.preds = {{7, 1}};
      c.ops[0].pred_count = 1;
    });
  }
}

TEST_CASE("an op that is bad takes those before it back", "[engine][hostile]") {
  check_rejected([](Change& c) {
    OpRun text;
    text.shape = OpRun::Shape::kText;
    text.insert = true;
    text.object = {1, 1};
    text.key.element = {3, 1};
    text.text = "xyz";
    text.count = 3;
    OpRun erase;
    erase.shape = OpRun::Shape::kDelete;
    erase.action = Action::kDel;
    erase.object = {1, 1};
    erase.key.element = {4, 1};
    erase.count = 2;
    OpRun make;
    make.action = Action::kMakeList;
    make.key.is_map = true;
    make.key.name = "made";
    OpRun bad = c.ops[0];
    bad.object = {2, 1};
    c.ops = {text, erase, make, bad};
    c.op_count = 7;
  });
}

TEST_CASE("changes that break the order of history are rejected", "[engine][hostile]") {
  SECTION("a sequence number that leaves a gap") {
    check_rejected([](Change& c) { c.seq = 2; });
  }
  SECTION("ops not above those it depends on") {
    check_rejected([](Change& c) { c.start_op = 7; });
  }
  SECTION("a counter that leaps ahead") {
    check_rejected([](Change& c) {
      c.start_op = static_cast<std::uint32_t>(7 + limits::kStartOpLeapMax + 1);
    });
  }
  SECTION("another actor that made no change") {
    check_rejected([](Change& c) {
      c.other_actors = {actor("cc")};
      c.preds = {{7, 1}};
      c.ops[0].key.name = "n";
      c.ops[0].pred_count = 1;
    });
  }
  SECTION("a sequence number of the author's that is taken") {
    check_rejected([](Change& c) {
      c.actor = actor("aa");
      c.other_actors.clear();
    });
  }
}

TEST_CASE("a counter that leaps just as far as allowed is accepted", "[engine][hostile]") {
  Document document = base_document();
  Change change = follower(document);
  change.start_op = static_cast<std::uint32_t>(7 + limits::kStartOpLeapMax);
  CHECK(document.apply_changes({chunk_of(change)}).has_value());
}

TEST_CASE("one bad change undoes its whole batch", "[engine][hostile]") {
  Document document = base_document();
  const std::string before = state_of(document);
  Change good = follower(document);
  const Bytes first = chunk_of(good);
  Change bad = follower(document);
  bad.seq = 2;
  bad.start_op = 9;
  bad.deps = {good.hash};
  bad.ops[0].object = {5, 1};

  CHECK_FALSE(document.apply_changes({first, chunk_of(bad)}).has_value());

  document.check_invariants();
  CHECK(state_of(document) == before);
  CHECK(document.apply_changes({first}).has_value());
}

TEST_CASE("a bad orphan is dropped when its turn comes, good ones wait on", "[engine][hostile]") {
  Document document = base_document();
  Change first = follower(document);
  const Bytes first_chunk = chunk_of(first);
  Change bad = follower(document);
  bad.seq = 2;
  bad.start_op = 9;
  bad.deps = {first.hash};
  bad.ops[0].object = {5, 1};
  Change good = follower(document);
  good.actor = actor("cc");
  good.start_op = 9;
  good.deps = {first.hash};
  REQUIRE(document.apply_changes({chunk_of(bad), chunk_of(good)})->queued.size() == 2);

  CHECK_FALSE(document.apply_changes({first_chunk}).has_value());
  CHECK(document.orphans() == std::vector<ChangeHash>{good.hash});
  const auto report = document.apply_changes({first_chunk});

  REQUIRE(report.has_value());
  CHECK(report->applied == std::vector<ChangeHash>{first.hash, good.hash});
  CHECK(document.orphans().empty());
}

TEST_CASE("two changes with one actor and sequence number conflict", "[engine][hostile]") {
  Document document = base_document();
  Change one = follower(document);
  Change two = follower(document);
  two.time = 5;
  const Bytes one_chunk = chunk_of(one);
  const Bytes two_chunk = chunk_of(two);

  SECTION("in one batch") {
    const auto report = document.apply_changes({one_chunk, two_chunk});
    REQUIRE_FALSE(report.has_value());
    CHECK(report.error().code == ErrorCode::kConflict);
  }
  SECTION("one after the other") {
    REQUIRE(document.apply_changes({one_chunk}).has_value());
    const auto report = document.apply_changes({two_chunk});
    REQUIRE_FALSE(report.has_value());
    CHECK(report.error().code == ErrorCode::kConflict);
  }
}

TEST_CASE("too many orphans are refused", "[engine][hostile]") {
  Document document = base_document();
  std::vector<Bytes> batch;
  for (std::size_t i = 0; i <= limits::kOrphansPerDocumentMax; ++i) {
    Change change = follower(document);
    change.other_actors.clear();
    change.seq = static_cast<std::uint32_t>(i + 2);
    change.deps = {ChangeHash{}};
    batch.push_back(chunk_of(change));
  }
  const auto report = document.apply_changes(batch);
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().code == ErrorCode::kLimitExceeded);
  CHECK(document.orphans().empty());
  batch.pop_back();
  CHECK(document.apply_changes(batch).has_value());
  CHECK(document.orphans().size() == limits::kOrphansPerDocumentMax);
}
