#include "core/crdt/register.h"

#include "core/model/scalar.h"

#include <catch2/catch.hpp>

using namespace converge;
using namespace converge::crdt;

namespace {

struct Fixture {
  ActorTable actors;
  Successors successors{actors};
  Fixture() {
    actors.intern(*ActorId::from_hex("0a"));
    actors.intern(*ActorId::from_hex("0b"));
  }
};

OpRecord value_op(OpId id) {
  OpRecord op;
  op.id = id;
  return op;
}

OpRecord counter_op(OpId id) {
  OpRecord op = value_op(id);
  op.value_type = static_cast<std::uint8_t>(model::ScalarType::kCounter);
  return op;
}

}  // namespace

TEST_CASE("a register keeps its ops in Lamport order", "[crdt]") {
  Fixture f;
  Register reg;
  for (const OpId id : {OpId{5, 0}, OpId{2, 1}, OpId{5, 1}, OpId{9, 0}, OpId{1, 0}}) {
    reg.insert(value_op(id), f.actors);
  }
  REQUIRE(reg.size() == 5);
  for (std::size_t i = 1; i < reg.size(); ++i) CHECK(f.actors.less(reg[i - 1].id, reg[i].id));
  CHECK(reg.find({5, 1}, f.actors)->id == OpId{5, 1});
  CHECK(reg.find({6, 1}, f.actors) == nullptr);

  Register moved = std::move(reg);
  moved.erase({5, 0}, f.actors);
  CHECK(moved.size() == 4);
  CHECK(moved.find({5, 0}, f.actors) == nullptr);
}

TEST_CASE("a register knows where its increments begin", "[crdt]") {
  Fixture f;
  Register reg;
  const auto add = [&](OpId id, model::Action action) {
    OpRecord op = value_op(id);
    op.action = action;
    reg.insert(op, f.actors);
  };
  const auto tail = [&] { return reg.end() - reg.values_end(); };
  add({2, 0}, model::Action::kSet);
  CHECK(tail() == 0);
  for (std::uint32_t i = 10; i < 30; i += 2) add({i, 0}, model::Action::kInc);
  CHECK(tail() == 10);
  add({5, 0}, model::Action::kInc);  // late, in front of the others
  CHECK(tail() == 11);
  add({1, 0}, model::Action::kInc);  // before the value
  CHECK(tail() == 11);
  add({19, 0}, model::Action::kSet);  // a value among them
  CHECK(tail() == 5);

  Register moved = std::move(reg);
  moved.erase({28, 0}, f.actors);
  CHECK(moved.end() - moved.values_end() == 4);
  moved.erase({19, 0}, f.actors);
  CHECK(moved.end() - moved.values_end() == 10);
  moved.erase({2, 0}, f.actors);
  CHECK(moved.values_end() == moved.begin());
}

TEST_CASE("a successor hides a value and its removal shows it again", "[crdt]") {
  Fixture f;
  OpRecord op = value_op({1, 0});
  CHECK(f.successors.visible(op));
  f.successors.add(op, {4, 1}, false, 0);
  f.successors.add(op, {3, 0}, false, 0);
  f.successors.add(op, {4, 0}, true, 7);  // an increment hides what is no counter
  CHECK_FALSE(f.successors.visible(op));
  REQUIRE(f.successors.count(op) == 3);
  CHECK(f.successors.at(op, 0) == OpId{3, 0});
  CHECK(f.successors.at(op, 1) == OpId{4, 0});
  CHECK(f.successors.at(op, 2) == OpId{4, 1});

  f.successors.remove(op, {4, 0}, true, 7);
  f.successors.remove(op, {4, 1}, false, 0);
  CHECK(f.successors.count(op) == 1);
  CHECK(f.successors.contains(op, {3, 0}));
  f.successors.remove(op, {3, 0}, false, 0);
  CHECK(f.successors.visible(op));
}

TEST_CASE("increments add to a counter and a delete hides it", "[crdt]") {
  Fixture f;
  OpRecord op = counter_op({1, 0});
  f.successors.add(op, {2, 0}, true, 5);
  f.successors.add(op, {2, 1}, true, -2);
  CHECK(f.successors.visible(op));
  CHECK(f.successors.increments(op) == 3);
  f.successors.add(op, {3, 0}, false, 0);
  CHECK_FALSE(f.successors.visible(op));
  f.successors.remove(op, {3, 0}, false, 0);
  f.successors.remove(op, {2, 0}, true, 5);
  CHECK(f.successors.visible(op));
  CHECK(f.successors.increments(op) == -2);
  f.successors.clear(op);
  CHECK(f.successors.increments(op) == 0);
}
