#include "core/engine/patch.h"

#include "tests/core/engine/json_view.h"
#include "tests/core/engine/patch_json.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>

using namespace converge;
using engine::Document;
using engine::ObjId;
using engine::ObjType;
using engine::TextUnit;
using nlohmann::json;
using testing::actor;

namespace {

Scalar text_of(std::string_view text) { return Scalar::string(text); }

json diff(const Document& document, const Heads& before, const Heads& after,
          TextUnit unit = TextUnit::kUtf16Units) {
  const auto patches = document.diff(before, after, unit);
  REQUIRE(patches.has_value());
  return testing::patches_to_json(*patches);
}

/// One transaction; what `edit` does must succeed.
template <class F>
Heads commit(Document& document, F edit) {
  auto tx = document.transact();
  edit(tx);
  REQUIRE(tx.commit().has_value());
  return document.heads();
}

ObjId make(Document& document, ObjId parent, const engine::Prop& prop, ObjType type) {
  ObjId out;
  commit(document, [&](engine::Transaction& tx) { out = *tx.put_object(parent, prop, type); });
  return out;
}

}  // namespace

TEST_CASE("a diff tells what became of keys, elements, counters and text", "[engine][patch]") {
  Document document(actor("aa"));
  const Heads before = commit(document, [](engine::Transaction& tx) {
    REQUIRE(tx.put(model::kRoot, std::string("c"), Scalar::counter(1)).has_value());
    REQUIRE(tx.put(model::kRoot, std::string("is"), text_of("x")).has_value());
    const auto list = *tx.put_object(model::kRoot, std::string("l"), ObjType::kList);
    for (std::size_t i = 0; i < 3; ++i) {
      REQUIRE(tx.insert(list, i, Scalar::integer(static_cast<std::int64_t>(i + 1))).has_value());
    }
    const auto text = *tx.put_object(model::kRoot, std::string("t"), ObjType::kText);
    REQUIRE(tx.splice_text(text, 0, 0, "hello").has_value());
  });
  const auto list = testing::root_object(document.now(), "l");
  const auto text = testing::root_object(document.now(), "t");
  const Heads after = commit(document, [&](engine::Transaction& tx) {
    REQUIRE(tx.put(list, std::size_t{1}, Scalar::integer(20)).has_value());
    REQUIRE(tx.splice_text(text, 0, 1, "J").has_value());
    REQUIRE(tx.increment(model::kRoot, std::string("c"), 4).has_value());
    REQUIRE(tx.erase(model::kRoot, std::string("is")).has_value());
  });

  CHECK(diff(document, before, after) == json::parse(R"([
    {"action":"inc","path":["c"],"value":4},
    {"action":"del","path":["is"]},
    {"action":"put","path":["l",1],"value":20},
    {"action":"splice","path":["t",0],"value":"J"},
    {"action":"del","path":["t",1]}])"));
  CHECK(diff(document, after, before) == json::parse(R"([
    {"action":"inc","path":["c"],"value":-4},
    {"action":"put","path":["is"],"value":"x"},
    {"action":"put","path":["l",1],"value":2},
    {"action":"del","path":["t",0]},
    {"action":"splice","path":["t",0],"value":"h"}])"));
  CHECK(diff(document, before, before).empty());
}

TEST_CASE("a diff counts text in the unit asked for", "[engine][patch]") {
  Document document(actor("aa"));
  const auto text = make(document, model::kRoot, std::string("t"), ObjType::kText);
  const Heads before =
      commit(document, [&](auto& tx) { REQUIRE(tx.splice_text(text, 0, 0, "é😀.").has_value()); });
  const Heads after =
      commit(document, [&](auto& tx) { REQUIRE(tx.splice_text(text, 3, 1, "!😀").has_value()); });

  const auto index = [&](TextUnit unit) {
    const json patches = diff(document, before, after, unit);
    CHECK(patches[0]["value"] == "!😀");
    return std::pair{patches[0]["path"][1].get<int>(), patches[1]["path"][1].get<int>()};
  };
  CHECK(index(TextUnit::kUtf16Units) == std::pair{3, 6});
  CHECK(index(TextUnit::kCodePoints) == std::pair{2, 4});
  CHECK(index(TextUnit::kUtf8Bytes) == std::pair{6, 11});
}

TEST_CASE("what happens in an object that nobody can see is no patch", "[engine][patch]") {
  Document document(actor("aa"));
  const auto map = make(document, model::kRoot, std::string("m"), ObjType::kMap);
  const auto inner = make(document, map, std::string("inner"), ObjType::kList);
  Document other = document.fork(actor("bb"));
  const Heads hidden = commit(
      document, [](auto& tx) { REQUIRE(tx.erase(model::kRoot, std::string("m")).has_value()); });
  commit(other, [&](auto& tx) { REQUIRE(tx.insert(inner, 0, Scalar::integer(1)).has_value()); });

  const auto report = document.merge(other);

  REQUIRE(report.has_value());
  const auto patches = document.patches_of(report->applied);
  REQUIRE(patches.has_value());
  CHECK(patches->empty());
  CHECK(diff(document, hidden, document.heads()).empty());
}

TEST_CASE("an object that is shown again is told whole", "[engine][patch]") {
  Document document(actor("aa"));
  const auto map = make(document, model::kRoot, std::string("m"), ObjType::kMap);
  const Heads full = commit(document, [&](engine::Transaction& tx) {
    const auto list = *tx.put_object(map, std::string("list"), ObjType::kList);
    REQUIRE(tx.insert(list, 0, text_of("a")).has_value());
    REQUIRE(tx.insert(list, 1, text_of("two")).has_value());
    const auto text = *tx.put_object(map, std::string("text"), ObjType::kText);
    REQUIRE(tx.splice_text(text, 0, 0, "words").has_value());
  });
  const Heads gone = commit(
      document, [](auto& tx) { REQUIRE(tx.erase(model::kRoot, std::string("m")).has_value()); });

  CHECK(diff(document, gone, full) == json::parse(R"([
    {"action":"put","path":["m"],"value":{}},
    {"action":"put","path":["m","list"],"value":[]},
    {"action":"put","path":["m","text"],"value":""},
    {"action":"insert","path":["m","list",0],"values":["a","two"]},
    {"action":"splice","path":["m","text",0],"value":"words"}])"));
}

TEST_CASE("applied changes and commits are told as patches", "[engine][patch]") {
  Document document(actor("aa"));
  const auto list = make(document, model::kRoot, std::string("l"), ObjType::kList);
  Document other = document.fork(actor("bb"));
  commit(document, [&](auto& tx) { REQUIRE(tx.insert(list, 0, text_of("ours")).has_value()); });
  commit(other, [&](auto& tx) { REQUIRE(tx.insert(list, 0, text_of("theirs")).has_value()); });
  commit(other, [&](auto& tx) { REQUIRE(tx.insert(list, 1, text_of("more")).has_value()); });

  const auto report = document.merge(other);
  REQUIRE(report.has_value());
  const auto merged = document.patches_of(report->applied);

  REQUIRE(merged.has_value());
  CHECK(testing::patches_to_json(*merged) == json::parse(R"([
    {"action":"insert","path":["l",0],"values":["theirs","more"]}])"));
  // A change that others build on is not the last thing that happened.
  const auto early = document.patches_of({report->applied[0]});
  REQUIRE(!early.has_value());
  CHECK(early.error().code == ErrorCode::kInvalid);
  const auto unknown = document.patches_of({model::ChangeHash{}});
  REQUIRE(!unknown.has_value());
  CHECK(unknown.error().code == ErrorCode::kNotFound);
  CHECK(document.diff({model::ChangeHash{}}, {}).error().code == ErrorCode::kNotFound);
}

TEST_CASE("a diff in the middle of a transaction does not show its edits", "[engine][patch]") {
  Document document(actor("aa"));
  const Heads before = commit(document, [](auto& tx) {
    REQUIRE(tx.put(model::kRoot, std::string("a"), text_of("1")).has_value());
  });
  auto tx = document.transact();
  REQUIRE(tx.put(model::kRoot, std::string("a"), text_of("2")).has_value());

  CHECK(diff(document, {}, before) ==
        json::parse(R"([{"action":"put","path":["a"],"value":"1"}])"));
}

TEST_CASE("the diff of near versions costs the same in a large document", "[engine][patch]") {
  Document document(actor("aa"));
  const auto text = make(document, model::kRoot, std::string("t"), ObjType::kText);
  for (std::size_t i = 0; i < 2000; ++i) {
    commit(document, [&](engine::Transaction& tx) {
      for (std::size_t k = 0; k < 10; ++k) {
        REQUIRE(tx.splice_text(text, i * 5 % (i * 10 + k + 1), 0, "a").has_value());
      }
    });
  }
  const Heads before = document.heads();
  for (std::size_t i = 0; i < 10; ++i) {
    commit(document, [&](auto& tx) { REQUIRE(tx.splice_text(text, i * 9, 1, "b").has_value()); });
  }
  const auto seconds = [&](const Heads& from) {
    double best = 1e9;
    for (int run = 0; run < 5; ++run) {
      const auto start = std::chrono::steady_clock::now();
      REQUIRE(document.diff(from, document.heads()).has_value());
      best = std::min(
          best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  };

  // About 20 places against 20,000: a walk of everything would make these nearly equal.
  CHECK(seconds(before) * 4 < seconds({}));
}

TEST_CASE("patches kept from the reference implementation come out equal", "[engine][patch]") {
  std::ifstream lines(std::string(CONVERGE_SOURCE_DIR) + "/tests/data/patches.jsonl");
  std::size_t count = 0;
  for (std::string text; std::getline(lines, text); ++count) {
    const json line = json::parse(text);
    const auto heads = [&](const char* side) {
      Heads out;
      for (const json& hash : line[side]) {
        out.push_back(*model::ChangeHash::from_hex(hash.get<std::string>()));
      }
      return out;
    };
    const auto loaded =
        Document::load(testing::bytes_of_hex(line["doc"].get<std::string>()), actor("ee"));
    REQUIRE(loaded.has_value());
    Document applied(actor("ee"));
    for (const auto& hash : loaded->all_changes()) {
      REQUIRE(applied.apply_changes({*loaded->change_bytes(hash)}).has_value());
    }
    INFO("line " << count + 1);
    CHECK(diff(*loaded, heads("a"), heads("b")) == line["p"]);
    CHECK(diff(applied, heads("a"), heads("b")) == line["p"]);
  }
  CHECK(count > 20);
}
