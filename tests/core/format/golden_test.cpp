#include "tests/core/format/golden.h"

#include "core/format/bundle.h"
#include "core/format/change.h"
#include "core/format/document.h"
#include "tests/core/format/decode.h"

#include <catch2/catch.hpp>

using namespace converge;
using namespace converge::testing;
using model::OpId;
using model::OpRun;
using model::RowRun;

TEST_CASE("an empty document chunk is read and written", "[format][golden]") {
  const Bytes chunk = *from_hex(
      "856f4a83b81a95440004"
      "00000000");
  const auto snapshot = decode_document_chunk(chunk);
  REQUIRE(snapshot.has_value());
  CHECK(snapshot->changes.empty());
  CHECK(snapshot->rows.empty());
  CHECK(format::for_each_change(*snapshot, {}).value().empty());
  CHECK(format::encode_document(*snapshot, {}) == chunk);
}

TEST_CASE("the reference's changes have its hashes and encode to its bytes", "[format][golden]") {
  struct Case {
    const char* chunk;
    const char* hash;
  };
  const auto c = GENERATE(values<Case>({
      {golden::kMapChange, golden::kMapChangeHash},
      {golden::kInitChange, golden::kInitChangeHash},
      {golden::kRightChange, golden::kRightChangeHash},
      {golden::kMergeChange, golden::kMergeChangeHash},
      {golden::kBaseChange, golden::kBaseChangeHash},
      {golden::kLeftChange, "0c8328d0c6a5aa7bd9fc13110590e0847796a1b4d1b40088bb258cc30a8a72a7"},
      {golden::kMarkChange, "ba8f76ede2b5c425cfc74d63087b49ba3ceb1d0ea4c6a04a11be491e0746a9c1"},
  }));
  const Bytes chunk = *from_hex(c.chunk);
  const auto change = format::decode_change(chunk);
  REQUIRE(change.has_value());
  CHECK(change->hash.to_hex() == c.hash);
  CHECK(format::encode_change_body(*change) == change->body);
  CHECK(format::change_chunk(*change) == chunk);
}

TEST_CASE("the reference's documents verify and encode to its bytes", "[format][golden]") {
  const char* hex = GENERATE(golden::kMapDocument, golden::kMergeDocument, golden::kMarkDocument,
                             golden::kBaseDocument);
  const Bytes chunk = *from_hex(hex);
  const auto snapshot = decode_document_chunk(chunk);
  REQUIRE(snapshot.has_value());
  CHECK(format::for_each_change(*snapshot, {}).has_value());
  CHECK(format::encode_document(*snapshot, {false}) == chunk);
}

TEST_CASE("a change tells its fields", "[format][golden]") {
  const auto change = format::decode_change(*from_hex(golden::kInitChange)).value();
  CHECK(change.actor.to_hex() == "0a");
  CHECK(change.seq == 1);
  CHECK(change.start_op == 1);
  CHECK(change.max_op() == 5);
  CHECK(change.time == 1'700'000'000);
  CHECK(change.message == "init");
  CHECK(change.deps.empty());
  CHECK(change.other_actors.empty());
  CHECK(change.extra.empty());

  REQUIRE(change.ops.size() == 4);
  CHECK(change.ops[0].key.name == "c");
  CHECK(change.ops[0].value.as_int() == 5);
  CHECK(change.ops[1].action == model::Action::kMakeList);
  const OpRun& text = change.ops[2];
  CHECK(text.shape == OpRun::Shape::kText);
  CHECK(text.count == 2);
  CHECK(text.text == "xy");
  CHECK(text.object == OpId{2, 0});
  CHECK(text.key.element == model::kHead);
  CHECK(change.ops[3].value.is(ScalarType::kTrue));
}

TEST_CASE("a change numbers the actors its ops name", "[format][golden]") {
  const auto change = format::decode_change(*from_hex(golden::kMergeChange)).value();
  REQUIRE(change.other_actors.size() == 2);
  CHECK(change.other_actors[0].to_hex() == "0a");
  CHECK(change.other_actors[1].to_hex() == "0b");
  REQUIRE(change.ops.size() == 2);
  CHECK(change.preds == std::vector<OpId>{{6, 1}, {6, 2}, {1, 1}});
  CHECK(change.ops[1].action == model::Action::kDel);
  CHECK(change.ops[1].pred_begin == 2);
  CHECK(change.deps.size() == 2);
}

TEST_CASE("a document's rows become runs with their successors", "[format][golden]") {
  const auto snapshot = decode_document_chunk(*from_hex(golden::kMergeDocument)).value();
  REQUIRE(snapshot.actors.size() == 3);
  REQUIRE(snapshot.changes.size() == 4);
  CHECK(snapshot.text(snapshot.changes[0]).message == "init");
  CHECK(snapshot.changes[3].max_op == 10);
  CHECK(snapshot.changes[3].deps_count == 2);
  CHECK(snapshot.head_rows == std::vector<std::uint32_t>{3});

  // Row by row as the specification lists them: nothing in it makes a longer run.
  REQUIRE(snapshot.rows.size() == 10);
  const RowRun& counter = snapshot.rows[0];
  CHECK(counter.key.name == "c");
  CHECK(counter.id == OpId{1, 0});
  REQUIRE(counter.succ_count == 2);
  CHECK(snapshot.succs[counter.succ_begin] == OpId{7, 0});
  CHECK(snapshot.succs[counter.succ_begin + 1] == OpId{10, 2});
  CHECK(snapshot.rows[1].action == model::Action::kInc);
  CHECK(snapshot.rows[7].shape == RowRun::Shape::kText);
  CHECK(snapshot.rows[7].text == "x");
  CHECK_FALSE(snapshot.rows[7].has_succ);
  CHECK(snapshot.rows[9].text == "y");
  CHECK(snapshot.rows[9].has_succ);
  CHECK(snapshot.rows[9].succ == OpId{7, 1});
}

TEST_CASE("marks keep their name, value and expansion", "[format][golden]") {
  const auto change = format::decode_change(*from_hex(golden::kMarkChange)).value();
  REQUIRE(change.ops.size() == 2);
  CHECK(change.ops[0].action == model::Action::kMark);
  CHECK(change.ops[0].mark_name == "bold");
  CHECK(change.ops[0].value.is(ScalarType::kTrue));
  CHECK_FALSE(change.ops[0].expand);
  CHECK_FALSE(change.ops[1].mark_name.has_value());
  CHECK(change.ops[1].expand);
}

TEST_CASE("a deflated column is inflated", "[format][golden]") {
  const auto snapshot = decode_document_chunk(*from_hex(golden::kDeflatedDocument)).value();
  REQUIRE(snapshot.rows.size() == 1);
  CHECK(snapshot.rows[0].value.raw == std::string(300, '\0'));
  const auto hashes = format::for_each_change(snapshot, {});
  REQUIRE(hashes.has_value());
  CHECK(hashes->front().to_hex() == golden::kDeflatedDocumentHead);
}

TEST_CASE("the reference's bundle unpacks", "[format][golden]") {
  const Bytes bytes = *from_hex(golden::kBundle);
  format::ChunkStream stream(bytes);
  const auto chunk = stream.next();
  REQUIRE(chunk.has_value());
  CHECK((*chunk)->type == format::ChunkType::kBundle);
  const auto changes = format::decode_bundle((*chunk)->body);
  REQUIRE(changes.has_value());
  REQUIRE(changes->size() == 2);
  CHECK((*changes)[0].hash.to_hex() == golden::kRightChangeHash);
  CHECK((*changes)[1].hash.to_hex() == golden::kMergeChangeHash);
}

TEST_CASE("a compressed change is the same change", "[format][golden]") {
  auto change = format::decode_change(*from_hex(golden::kBaseChange)).value();
  const Bytes small = format::change_chunk(change, true);
  CHECK(small == format::change_chunk(change));  // not over 256 bytes: stays plain

  change.message = "a message long enough to be worth it";
  const std::string long_message(400, 'm');
  change.message = long_message;
  REQUIRE(format::seal_change(change).has_value());
  CHECK(change.message.data() != long_message.data());
  const Bytes packed = format::change_chunk(change, true);
  CHECK(packed[8] == std::byte{2});
  CHECK(packed.size() < change.body.size());
  const auto back = format::decode_change(packed);
  REQUIRE(back.has_value());
  CHECK(back->hash == change.hash);
  CHECK(back->body == change.body);
}
