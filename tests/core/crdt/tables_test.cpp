// The small tables of the engine: actors, keys, ids of elements, map entries.

#include "core/crdt/actor_table.h"
#include "core/crdt/id_index.h"
#include "core/crdt/key_table.h"
#include "core/crdt/map_object.h"
#include "core/crdt/object_table.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <string>

using namespace converge;
using namespace converge::crdt;

namespace {

ActorId actor(const char* hex) { return *ActorId::from_hex(hex); }

}  // namespace

TEST_CASE("actor indices stay when ranks move", "[crdt]") {
  ActorTable actors;
  const auto b = actors.intern(actor("0b"));
  const auto d = actors.intern(actor("0d"));
  CHECK(actors.less({5, b}, {5, d}));
  const auto a = actors.intern(actor("0a"));
  const auto prefix = actors.intern(actor("0b00"));

  CHECK(actors.intern(actor("0b")) == b);
  CHECK(actors.find(actor("0d")) == d);
  CHECK_FALSE(actors.find(actor("0c")).has_value());
  CHECK(actors.sorted() == std::vector<ActorIndex>{a, b, prefix, d});
  CHECK(actors.less({5, b}, {5, d}));
  CHECK(actors.less({4, d}, {5, a}));
  actors.check_invariants();
}

TEST_CASE("a clock covers what its actor did up to a counter", "[crdt]") {
  Clock clock;
  CHECK_FALSE(clock.covers({1, 3}));
  clock.raise(3, 7);
  clock.raise(3, 5);
  CHECK(clock.covers({7, 3}));
  CHECK_FALSE(clock.covers({8, 3}));
  Clock other;
  other.raise(0, 9);
  clock.merge(other);
  CHECK(clock.of(0) == 9);
  CHECK(clock.of(3) == 7);
}

TEST_CASE("interned keys are found again, the empty one too", "[crdt]") {
  KeyTable keys;
  CHECK_FALSE(keys.find("").has_value());
  const KeyId empty = keys.intern("");
  std::vector<KeyId> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(keys.intern("key" + std::to_string(i)));
  for (int i = 0; i < 1000; ++i) {
    const std::string text = "key" + std::to_string(i);
    CHECK(keys.intern(text) == ids[static_cast<std::size_t>(i)]);
    CHECK(keys.text(ids[static_cast<std::size_t>(i)]) == text);
  }
  CHECK(keys.find("") == empty);
  CHECK(keys.text(empty).empty());
  CHECK_FALSE(keys.find("key1000").has_value());
}

TEST_CASE("maps find and order their keys at any size", "[crdt]") {
  for (const std::size_t size : {1u, 16u, 17u, 500u}) {
    KeyTable keys;
    MapObject map;
    for (std::size_t i = 0; i < size; ++i) {
      map.get_or_add(keys.intern(std::to_string(i * 7919 % 1009)));
    }
    CHECK(map.entries().size() == size);
    for (std::size_t i = 0; i < size; ++i) {
      const KeyId key = *keys.find(std::to_string(i * 7919 % 1009));
      REQUIRE(map.find(key) != nullptr);
      CHECK(map.find(key)->key == key);
    }
    CHECK(map.find(keys.intern("absent")) == nullptr);
    const auto order = map.sorted(keys);
    for (std::size_t i = 1; i < order.size(); ++i) {
      CHECK(keys.text(map.entry(order[i - 1]).key) < keys.text(map.entry(order[i]).key));
    }
    map.get_or_add(keys.intern("!first"));
    CHECK(keys.text(map.entry(map.sorted(keys)[0]).key) == "!first");
    map.drop_last();
    CHECK(map.sorted(keys) == order);
  }
}

TEST_CASE("the id index answers like a plain map of ids", "[crdt]") {
  IdIndex index;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> plain;  // (actor, counter)
  std::mt19937 engine(7);
  const auto random = [&engine] { return static_cast<std::uint32_t>(engine()); };
  for (int i = 0; i < 4000; ++i) {
    const std::uint32_t by = random() % 3;
    const std::uint32_t first = 1 + random() % 3000;
    const std::uint32_t length = 1 + random() % 20;
    const std::uint32_t leaf = random() % 50;
    index.assign({first, by}, length, leaf);
    for (std::uint32_t k = 0; k < length; ++k) plain[{by, first + k}] = leaf;
    if (i % 100 != 0) continue;
    for (const auto& [id, expected] : plain) {
      if (index.find({id.second, id.first}) != expected) {
        FAIL("counter " << id.second << " of actor " << id.first << " after " << i);
      }
    }
  }
  CHECK(index.find({1, 9}) == IdIndex::kNone);
}

TEST_CASE("objects are found by id and taken back in reverse", "[crdt]") {
  ObjectTable table;
  CHECK(table.find(model::kRoot) == 0);
  for (std::uint32_t i = 1; i <= 100; ++i) {
    Object object;
    object.id = {i, i % 3};
    object.type = i % 2 == 0 ? ObjectType::kList : ObjectType::kMap;
    CHECK(table.add(object) == i);
  }
  for (std::uint32_t i = 1; i <= 100; ++i) CHECK(table.find({i, i % 3}) == i);
  table.drop_last();
  CHECK(table.find({100, 1}) == ObjectTable::kNone);
  CHECK(table.find({99, 0}) == 99);
  CHECK(table.find({99, 1}) == ObjectTable::kNone);
}
