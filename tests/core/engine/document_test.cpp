#include "core/engine/document.h"

#include "core/format/chunk.h"
#include "tests/core/engine/json_view.h"

#include <catch2/catch.hpp>

using namespace converge;
using engine::Document;
using engine::ObjType;
using engine::Value;
using model::Scalar;
using nlohmann::json;
using testing::actor;
using testing::to_json;

namespace {

constexpr auto kRoot = model::kRoot;

std::string key(const char* text) { return text; }

/// Runs f in one transaction and commits it.
template <class F>
ChangeHash edit(Document& document, F f) {
  auto tx = document.transact();
  f(tx);
  return *tx.commit();
}

Document sample() {
  Document document(actor("aa"));
  edit(document, [](auto& tx) {
    const auto list = *tx.put_object(kRoot, key("list"), ObjType::kList);
    for (std::size_t i = 0; i < 3; ++i) {
      REQUIRE(tx.insert(list, i, Scalar::integer(static_cast<std::int64_t>(i))).has_value());
    }
    const auto text = *tx.put_object(kRoot, key("text"), ObjType::kText);
    REQUIRE(tx.splice_text(text, 0, 0, "h\xc3\xa9llo \xf0\x9f\x98\x80").has_value());
    REQUIRE(tx.put(kRoot, key("n"), Scalar::counter(1)).has_value());
  });
  return document;
}

engine::ObjId object(const Document& document, const char* name) {
  return testing::root_object(document.now(), name);
}

}  // namespace

TEST_CASE("the golden change of the format comes out of a transaction", "[engine]") {
  Document document(actor("aa11"));
  const auto hash = edit(
      document, [](auto& tx) { REQUIRE(tx.put(kRoot, key("a"), Scalar::integer(1)).has_value()); });
  CHECK(hash.to_hex() == "a4a89bddeac4d9157a6ff040cfffced8d94bcb660edc2baa68e015dd0bc9a4d2");
  CHECK(to_hex(*document.change_bytes(hash)) ==
        "856f4a83a4a89bdd01210002aa110101000000061503340142025602570170027f0161017f017f14017f00");
}

TEST_CASE("edits that cannot be done say why and leave no trace", "[engine]") {
  Document document = sample();
  const auto list = object(document, "list");
  const auto text = object(document, "text");
  auto tx = document.transact();
  const auto code = [](const auto& result) {
    REQUIRE_FALSE(result.has_value());
    return result.error().code;
  };

  CHECK(code(tx.put(list, key("a"), Scalar::null())) == ErrorCode::kInvalid);
  CHECK(code(tx.put(kRoot, std::size_t{0}, Scalar::null())) == ErrorCode::kInvalid);
  CHECK(code(tx.put(list, std::size_t{3}, Scalar::null())) == ErrorCode::kNotFound);
  CHECK(code(tx.insert(list, 4, Scalar::null())) == ErrorCode::kNotFound);
  CHECK(code(tx.insert(kRoot, 0, Scalar::null())) == ErrorCode::kInvalid);
  CHECK(code(tx.erase(list, std::size_t{3})) == ErrorCode::kNotFound);
  CHECK(code(tx.put({99, 0}, key("a"), Scalar::null())) == ErrorCode::kNotFound);
  CHECK(code(tx.increment(list, std::size_t{0}, 1)) == ErrorCode::kInvalid);
  CHECK(code(tx.increment(kRoot, key("absent"), 1)) == ErrorCode::kInvalid);
  CHECK(code(tx.splice_text(list, 0, 0, "x")) == ErrorCode::kInvalid);
  CHECK(code(tx.splice_text(text, 9, 0, "x")) == ErrorCode::kNotFound);
  CHECK(code(tx.splice_text(text, 5, 4, "x")) == ErrorCode::kNotFound);
  CHECK(code(tx.splice_text(text, 0, 0, "\xff")) == ErrorCode::kInvalid);
  CHECK(code(tx.mark(text, 3, 2, "bold", Scalar::boolean(true))) == ErrorCode::kInvalid);
  CHECK(code(tx.mark(text, 3, 9, "bold", Scalar::boolean(true))) == ErrorCode::kNotFound);
  CHECK(code(tx.mark(list, 0, 1, "bold", Scalar::boolean(true))) == ErrorCode::kInvalid);
  CHECK(code(tx.keep_only(kRoot, key("n"), {1, 0})) == ErrorCode::kNotFound);

  CHECK(tx.pending_ops() == 0);
  CHECK_FALSE(tx.commit().has_value());
}

TEST_CASE("edits that change nothing make no ops", "[engine]") {
  Document document = sample();
  auto tx = document.transact();
  REQUIRE(tx.put(object(document, "list"), std::size_t{1}, Scalar::integer(1)).has_value());
  REQUIRE(tx.put(kRoot, key("n"), Scalar::counter(1)).has_value());
  REQUIRE(tx.erase(kRoot, key("absent")).has_value());
  REQUIRE(tx.splice_text(object(document, "text"), 3, 0, "").has_value());
  CHECK(tx.pending_ops() == 0);
  CHECK_FALSE(tx.commit().has_value());
  CHECK(document.change_count() == 1);
}

TEST_CASE("an empty change is made on request", "[engine]") {
  Document document = sample();
  const auto hash =
      document.transact().commit({.message = "merge", .time = 7, .allow_empty = true});
  REQUIRE(hash.has_value());
  const auto info = document.change_info(*hash);
  CHECK(info->op_count == 0);
  CHECK(info->message == "merge");
  CHECK(info->time == 7);
  CHECK(info->seq == 2);
  const auto again = Document::load(document.save(), actor("bb"));
  REQUIRE(again.has_value());
  CHECK(again->change_info(*hash)->start_op == info->start_op);
}

TEST_CASE("texts are measured in the unit asked for", "[engine]") {
  const Document document = sample();
  const auto text = object(document, "text");
  const auto view = document.now();
  CHECK(view.length(text, engine::TextUnit::kUtf16Units) == 8);
  CHECK(view.length(text, engine::TextUnit::kCodePoints) == 7);
  CHECK(view.length(text, engine::TextUnit::kUtf8Bytes) == 11);
}

TEST_CASE("an index inside a wide character means behind it", "[engine]") {
  Document document = sample();
  const auto text = object(document, "text");
  edit(document, [&](auto& tx) { REQUIRE(tx.splice_text(text, 7, 0, "!").has_value()); });
  CHECK(document.now().text(text) == "h\xc3\xa9llo \xf0\x9f\x98\x80!");
  edit(document, [&](auto& tx) { REQUIRE(tx.splice_text(text, 7, 1, "").has_value()); });
  CHECK(document.now().text(text) == "h\xc3\xa9llo \xf0\x9f\x98\x80");
  edit(document, [&](auto& tx) { REQUIRE(tx.splice_text(text, 6, 1, "").has_value()); });
  CHECK(document.now().text(text) == "h\xc3\xa9llo ");
}

TEST_CASE("concurrent values of one key are all kept until one is chosen", "[engine]") {
  Document one = sample();
  Document two = one.fork(actor("bb"));
  edit(one, [](auto& tx) { (void)tx.put(kRoot, key("k"), Scalar::string("one")); });
  edit(two, [](auto& tx) { (void)tx.put_object(kRoot, key("k"), ObjType::kMap); });
  REQUIRE(one.merge(two).has_value());

  const auto values = one.now().get_all(kRoot, key("k"));
  REQUIRE(values.size() == 2);
  CHECK(values[0].scalar == Scalar::string("one"));
  CHECK(values[1].object == ObjType::kMap);
  CHECK(one.now().get(kRoot, key("k"))->id == values[1].id);
  CHECK(one.now().object_type(values[1].id) == ObjType::kMap);

  SECTION("by keeping one of them") {
    edit(one, [&](auto& tx) { REQUIRE(tx.keep_only(kRoot, key("k"), values[0].id).has_value()); });
    CHECK(one.now().get_all(kRoot, key("k")).size() == 1);
    CHECK(one.now().get(kRoot, key("k"))->id == values[0].id);
    CHECK_FALSE(one.now().path(values[1].id).has_value());
  }
  SECTION("by writing another") {
    edit(one, [&](auto& tx) { REQUIRE(tx.put(kRoot, key("k"), Scalar::null()).has_value()); });
    CHECK(one.now().get_all(kRoot, key("k")).size() == 1);
  }
  one.check_invariants();
}

TEST_CASE("concurrent increments add up", "[engine]") {
  Document one = sample();
  Document two = one.fork(actor("bb"));
  edit(one, [](auto& tx) { REQUIRE(tx.increment(kRoot, key("n"), 5).has_value()); });
  edit(two, [](auto& tx) { REQUIRE(tx.increment(kRoot, key("n"), -2).has_value()); });
  const Heads before = one.heads();
  REQUIRE(one.merge(two).has_value());
  CHECK(one.now().get(kRoot, key("n"))->scalar == Scalar::counter(4));
  CHECK(one.at(before)->get(kRoot, key("n"))->scalar == Scalar::counter(6));
}

TEST_CASE("reading at old heads shows what was there", "[engine]") {
  Document document = sample();
  const Heads old = document.heads();
  const json then = to_json(document.now());
  const auto text = object(document, "text");
  edit(document, [&](auto& tx) {
    REQUIRE(tx.splice_text(text, 1, 3, "XYZ").has_value());
    REQUIRE(tx.erase(object(document, "list"), std::size_t{0}).has_value());
    REQUIRE(tx.erase(kRoot, key("n")).has_value());
  });
  CHECK(to_json(document.now()) != then);
  CHECK(to_json(*document.at(old)) == then);
  CHECK(document.at(old)->length(text) == 8);
  CHECK(document.at({})->keys(kRoot).empty());
  CHECK_FALSE(document.at({ChangeHash{}}).has_value());
}

TEST_CASE("edits at old heads merge like edits of another replica", "[engine]") {
  Document document = sample();
  const Heads old = document.heads();
  const auto text = object(document, "text");
  edit(document, [&](auto& tx) { REQUIRE(tx.splice_text(text, 0, 1, "J").has_value()); });
  auto tx = *document.transact_at(old);
  REQUIRE(tx.splice_text(text, 5, 3, "?").has_value());
  CHECK(tx.view().text(text) == "h\xc3\xa9llo?");
  const auto hash = tx.commit();

  CHECK(document.now().text(text) == "J\xc3\xa9llo?");
  CHECK(document.heads().size() == 2);
  const auto info = document.change_info(*hash);
  CHECK(info->deps == old);
  CHECK(info->actor.to_hex() == "13b2230901aa");
  document.check_invariants();
}

TEST_CASE("ids have a text form that survives", "[engine]") {
  const Document document = sample();
  const auto list = object(document, "list");
  CHECK(document.format_id(list) == "1@aa");
  CHECK(document.parse_id("1@aa") == list);
  CHECK(document.parse_id("_root") == kRoot);
  for (const char* bad : {"", "@aa", "1@", "1@zz", "0@aa", "1@bb", "x@aa", "4294967296@aa"}) {
    INFO(bad);
    CHECK_FALSE(document.parse_id(bad).has_value());
  }
}

TEST_CASE("a path leads from the root to an object", "[engine]") {
  Document document = sample();
  engine::ObjId inner;
  edit(document,
       [&](auto& tx) { inner = *tx.insert_object(object(document, "list"), 2, ObjType::kMap); });
  const auto path = document.now().path(inner);
  REQUIRE(path.has_value());
  CHECK(*path == std::vector<engine::Prop>{key("list"), std::size_t{2}});
  edit(document, [&](auto& tx) { (void)tx.erase(object(document, "list"), std::size_t{2}); });
  CHECK_FALSE(document.now().path(inner).has_value());
}

TEST_CASE("history answers who came before whom", "[engine]") {
  Document one = sample();
  const auto first = one.heads()[0];
  Document two = one.fork(actor("bb"));
  const auto second =
      edit(one, [](auto& tx) { (void)tx.put(kRoot, key("a"), Scalar::integer(1)); });
  const auto third = edit(two, [](auto& tx) { (void)tx.put(kRoot, key("b"), Scalar::integer(2)); });
  REQUIRE(one.merge(two).has_value());

  CHECK(one.all_changes() == std::vector<ChangeHash>{first, second, third});
  CHECK(one.is_ancestor(first, {second}));
  CHECK_FALSE(one.is_ancestor(third, {second}));
  CHECK(one.changes_since({second}) == std::vector<ChangeHash>{third});
  CHECK(one.changes_since({first}).size() == 2);
  CHECK(one.changes_since({}).size() == 3);
  CHECK(one.changes_since(one.heads()).empty());
  CHECK(one.change_deps(third) == std::vector<ChangeHash>{first});
  CHECK(one.change_of(*one.parse_id("1@aa")) == first);
  CHECK_FALSE(one.change_of({4000, 0}).has_value());
  const auto forked = one.fork_at({third}, actor("cc"));
  REQUIRE(forked.has_value());
  CHECK(forked->heads() == Heads{third});
  CHECK_FALSE(one.fork_at({ChangeHash{}}, actor("cc")).has_value());
}

TEST_CASE("changes without their dependencies wait and are saved", "[engine]") {
  Document source = sample();
  const auto first = source.heads()[0];
  const auto second =
      edit(source, [](auto& tx) { (void)tx.put(kRoot, key("a"), Scalar::integer(1)); });
  Document target(actor("bb"));

  const auto report = target.apply_changes({*source.change_bytes(second)});

  REQUIRE(report.has_value());
  CHECK(report->applied.empty());
  CHECK(report->queued == std::vector<ChangeHash>{second});
  CHECK(target.has_orphan(second));
  CHECK(target.missing_deps({}) == std::vector<ChangeHash>{first});
  CHECK(target.change_bytes(second) == source.change_bytes(second));
  auto loaded = Document::load(target.save(), actor("cc"));
  REQUIRE(loaded.has_value());
  CHECK(loaded->has_orphan(second));
  CHECK_FALSE(Document::load(*source.change_bytes(second), actor("cc")).has_value());
  REQUIRE(loaded->apply_changes({*source.change_bytes(first)}).has_value());
  CHECK(loaded->heads() == source.heads());
}

TEST_CASE("a damaged tail fails a strict load and not an incremental one", "[engine]") {
  const Document source = sample();
  Bytes bytes = *source.change_bytes(source.heads()[0]);
  bytes.push_back(std::byte{0x7a});
  bytes.push_back(std::byte{0x7a});

  CHECK_FALSE(Document::load(bytes, actor("bb")).has_value());
  Document::LoadOptions options;
  options.accept_prefix = true;
  const auto prefix = Document::load(bytes, actor("bb"), options);
  REQUIRE(prefix.has_value());
  CHECK(prefix->heads() == source.heads());

  Document target(actor("bb"));
  const auto report = target.load_incremental(bytes);
  REQUIRE(report.has_value());
  CHECK(report->damage.has_value());
  CHECK(target.heads() == source.heads());
  CHECK_FALSE(target.load_incremental(as_bytes("zz")).has_value());
}

TEST_CASE("streams of any chunks load into empty and filled documents", "[engine]") {
  Document source = sample();
  const Bytes old = source.save();
  edit(source, [](auto& tx) { (void)tx.put(kRoot, key("a"), Scalar::integer(1)); });
  Bytes stream = old;
  const Bytes change = *source.change_bytes(source.heads()[0]);
  stream.insert(stream.end(), change.begin(), change.end());
  const Bytes whole = source.save();
  stream.insert(stream.end(), whole.begin(), whole.end());

  const auto strict = Document::load(stream, actor("bb"));
  REQUIRE(strict.has_value());
  CHECK(strict->heads() == source.heads());
  Document target(actor("bb"));
  const auto first = target.load_incremental(old);
  REQUIRE(first.has_value());
  CHECK(first->applied.size() == 1);
  const auto second = target.load_incremental(stream);
  REQUIRE(second.has_value());
  CHECK(second->applied == source.heads());
  CHECK(target.heads() == source.heads());
  CHECK(target.load_incremental({})->applied.empty());
  target.check_invariants();
}

TEST_CASE("trusted hashes load without rebuilding, and give the same document", "[engine]") {
  Document source = sample();
  const auto second =
      edit(source, [](auto& tx) { (void)tx.put(kRoot, key("a"), Scalar::integer(1)); });
  Document::LoadOptions options;
  options.verify_hashes = false;
  options.trusted_hashes = source.all_changes();

  const auto loaded = Document::load(source.save(), actor("bb"), options);

  REQUIRE(loaded.has_value());
  CHECK(loaded->heads() == source.heads());
  CHECK(loaded->change_info(second)->start_op == source.change_info(second)->start_op);
  CHECK(loaded->change_bytes(second) == source.change_bytes(second));
  options.trusted_hashes.pop_back();
  options.trusted_hashes.push_back(ChangeHash{});
  CHECK_FALSE(Document::load(source.save(), actor("bb"), options).has_value());
}

TEST_CASE("saving an unchanged document gives back the same bytes", "[engine]") {
  const Document document = sample();
  const auto again = Document::load(document.save(), actor("bb"));
  CHECK(again->save() == document.save());
  CHECK(document.memory_bytes() > 0);
  CHECK(to_hex(Document(actor("aa")).save()) == "856f4a83b81a9544000400000000");
}

TEST_CASE("a change at old heads depends on exactly these", "[engine]") {
  Document document(actor("aa"));
  edit(document, [](auto& tx) { REQUIRE(tx.put(kRoot, key("a"), Scalar::null()).has_value()); });
  Document other = document.fork(actor("bb"));
  const auto theirs =
      edit(other, [](auto& tx) { REQUIRE(tx.put(kRoot, key("b"), Scalar::null()).has_value()); });
  REQUIRE(document.merge(other).has_value());
  edit(document, [](auto& tx) { REQUIRE(tx.put(kRoot, key("c"), Scalar::null()).has_value()); });

  // They include the actor's first change but not its second, so a derived actor writes.
  auto old = document.transact_at({theirs});
  REQUIRE(old->put(kRoot, key("d"), Scalar::null()).has_value());
  const auto first = *old->commit();
  CHECK(document.change_deps(first) == std::vector<ChangeHash>{theirs});
  CHECK(document.change_info(first)->actor != document.actor());
  CHECK(document.change_info(first)->seq == 1);

  // These include all of its changes, which are not named a second time.
  Document third = document.fork(actor("cc"));
  const auto top =
      edit(third, [](auto& tx) { REQUIRE(tx.put(kRoot, key("e"), Scalar::null()).has_value()); });
  REQUIRE(document.merge(third).has_value());
  auto again = document.transact_at({top});
  REQUIRE(again->put(kRoot, key("f"), Scalar::null()).has_value());
  const auto second = *again->commit();
  CHECK(document.change_deps(second) == std::vector<ChangeHash>{top});
  CHECK(document.change_info(second)->actor == document.actor());
  CHECK(document.change_info(second)->seq == 3);
}

TEST_CASE("erasing inside a wide character of a text erases the next one", "[engine]") {
  Document document(actor("aa"));
  edit(document, [](auto& tx) {
    const auto text = *tx.put_object(kRoot, key("t"), ObjType::kText);
    REQUIRE(tx.splice_text(text, 0, 0,
                           "a\xf0\x9f\x98\x80"
                           "b")
                .has_value());
  });
  const auto text = object(document, "t");
  edit(document, [&](auto& tx) { REQUIRE(tx.erase(text, std::size_t{2}).has_value()); });
  CHECK(document.now().text(text) == "a\xf0\x9f\x98\x80");

  auto tx = document.transact();
  CHECK(tx.erase(text, std::size_t{2}).has_value());  // behind it there is nothing
  CHECK(tx.pending_ops() == 0);
  CHECK_FALSE(tx.erase(text, std::size_t{3}).has_value());
  REQUIRE(tx.erase(text, std::size_t{1}).has_value());
  CHECK(tx.view().text(text) == "a");
}

TEST_CASE("a document that gave memory back says and does what it did before", "[engine]") {
  Document document = sample();
  Document other = document.fork(actor("bb"));
  edit(other, [](auto& tx) { REQUIRE(tx.put(kRoot, key("b"), Scalar::null()).has_value()); });
  edit(document, [](auto& tx) { REQUIRE(tx.increment(kRoot, key("n"), 4).has_value()); });
  REQUIRE(document.merge(other).has_value());
  std::vector<std::optional<Bytes>> changes;
  for (const auto& hash : document.all_changes()) changes.push_back(document.change_bytes(hash));
  const Bytes saved = document.save();
  const std::size_t before = document.memory_bytes();

  document.shrink();

  document.check_invariants();
  CHECK(document.memory_bytes() < before);
  CHECK(document.save() == saved);
  std::size_t i = 0;
  for (const auto& hash : document.all_changes()) {
    CHECK(document.has_change(hash));
    CHECK(document.change_bytes(hash) == changes[i++]);
  }
  const auto hash =
      edit(document, [](auto& tx) { REQUIRE(tx.increment(kRoot, key("n"), 1).has_value()); });
  CHECK(document.heads() == std::vector<ChangeHash>{hash});
  REQUIRE(other
              .apply_changes({*document.change_bytes(document.all_changes()[i - 2]),
                              *document.change_bytes(document.all_changes()[i - 1]),
                              *document.change_bytes(hash)})
              .has_value());
  CHECK(to_json(other.now()) == to_json(document.now()));
}
