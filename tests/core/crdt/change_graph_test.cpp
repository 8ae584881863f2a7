#include "core/crdt/change_graph.h"

#include "core/crdt/clock_near.h"

#include <catch2/catch.hpp>

#include <random>
#include <set>

using namespace converge;
using namespace converge::crdt;

namespace {

model::ChangeHash hash_of(std::uint32_t number) {
  model::ChangeHash hash;
  std::mt19937 engine(number);
  const auto random = [&engine] { return static_cast<std::uint32_t>(engine()); };
  for (std::byte& byte : hash.bytes) byte = static_cast<std::byte>(random());
  return hash;
}

ChangeIndex add(ChangeGraph& graph, ActorIndex actor, std::vector<ChangeIndex> deps) {
  ChangeGraph::NewChange change;
  change.actor = actor;
  change.seq = graph.last_seq(actor) + 1;
  change.start_op = graph.max_op() + 1;
  change.op_count = 2;
  change.deps = deps;
  change.message = actor == 1 ? "by one" : "";
  change.extra = actor == 2 ? "extra" : "";
  change.hash = hash_of(static_cast<std::uint32_t>(graph.size()));
  return graph.add(change);
}

/// Ancestors by walking; an author's earlier changes count.
std::set<ChangeIndex> ancestors(const ChangeGraph& graph, ChangeIndex of) {
  std::set<ChangeIndex> out;
  std::vector<ChangeIndex> open{of};
  while (!open.empty()) {
    const ChangeIndex change = open.back();
    open.pop_back();
    if (!out.insert(change).second) continue;
    graph.for_each_dep(change, [&](ChangeIndex dep) { open.push_back(dep); });
    const ChangeNode& node = graph.at(change);
    if (node.seq > 1) open.push_back(*graph.by_seq(node.actor, node.seq - 1));
  }
  return out;
}

}  // namespace

TEST_CASE("clocks tell exactly who the ancestors are", "[crdt]") {
  ChangeGraph graph;
  std::mt19937 engine(3);
  const auto random = [&engine] { return static_cast<std::uint32_t>(engine()); };
  add(graph, 0, {});
  for (int i = 0; i < 2000; ++i) {
    const auto size = static_cast<std::uint32_t>(graph.size());
    std::vector<ChangeIndex> deps{size - 1 - random() % std::min(size, 30u)};
    if (random() % 4 == 0) deps.push_back(size - 1 - random() % std::min(size, 600u));
    if (deps.size() == 2 && deps[0] == deps[1]) deps.pop_back();
    add(graph, random() % 5, deps);
  }
  graph.check_invariants();

  for (int i = 0; i < 40; ++i) {
    const auto change = static_cast<ChangeIndex>(random() % graph.size());
    const std::set<ChangeIndex> expected = ancestors(graph, change);
    const Clock clock = graph.clock_of({&change, 1});
    for (ChangeIndex other = 0; other < graph.size(); ++other) {
      if (graph.includes(clock, other) != expected.contains(other)) FAIL(change << " " << other);
    }
    CHECK(graph.not_in(clock).size() == graph.size() - expected.size());

    const auto near = clock_near_present(graph, 5, {&change, 1}, graph.size());
    REQUIRE(near.has_value());
    for (ActorIndex actor = 0; actor < 5; ++actor) CHECK(near->of(actor) == clock.of(actor));
  }
  CHECK(present_clock(graph, 5).of(3) == graph.last_seq(3));
}

TEST_CASE("looking for a clock near the present ends where it was told to", "[crdt]") {
  ChangeGraph graph;
  add(graph, 0, {});
  for (ChangeIndex i = 0; i < 20; ++i) add(graph, 0, {i});
  const ChangeIndex ten_back = 10;

  CHECK(clock_near_present(graph, 1, {&ten_back, 1}, 10)->of(0) == 11);
  CHECK_FALSE(clock_near_present(graph, 1, {&ten_back, 1}, 9).has_value());
  CHECK(clock_near_present(graph, 1, {}, 21)->of(0) == 0);
  // Two branches: the one asked for, and what the other made meanwhile.
  add(graph, 1, {15});
  for (const bool one : {true, false}) {
    const ChangeIndex head = one ? 20 : 21;
    const auto clock = graph.clock_of({&head, 1});
    const auto near = clock_near_present(graph, 2, {&head, 1}, 100);
    CHECK(near->of(0) == clock.of(0));
    CHECK(near->of(1) == clock.of(1));
  }
}

TEST_CASE("what was added can be taken back", "[crdt]") {
  ChangeGraph graph;
  add(graph, 0, {});
  add(graph, 1, {0});
  add(graph, 2, {0});
  const auto heads = graph.heads();
  const auto max_op = graph.max_op();
  add(graph, 1, {1, 2});
  add(graph, 2, {3});
  CHECK(graph.message(3) == "by one");
  CHECK(graph.extra(4) == "extra");
  CHECK(graph.find(hash_of(4)) == 4u);

  graph.truncate(3);

  CHECK(graph.heads() == heads);
  CHECK(graph.max_op() == max_op);
  CHECK_FALSE(graph.find(hash_of(4)).has_value());
  CHECK(graph.find(hash_of(2)) == 2u);
  graph.check_invariants();
  CHECK(add(graph, 2, {1}) == 3);
  graph.check_invariants();
}

TEST_CASE("an op is found in the change that holds it", "[crdt]") {
  ChangeGraph graph;
  add(graph, 0, {});
  add(graph, 1, {0});
  add(graph, 0, {1});
  CHECK(graph.change_of({1, 0}) == 0u);
  CHECK(graph.change_of({2, 0}) == 0u);
  CHECK_FALSE(graph.change_of({3, 0}).has_value());
  CHECK(graph.change_of({3, 1}) == 1u);
  CHECK(graph.change_of({6, 0}) == 2u);
  CHECK_FALSE(graph.change_of({7, 0}).has_value());
  CHECK_FALSE(graph.change_of({1, 9}).has_value());
}

namespace {

/// A table, what it was told, and the arrays that this points into.
struct ToldTable {
  ChangeTable table;
  std::vector<ChangeTable::NewChange> told;
  std::vector<std::vector<ChangeIndex>> deps;
  std::mt19937 engine{11};

  std::uint32_t one_of(std::uint32_t n) { return static_cast<std::uint32_t>(engine() % n); }

  explicit ToldTable(ChangeIndex size) : deps(size) {
    std::uint32_t start_op = 1;
    ActorIndex actor = 0;
    std::vector<std::uint32_t> seqs(3, 0);
    for (ChangeIndex i = 0; i < size; ++i) {
      if (one_of(9) == 0) actor = one_of(3);
      if (i > 0 && one_of(12) != 0) deps[i].push_back(i - 1);
      if (i > 0 && one_of(20) == 0) deps[i].push_back(one_of(i));
      ChangeTable::NewChange change;
      change.actor = actor;
      change.seq = ++seqs[actor];
      change.start_op = start_op;
      change.op_count = one_of(7) == 0 ? one_of(3) : 1;
      start_op += change.op_count;
      change.time = one_of(30) == 0 ? 5 : i / 100;
      change.message = one_of(40) == 0 ? "message" : "";
      change.extra = one_of(50) == 0 ? "extra" : "";
      change.deps = deps[i];
      table.add(change);
      told.push_back(change);
    }
  }

  /// Forwards, and jumping about.
  void check() const {
    table.check_invariants();
    for (std::size_t k = 0; k < 2 * table.size(); ++k) {
      const auto i = static_cast<ChangeIndex>(k < table.size() ? k : k * 7919 % table.size());
      const ChangeTable::NewChange& wanted = told[i];
      const ChangeNode node = table.at(i);
      REQUIRE(node.actor == wanted.actor);
      REQUIRE(node.seq == wanted.seq);
      REQUIRE(node.start_op == wanted.start_op);
      REQUIRE(node.op_count == wanted.op_count);
      REQUIRE(table.time(i) == wanted.time);
      REQUIRE(table.message(i) == wanted.message);
      REQUIRE(table.extra(i) == wanted.extra);
      std::vector<ChangeIndex> seen;
      table.for_each_dep(i, [&](ChangeIndex dep) { seen.push_back(dep); });
      REQUIRE(seen == deps[i]);
      REQUIRE(table.deps_count(i) == deps[i].size());
    }
  }
};

}  // namespace

TEST_CASE("a change table tells what it was told, however little it keeps", "[crdt]") {
  ToldTable all(600);
  SECTION("as it came") { all.check(); }
  SECTION("after taking some back") {
    for (const std::size_t size : {599u, 431u, 17u, 1u}) {
      all.table.truncate(size);
      REQUIRE(all.table.size() == size);
      all.check();
    }
    all.table.truncate(0);
    all.table.add(all.told[0]);
    all.check();
  }
  SECTION("with exact first ops") {
    std::vector<std::uint32_t> exact;
    for (ChangeTable::NewChange& change : all.told) {
      if (change.op_count > 0 && all.one_of(5) == 0) {
        ++change.start_op;
        --change.op_count;
      }
      exact.push_back(change.start_op);
    }
    all.table.set_start_ops(exact);
    all.check();
  }
}

TEST_CASE("ten thousand changes made one behind the other need no record each", "[crdt]") {
  ChangeTable table;
  for (ChangeIndex i = 0; i < 10'000; ++i) {
    const ChangeIndex previous = i - 1;
    ChangeTable::NewChange change;
    change.seq = i + 1;
    change.start_op = i + 1;
    change.op_count = 1;
    if (i > 0) change.deps = {&previous, 1};
    table.add(change);
  }
  CHECK(table.memory_bytes() < 256);
}
