// The engine against the slow model, and what must hold of any history.

#include "tests/properties/engine_actors.h"
#include "tests/properties/reference_model.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace converge;
using engine::Document;
using testing::Choices;
using testing::ReferenceModel;
using testing::Replicas;

namespace {

ReferenceModel model_of(const Document& document) {
  ReferenceModel model;
  for (const auto& hash : document.all_changes()) model.add(*document.change_bytes(hash));
  return model;
}

/// A change and its ancestors, by walking deps, and the earlier changes of every author met.
std::set<ChangeHash> ancestors(const Document& document, const Heads& heads) {
  std::set<ChangeHash> out;
  std::vector<ChangeHash> open(heads.begin(), heads.end());
  while (!open.empty()) {
    const ChangeHash hash = open.back();
    open.pop_back();
    if (!out.insert(hash).second) continue;
    const auto deps = *document.change_deps(hash);
    open.insert(open.end(), deps.begin(), deps.end());
  }
  return out;
}

std::string plain_save(const Document& document) {
  return to_hex(document.save({.deflate = false, .include_orphans = true}));
}

void check_reload(const Document& document) {
  const auto again = Document::load(document.save(), *ActorId::from_hex("ee"));
  REQUIRE(again.has_value());
  again->check_invariants();
  CHECK(again->heads() == document.heads());
  CHECK(plain_save(*again) == plain_save(document));
  CHECK(testing::read_like_model(again->now()) == testing::read_like_model(document.now()));
}

void check_past(const Document& document, const ReferenceModel& model, Choices& choices) {
  const auto changes = document.all_changes();
  for (int i = 0; i < 3; ++i) {
    const Heads heads{changes[choices.below(changes.size())]};
    const auto view = document.at(heads);
    REQUIRE(view.has_value());
    CHECK(testing::read_like_model(*view) == model.read_at(ancestors(document, heads)));
  }
}

}  // namespace

TEST_CASE("random histories of three replicas agree with the slow model", "[engine][property]") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Replicas replicas(3, seed);
    for (int i = 0; i < 40; ++i) {
      replicas.step();
      for (Document& document : replicas.all()) document.check_invariants();
    }
    for (Document& document : replicas.all()) {
      const ReferenceModel model = model_of(document);
      CHECK(testing::read_like_model(document.now()) == model.read());
      check_past(document, model, replicas.choices());
      check_reload(document);
    }
    replicas.settle();
    for (Document& document : replicas.all()) {
      document.check_invariants();
      CHECK(document.heads() == replicas.all()[0].heads());
      CHECK(testing::read_like_model(document.now()) ==
            testing::read_like_model(replicas.all()[0].now()));
    }
  }
}

TEST_CASE("long histories keep every invariant and read back the same", "[engine][property]") {
  for (std::uint64_t seed = 1000; seed < 1006; ++seed) {
    INFO("seed " << seed);
    Replicas replicas(3, seed);
    for (int i = 0; i < 500; ++i) replicas.step();
    replicas.settle();
    const Document& document = replicas.all()[0];
    document.check_invariants();
    check_reload(document);
    const ReferenceModel model = model_of(document);
    CHECK(testing::read_like_model(document.now()) == model.read());
    check_past(document, model, replicas.choices());
  }
}

TEST_CASE("changes in any order, in any batches, give one document", "[engine][property]") {
  for (std::uint64_t seed = 100; seed < 130; ++seed) {
    INFO("seed " << seed);
    Replicas replicas(3, seed);
    for (int i = 0; i < 30; ++i) replicas.step();
    replicas.settle();
    const Document& source = replicas.all()[0];
    std::vector<Bytes> chunks;
    for (const auto& hash : source.all_changes()) chunks.push_back(*source.change_bytes(hash));
    Choices& choices = replicas.choices();
    for (std::size_t i = chunks.size(); i > 1; --i) {
      std::swap(chunks[i - 1], chunks[choices.below(i)]);
    }

    Document target(*ActorId::from_hex("ee"));
    for (std::size_t at = 0; at < chunks.size();) {
      const std::size_t end = std::min(chunks.size(), at + 1 + choices.below(5));
      const std::vector<Bytes> batch(chunks.begin() + static_cast<std::ptrdiff_t>(at),
                                     chunks.begin() + static_cast<std::ptrdiff_t>(end));
      REQUIRE(target.apply_changes(batch).has_value());
      target.check_invariants();
      at = end;
    }

    CHECK(target.orphans().empty());
    CHECK(target.heads() == source.heads());
    CHECK(testing::read_like_model(target.now()) == testing::read_like_model(source.now()));
    const auto fork = source.fork_at(source.heads(), *ActorId::from_hex("ef"));
    REQUIRE(fork.has_value());
    CHECK(fork->heads() == source.heads());
  }
}

TEST_CASE("changes that are sealed later are the same changes", "[engine][property]") {
  for (std::uint64_t seed = 400; seed < 440; ++seed) {
    INFO("seed " << seed);
    Replicas replicas(3, seed);
    Document& at_once = replicas.all()[0];
    Document& later = replicas.all()[1];
    Document& other = replicas.all()[2];
    later.set_actor(at_once.actor());
    Choices& choices = replicas.choices();
    for (std::uint64_t step = 0; step < 60; ++step) {
      if (choices.one_in(12)) {
        auto tx = other.transact();
        testing::random_edit(tx, choices);
        tx.commit_unsealed();
        REQUIRE(at_once.merge(other).has_value());
        REQUIRE(later.merge(other).has_value());
        continue;
      }
      const bool in_the_past = choices.one_in(12);
      const bool undone = choices.one_in(10);
      const auto history = at_once.all_changes();
      const Heads heads{history[choices.below(history.size())]};
      const auto edit = [&](Document& document, bool sealed) {
        auto tx = in_the_past ? *document.transact_at(heads) : document.transact();
        Choices same(seed * 1000 + step);
        for (int i = 0; i < 3; ++i) testing::random_edit(tx, same);
        const engine::CommitOptions options{.message = step % 3 == 0 ? "m" : "",
                                            .time = static_cast<std::int64_t>(step / 4)};
        if (undone) return false;
        return sealed ? tx.commit(options).has_value() : tx.commit_unsealed(options);
      };
      CHECK(edit(at_once, true) == edit(later, choices.one_in(6)));
      CHECK(testing::read_like_model(later.now()) == testing::read_like_model(at_once.now()));
      if (choices.one_in(9)) CHECK(later.heads() == at_once.heads());
    }
    CHECK(later.change_count() == at_once.change_count());
    CHECK(plain_save(later) == plain_save(at_once));
    CHECK(later.all_changes() == at_once.all_changes());
    later.check_invariants();
  }
}

TEST_CASE("a bundle brings what single changes would", "[engine][property]") {
  for (std::uint64_t seed = 500; seed < 560; ++seed) {
    INFO("seed " << seed);
    Replicas replicas(3, seed);
    for (int i = 0; i < 40; ++i) replicas.step();
    const Document& one = replicas.all()[0];
    const Document& two = replicas.all()[1];
    Document all(*ActorId::from_hex("ee"));
    REQUIRE(all.load_incremental(one.bundle(one.all_changes())).has_value());
    CHECK(all.heads() == one.heads());
    CHECK(testing::read_like_model(all.now()) == testing::read_like_model(one.now()));

    // Only what the other lacks, in no particular order.
    std::vector<ChangeHash> missing;
    for (const auto& hash : two.all_changes()) {
      if (!all.has_change(hash)) missing.push_back(hash);
    }
    std::sort(missing.begin(), missing.end());
    const auto report = all.load_incremental(two.bundle(missing));
    REQUIRE(report.has_value());
    CHECK(report->applied.size() == missing.size());
    all.check_invariants();
    for (const auto& head : two.heads()) CHECK(all.has_change(head));
  }
}

TEST_CASE("changes too large for a bundle stand beside it", "[engine][property]") {
  Document source(*ActorId::from_hex("0a"));
  auto tx = source.transact();
  const auto text = *tx.put_object(model::kRoot, std::string("text"), engine::ObjType::kText);
  tx.commit();
  for (const std::size_t size : {10u, 70'000u, 20u, 50'000u, 40'000u, 30u}) {
    auto edit = source.transact();
    REQUIRE(edit.splice_text(text, 0, 0, std::string(size, 'x')).has_value());
    edit.commit();
  }
  Document target(*ActorId::from_hex("ee"));
  REQUIRE(target.load_incremental(source.bundle(source.all_changes())).has_value());
  CHECK(target.heads() == source.heads());
}

TEST_CASE("a rolled back transaction leaves no trace", "[engine][property]") {
  for (std::uint64_t seed = 200; seed < 260; ++seed) {
    INFO("seed " << seed);
    Replicas replicas(2, seed);
    for (int i = 0; i < 20; ++i) replicas.step();
    Document& document = replicas.all()[0];
    const std::string before = plain_save(document);
    {
      auto tx = document.transact();
      for (int i = 0; i < 12; ++i) testing::random_edit(tx, replicas.choices());
    }
    document.check_invariants();
    CHECK(plain_save(document) == before);
  }
}

namespace {

/// One step of an exhaustive history: what replica `who` does.
void small_step(std::vector<Document>& replicas, std::size_t who, std::size_t what,
                engine::ObjId text) {
  Document& document = replicas[who];
  if (what == 0) {
    REQUIRE(document.merge(replicas[1 - who]).has_value());
    return;
  }
  auto tx = document.transact();
  const std::size_t length = tx.view().length(text);
  if (what == 1) REQUIRE(tx.splice_text(text, 0, 0, "ab").has_value());
  if (what == 2) REQUIRE(tx.splice_text(text, length, 0, "c").has_value());
  if (what == 3 && length > 1) REQUIRE(tx.splice_text(text, 1, 1, "").has_value());
  if (what == 4 && length > 0) {
    REQUIRE(tx.put(text, std::size_t{0}, model::Scalar::string("long")).has_value());
  }
  tx.commit();
}

}  // namespace

TEST_CASE("every small history of two writers of one text agrees with the slow model",
          "[engine][property]") {
  constexpr std::size_t kSteps = 4;
  constexpr std::size_t kKinds = 5;
  std::size_t histories = 1;
  for (std::size_t i = 0; i < kSteps; ++i) histories *= 2 * kKinds;
  Document base(*ActorId::from_hex("0a"));
  auto tx = base.transact();
  const auto text = *tx.put_object(model::kRoot, std::string("text"), engine::ObjType::kText);
  tx.commit();

  for (std::size_t history = 0; history < histories; ++history) {
    std::vector<Document> replicas;
    replicas.push_back(base.fork(*ActorId::from_hex("0a")));
    replicas.push_back(base.fork(*ActorId::from_hex("0b")));
    for (std::size_t i = 0, rest = history; i < kSteps; ++i, rest /= 2 * kKinds) {
      small_step(replicas, rest % 2, rest / 2 % kKinds, text);
    }
    REQUIRE(replicas[0].merge(replicas[1]).has_value());
    REQUIRE(replicas[1].merge(replicas[0]).has_value());
    replicas[0].check_invariants();
    const auto shown = testing::read_like_model(replicas[0].now());
    const bool equal = shown == testing::read_like_model(replicas[1].now()) &&
                       shown == model_of(replicas[0]).read();
    if (!equal) FAIL("history " << history);
  }
}
