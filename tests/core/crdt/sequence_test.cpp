// Sequences through an OpSet: runs in, order and metrics out.

#include "core/crdt/op_set.h"
#include "core/crdt/walk.h"

#include <catch2/catch.hpp>

#include <random>
#include <string>

using namespace converge;
using namespace converge::crdt;
using model::OpRun;

namespace {

constexpr OpId kText{1, 0};

/// A text object 1@0a, and three actors.
struct Fixture {
  OpSet ops;
  Fixture() {
    for (const char* hex : {"0a", "0b", "0c"}) ops.actors().intern(*ActorId::from_hex(hex));
    OpRun make;
    make.action = model::Action::kMakeText;
    make.key.is_map = true;
    make.key.name = "t";
    REQUIRE(ops.apply(make, kText, {}).has_value());
  }

  void insert(OpId first, OpId reference, std::string_view text, std::uint32_t count) {
    REQUIRE(ops.apply(insertion(reference, text, count), first, {}).has_value());
  }
  static OpRun insertion(OpId reference, std::string_view text, std::uint32_t count) {
    OpRun run;
    run.shape = OpRun::Shape::kText;
    run.insert = true;
    run.object = kText;
    run.key.element = reference;
    run.text = text;
    run.count = count;
    return run;
  }
  static OpRun deletion(OpId element, std::uint32_t count, std::int8_t step) {
    OpRun run;
    run.shape = OpRun::Shape::kDelete;
    run.action = model::Action::kDel;
    run.object = kText;
    run.key.element = element;
    run.count = count;
    run.step = step;
    return run;
  }

  const Sequence& sequence() const {
    return ops.objects().sequence(ops.objects().at(ops.objects().find(kText)));
  }
  std::string text() const {
    std::string out;
    walk(ops, sequence(), nullptr, [&](const Piece& piece) {
      out += ops.content().view(piece.content(), piece.count * piece.span->width);
      return true;
    });
    return out;
  }
  std::size_t spans() const {
    std::size_t count = 0;
    for (auto at = ops.forest().first(sequence()); at; at = ops.forest().next_span(*at)) ++count;
    return count;
  }
};

}  // namespace

TEST_CASE("typing makes one span and backspacing another", "[crdt]") {
  Fixture f;
  f.insert({2, 0}, model::kHead, "a", 1);
  f.insert({3, 0}, {2, 0}, "b", 1);
  f.insert({4, 0}, {3, 0}, "cd", 2);
  CHECK(f.spans() == 1);
  CHECK(f.text() == "abcd");

  REQUIRE(f.ops.apply(Fixture::deletion({5, 0}, 1, 1), {6, 0}, {}).has_value());
  REQUIRE(f.ops.apply(Fixture::deletion({4, 0}, 1, 1), {7, 0}, {}).has_value());
  CHECK(f.spans() == 2);
  CHECK(f.text() == "ab");
  f.ops.check_invariants();

  f.ops.unapply(Fixture::deletion({4, 0}, 1, 1), {7, 0}, {});
  f.ops.unapply(Fixture::deletion({5, 0}, 1, 1), {6, 0}, {});
  CHECK(f.spans() == 1);
  CHECK(f.text() == "abcd");
  f.ops.check_invariants();
}

TEST_CASE("concurrent runs at one place stay whole, the greater id first", "[crdt]") {
  Fixture f;
  f.insert({2, 0}, model::kHead, "x", 1);
  f.insert({3, 1}, {2, 0}, "bbb", 3);
  f.insert({3, 2}, {2, 0}, "ccc", 3);
  f.insert({3, 0}, {2, 0}, "aaa", 3);
  CHECK(f.text() == "xcccbbbaaa");
  f.ops.check_invariants();
}

TEST_CASE("widths of all four sizes are counted in every unit", "[crdt]") {
  Fixture f;
  f.insert({2, 0}, model::kHead, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 4);
  CHECK(f.sequence().total[Unit::kElements] == 4);
  CHECK(f.sequence().total[Unit::kUtf8Bytes] == 10);
  CHECK(f.sequence().total[Unit::kCodePoints] == 4);
  CHECK(f.sequence().total[Unit::kUtf16Units] == 5);
  CHECK(f.ops.forest().at(f.sequence(), Unit::kUtf16Units, 4).start == 3);
  CHECK(f.ops.forest().at(f.sequence(), Unit::kUtf8Bytes, 3).start == 3);
  f.ops.check_invariants();
}

TEST_CASE("an element deleted twice keeps both deletes", "[crdt]") {
  Fixture f;
  f.insert({2, 0}, model::kHead, "abcd", 4);
  const OpRun run = Fixture::deletion({3, 0}, 2, 1);
  REQUIRE(f.ops.apply(run, {6, 0}, {}).has_value());
  REQUIRE(f.ops.apply(Fixture::deletion({4, 0}, 2, -1), {6, 1}, {}).has_value());
  CHECK(f.text() == "ad");
  f.ops.check_invariants();
  f.ops.unapply(Fixture::deletion({4, 0}, 2, -1), {6, 1}, {});
  CHECK(f.text() == "ad");
  f.ops.unapply(run, {6, 0}, {});
  CHECK(f.text() == "abcd");
  CHECK(f.spans() == 1);
  f.ops.check_invariants();
}

TEST_CASE("thousands of scattered edits keep the tree right, and undo to nothing", "[crdt]") {
  Fixture f;
  std::mt19937 engine(11);
  const auto random = [&engine] { return static_cast<std::uint32_t>(engine()); };
  std::u32string plain;
  struct Done {
    OpRun run;
    OpId first;
    std::string text;
  };
  std::vector<Done> done;
  std::uint32_t next = 2;
  for (int i = 0; i < 3000; ++i) {
    const auto length = f.sequence().total[Unit::kCodePoints];
    const std::uint32_t at = length == 0 ? 0 : random() % length;
    if (length > 20 && random() % 3 == 0) {
      const auto found = f.ops.forest().at(f.sequence(), Unit::kCodePoints, at);
      const OpId element = f.ops.forest().element(found.place);
      done.push_back({Fixture::deletion(element, 1, 1), {next, 0}, {}});
      plain.erase(at, 1);
    } else {
      OpId reference = model::kHead;
      if (at > 0) {
        const auto found = f.ops.forest().at(f.sequence(), Unit::kCodePoints, at - 1);
        reference = f.ops.forest().element(found.place);
      }
      const std::uint32_t count = 1 + random() % 3;
      const std::string text(count, static_cast<char>('a' + random() % 26));
      done.push_back({Fixture::insertion(reference, {}, count), {next, 0}, text});
      plain.insert(at, std::u32string(text.begin(), text.end()));
    }
    done.back().run.text = done.back().text;
    REQUIRE(f.ops.apply(done.back().run, done.back().first, {}).has_value());
    next += done.back().run.count;
    if (i % 250 == 0) f.ops.check_invariants();
  }
  f.ops.check_invariants();
  CHECK(f.text() == std::string(plain.begin(), plain.end()));
  for (std::uint32_t i = 0; i < plain.size(); i += 97) {
    const auto found = f.ops.forest().at(f.sequence(), Unit::kCodePoints, i);
    CHECK(f.ops.forest().index_of(found.place, Unit::kCodePoints) == i);
  }

  for (std::size_t i = done.size(); i-- > 0;) f.ops.unapply(done[i].run, done[i].first, {});
  CHECK(f.sequence().empty());
  f.ops.check_invariants();
}
