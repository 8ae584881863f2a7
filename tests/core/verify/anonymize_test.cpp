#include "core/verify/anonymize.h"

#include "core/engine/document.h"
#include "core/verbs/canonical.h"
#include "core/verify/history_file.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace converge::verify {
namespace {

using engine::Document;
using model::kRoot;
using model::Scalar;

ActorId actor(const char* name) { return ActorId(as_bytes(name)); }

/// Two replicas that wrote apart and were merged, with every kind of value.
Document sample() {
  Document first(actor("first"));
  {
    auto edit = first.transact();
    REQUIRE(edit.put(kRoot, "owner", Scalar::string("Grace Hopper 1906")));
    REQUIRE(edit.put(kRoot, "blob", Scalar::bytes(as_bytes("\x01\x02"))));
    REQUIRE(edit.put(kRoot, "n", Scalar::counter(3)));
    const auto text = edit.put_object(kRoot, "body", engine::ObjType::kText);
    REQUIRE(text);
    REQUIRE(edit.splice_text(*text, 0, 0, "Dear Zoë,\n\U0001F600 7 secrets"));
    REQUIRE(edit.mark(*text, 0, 4, "bold", Scalar::boolean(true)));
    REQUIRE(edit.commit({.message = "begin the letter", .time = 1000}));
  }
  auto second = first.fork(actor("second"));
  auto a = first.transact();
  REQUIRE(a.put(kRoot, "owner", Scalar::string("Ada")));
  REQUIRE(a.commit());
  auto b = second.transact();
  REQUIRE(b.put(kRoot, "owner", Scalar::string("Bob")));
  REQUIRE(b.increment(kRoot, "n", 4));
  REQUIRE(b.commit());
  REQUIRE(first.merge(second));
  auto c = first.transact();
  REQUIRE(c.erase(kRoot, "blob"));
  REQUIRE(c.commit());
  return first;
}

TEST_CASE("anonymous changes keep their shape and say nothing", "[verify]") {
  const Document original = sample();
  Anonymizer anonymizer(Bytes(32, std::byte{7}));
  Document copy(actor("copy"));

  for (const ChangeHash& hash : original.all_changes()) {
    const auto change = anonymizer.change(original.change_bytes(hash).value());
    REQUIRE(change);
    CHECK(change->hash != hash);
    CHECK(facts_of_change(change->chunk)->hash == change->hash);
    const auto report = copy.apply_changes({change->chunk});
    REQUIRE(report);
    CHECK(report->queued.empty());
  }

  CHECK(copy.change_count() == original.change_count());
  CHECK(copy.heads().size() == original.heads().size());
  CHECK(copy.max_op() == original.max_op());
  const std::string json = verbs::canonical_json(copy.now());
  for (const char* word : {"Grace", "Dear", "secrets", "owner", "body", "Ada", "Bob"})
    CHECK(json.find(word) == std::string::npos);
  CHECK(json.find("xxxx xx\u00e9,\\n\U0001F600 0 xxxxxxx") != std::string::npos);
  CHECK(copy.now().get_all(kRoot, anonymizer.key("owner")).size() == 2);
  CHECK(copy.now().get(kRoot, anonymizer.key("n"))->scalar == Scalar::counter(7));
  CHECK(copy.change_info(copy.all_changes().front())->message == "xxxxx xxx xxxxxx");
  CHECK(as_text(copy.save()).find("bold") == std::string::npos);
}

TEST_CASE("equal keys stay equal under one secret and differ under another", "[verify]") {
  const Anonymizer one(Bytes(32, std::byte{1}));
  const Anonymizer other(Bytes(32, std::byte{2}));
  CHECK(one.key("title") == one.key("title"));
  CHECK(one.key("title") != one.key("titles"));
  CHECK(one.key("title") != other.key("title"));
  CHECK(one.key("").size() == 16);
}

TEST_CASE("an anonymous change needs those it depends on first", "[verify]") {
  const Document original = sample();
  Anonymizer anonymizer(Bytes(32, std::byte{7}));
  const auto last = original.change_bytes(original.all_changes().back()).value();
  const auto refused = anonymizer.change(last);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().id == "change.missing_deps");
  CHECK_FALSE(anonymizer.change(as_bytes("no change")));
}

TEST_CASE("a stream of changes splits at their borders and names where it breaks", "[verify]") {
  const Document original = sample();
  Bytes stream;
  for (const ChangeHash& hash : original.all_changes()) {
    const Bytes chunk = original.change_bytes(hash).value();
    stream.insert(stream.end(), chunk.begin(), chunk.end());
  }
  const auto chunks = split_changes(stream);
  REQUIRE(chunks);
  REQUIRE(chunks->size() == 4);
  CHECK(facts_of_change((*chunks)[3])->deps.size() == 2);

  const auto document = split_changes(original.save());
  REQUIRE_FALSE(document);
  CHECK(document.error().code == ErrorCode::kUnsupported);
  stream[(*chunks)[0].size() + 20] ^= std::byte{1};
  const auto damaged = split_changes(stream);
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().message.find("chunk 1") != std::string::npos);
}

}  // namespace
}  // namespace converge::verify
