#include "core/engine/cursor.h"

#include "tests/core/engine/json_view.h"

#include <catch2/catch.hpp>

using namespace converge;
using engine::Cursor;
using engine::CursorMove;
using engine::Document;
using engine::ObjId;
using engine::ObjType;
using engine::TextUnit;
using testing::actor;
using testing::bytes_of_hex;

namespace {

ObjId make_text(Document& document, std::string_view content) {
  auto tx = document.transact();
  const auto text = *tx.put_object(model::kRoot, std::string("t"), ObjType::kText);
  REQUIRE(tx.splice_text(text, 0, 0, content).has_value());
  tx.commit();
  return text;
}

void splice(Document& document, ObjId text, std::size_t index, std::size_t erase,
            std::string_view insert) {
  auto tx = document.transact();
  REQUIRE(tx.splice_text(text, index, erase, insert).has_value());
  tx.commit();
}

std::size_t position(const engine::View& view, ObjId text, std::string_view cursor,
                     TextUnit unit = TextUnit::kUtf16Units) {
  return *view.position(text, *engine::parse_cursor(cursor), unit);
}

}  // namespace

TEST_CASE("a cursor has one text form", "[engine][cursor]") {
  for (const char* const text : {"s", "e", "5@aa", "-5@aa", "4294967295@", "1@00ff"}) {
    CHECK(engine::format_cursor(*engine::parse_cursor(text)) == text);
  }
  for (const char* const text : {"", "x", "-", "5", "@aa", "0@aa", "5@a", "5@zz", "--5@aa", "+5@aa",
                                 " 5@aa", "4294967296@aa", "-s", "5@aa "}) {
    const auto cursor = engine::parse_cursor(text);
    INFO(text);
    REQUIRE_FALSE(cursor.has_value());
    CHECK(cursor.error().code == ErrorCode::kInvalid);
  }
}

TEST_CASE("a cursor has one binary form, and an older one is read too", "[engine][cursor]") {
  const auto hex = [](const char* text) {
    return to_hex(engine::encode_cursor(*engine::parse_cursor(text)));
  };
  CHECK(hex("s") == "0101");
  CHECK(hex("e") == "0102");
  CHECK(hex("300@aabb") == "010302aabbac0202");
  CHECK(hex("-5@") == "0103000501");
  for (const char* const text : {"s", "e", "300@aabb", "-5@"}) {
    CHECK(engine::format_cursor(*engine::decode_cursor(bytes_of_hex(hex(text)))) == text);
  }
  CHECK(engine::format_cursor(*engine::decode_cursor(bytes_of_hex("0002aabbac02"))) == "300@aabb");

  const auto error = [](const char* bytes) {
    const auto cursor = engine::decode_cursor(bytes_of_hex(bytes));
    REQUIRE_FALSE(cursor.has_value());
    return cursor.error().code;
  };
  const Bytes whole = bytes_of_hex("010302aabbac0202");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(engine::decode_cursor(ByteView(whole).first(size)).has_value());
  }
  CHECK(error("02") == ErrorCode::kUnsupported);
  CHECK(error("0104") == ErrorCode::kCorrupt);                // kind
  CHECK(error("010302aabbac0203") == ErrorCode::kCorrupt);    // direction
  CHECK(error("010302aabb0002") == ErrorCode::kCorrupt);      // counter 0
  CHECK(error("010300808080801002") == ErrorCode::kCorrupt);  // counter 2^32
  CHECK(error("010100") == ErrorCode::kCorrupt);              // bytes left over
  CHECK(error("0103ffffffff0f05") == ErrorCode::kTruncated);  // an actor longer than the input
}

TEST_CASE("a cursor's actor id may be as long as an actor id", "[engine][cursor]") {
  const auto with_actor = [](std::size_t size) {
    Bytes out = bytes_of_hex("0103");
    // LEB128 of 65,536 and 65,537
    const Bytes length = bytes_of_hex(size == 65536 ? "808004" : "818004");
    out.insert(out.end(), length.begin(), length.end());
    out.resize(out.size() + size);
    out.push_back(std::byte{1});
    out.push_back(std::byte{2});
    return engine::decode_cursor(out);
  };
  CHECK(with_actor(65536).has_value());
  REQUIRE_FALSE(with_actor(65537).has_value());
  CHECK(with_actor(65537).error().code == ErrorCode::kCorrupt);
}

TEST_CASE("a cursor stays with its element, and goes on when that is deleted", "[engine][cursor]") {
  Document document(actor("aa"));
  const auto text = make_text(document, "h😀llo");  // 2@aa to 6@aa
  const auto made = [&](std::size_t index, CursorMove move) {
    return engine::format_cursor(*document.now().cursor(text, index, move));
  };
  CHECK(made(0, CursorMove::kAfter) == "2@aa");
  CHECK(made(2, CursorMove::kAfter) == "3@aa");  // inside the emoji
  CHECK(made(3, CursorMove::kBefore) == "-4@aa");
  CHECK(made(6, CursorMove::kAfter) == "e");
  CHECK(made(60, CursorMove::kBefore) == "e");
  const Heads whole = document.heads();

  splice(document, text, 0, 0, ">>");
  CHECK(position(document.now(), text, "4@aa") == 5);
  CHECK(position(document.now(), text, "4@aa", TextUnit::kCodePoints) == 4);
  CHECK(position(document.now(), text, "4@aa", TextUnit::kUtf8Bytes) == 7);
  splice(document, text, 5, 1, "");
  CHECK(position(document.now(), text, "4@aa") == 5);   // the second l
  CHECK(position(document.now(), text, "-4@aa") == 3);  // the emoji
  splice(document, text, 2, 3, "");
  CHECK(position(document.now(), text, "4@aa") == 2);
  CHECK(position(document.now(), text, "-4@aa") == 0);  // nothing is left that it was typed behind
  CHECK(position(document.now(), text, "s") == 0);
  CHECK(position(document.now(), text, "e") == 4);

  const auto then = document.at(whole);
  REQUIRE(then.has_value());
  CHECK(position(*then, text, "4@aa") == 3);
  CHECK(position(*then, text, "e") == 6);
}

TEST_CASE("a cursor follows an element that was overwritten", "[engine][cursor]") {
  Document document(actor("aa"));
  auto tx = document.transact();
  const auto list = *tx.put_object(model::kRoot, std::string("l"), ObjType::kList);
  for (std::size_t i = 0; i < 3; ++i) REQUIRE(tx.insert(list, i, Scalar::integer(7)).has_value());
  REQUIRE(tx.put(list, std::size_t{1}, Scalar::integer(8)).has_value());  // 5@aa
  tx.commit();

  CHECK(engine::format_cursor(*document.now().cursor(list, 1)) == "5@aa");
  CHECK(position(document.now(), list, "5@aa") == 1);
  CHECK(position(document.now(), list, "3@aa") == 1);
}

TEST_CASE("a cursor that means nothing here is not found", "[engine][cursor]") {
  Document document(actor("aa"));
  const Heads before = document.heads();
  const auto text = make_text(document, "abc");
  const auto not_found = [&](const engine::View& view, ObjId object, const char* cursor) {
    const auto found = view.position(object, *engine::parse_cursor(cursor));
    return !found && found.error().code == ErrorCode::kNotFound;
  };

  CHECK(not_found(document.now(), text, "99@aa"));
  CHECK(not_found(document.now(), text, "2@bb"));
  CHECK(not_found(document.now(), text, "1@aa"));  // the text itself
  CHECK(not_found(document.now(), model::kRoot, "2@aa"));
  CHECK_FALSE(document.now().cursor(model::kRoot, 0).has_value());
  CHECK(not_found(*document.at(before), text, "2@aa"));
  const Heads first = document.heads();
  splice(document, text, 3, 0, "d");  // 5@aa
  CHECK(not_found(*document.at(first), text, "5@aa"));
}
