#include "core/format/change.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <string>

using namespace converge;
using model::Action;
using model::Change;
using model::OpId;
using model::OpRun;

namespace {

ChangeHash any_hash() {
  ChangeHash out;
  for (std::byte& byte : out.bytes) byte = static_cast<std::byte>(*rc::gen::arbitrary<char>());
  return out;
}

/// Builds changes out of runs; owns the strings they view until the change is sealed.
class Builder {
 public:
  Builder() {
    change.actor = ActorId(*from_hex("5a"));
    change.other_actors = {ActorId(*from_hex("ff")), ActorId(*from_hex("01"))};
    change.seq = *rc::gen::inRange(1u, 100u);
    change.start_op = *rc::gen::inRange(1000u, 100'000u);
    change.time = *rc::gen::inRange(-1'000'000'000, 1'000'000'000);
    const int deps = *rc::gen::inRange(0, 3);
    for (int i = 0; i < deps; ++i) change.deps.push_back(any_hash());
    strings.reserve(1000);
    change.message = keep(*rc::gen::element<std::string>("", "a message", "\xc3\xa9"));
    change.extra = as_bytes(keep(*rc::gen::element<std::string>("", "tail")));
  }

  void add_any() {
    OpRun run;
    run.object = {*rc::gen::inRange(1u, 4u), *rc::gen::inRange(0u, 3u)};
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        text(run);
        break;
      case 1:
        deletes(run);
        break;
      case 2:
        map_set(run);
        break;
      case 3:
        insert_value(run);
        break;
      default:
        mark(run);
    }
    change.ops.push_back(run);
    change.op_count += run.count;
  }

  Change change;

 private:
  std::string_view keep(std::string text) { return strings.emplace_back(std::move(text)); }

  OpId element() { return {*rc::gen::inRange(1u, 900u), *rc::gen::inRange(0u, 3u)}; }

  void text(OpRun& run) {
    run.shape = OpRun::Shape::kText;
    run.insert = true;
    run.count = *rc::gen::inRange(1u, 20u);
    run.key.element = *rc::gen::element(model::kHead, element());
    std::string text;
    for (std::uint32_t i = 0; i < run.count; ++i) {
      text += *rc::gen::element<std::string>("a", "b", "\xc3\xa9", "\xf0\x9f\x98\x80");
    }
    run.text = keep(std::move(text));
  }

  void deletes(OpRun& run) {
    run.shape = OpRun::Shape::kDelete;
    run.action = Action::kDel;
    run.count = *rc::gen::inRange(1u, 20u);
    run.key.element = element();
    run.step =
        run.count > 1 && run.key.element.counter > 20 && *rc::gen::arbitrary<bool>() ? -1 : 1;
  }

  void map_set(OpRun& run) {
    if (*rc::gen::arbitrary<bool>()) run.object = model::kRoot;
    run.key.is_map = true;
    run.key.name = keep(*rc::gen::element<std::string>("", "k", "key"));
    run.value = *rc::gen::element(Scalar::null(), Scalar::integer(-5), Scalar::boolean(true)) ==
                        Scalar::null()
                    ? ScalarRef{}
                    : ScalarRef{6, keep("value")};
    preds(run);
  }

  void insert_value(OpRun& run) {
    run.insert = true;
    run.key.element = *rc::gen::element(model::kHead, element());
    run.action = *rc::gen::element(Action::kSet, Action::kMakeMap, Action::kMakeText);
  }

  void mark(OpRun& run) {
    run.insert = true;
    run.action = Action::kMark;
    run.key.element = element();
    run.expand = *rc::gen::arbitrary<bool>();
    if (*rc::gen::arbitrary<bool>()) run.mark_name = keep("bold");
  }

  void preds(OpRun& run) {
    run.pred_begin = static_cast<std::uint32_t>(change.preds.size());
    run.pred_count = *rc::gen::inRange(0u, 4u);
    std::uint32_t counter = 1;
    for (std::uint32_t i = 0; i < run.pred_count; ++i) {
      counter += *rc::gen::inRange(1u, 5u);
      change.preds.push_back({counter, *rc::gen::inRange(0u, 3u)});
    }
  }

  std::vector<std::string> strings;
};

std::uint64_t count_ops(const Change& change) {
  std::uint64_t ops = 0;
  for (const OpRun& run : change.ops) ops += run.count;
  return ops;
}

}  // namespace

TEST_CASE("a change built from runs comes back from its bytes", "[format][property]") {
  rc::prop("any runs", [] {
    Builder builder;
    const int runs = *rc::gen::inRange(0, 12);
    for (int i = 0; i < runs; ++i) builder.add_any();
    Change& change = builder.change;
    const std::uint32_t op_count = change.op_count;
    const auto seq = change.seq;
    const auto deps = change.deps;
    const std::string message(change.message);

    RC_ASSERT(format::seal_change(change).has_value());

    RC_ASSERT(change.op_count == op_count);
    RC_ASSERT(count_ops(change) == op_count);
    RC_ASSERT(change.seq == seq);
    RC_ASSERT(change.deps == deps);
    RC_ASSERT(change.message == message);
    RC_ASSERT(std::is_sorted(change.other_actors.begin(), change.other_actors.end()));
    const auto again = format::decode_change(format::change_chunk(change));
    RC_ASSERT(again.has_value());
    RC_ASSERT(again->hash == change.hash);
    RC_ASSERT(again->body == change.body);
    RC_ASSERT(again->ops.size() == change.ops.size());
    const auto packed = format::decode_change(format::change_chunk(change, true));
    RC_ASSERT(packed.has_value());
    RC_ASSERT(packed->hash == change.hash);
  });
}

TEST_CASE("typing and deleting stay single runs", "[format]") {
  Change change;
  change.actor = ActorId(*from_hex("0102"));
  change.seq = 2;
  change.start_op = 100;
  OpRun text;
  text.shape = OpRun::Shape::kText;
  text.insert = true;
  text.object = {1, 0};
  text.key.element = {50, 0};
  std::string typed(1000, 'x');
  typed += "\xc3\xa9 and more";
  text.text = typed;
  text.count = 1010;
  OpRun erase;
  erase.shape = OpRun::Shape::kDelete;
  erase.action = Action::kDel;
  erase.object = {1, 0};
  erase.key.element = {40, 0};
  erase.step = -1;
  erase.count = 30;
  change.ops = {text, erase};
  REQUIRE(format::seal_change(change).has_value());

  REQUIRE(change.ops.size() == 2);
  CHECK(change.ops[0].shape == OpRun::Shape::kText);
  CHECK(change.ops[0].count == 1010);
  CHECK(change.ops[0].text == typed);
  CHECK(change.ops[1].shape == OpRun::Shape::kDelete);
  CHECK(change.ops[1].count == 30);
  CHECK(change.ops[1].step == -1);
  CHECK(change.preds.empty());
}

TEST_CASE("strings of several code points or none are singles", "[format]") {
  Change change;
  change.actor = ActorId(*from_hex("0102"));
  change.seq = 1;
  change.start_op = 10;
  for (const char* value : {"ab", "", "\xc3\xa9x", "c"}) {
    OpRun run;
    run.insert = true;
    run.object = {1, 0};
    run.key.element = {change.start_op + change.op_count - 1, 0};
    run.value = {6, value};
    change.ops.push_back(run);
    ++change.op_count;
  }
  REQUIRE(format::seal_change(change).has_value());
  REQUIRE(change.ops.size() == 4);
  for (int i = 0; i < 3; ++i) CHECK(change.ops[i].shape == OpRun::Shape::kSingle);
  CHECK(change.ops[3].shape == OpRun::Shape::kText);
}
