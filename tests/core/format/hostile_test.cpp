#include "core/base/limits.h"
#include "core/codec/deflate.h"
#include "core/codec/leb128.h"
#include "core/format/change.h"
#include "core/format/document.h"
#include "tests/core/format/decode.h"
#include "tests/core/format/golden.h"
#include "tests/core/format/raw.h"

#include <catch2/catch.hpp>

/// The hostile variants of automerge-format A.9, and the rest of its section 10 that a decoder can
/// see. Checksums are right throughout: it is the contents that lie.
using namespace converge;
using namespace converge::testing;

namespace {

RawDocument base_document() { return RawDocument::parse(*from_hex(golden::kBaseDocument)); }
RawChange base_change() { return RawChange::parse(*from_hex(golden::kBaseChange)); }

std::string outcome(const Result<void>& result) {
  return result ? "loads" : result.error().message;
}
std::string outcome_of(const RawDocument& document) {
  return outcome(verify_document_body(document.body()));
}
std::string outcome_of(const RawChange& change) {
  const auto decoded = format::decode_change_body(change.body());
  return decoded ? "loads" : decoded.error().message;
}

struct ColumnCase {
  bool op_table;
  std::uint32_t spec;
  const char* hex;  ///< null: the column is left out
};

}  // namespace

TEST_CASE("unusual documents that mean something load", "[format][hostile]") {
  auto document = base_document();
  SECTION("no head indices") { document.head_rows.clear(); }
  SECTION("a wrong head index inside the table") { document.head_rows = {std::byte{0}}; }
  SECTION("no time column") { drop_column(document.changes, 0x23); }
  SECTION("no insert column") { drop_column(document.ops, 0x34); }
  SECTION("an actor that authored nothing") { document.actors.push_back(Bytes{std::byte{0xff}}); }
  SECTION("an idle actor in front") {
    document.actors.insert(document.actors.begin(), Bytes{std::byte{0x01}});
    set_column(document.changes, 0x01, "0201");
    set_column(document.ops, 0x21, "0201");
  }
  SECTION("a small column deflated") {
    for (auto& [spec, bytes] : document.ops) {
      if (spec == 0x15) {
        bytes = codec::deflate(bytes);
        spec |= 8;
      }
    }
  }
  CHECK(outcome_of(document) == "loads");
  const auto snapshot = format::decode_document(document.body()).value();
  CHECK(snapshot.actors.size() == 1);
}

TEST_CASE("documents with a wrong column are rejected", "[format][hostile]") {
  const auto c = GENERATE(values<ColumnCase>({
      {false, 0x56, nullptr},                 // extra metadata missing
      {false, 0x40, nullptr},                 // dependency counts missing
      {false, 0x01, nullptr},                 // authors missing
      {false, 0x03, nullptr},                 // sequence numbers missing
      {false, 0x13, nullptr},                 // max ops missing
      {true, 0x42, nullptr},                  // actions missing
      {true, 0x56, nullptr},                  // value metadata missing
      {true, 0x80, nullptr},                  // successor counts missing
      {true, 0x21, nullptr},                  // id actors missing
      {true, 0x23, nullptr},                  // id counters missing
      {true, 0x15, nullptr},                  // keys missing
      {true, 0x57, nullptr},                  // values missing
      {true, 0x42, "7e0101"},                 // not canonical
      {true, 0x42, "028100"},                 // overlong number
      {true, 0x42, "0301"},                   // more cells than rows
      {true, 0x34, "010001"},                 // empty boolean run
      {true, 0x34, "0200"},                   // trailing boolean run
      {false, 0x43, "7f05"},                  // dependency behind the table
      {false, 0x43, "7f01"},                  // dependency on itself
      {false, 0x43, "7f7f"},                  // negative dependency
      {false, 0x01, "0205"},                  // author out of range
      {true, 0x21, "0205"},                   // id actor out of range
      {false, 0x03, "7e0102"},                // sequence 1, 3
      {false, 0x13, "7e0163"},                // max op far above the ops
      {true, 0x57, "010101"},                 // more value bytes than values
      {true, 0x57, "01"},                     // fewer
      {true, 0x42, "7e0103"},                 // a delete as a row
      {true, 0x42, "ffffffffff0f01"},         // 2^40 rows
      {true, 0x21, "ffffffffff0f00"},         // 2^40 ids
      {false, 0x01, "ffffffffff0f00"},        // 2^40 changes
      {false, 0x40, "7e0080808008"},          // 2^24 dependencies
      {true, 0x80, "7e00ffffffffffff7f"},     // 2^56 successors
      {false, 0x23, "02808080808080808040"},  // times that overflow 2^62
      {false, 0x56, "0206"},                  // extra bytes of another type
      {false, 0x35, "7e01ff0161"},            // message that is not UTF-8
      {true, 0xa5, "0201 61"},                // mark names outside marks
      {true, 0x94, "0002"},                   // expand flags outside marks
      {true, 0x01, "0200"},                   // half an object id
      {true, 0xc2, "0200"},                   // unknown column
  }));
  auto document = base_document();
  auto& columns = c.op_table ? document.ops : document.changes;
  if (c.hex == nullptr) {
    drop_column(columns, c.spec);
  } else {
    std::string hex(c.hex);
    std::erase(hex, ' ');
    set_column(columns, c.spec, hex);
  }
  INFO(c.op_table << " " << c.spec << " " << (c.hex == nullptr ? "dropped" : c.hex));
  CHECK(outcome_of(document) != "loads");
}

TEST_CASE("documents with wrong tables are rejected", "[format][hostile]") {
  auto document = base_document();
  const Bytes parent = *from_hex(golden::kBaseChangeHash);
  SECTION("one byte too many") { document.head_rows.push_back(std::byte{0}); }
  SECTION("a head index outside the table") { document.head_rows = {std::byte{99}}; }
  SECTION("an actor twice") { document.actors.push_back(document.actors[0]); }
  SECTION("actors not ascending") { document.actors.push_back(Bytes{std::byte{0x01}}); }
  SECTION("the parent as head") { document.heads = {parent}; }
  SECTION("parent and child as heads") {
    document.heads.insert(document.heads.begin(), parent);
    document.head_rows = {std::byte{0}, std::byte{1}};
  }
  SECTION("no heads") {
    document.heads.clear();
    document.head_rows.clear();
  }
  SECTION("rows out of order") {
    set_column(document.ops, 0x15, "7e01620161");
    set_column(document.ops, 0x23, "7e027f");
  }
  SECTION("two columns out of order") { std::swap(document.ops[0], document.ops[1]); }
  SECTION("a column twice") { document.ops.insert(document.ops.begin(), document.ops[0]); }
  SECTION("a cut deflated column") {
    for (auto& [spec, bytes] : document.ops) {
      if (spec != 0x15) continue;
      bytes = codec::deflate(bytes);
      bytes.pop_back();
      spec |= 8;
    }
  }
  CHECK(outcome_of(document) != "loads");
}

TEST_CASE("counts and lengths beyond the input are rejected at once", "[format][hostile]") {
  const char* body = GENERATE("0000ffffffff7f", "00000101ffffffffffffffffff0100",
                              "ffffffffffffffffff01", "00ffffffffffffffffff01", "01ffffffff0f",
                              "000001 01ffffffffffffffff7f 00", "", "00", "0000", "000000");
  std::string hex(body);
  std::erase(hex, ' ');
  INFO(hex);
  CHECK(outcome(verify_document_body(*from_hex(hex))) != "loads");
}

TEST_CASE("unusual changes that mean something load", "[format][hostile]") {
  auto change = base_change();
  SECTION("a value of unknown type") {
    set_column(change.columns, 0x56, "7f2a");
    set_column(change.columns, 0x57, "7879");
  }
  SECTION("extra bytes") { change.extra = *from_hex("9998"); }
  SECTION("no ops") {
    change.columns.clear();
    change.start_op = 7;
  }
  SECTION("dependencies twice and unsorted") {
    const Bytes low(32, std::byte{1});
    const Bytes high(32, std::byte{2});
    change.deps = {high, low, low};
  }
  SECTION("an actor without bytes") { change.actor.clear(); }
  SECTION("an empty map key") { set_column(change.columns, 0x15, "7f00"); }
  SECTION("a zero character in a key") { set_column(change.columns, 0x15, "7f0100"); }
  const auto decoded = format::decode_change_body(change.body());
  REQUIRE(outcome_of(change) == "loads");
  CHECK(format::encode_change_body(*decoded) == change.body());
}

TEST_CASE("changes with a wrong column are rejected", "[format][hostile]") {
  const auto c = GENERATE(values<ColumnCase>({
      {true, 0x42, "7f08"},            // unknown action
      {true, 0x42, "0101"},            // run of one
      {true, 0x15, "7e01610162"},      // more keys than rows
      {true, 0xc2, "7f00"},            // unknown column
      {true, 0x34, nullptr},           // insert flags missing
      {true, 0x70, nullptr},           // predecessor counts missing
      {true, 0x56, nullptr},           // value metadata missing
      {true, 0x42, nullptr},           // actions missing
      {true, 0x15, nullptr},           // keys missing
      {true, 0x56, "7f75"},            // float of 7 bytes
      {true, 0x56, "7f24"},            // value longer than its bytes
      {true, 0x57, "8100"},            // number that does not fill its bytes
      {true, 0x56, "7f16"},            // fine by length, see the bytes below
      {true, 0x56, "7f10"},            // null with a byte
      {true, 0x42, "7f00"},            // new object with a value
      {true, 0x42, "7f03"},            // delete without predecessors
      {true, 0x42, "7f07"},            // mark that does not insert
      {true, 0x34, "0001"},            // insert with a map key
      {true, 0x94, "0001"},            // expand outside a mark
      {true, 0xa5, "7f0161"},          // mark name outside a mark
      {true, 0x01, "7f00"},            // half an object id
      {true, 0x42, "ffffffffff0f01"},  // 2^40 ops
      {true, 0x70, "7fffffffff7f"},    // predecessors without end
  }));
  auto change = base_change();
  if (c.hex == nullptr) {
    drop_column(change.columns, c.spec);
  } else {
    set_column(change.columns, c.spec, c.hex);
    if (c.spec == 0x56 && std::string(c.hex) == "7f75") {
      set_column(change.columns, 0x57, "00000000000000");
    }
    if (c.spec == 0x56 && std::string(c.hex) == "7f16") set_column(change.columns, 0x57, "ff");
    if (c.spec == 0x57) set_column(change.columns, 0x56, "7f24");
  }
  INFO(c.spec << " " << (c.hex == nullptr ? "dropped" : c.hex));
  CHECK(outcome_of(change) != "loads");
}

TEST_CASE("changes with wrong fields are rejected", "[format][hostile]") {
  auto change = base_change();
  SECTION("first op counter 0") { change.start_op = 0; }
  SECTION("first op counter over 32 bits") { change.start_op = std::uint64_t{1} << 32; }
  SECTION("sequence number 0") { change.seq = 0; }
  SECTION("a message that is not UTF-8") { change.message = *from_hex("ff"); }
  SECTION("other actors that no op names") { change.others = {*from_hex("01"), *from_hex("ff")}; }
  SECTION("other actors out of order") { change.others = {*from_hex("ff"), *from_hex("01")}; }
  SECTION("the author among the others") { change.others = {change.actor}; }
  SECTION("a time out of range") { change.time = limits::kChangeTimeMax; }
  SECTION("a time out of range below") { change.time = -limits::kChangeTimeMax; }
  SECTION("a list key in the root map") {
    drop_column(change.columns, 0x15);
    set_column(change.columns, 0x13, "7f00");
    set_column(change.columns, 0x34, "0001");
  }
  SECTION("an object actor out of range") {
    set_column(change.columns, 0x01, "7f05");
    set_column(change.columns, 0x02, "7f01");
  }
  SECTION("an object younger than the op") {
    set_column(change.columns, 0x01, "7f00");
    set_column(change.columns, 0x02, "7f07");
  }
  SECTION("an object counter of 0") {
    set_column(change.columns, 0x01, "7f00");
    set_column(change.columns, 0x02, "7f00");
  }
  SECTION("a predecessor younger than the op") {
    set_column(change.columns, 0x70, "7f01");
    set_column(change.columns, 0x71, "7f00");
    set_column(change.columns, 0x73, "7f09");
  }
  SECTION("predecessors not ascending") {
    change.start_op = 9;
    set_column(change.columns, 0x70, "7f02");
    set_column(change.columns, 0x71, "0200");
    set_column(change.columns, 0x73, "7e047f");
  }
  SECTION("a predecessor twice") {
    change.start_op = 9;
    set_column(change.columns, 0x70, "7f02");
    set_column(change.columns, 0x71, "0200");
    set_column(change.columns, 0x73, "7e0400");
  }
  CHECK(outcome_of(change) != "loads");
}

TEST_CASE("changes with wrong ops are rejected", "[format][hostile]") {
  auto change = base_change();
  SECTION("a deflated column") { change.columns[0].first |= 8; }
  SECTION("a column twice") {
    change.columns.insert(change.columns.begin() + 1, change.columns[1]);
  }
  SECTION("a column without bytes") { set_column(change.columns, 0x71, ""); }
  SECTION("an update of HEAD") {
    change.start_op = 9;
    drop_column(change.columns, 0x15);
    set_column(change.columns, 0x01, "7f00");
    set_column(change.columns, 0x02, "7f01");
    set_column(change.columns, 0x13, "7f00");
  }
  SECTION("an insert with predecessors") {
    change.start_op = 9;
    drop_column(change.columns, 0x15);
    set_column(change.columns, 0x01, "7f00");
    set_column(change.columns, 0x02, "7f01");
    set_column(change.columns, 0x13, "7f00");
    set_column(change.columns, 0x34, "0001");
    set_column(change.columns, 0x70, "7f01");
    set_column(change.columns, 0x71, "7f00");
    set_column(change.columns, 0x73, "7f02");
  }
  SECTION("an increment by a string") {
    change.start_op = 9;
    set_column(change.columns, 0x42, "7f05");
    set_column(change.columns, 0x56, "7f16");
    set_column(change.columns, 0x57, "61");
  }
  CHECK(outcome_of(change) != "loads");
}

TEST_CASE("a predecessor that only the document can judge is accepted here", "[format][hostile]") {
  auto change = base_change();
  change.start_op = 10;
  set_column(change.columns, 0x70, "7f01");
  set_column(change.columns, 0x71, "7f00");
  set_column(change.columns, 0x73, "7f09");
  CHECK(outcome_of(change) == "loads");
}

TEST_CASE("counters end at 2^32-1", "[format][hostile]") {
  auto change = base_change();
  change.start_op = 0xffffffffu;
  CHECK(outcome_of(change) == "loads");
  set_column(change.columns, 0x15, "7e01610162");
  set_column(change.columns, 0x34, "02");
  set_column(change.columns, 0x42, "0201");
  set_column(change.columns, 0x56, "0214");
  set_column(change.columns, 0x57, "0101");
  set_column(change.columns, 0x70, "0200");
  CHECK(outcome_of(change) == "op row 1: op counter over 2^32-1");
  change.start_op = 0xfffffffeu;
  CHECK(outcome_of(change) == "loads");
}

TEST_CASE("the number of dependencies is bounded", "[format][hostile]") {
  auto change = base_change();
  change.deps.assign(limits::kDepsPerChangeMax, Bytes(32));
  CHECK(outcome_of(change) == "loads");
  change.deps.emplace_back(32);
  const auto decoded = format::decode_change_body(change.body());
  REQUIRE_FALSE(decoded.has_value());
  CHECK(decoded.error().code == ErrorCode::kLimitExceeded);
}

TEST_CASE("the size of an actor id is bounded", "[format][hostile]") {
  auto change = base_change();
  change.actor.assign(limits::kActorIdBytesMax, std::byte{1});
  CHECK(outcome_of(change) == "loads");
  change.actor.push_back(std::byte{1});
  const auto decoded = format::decode_change_body(change.body());
  REQUIRE_FALSE(decoded.has_value());
  CHECK(decoded.error().code == ErrorCode::kLimitExceeded);
}

TEST_CASE("the size of a change is bounded", "[format][hostile]") {
  auto change = base_change();
  change.extra.assign(limits::kChangeBytesMax - change.body().size(), std::byte{1});
  CHECK(outcome_of(change) == "loads");
  change.extra.push_back(std::byte{1});
  const auto decoded = format::decode_change_body(change.body());
  REQUIRE_FALSE(decoded.has_value());
  CHECK(decoded.error().code == ErrorCode::kLimitExceeded);
}

TEST_CASE("a few bytes cannot claim millions of single ops", "[format][hostile]") {
  auto change = base_change();
  const auto claim = [&](std::uint64_t rows) {
    Bytes run;
    codec::write_sleb(run, static_cast<std::int64_t>(rows));
    const std::string count = to_hex(run);
    Bytes plain;
    codec::write_uleb(plain, rows);
    set_column(change.columns, 0x15, count + "0161");
    set_column(change.columns, 0x34, to_hex(plain));
    set_column(change.columns, 0x42, count + "01");
    set_column(change.columns, 0x56, count + "02");
    drop_column(change.columns, 0x57);
    set_column(change.columns, 0x70, count + "00");
  };
  claim(limits::kExpandedFloor);
  CHECK(outcome_of(change) == "loads");
  claim(limits::kExpandedFloor + 1);
  const auto expanded = format::decode_change_body(change.body());
  REQUIRE_FALSE(expanded.has_value());
  CHECK(expanded.error().code == ErrorCode::kLimitExceeded);
  claim(limits::kRowsPerChangeMax + 1);
  const auto claimed = format::decode_change_body(change.body());
  REQUIRE_FALSE(claimed.has_value());
  CHECK(claimed.error().code == ErrorCode::kLimitExceeded);
}

TEST_CASE("columns together inflate to a bounded size", "[format][hostile]") {
  auto document = base_document();
  const Bytes bomb = codec::deflate(Bytes(limits::kInflateFloorBytes * 3));
  for (auto& [spec, bytes] : document.ops) {
    if (spec != 0x57) continue;
    bytes = bomb;
    spec |= 8;
  }
  const auto result = verify_document_body(document.body());
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code != ErrorCode::kIo);
}

TEST_CASE("deflated columns do not raise what a document may expand to", "[format][hostile]") {
  // Rows of a map with keys "a", "b", .. and null values, counted by columns of literal runs, which
  // inflate to many bytes.
  auto document = base_document();
  const std::uint64_t rows = limits::kExpandedFloor + 1;
  Bytes literals;
  codec::write_sleb(literals, -static_cast<std::int64_t>(rows));
  for (std::uint64_t i = 0; i < rows; ++i) literals.push_back(static_cast<std::byte>(i % 2));
  Bytes run;
  codec::write_sleb(run, static_cast<std::int64_t>(rows));
  const std::string count = to_hex(run);
  Bytes plain;
  codec::write_uleb(plain, rows);
  set_column(document.ops, 0x15, count + "0161");
  set_column(document.ops, 0x21, count + "00");
  set_column(document.ops, 0x23, count + "01");
  set_column(document.ops, 0x34, to_hex(plain));
  set_column(document.ops, 0x42, count + "01");
  drop_column(document.ops, 0x57);
  set_column(document.ops, 0x80, count + "00");
  for (auto& [spec, bytes] : document.ops) {
    if (spec != 0x56) continue;
    bytes = codec::deflate(literals);
    spec |= 8;
  }
  const auto result = verify_document_body(document.body());
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == ErrorCode::kLimitExceeded);
}

TEST_CASE("a compressed change inflates to no more than a change may have", "[format][hostile]") {
  auto change = base_change();
  change.extra.assign(limits::kChangeBytesMax, std::byte{1});
  const Bytes body = change.body();
  const Bytes packed = codec::deflate(body);
  Bytes chunk =
      format::write_chunk(format::ChunkType::kCompressedChange, packed, format::change_hash(body));
  const auto decoded = format::decode_change(chunk);
  REQUIRE_FALSE(decoded.has_value());
  CHECK(decoded.error().code == ErrorCode::kLimitExceeded);
}
